package app_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cartracker/internal/app"
	"cartracker/internal/cli"
	"cartracker/internal/config"
)

// TestLinksLeadSomewhere: who sends mails is told if nobody elsewhere can follow
// their links, and which files replace no template.
func TestLinksLeadSomewhere(t *testing.T) {
	before := slog.Default() // Serve sets another one
	t.Cleanup(func() { slog.SetDefault(before) })
	for _, tt := range []struct {
		base, host string
		want       bool
	}{
		{"", "127.0.0.1", true},
		{"http://localhost:5000", "127.0.0.1", true},
		{"http://127.1.2.3", "127.0.0.1", true},
		{"http://[::1]:5000", "127.0.0.1", true},
		{"https://rent.example.com", "127.0.0.1", false},
		{"", "", false},
	} {
		c := &config.Config{DataDir: t.TempDir(), Port: "0", BaseURL: tt.base, EmailHost: tt.host, LogFormat: "text"}
		if err := c.Load(func(string) (string, bool) { return "", false }); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(c.DataDir, "templates"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.DataDir, "templates", "welcome.txt"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var log strings.Builder
		err := app.Program{}.Serve(ctx, c, cli.Terminal{Out: io.Discard, Err: &log}, func(string) { stop() })
		stop()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "links in them lead to this machine only"); got != tt.want {
			t.Errorf("%+v: %s", tt, &log)
		}
		if !strings.Contains(log.String(), "replaces no template") || strings.Contains(log.String(), "cannot be used") {
			t.Errorf("the file that replaces nothing: %s", &log)
		}
	}
}

func TestWorkerNeedsAPort(t *testing.T) {
	c := &config.Config{DataDir: t.TempDir(), Port: "0"}
	if err := c.Load(func(string) (string, bool) { return "", false }); err != nil {
		t.Fatal(err)
	}
	err := app.Program{}.Work(t.Context(), c, cli.Terminal{Out: io.Discard, Err: io.Discard})
	if err == nil || !strings.HasPrefix(err.Error(), "BASE_URL must be set") {
		t.Errorf("%v", err)
	}
}
