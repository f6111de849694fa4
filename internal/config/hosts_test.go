package config_test

import (
	"strings"
	"testing"

	"cartracker/internal/config"
)

// An address may name several servers, of which one is the primary. What is
// printed of it has no password.
func TestSeveralHosts(t *testing.T) {
	for _, c := range []struct{ url, tool, shown string }{
		{
			"postgres://u:hunter2@a.example:5432,b.example:5433/cars?target_session_attrs=read-write&sslmode=require",
			"PGSSLMODE=require PGTARGETSESSIONATTRS=read-write pg_dump --host=a.example,b.example --port=5432,5433 --username=u --dbname=cars",
			"postgres://u:xxxxx@a.example:5432,b.example:5433/cars?sslmode=require&target_session_attrs=read-write",
		},
		{
			"postgres://u:hunter2@a,b/cars",
			"pg_dump --host=a,b --username=u --dbname=cars",
			"postgres://u:xxxxx@a,b/cars",
		},
		{
			"postgres://u:hunter2@[::1]:5432/cars",
			"pg_dump --host=::1 --port=5432 --username=u --dbname=cars",
			"postgres://u:xxxxx@[::1]:5432/cars",
		},
	} {
		d, err := config.ParsePostgres(c.url)
		if err != nil {
			t.Errorf("%s: %v", c.shown, err)
			continue
		}
		if got := d.Tool("pg_dump"); got != c.tool {
			t.Errorf("the command is %q, want %q", got, c.tool)
		}
		if got := d.Shown(); got != c.shown {
			t.Errorf("it is shown as %q, want %q", got, c.shown)
		}
	}
	if _, err := config.ParsePostgres("postgres://u:hunter2@a:5432,b/cars"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an address of which only one host has a port: %v", err)
	}
}
