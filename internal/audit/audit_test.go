package audit_test

import (
	"encoding/json"
	"testing"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/date"
	"cartracker/internal/record"
)

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "1": "*", "123": "***", "1234": "*234", "B1234567": "*****567", "šđčćž": "**čćž",
	} {
		if got := audit.Mask(text); got != want {
			t.Errorf("Mask(%q) = %q, want %q", text, got, want)
		}
	}
}

type draft struct {
	Name           string  `json:"name"`
	Notes          *string `json:"notes"`
	Seats          int     `json:"seats"`
	PassportNumber string  `json:"passportNumber"`
	License        string  `json:"driverLicenseNumber"`
	Citizenship    *string `json:"citizenshipId"`
	IDOfPerson     *string `json:"idOfPerson"`
	Password       string  `json:"password,omitempty"`
	NewPassword    string  `json:"newPassword,omitempty"`
	RefreshToken   string  `json:"refreshToken,omitempty"`
	ClientSecret   int     `json:"clientSecret,omitempty"`
}

func ptr[T any](v T) *T { return &v }

func TestChanges(t *testing.T) {
	base := draft{Name: "Ana", Seats: 5, PassportNumber: "P123456", License: "L123456"}
	changed := base
	changed.Name, changed.Notes, changed.PassportNumber = "Anna", ptr("x"), "P987654"
	full := base
	full.Citizenship, full.IDOfPerson = ptr("C123456"), ptr("12")
	for what, c := range map[string]struct {
		before, after any
		want          string
	}{
		"nothing":  {nil, nil, `{"before":null,"after":null}`},
		"the same": {base, base, `{"before":{},"after":{}}`},
		"made": {nil, full, `{"before":null,"after":{"citizenshipId":"****456","driverLicenseNumber":"****456",` +
			`"idOfPerson":"**","name":"Ana","passportNumber":"****456","seats":5}}`},
		"deleted": {base, nil, `{"before":{"driverLicenseNumber":"****456","name":"Ana","passportNumber":"****456","seats":5},"after":null}`},
		"changed": {base, changed, `{"before":{"name":"Ana","notes":null,"passportNumber":"****456"},"after":{"name":"Anna","notes":"x","passportNumber":"****654"}}`},
		"cleared": {full, base, `{"before":{"citizenshipId":"****456","idOfPerson":"**"},"after":{"citizenshipId":null,"idOfPerson":null}}`},
		"secrets": {
			draft{Password: "hunter1", RefreshToken: "t", ClientSecret: 1},
			draft{Password: "hunter2", NewPassword: "hunter3", RefreshToken: "u", ClientSecret: 2},
			`{"before":{"clientSecret":"[secret]","password":"[secret]","refreshToken":"[secret]"},` +
				`"after":{"clientSecret":"[secret]","newPassword":"[secret]","password":"[secret]","refreshToken":"[secret]"}}`,
		},
	} {
		l, err := audit.NewLog(record.Entry{Action: record.Update, Before: c.before, After: c.after}, record.Caller{}, date.Moment{})
		if err != nil {
			t.Fatal(what, err)
		}
		got, err := json.Marshal(l.Changes)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", what, err, got, c.want)
		}
	}
	if _, err := audit.NewLog(record.Entry{After: func() {}}, record.Caller{}, date.Moment{}); err == nil {
		t.Error("kept what cannot be written down")
	}
}

func TestNewLog(t *testing.T) {
	at := date.At(time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC))
	name := "Ana"
	l, err := audit.NewLog(
		record.Entry{Action: record.Delete, Resource: "car", ResourceID: "c1", Description: "deleted it"},
		record.Caller{Person: record.Person{ID: "u1", Username: "ana", Name: &name, Role: record.Admin}, IP: "192.0.2.1", UserAgent: "curl", RequestID: "r1"}, at,
	)
	if err != nil || l.ID == "" || *l.UserID != "u1" || *l.Username != "ana" || *l.UserRole != record.Admin || *l.IPAddress != "192.0.2.1" ||
		*l.UserAgent != "curl" || *l.RequestID != "r1" || *l.ResourceID != "c1" || l.Status != audit.Success || l.CreatedAt != at {
		t.Errorf("kept %+v, %v", l, err)
	}
	l, err = audit.NewLog(record.Entry{Action: record.LoginFailed, Resource: "session", Failed: true}, record.Caller{}, at)
	if err != nil || l.UserID != nil || l.Username != nil || l.UserRole != nil || l.IPAddress != nil || l.ResourceID != nil || l.Status != audit.Failure {
		t.Errorf("of nobody: %+v, %v", l, err)
	}
}
