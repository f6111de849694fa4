package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"cartracker/internal/config"
)

var update = flag.Bool("update", false, "write what is generated")

// hidden are secrets that must be seen nowhere. The second and third are in URLs.
const (
	token    = "tokentokentokentokentokentokentoken1"
	password = "pass%2Fword"
	plain    = "pass/word"
)

func secretive(t *testing.T) map[string]config.Config {
	return map[string]config.Config{
		"url":   mustLoad(t, map[string]string{"ACCESS_TOKEN_SECRET": token, "DATABASE_URL": "postgres://u:" + password + "@db/cars?sslmode=disable&sslpassword=" + password, "REDIS_URL": "redis://:" + password + "@cache"}),
		"parts": mustLoad(t, map[string]string{"ACCESS_TOKEN_SECRET": token, "DB_HOST": "db", "DB_PASSWORD": plain, "REDIS_HOST": "cache", "REDIS_PASSWORD": plain, "EMAIL_HOST": "smtp", "EMAIL_USER": "u", "EMAIL_PASSWORD": plain}),
		"raw":   {AccessTokenSecret: config.NewSecret(token), DBPassword: config.NewSecret(plain), RedisURL: config.NewSecret("redis://:" + password + "@cache"), RedisPassword: config.NewSecret(plain), DatabaseURL: config.NewSecret("postgres://u:" + password + "@db")},
	}
}

func TestSecretsAreNotSeen(t *testing.T) {
	for name, c := range secretive(t) {
		inside := struct{ c config.Config }{c}
		for verb, text := range map[string]string{
			"%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", &c), "%#v": fmt.Sprintf("%#v", c), "%s": fmt.Sprintf("%s", c), "%d": fmt.Sprintf("%d", c),
			"inside": fmt.Sprintf("%v %+v %#v", inside, inside, &inside),
			"fields": fmt.Sprintf("%v %+v %#v", c.Email, &c.Email, c.Email) + fmt.Sprintf("%v %+v %#v %s %q %x %d", c.Database, c.Database, c.DBPassword, c.AccessTokenSecret, c.DatabaseURL, c.DatabaseURL, c.DatabaseURL),
			"json":   encoded(t, c), "json of parts": encoded(t, c.Database), "json around": encoded(t, map[string]any{"a": &c}),
			"log": logged(c), "log of parts": logged(c.Database), "log of a secret": logged(c.DBPassword),
			"rows": fmt.Sprint(c.Effective()),
		} {
			if strings.Contains(text, token) || strings.Contains(text, password) || strings.Contains(text, plain) || strings.Contains(text, fmt.Sprintf("%x", password)) {
				t.Errorf("%s by %s: %s", name, verb, text)
			}
		}
	}
}

func TestSecretsAreNotInErrors(t *testing.T) {
	_, err := load(map[string]string{
		"ACCESS_TOKEN_SECRET": "tooshort", "DATABASE_URL": "postgres://u:hunter2%@db/cars", "DB_HOST": "x", "DB_PASSWORD": "swordfish",
		"REDIS_URL": "redis://:hunter2%@cache", "REDIS_HOST": "x", "REDIS_PASSWORD": "swordfish",
		"PORT_FILE": "/tmp/hunter2",
	})
	for _, secret := range []string{"tooshort", "hunter2", "swordfish"} {
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q in %v", secret, err)
		}
	}
}

func TestPasswordInAWebAddress(t *testing.T) {
	c, err := load(map[string]string{"BASE_URL": "http://u:" + plain + "@h", "ALLOWED_ORIGINS": "http://a,http://u:" + plain + "@h"})
	if err == nil || strings.Contains(c.String(), plain) || !strings.Contains(c.String(), `BASE_URL="http://xxxxx@h"`) {
		t.Errorf("%v: %s", err, c)
	}
}

func TestQueryInAWebAddress(t *testing.T) {
	c, err := load(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://h/otlp?key=" + plain, "ALLOWED_ORIGINS": "http://a,http://h#" + plain})
	if err == nil || strings.Contains(c.String(), plain) || !strings.Contains(c.String(), `="https://h/otlp?xxxxx"`) {
		t.Errorf("%v: %s", err, c)
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func logged(v any) string {
	var text, js bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("it", "v", v)
	slog.New(slog.NewJSONHandler(&js, nil)).Info("it", "v", v)
	return text.String() + js.String()
}

func TestEffective(t *testing.T) {
	c := config.Config{Port: "1"}
	env := map[string]string{"HOST": "::1", "CURRENCY_FILE": write(t, "EUR"), "ACCESS_TOKEN_SECRET": token, "DATABASE_URL": "postgres://u:" + password + "@db/cars"}
	if err := c.Load(func(name string) (string, bool) { return env[name], env[name] != "" }); err != nil {
		t.Fatal(err)
	}
	want := map[string]config.Row{
		"PORT":                {Value: "1", Source: config.FromFlag},
		"HOST":                {Value: "::1", Source: config.FromEnvironment},
		"CURRENCY":            {Value: "EUR", Source: config.FromFile},
		"BASE_URL":            {Value: "http://[::1]:1", Source: config.FromDefault},
		"ACCESS_TOKEN_SECRET": {Value: "(set)", Source: config.FromEnvironment},
		"DB_PASSWORD":         {Value: "(not set)", Source: config.FromDefault},
		"DATABASE_URL":        {Value: "postgres://u:xxxxx@db/cars", Source: config.FromEnvironment},
		"DB_HOST":             {Value: "", Source: config.FromDefault},
	}
	for _, row := range c.Effective() {
		if w, ok := want[row.Name]; ok && (row.Value != w.Value || row.Source != w.Source) {
			t.Errorf("%+v, want %+v", row, w)
		}
		delete(want, row.Name)
	}
	if len(want) > 0 {
		t.Errorf("no rows for %v", want)
	}
}

// TestReadme holds the table of the README to the code.
func TestReadme(t *testing.T) {
	const file, begin, end = "../../README.md", "<!-- settings: written by make generate -->\n", "<!-- end of settings -->"
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Skip("there is no README yet")
	}
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	have, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("README.md needs the lines %q and %q around its table of settings", begin, end)
	}
	if have == config.Table() {
		return
	}
	if !*update {
		t.Fatal("the table of settings in README.md is out of date: run make generate")
	}
	if err := os.WriteFile(file, []byte(before+begin+config.Table()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTable(t *testing.T) {
	table := config.Table()
	for _, line := range []string{
		"| `APP_ENV` or `NODE_ENV` | `--app-env` | `production` | ",
		"| `DATABASE_URL` | none: a secret | `sqlite:DATA_DIR/cartracker.db` | ",
		"| `LOG_FORMAT` | `--log-format` | json in production, else text | ",
		"| `DB_HOST` | `--db-host` |  | ",
	} {
		if !strings.Contains(table, "\n"+line) {
			t.Errorf("no line %q in\n%s", line, table)
		}
	}
	for line := range strings.Lines(table) {
		if strings.Count(line, "|") != 5 {
			t.Errorf("not four columns: %s", line)
		}
	}
}
