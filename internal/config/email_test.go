package config_test

import (
	"testing"
	"time"

	"cartracker/internal/config"
)

// sent is how mails go unless something is set.
func sent() config.Email {
	return config.Email{
		Port: 587, From: "cartracker@localhost", FromName: "Car Tracker", TLS: "auto",
		Attempts: 3, Backoff: 2 * time.Second, Concurrency: 5, Rate: 10, Patience: 10 * time.Second, Timeout: 30 * time.Second,
		FetchEvery: 100 * time.Millisecond, KeepCompleted: 100, KeepCompletedFor: 24 * time.Hour, KeepFailed: 500,
	}
}

func TestEmail(t *testing.T) {
	if c := mustLoad(t, nil); c.Email != sent() {
		t.Errorf("by default %+v", c.Email)
	}
	c := mustLoad(t, map[string]string{
		"EMAIL_HOST": "smtp.example.com", "EMAIL_PORT": "465", "EMAIL_USER": "desk", "EMAIL_PASSWORD_FILE": write(t, "hunter2\n"), "EMAIL_TLS": "required",
		"EMAIL_FROM": `"Rent a Car, d.o.o." <desk@rent.example.com>`, "EMAIL_ATTEMPTS": "1", "EMAIL_BACKOFF": "1ms", "EMAIL_CONCURRENCY": "50", "EMAIL_RATE": "off", "EMAIL_PATIENCE": "1m", "EMAIL_TIMEOUT": "3m",
		"EMAIL_FETCH_EVERY": "1ms", "EMAIL_KEEP_COMPLETED": "0", "EMAIL_KEEP_COMPLETED_FOR": "7d", "EMAIL_KEEP_FAILED": "1",
	})
	want := config.Email{
		Host: "smtp.example.com", Port: 465, User: "desk", Password: c.EmailPassword, From: "desk@rent.example.com", FromName: "Rent a Car, d.o.o.", TLS: "required",
		Attempts: 1, Backoff: time.Millisecond, Concurrency: 50, Patience: time.Minute, Timeout: 3 * time.Minute,
		FetchEvery: time.Millisecond, KeepCompletedFor: 7 * 24 * time.Hour, KeepFailed: 1,
	}
	if c.Email != want || c.Email.Password.Reveal() != "hunter2" {
		t.Errorf("%+v", c.Email)
	}
}

// TestSender: without EMAIL_FROM mails come from where people find the program.
func TestSender(t *testing.T) {
	for _, tt := range []struct{ base, from, name, want string }{
		{"", "", "Car Tracker", "cartracker@localhost"},
		{"http://10.0.0.1:5000", "", "Car Tracker", "cartracker@localhost"},
		{"http://[::1]:5000", "", "Car Tracker", "cartracker@localhost"},
		{"https://Rent.example.com/cars", "", "Car Tracker", "cartracker@rent.example.com"},
		{"https://rent.example.com", "o'brien+x@example.com", "Car Tracker", "o'brien+x@example.com"},
		{"", "Šarić Rent <desk@example.com>", "Šarić Rent", "desk@example.com"},
		{"", "desk@šarić.example", "Car Tracker", "desk@šarić.example"},
		{"", "=?utf-8?q?=C5=A0ari=C4=87?= <desk@example.com>", "Šarić", "desk@example.com"},
	} {
		c := mustLoad(t, map[string]string{"BASE_URL": tt.base, "EMAIL_FROM": tt.from})
		if c.Email.From != tt.want || c.Email.FromName != tt.name {
			t.Errorf("%+v: %s %s", tt, c.Email.FromName, c.Email.From)
		}
		if tt.from == "" && c.EmailFrom != tt.want {
			t.Errorf("%+v is shown as %s", tt, c.EmailFrom)
		}
	}
}
