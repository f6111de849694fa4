package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/config"
)

const key = "0123456789abcdef0123456789abcdef"

// load works out the settings of an environment that holds only pairs.
func load(pairs map[string]string) (config.Config, error) {
	var c config.Config
	err := c.Load(func(name string) (string, bool) {
		text, ok := pairs[name]
		return text, ok
	})
	return c, err
}

func mustLoad(t *testing.T, pairs map[string]string) config.Config {
	t.Helper()
	c, err := load(pairs)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "setting")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	c := mustLoad(t, nil)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]any{
		"environment": {c.AppEnv, "production"},
		"development": {c.Development, false},
		"address":     {c.Addr(), "127.0.0.1:5000"},
		"base":        {c.BaseURL, "http://127.0.0.1:5000"},
		"app":         {c.AppURL, "http://127.0.0.1:5000"},
		"window":      {c.Window, 1500 * time.Millisecond},
		"name":        {c.AppName, "Car Tracker"},
		"data":        {c.DataDir, filepath.Join(here, "data")},
		"driver":      {c.Database.Driver, config.SQLite},
		"path":        {c.Database.Path, filepath.Join(here, "data", "cartracker.db")},
		"pool":        {c.Pool, config.Pool{Min: 20, Size: 50, Max: 100, Instances: 1}},
		"redis":       {c.Redis.IsSet(), false},
		"cache":       {c.CacheBytes, int64(64 << 20)},
		"limits": {c.Limits, config.Limits{
			API: limit(100), Auth: limit(5), Read: limit(200), Write: limit(50), StaffFactor: 10,
		}},
		"access":   {c.AccessTTL, 15 * time.Minute},
		"refresh":  {c.RefreshTTL, 7 * 24 * time.Hour},
		"secret":   {c.AccessTokenSecret.IsSet(), false},
		"register": {c.Registration, "closed"},
		"language": {c.DefaultLanguage, "en"},
		"zone":     {c.Zone.String(), "Europe/Sarajevo"},
		"currency": {c.Currency, "BAM"},
		"level":    {c.Level.String(), "INFO"},
		"format":   {c.LogFormat, "json"},
		"burst":    {c.Burst, 200},
		"slow":     {c.Slow, config.Slow{Request: time.Second, Query: 200 * time.Millisecond}},
		"endpoint": {c.Traces.Endpoint, ""},
		"share":    {c.Traces.Share, 0.1},
		"secure":   {c.Secure, false},
		"cross":    {c.CrossSite, false},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %v, want %v", name, pair[0], pair[1])
		}
	}
	if want := []string{"http://127.0.0.1:5000"}; !slices.Equal(c.Origins, want) || len(c.Proxies) != 0 {
		t.Errorf("origins %v, proxies %v", c.Origins, c.Proxies)
	}
}

func limit(count int) config.Limit { return config.Limit{Count: count, Window: 15 * time.Minute} }

func TestGiven(t *testing.T) {
	c := mustLoad(t, map[string]string{
		"APP_ENV": "development", "HOST": "::", "PORT": "0", "BASE_URL": "https://api.example.com/cars/", "APP_URL": "https://desk.example.com",
		"ALLOWED_ORIGINS": " https://A.example.com:443, ,http://localhost:5173,https://desk.example.com",
		"TRUSTED_PROXIES": "10.1.2.3/8, ::1,127.0.0.1,::ffff:1.2.3.4",
		"DATABASE_URL":    "postgresql://u:p@db/cars", "ACCESS_TOKEN_SECRET": key,
		"ACCESS_TOKEN_DURATION": "24h", "REFRESH_TOKEN_DURATION": "29d23h",
		"REGISTRATION": "open", "DEFAULT_LANGUAGE": "bs", "LOG_LEVEL": "debug", "BUSINESS_TZ": "Asia/Tokyo", "CURRENCY": "EUR",
	})
	if !c.Development || c.Addr() != "[::]:0" || c.BaseURL != "https://api.example.com/cars" || !c.Secure || c.CrossSite {
		t.Error(c)
	}
	origins := []string{"http://localhost:5173", "https://a.example.com", "https://api.example.com", "https://desk.example.com"}
	if !slices.Equal(c.Origins, origins) {
		t.Error(c.Origins)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("1.2.3.4/32")}
	if !slices.Equal(c.Proxies, proxies) {
		t.Error(c.Proxies)
	}
	if c.Database.Driver != config.Postgres || c.Database.URL.Reveal() != "postgresql://u:p@db/cars" || c.AccessTokenSecret.Reveal() != key {
		t.Error("the database or the secret differs")
	}
	if c.AccessTTL != 24*time.Hour || c.RefreshTTL != (29*24+23)*time.Hour {
		t.Error(c.AccessTTL, c.RefreshTTL)
	}
	if c.Level.String() != "DEBUG" || c.LogFormat != "text" || c.Zone.String() != "Asia/Tokyo" {
		t.Error(c.Level, c.LogFormat, c.Zone)
	}
}

func TestCheckAgain(t *testing.T) {
	c := mustLoad(t, nil)
	before := c.String()
	if err := c.Load(func(string) (string, bool) { return "", false }); err != nil || c.String() != before {
		t.Errorf("%v\n%s\n%s", err, before, c)
	}
}

func TestAlias(t *testing.T) {
	for _, tt := range []struct{ app, node, want string }{
		{"", "", "production"}, {"", "development", "development"}, {"test", "development", "test"},
	} {
		c := mustLoad(t, map[string]string{"APP_ENV": tt.app, "NODE_ENV": tt.node})
		if c.AppEnv != tt.want {
			t.Errorf("%q %q: %s", tt.app, tt.node, c.AppEnv)
		}
	}
}

func TestPool(t *testing.T) {
	for _, tt := range []struct {
		env  map[string]string
		want config.Pool
	}{
		{map[string]string{"DB_POOL_MAX": "10"}, config.Pool{Min: 10, Size: 10, Max: 10, Instances: 1}},
		{map[string]string{"DB_POOL_SIZE": "5"}, config.Pool{Min: 5, Size: 5, Max: 100, Instances: 1}},
		{map[string]string{"DB_POOL_MIN": "70"}, config.Pool{Min: 70, Size: 70, Max: 100, Instances: 1}},
		{map[string]string{"DB_POOL_MIN": "0", "DB_INSTANCES": "3"}, config.Pool{Size: 50, Max: 100, Instances: 3}},
	} {
		if c := mustLoad(t, tt.env); c.Pool != tt.want {
			t.Errorf("%v: %v", tt.env, c.Pool)
		}
	}
}

func TestReplicas(t *testing.T) {
	if c := mustLoad(t, nil); len(c.Replicas.URLs) != 0 || c.Replicas.MaxLag != 5*time.Second {
		t.Errorf("by default: %v", c.Replicas)
	}
	c := mustLoad(t, map[string]string{
		"DATABASE_URL": "postgres://db/cars", "ACCESS_TOKEN_SECRET": key, "DB_REPLICA_MAX_LAG": "2s",
		"DATABASE_REPLICA_URLS": " postgres://u:p%2Cw@one/cars,\n\tpostgresql://two:5433/cars ,, postgres:///cars?host=/run/pg ",
	})
	want := []string{"postgres://u:p%2Cw@one/cars", "postgresql://two:5433/cars", "postgres:///cars?host=/run/pg"}
	var got []string
	for _, u := range c.Replicas.URLs {
		got = append(got, u.Reveal())
	}
	if !slices.Equal(got, want) || c.Replicas.MaxLag != 2*time.Second {
		t.Errorf("%q %s", got, c.Replicas.MaxLag)
	}
	if text := c.String(); strings.Contains(text, "p%2Cw") {
		t.Errorf("the settings tell a password: %s", text)
	}
}

func TestPlaces(t *testing.T) {
	for text, want := range map[string]int{"": 0, "auto": 0, "1": 1, "10000": 10_000} {
		if c := mustLoad(t, map[string]string{"DB_PLACES": text}); c.Places != want {
			t.Errorf("%q: %d", text, c.Places)
		}
	}
}

func TestDatabase(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, tt := range []struct {
		env          map[string]string
		driver, want string
	}{
		{map[string]string{"DATA_DIR": "/srv/cars"}, config.SQLite, "/srv/cars/cartracker.db"},
		{map[string]string{"DATABASE_URL": "sqlite:cars.db"}, config.SQLite, filepath.Join(dir, "cars.db")},
		{map[string]string{"DATABASE_URL": "sqlite:/srv/cars.db"}, config.SQLite, "/srv/cars.db"},
		{map[string]string{"DATABASE_URL": "sqlite:///srv/cars.db"}, config.SQLite, "/srv/cars.db"},
		{map[string]string{"DATABASE_URL": "postgres:///cars?host=/run/pg"}, config.Postgres, "postgres:///cars?host=/run/pg"},
		{map[string]string{"DB_HOST": "db"}, config.Postgres, "postgres://cartracker@db:5432/cartracker?sslmode=prefer"},
		{map[string]string{"DB_HOST": "db", "DB_SSL": "true"}, config.Postgres, "postgres://cartracker@db:5432/cartracker?sslmode=require"},
		{map[string]string{"DB_HOST": "db", "DB_SSL": "false"}, config.Postgres, "postgres://cartracker@db:5432/cartracker?sslmode=disable"},
		{
			map[string]string{"DB_HOST": "::1", "DB_PORT": "6000", "DB_USER": "u@x", "DB_PASSWORD": "p/w:d?@", "DB_NAME": "c d", "DB_SSL": "verify-full"},
			config.Postgres, "postgres://u%40x:p%2Fw%3Ad%3F%40@[::1]:6000/c%20d?sslmode=verify-full",
		},
		{map[string]string{"DB_HOST": "/run/pg"}, config.Postgres, "postgres://cartracker@/cartracker?host=%2Frun%2Fpg&port=5432&sslmode=prefer"},
	} {
		tt.env["ACCESS_TOKEN_SECRET"] = key
		d := mustLoad(t, tt.env).Database
		if got := d.Path + d.URL.Reveal(); d.Driver != tt.driver || got != tt.want {
			t.Errorf("%v: %s %s, want %s", tt.env, d.Driver, got, tt.want)
		}
	}
}

func TestRedis(t *testing.T) {
	for _, tt := range []struct {
		env         map[string]string
		want, shown string
	}{
		{nil, "", "(not set)"},
		{map[string]string{"REDIS_URL": "redis://cache"}, "redis://cache", "redis://cache"},
		{map[string]string{"REDIS_URL": "redis://:p%2Fw@127.0.0.1:6380/3"}, "redis://:p%2Fw@127.0.0.1:6380/3", "redis://:xxxxx@127.0.0.1:6380/3"},
		{map[string]string{"REDIS_URL": "rediss://amra:p@[::1]:6379/"}, "rediss://amra:p@[::1]:6379/", "rediss://amra:xxxxx@[::1]:6379/"},
		{map[string]string{"REDIS_URL": "redis://hunter2@cache"}, "redis://hunter2@cache", "redis://xxxxx@cache"},
		{map[string]string{"REDIS_HOST": "cache"}, "redis://cache:6379/0", "redis://cache:6379/0"},
		{
			map[string]string{"REDIS_HOST": "::1", "REDIS_PORT": "6380", "REDIS_PASSWORD": "p/w:d?@%", "REDIS_DB": "15"},
			"redis://:p%2Fw%3Ad%3F%40%25@[::1]:6380/15", "redis://:xxxxx@[::1]:6380/15",
		},
	} {
		c := mustLoad(t, tt.env)
		if c.Redis.Reveal() != tt.want {
			t.Errorf("%v: %s, want %s", tt.env, c.Redis.Reveal(), tt.want)
		}
		for _, row := range c.Effective() {
			source := config.FromDefault
			if tt.env != nil {
				source = config.FromEnvironment
			}
			if row.Name == "REDIS_URL" && (row.Value != tt.shown || row.Source != source) {
				t.Errorf("%v: %+v, want %s", tt.env, row, tt.shown)
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1048576": 1 << 20, "1024KiB": 1 << 20, "64MiB": 64 << 20, "64 MiB": 64 << 20, "1GiB": 1 << 30, "64GiB": 64 << 30,
		"2000KB": 2e6, "500MB": 5e8, "1GB": 1e9,
	} {
		if c := mustLoad(t, map[string]string{"CACHE_SIZE": text}); c.CacheBytes != want {
			t.Errorf("%s: %d, want %d", text, c.CacheBytes, want)
		}
	}
}

func TestLimits(t *testing.T) {
	c := mustLoad(t, map[string]string{
		"RATE_LIMIT_API": "off", "RATE_LIMIT_AUTH": "1/1s", "RATE_LIMIT_READ": "1000000000/24h", "RATE_LIMIT_WRITE": "7/1d", "RATE_LIMIT_STAFF_FACTOR": "10000",
	})
	want := config.Limits{
		Auth: config.Limit{Count: 1, Window: time.Second}, Read: config.Limit{Count: 1_000_000_000, Window: 24 * time.Hour},
		Write: config.Limit{Count: 7, Window: 24 * time.Hour}, StaffFactor: 10_000,
	}
	if c.Limits != want {
		t.Errorf("%+v", c.Limits)
	}
}

func TestCrossSite(t *testing.T) {
	for _, tt := range []struct {
		base, app string
		want      bool
	}{
		{"https://api.example.com", "https://desk.example.com", false},
		{"https://api.example.co.uk", "https://desk.other.co.uk", true},
		{"https://a.github.io", "https://b.github.io", true},
		{"https://api.example.com", "http://api.example.com", true},
		{"https://EXAMPLE.com:8443", "https://example.com", false},
		{"http://localhost:5000", "http://localhost:5173", false},
		{"http://localhost:5000", "http://127.0.0.1:5173", true},
		{"http://10.0.0.1", "http://10.0.0.2", true},
		{"http://[::1]:1", "http://[::1]:2", false},
	} {
		if c := mustLoad(t, map[string]string{"BASE_URL": tt.base, "APP_URL": tt.app}); c.CrossSite != tt.want {
			t.Errorf("%s from %s: %v", tt.base, tt.app, c.CrossSite)
		}
	}
}

func TestListening(t *testing.T) {
	c := mustLoad(t, map[string]string{"HOST": "0.0.0.0", "PORT": "0"})
	c.Listening(4321)
	if c.Addr() != "0.0.0.0:4321" || c.BaseURL != "http://localhost:4321" || c.AppURL != c.BaseURL || !slices.Equal(c.Origins, []string{c.BaseURL}) {
		t.Error(c)
	}
	c = mustLoad(t, map[string]string{"PORT": "0", "BASE_URL": "https://cars.example.com"})
	c.Listening(4321)
	if c.BaseURL != "https://cars.example.com" || c.AppURL != c.BaseURL || !c.Secure {
		t.Error(c)
	}
}

func TestFile(t *testing.T) {
	c := mustLoad(t, map[string]string{
		"ACCESS_TOKEN_SECRET_FILE": write(t, key+"\r\n"),
		"PORT_FILE":                write(t, "6000\n"),
		"NODE_ENV_FILE":            write(t, "test"),
		"CURRENCY":                 "EUR", "CURRENCY_FILE": "",
	})
	if c.AccessTokenSecret.Reveal() != key || c.Port != "6000" || c.AppEnv != "test" || c.Currency != "EUR" {
		t.Error(c)
	}
}

func TestBadFile(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"both":    {"PORT": "1", "PORT_FILE": write(t, "1")},
		"missing": {"PORT_FILE": filepath.Join(t.TempDir(), "none")},
		"folder":  {"PORT_FILE": t.TempDir()},
		"empty":   {"PORT_FILE": write(t, "\n")},
		"large":   {"PORT_FILE": write(t, strings.Repeat("1", 100_000))},
		"device":  {"PORT_FILE": "/dev/zero"},
	} {
		_, err := load(env)
		if err == nil || !strings.HasPrefix(err.Error(), "PORT: ") || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), env["PORT_FILE"]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
