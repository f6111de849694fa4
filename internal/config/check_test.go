package config_test

import (
	"strings"
	"testing"
)

// bad has texts that each setting refuses.
var bad = map[string][]string{
	"APP_ENV":                  {"prod", "PRODUCTION", " test"},
	"APP_NAME":                 {" ", "a\nb", strings.Repeat("x", 101), "\xff"},
	"DATA_DIR":                 {"a?b", "a\x00b"},
	"HOST":                     {"http://a", "127.0.0.1:80", "[::1]", "a b", "-a", "999.1.1.1", "a/b", "ž"},
	"PORT":                     {"x", "-1", "65536", "5000.0", "5 000", "0x10", "99999999999999999999"},
	"BASE_URL":                 {"desk.example.net", "ftp://a", "https://", "https://a?b", "https://a#", "https://u:p@a", "https://a:0", "https://a:x", "https://a:", "//a", "https://a b", "https:a", "https://%"},
	"APP_URL":                  {"/", "mailto:a@b", "https://ž.example.com"},
	"ALLOWED_ORIGINS":          {"*", "null", "https://a/", "https://a/b", "a", "https://a,b", "https://a https://b", "capacitor://a"},
	"TRUSTED_PROXIES":          {"10.0.0.0/33", "a", "10.0.0", "10.0.0.0/8;::1", "fe80::1%eth0", "::ffff:1.2.3.4/100"},
	"STOP_WINDOW":              {"-1ms", "10001ms", "11s", "1", "x", "1d"},
	"METRICS_ADDR":             {"9464", ":9464", "10.1.2.3", "10.1.2.3:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "http://127.0.0.1:9464", "::1:9464", "a b:1", "OFF"},
	"DATABASE_URL":             {"cars.db", "sqlite:", "sqlite::memory:", "sqlite://cars.db", "sqlite:a?mode=ro", "mysql://a/b", "postgres:///cars", "postgres:a", "postgres://u:p%@h/d", "postgres://u:1/2@h/d", "host=a password=b", "postgres://u:p w@h/d"},
	"DB_HOST":                  {"a b", "a:5432", "./run"},
	"DB_PORT":                  {"0", "x"},
	"DB_SSL":                   {"on", "allow"},
	"DATABASE_REPLICA_URLS":    {"replica", "mysql://a/b", "sqlite:cars.db", "postgres://a/b,replica", "postgres://u:p%@h/d", "postgres://u:1/2@h/d", "postgres://h1:1,h2:2/d"},
	"DB_REPLICA_MAX_LAG":       {"0", "5", "999ms", "11m", "-5s"},
	"DB_POOL_MIN":              {"-1", "x", "101"},
	"DB_POOL_SIZE":             {"0", "101"},
	"DB_POOL_MAX":              {"0", "x"},
	"DB_PLACES":                {"0", "x", "10001", "-1", "off"},
	"DB_INSTANCES":             {"0", "1.5"},
	"REDIS_URL":                {"redis", "redis://", "localhost:6379", "http://h", "unix:///run/redis.sock", "redis://h/x", "redis://h/1/2", "redis://h/-1", "redis://h?db=1", "redis://h#1", "redis://h:x", "redis://h:0", "redis://u:p%@h", "redis://u:1/2@h", "redis://u:p w@h", "redis://a b"},
	"REDIS_HOST":               {"a b", "a:6379", "redis://h", "/run/redis.sock"},
	"REDIS_PORT":               {"0", "x", "65536"},
	"REDIS_DB":                 {"-1", "16", "x"},
	"CACHE_SIZE":               {"-1", "-64MiB", "0", "1048575", "1023KiB", "65GiB", "64", "64M", "64mib", "64TiB", "1.5GiB", "MiB", "64MiBMiB", "99999999999GiB", "18446744073709551616", "9223372036854775807KB"},
	"RATE_LIMIT_API":           {"100", "100/", "/15m", "0/15m", "-1/15m", "1000000001/15m", "100/0s", "100/999ms", "100/25h", "100/1d1s", "100/15", "1e3/15m", "100/15m/2", "100 / 15m", "OFF", "0"},
	"RATE_LIMIT_AUTH":          {"five/15m", "5/quarter"},
	"RATE_LIMIT_READ":          {"ten/15m"},
	"RATE_LIMIT_WRITE":         {"50/15m50/15m"},
	"RATE_LIMIT_STAFF_FACTOR":  {"0", "10001", "1.5", "-1"},
	"BACKUP_EVERY":             {"never", "0", "500ms", "-1h", "367d", "24", "OFF"},
	"BACKUP_KEEP":              {"0", "-1", "x", "10001"},
	"ACCESS_TOKEN_SECRET":      {"short", key[1:]},
	"ACCESS_TOKEN_DURATION":    {"0", "0s", "-1m", "15", "24h1s", "1d1s", "1ms", "x", "d", "1dd", "1d-1h", "1.5d", "99999d"},
	"REFRESH_TOKEN_DURATION":   {"0d", "31d", "30d1s", "-7d"},
	"REGISTRATION":             {"yes", "Open"},
	"EMAIL_HOST":               {"a b", "smtp.example.com:587", "smtp://a", "[::1]"},
	"EMAIL_PORT":               {"0", "x", "65536"},
	"EMAIL_USER":               {"a\nb", strings.Repeat("x", 256)},
	"EMAIL_FROM":               {"desk", "desk@", "@x", "a@x, b@y", "a@x b@y", "Rent <a@x>, b@y", "a@x\r\nBcc: b@y", "Rent\n <a@x>", "a@[127.0.0.1]", "a@127.0.0.1", "\"a b\"@x", "\"a..b\"@x", "\u0161@x", "a@xx--\u0161.example", "a@x_y", strings.Repeat("x", 101) + " <a@x>", strings.Repeat("x", 65) + "@x"},
	"EMAIL_TLS":                {"yes", "off", "REQUIRED"},
	"EMAIL_ATTEMPTS":           {"0", "101", "x"},
	"EMAIL_BACKOFF":            {"0", "2", "1us", "61m", "-2s"},
	"EMAIL_CONCURRENCY":        {"0", "1001", "x"},
	"EMAIL_RATE":               {"0", "-1", "100001", "1.5", "OFF", "10/1s"},
	"EMAIL_PATIENCE":           {"0", "15s", "61s", "x"},
	"EMAIL_TIMEOUT":            {"0", "999ms", "11m"},
	"EMAIL_FETCH_EVERY":        {"0", "61s", "100"},
	"EMAIL_KEEP_COMPLETED":     {"-1", "1000001"},
	"EMAIL_KEEP_COMPLETED_FOR": {"0", "500ms", "367d"},
	"EMAIL_KEEP_FAILED":        {"-1", "x"},
	"BUSINESS_TZ":              {"Sarajevo", "Local", "../etc/passwd", "Europe/Nowhere"},
	"CURRENCY":                 {"bam", "BA", "BAMM", "B1M", "ČČ"},
	"DEFAULT_LANGUAGE":         {"de", "EN"},
	"LOG_LEVEL":                {"trace", "INFO", "4"},
	"LOG_FORMAT":               {"logfmt", "JSON"},
	"LOG_BURST":                {"-1", "x", "1000001", "off"},
	"SLOW_REQUEST":             {"-1s", "1", "999us", "61m", "off"},
	"SLOW_QUERY":               {"-1ms", "200", "1ns", "2h"},
	"SENTRY_DSN":               {"sentry", "https://sentry.example.com/1", "https://key@/1", "https://key@sentry.example.com", "https://key@sentry.example.com/", "https://key@sentry.example.com/cars", "https://key@sentry.example.com/0", "ftp://key@sentry.example.com/1", "https://key@sentry.example.com/1?a=b", "https://key@sentry.example.com:x/1", "https://ke%y@h/1"},
	"SENTRY_ENVIRONMENT":       {"a b", "a/b", strings.Repeat("x", 65)},

	"OTEL_EXPORTER_OTLP_ENDPOINT": {"collector:4318", "grpc://a", "http://", "http://u:p@a", "http://a?b", "http://a:0"},
	"OTEL_EXPORTER_OTLP_HEADERS":  {"hunter2", "a b=hunter2", "=hunter2", "a=%zz", "a=b,hunter2", "a=x%0Ay"},
	"TRACES_SAMPLE_RATE":          {"-0.1", "1.1", "10%", "NaN", "x", "Inf"},
}

func TestEachWrong(t *testing.T) {
	for name, texts := range bad {
		for _, text := range texts {
			env := map[string]string{name: text}
			if name == "REDIS_PORT" || name == "REDIS_DB" {
				env["REDIS_HOST"] = "redis"
			}
			if name == "OTEL_EXPORTER_OTLP_HEADERS" {
				env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:4318"
			}
			if strings.HasPrefix(name, "DB_") && !strings.HasPrefix(name, "DB_POOL") && name != "DB_HOST" {
				env["DB_HOST"] = "db"
			}
			if env["DB_HOST"] != "" {
				env["ACCESS_TOKEN_SECRET"] = key
			}
			_, err := load(env)
			if err == nil || !strings.HasPrefix(err.Error(), name+": must be ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s=%q: %v", name, text, err)
			}
			if err != nil && len(text) > 8 && strings.Contains(err.Error(), text) {
				t.Errorf("%s=%q is in the message: %v", name, text, err)
			}
		}
	}
}

func TestAllWrongAtOnce(t *testing.T) {
	env := map[string]string{}
	for name, texts := range bad {
		env[name] = texts[0]
	}
	env["DB_NAME_FILE"] = "/nonexistent"
	_, err := load(env)
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(env) {
		t.Errorf("%d lines for %d mistakes:\n%v", len(lines), len(env), err)
	}
	for name := range env {
		name = strings.TrimSuffix(name, "_FILE")
		if !strings.Contains("\n"+err.Error(), "\n"+name+": ") {
			t.Errorf("%s is not named:\n%v", name, err)
		}
	}
}

func TestPartsOfRedis(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		want string
	}{
		"both":    {map[string]string{"REDIS_URL": "redis://a", "REDIS_HOST": "redis"}, "REDIS_HOST: set it or REDIS_URL, not both"},
		"no host": {map[string]string{"REDIS_PORT": "1", "REDIS_PASSWORD": "hunter2", "REDIS_DB": "1"}, "REDIS_PORT: means something only together with REDIS_HOST\nREDIS_PASSWORD: means something only together with REDIS_HOST\nREDIS_DB: means something only together with REDIS_HOST"},
	} {
		if _, err := load(tt.env); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReplicasOfNothing(t *testing.T) {
	for _, env := range []map[string]string{{}, {"DATABASE_URL": "sqlite:cars.db"}} {
		env["DATABASE_REPLICA_URLS"] = "postgres://u:hunter2@replica/cars"
		if _, err := load(env); err == nil || err.Error() != "DATABASE_REPLICA_URLS: means something only together with a DATABASE_URL of PostgreSQL" {
			t.Errorf("%v: %v", env, err)
		}
	}
}

func TestPartsOfTheDatabase(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		want string
	}{
		"both":      {map[string]string{"DATABASE_URL": "sqlite:a", "DB_HOST": "db"}, "DB_HOST: set it or DATABASE_URL, not both"},
		"no host":   {map[string]string{"DB_USER": "u", "DB_PORT": "1"}, "DB_PORT: means something only together with DB_HOST\nDB_USER: means something only together with DB_HOST"},
		"no secret": {map[string]string{"DB_HOST": "db"}, "ACCESS_TOKEN_SECRET: must be set with PostgreSQL"},
		"neither":   {map[string]string{"DATABASE_URL": "postgres://db/cars"}, "ACCESS_TOKEN_SECRET: must be set with PostgreSQL"},
	} {
		if _, err := load(tt.env); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPartsOfMail(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		want string
	}{
		"no host":     {map[string]string{"EMAIL_PORT": "25", "EMAIL_USER": "u", "EMAIL_PASSWORD": "hunter2", "EMAIL_TLS": "required"}, "EMAIL_PORT: means something only together with EMAIL_HOST\nEMAIL_USER: means something only together with EMAIL_HOST\nEMAIL_PASSWORD: means something only together with EMAIL_HOST\nEMAIL_TLS: means something only together with EMAIL_HOST"},
		"no endpoint": {map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "a=hunter2"}, "OTEL_EXPORTER_OTLP_HEADERS: means something only together with OTEL_EXPORTER_OTLP_ENDPOINT"},
		"no user":     {map[string]string{"EMAIL_HOST": "smtp.example.com", "EMAIL_PASSWORD": "hunter2"}, "EMAIL_PASSWORD: means something only together with EMAIL_USER"},
		"no password": {map[string]string{"EMAIL_HOST": "smtp.example.com", "EMAIL_USER": "u"}, "EMAIL_PASSWORD: must be set together with EMAIL_USER"},
	} {
		if _, err := load(tt.env); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSentry(t *testing.T) {
	for env, want := range map[string]string{"production": "production", "development": "development"} {
		c, err := load(map[string]string{"APP_ENV": env, "SENTRY_DSN": "https://key:secret@sentry.example.com:9000/on/2"})
		if err != nil || c.SentryEnvironment != want || !c.SentryDSN.IsSet() {
			t.Errorf("APP_ENV=%s: %q %v", env, c.SentryEnvironment, err)
		}
	}
	c, err := load(map[string]string{"SENTRY_ENVIRONMENT": "mostar-2"})
	if err != nil || c.SentryEnvironment != "mostar-2" || c.SentryDSN.IsSet() {
		t.Errorf("%q %v", c.SentryEnvironment, err)
	}
}
