package app_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
)

// Admins change at run time from where on an instance logs; who did is kept.
func TestLogLevel(t *testing.T) {
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		for level, want := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError} {
			res := c.Admin.Do("PUT", "/api/log-level", apptest.JSON{"level": level})
			if res.Status != http.StatusOK || res.Text("data.level") != level || !strings.Contains(res.Text("message"), "this instance only") || c.API.LogLevel.Level() != want {
				t.Errorf("%s: %s; the level is %s", level, res, c.API.LogLevel.Level())
			}
		}
		c.API.LogLevel.Set(slog.LevelWarn)
		for _, bad := range []apptest.JSON{{}, {"level": "trace"}, {"level": "DEBUG"}, {"level": 4}, {"level": nil}, {"level": "info", "for": "all"}} {
			if res := c.Admin.Do("PUT", "/api/log-level", bad); res.Status != http.StatusUnprocessableEntity {
				t.Errorf("%v: %s", bad, res)
			}
		}
		for _, who := range []*apptest.Client{c.Employee, c.User, c.Nobody} {
			if res := who.Do("PUT", "/api/log-level", apptest.JSON{"level": "debug"}); res.Status != http.StatusForbidden && res.Status != http.StatusUnauthorized {
				t.Errorf("%s may: %s", who.ID, res)
			}
		}
		if level := c.API.LogLevel.Level(); level != slog.LevelWarn {
			t.Errorf("the level is %s", level)
		}
		if c.Admin.Do("PUT", "/api/log-level", apptest.JSON{"level": "error"}).Status != http.StatusOK {
			t.Error("cannot be changed")
		}
		entry := c.Admin.Do("GET", "/api/audit-logs?resource=log-level&limit=1", nil)
		if entry.Text("data.0.description") != "changed the log level of one instance from warn to error" || entry.Text("data.0.username") != "amra" || entry.Number("pagination.total") != 5 {
			t.Error(entry)
		}
	})
}

// The program that was started logs from that level on.
func TestLogLevelOfProgram(t *testing.T) {
	t.Parallel()
	s := apptest.NewSite(t, t.TempDir(), "", "LOG_LEVEL=error")
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	admin := p.Nobody.SignIn("amra")
	admin.Do("PUT", "/api/log-level", apptest.JSON{"level": "debug"})
	admin.Do("GET", "/api/cars", nil)
	admin.Do("PUT", "/api/log-level", apptest.JSON{"level": "error"})
	admin.Do("GET", "/api/customers", nil)
	if code := p.Terminate(t)(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	log := p.Output()
	if strings.Contains(log, `"route":"/api/auth/login"`) || !strings.Contains(log, `"route":"/api/cars"`) || strings.Contains(log, `"route":"/api/customers"`) {
		t.Error(log)
	}
}
