package config

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // so that BUSINESS_TZ means the same on a machine without zones
	"unicode"
	"unicode/utf8"
)

const (
	day           = 24 * time.Hour
	longestWindow = 10 * time.Second
)

func (k *checker) general() {
	k.oneOf("APP_ENV", k.AppEnv, "production", "development", "test")
	k.Development = k.AppEnv == "development"
	name := strings.TrimSpace(k.AppName)
	k.check(name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= 100 && !strings.ContainsFunc(name, unicode.IsControl),
		"APP_NAME", "must be 1 to 100 characters on one line")
	k.AppName = name
	dir, err := filepath.Abs(k.DataDir)
	k.check(err == nil && !strings.ContainsAny(dir, "\x00?"), "DATA_DIR", "must be the path of a directory, without a question mark")
	k.DataDir = dir
}

func (k *checker) listener() {
	k.check(isHost(k.Host), "HOST", "must be an address such as 127.0.0.1 or :: or a host name, without a port")
	k.between("PORT", k.Port, 0, 65535)
}

func (k *checker) network() {
	k.listener()
	if k.unset("BASE_URL") {
		k.BaseURL = k.localURL()
	} else {
		_, err := webURL(k.BaseURL)
		k.check(err == nil, "BASE_URL", mustWebURL)
	}
	if k.unset("APP_URL") {
		k.AppURL = k.BaseURL
	} else {
		_, err := webURL(k.AppURL)
		k.check(err == nil, "APP_URL", mustWebURL)
	}
	for _, origin := range list(k.AllowedOrigins) {
		_, err := exactOrigin(origin)
		k.check(err == nil, "ALLOWED_ORIGINS", "must be origins such as https://desk.example.com or http://localhost:5173, without a path, separated by commas")
	}
	k.Proxies = k.proxies()
	window, err := parseDuration(k.StopWindow)
	k.check(err == nil && window >= 0 && window <= longestWindow, "STOP_WINDOW", "must be a time such as 500ms or 2s, from 0s to 10s")
	k.Window = window
	k.metrics()
	k.follow()
}

func (k *checker) metrics() {
	k.Metrics = Metrics{Given: !k.unset("METRICS_ADDR")}
	if k.MetricsAddr == "off" {
		return
	}
	host, port, err := net.SplitHostPort(k.MetricsAddr)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || !isHost(host) {
		k.check(false, "METRICS_ADDR", "must be a host and a port such as 127.0.0.1:9464 or [::1]:9464, or off")
	}
	k.Metrics.Addr = k.MetricsAddr
}

func (k *checker) proxies() (all []netip.Prefix) {
	for _, text := range list(k.TrustedProxies) {
		prefix, err := parsePrefix(text)
		k.check(err == nil, "TRUSTED_PROXIES", "must be addresses or CIDRs such as 10.0.0.0/8 or ::1, separated by commas")
		all = append(all, prefix)
	}
	return all
}

func (k *checker) pool() {
	k.Pool = Pool{
		Min:       k.between("DB_POOL_MIN", k.DBPoolMin, 0, 10_000),
		Size:      k.between("DB_POOL_SIZE", k.DBPoolSize, 1, 10_000),
		Max:       k.between("DB_POOL_MAX", k.DBPoolMax, 1, 10_000),
		Instances: k.between("DB_INSTANCES", k.DBInstances, 1, 10_000),
	}
	if k.DBPlaces != "auto" {
		k.Places = k.between("DB_PLACES", k.DBPlaces, 1, 10_000)
	}
	if k.wrong("DB_POOL_MIN") || k.wrong("DB_POOL_SIZE") || k.wrong("DB_POOL_MAX") {
		return
	}
	// One who lowers the bound need not know of the others.
	if k.unset("DB_POOL_SIZE") {
		k.Pool.Size = min(max(k.Pool.Size, k.Pool.Min), k.Pool.Max)
		k.DBPoolSize = strconv.Itoa(k.Pool.Size)
	}
	if k.unset("DB_POOL_MIN") {
		k.Pool.Min = min(k.Pool.Min, k.Pool.Size)
		k.DBPoolMin = strconv.Itoa(k.Pool.Min)
	}
	k.check(k.Pool.Min <= k.Pool.Size, "DB_POOL_MIN", "must be at most DB_POOL_SIZE, which is "+k.DBPoolSize)
	k.check(k.Pool.Size <= k.Pool.Max, "DB_POOL_SIZE", "must be at most DB_POOL_MAX, which is "+k.DBPoolMax)
}

func (k *checker) backups() {
	k.Backups = Backups{Keep: k.between("BACKUP_KEEP", k.BackupKeep, 1, 10_000)}
	if k.BackupEvery != "off" {
		k.Backups.Every = k.lasting("BACKUP_EVERY", k.BackupEvery, 366*day, "366d, or off")
	}
}

func (k *checker) signIn() {
	secret := k.AccessTokenSecret
	k.check(!secret.IsSet() || len(secret.Reveal()) >= 32, "ACCESS_TOKEN_SECRET", "must be at least 32 bytes, such as the output of: openssl rand -hex 32")
	k.check(secret.IsSet() || k.Database.Driver != Postgres, "ACCESS_TOKEN_SECRET", "must be set with PostgreSQL, where instances share it, to at least 32 bytes, such as the output of: openssl rand -hex 32")
	k.AccessTTL = k.lasting("ACCESS_TOKEN_DURATION", k.AccessTokenDuration, day, "24h")
	k.RefreshTTL = k.lasting("REFRESH_TOKEN_DURATION", k.RefreshTokenDuration, 30*day, "30d")
	k.oneOf("REGISTRATION", k.Registration, "closed", "open")
}

func (k *checker) business() {
	zone, err := time.LoadLocation(k.BusinessTZ)
	// "Local" would mean another place on another machine.
	k.check(err == nil && k.BusinessTZ != "Local", "BUSINESS_TZ", "must be a time zone such as Europe/Sarajevo or UTC")
	k.Zone = zone
	capitals := strings.Trim(k.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	k.check(len(k.Currency) == 3 && capitals, "CURRENCY", "must be three capital letters such as BAM or EUR")
	k.oneOf("DEFAULT_LANGUAGE", k.DefaultLanguage, "en", "bs")
}

func (k *checker) logs() {
	k.oneOf("LOG_LEVEL", k.LogLevel, "debug", "info", "warn", "error")
	if !k.wrong("LOG_LEVEL") {
		_ = k.Level.UnmarshalText([]byte(k.LogLevel)) // one of those it knows
	}
	if k.unset("LOG_FORMAT") {
		k.LogFormat = "text"
		if k.AppEnv == "production" {
			k.LogFormat = "json"
		}
	}
	k.oneOf("LOG_FORMAT", k.LogFormat, "text", "json")
	k.Burst = k.between("LOG_BURST", k.LogBurst, 0, 1_000_000)
	k.Slow = Slow{Request: k.slow("SLOW_REQUEST", k.SlowRequest), Query: k.slow("SLOW_QUERY", k.SlowQuery)}
}

// environment is what Sentry takes for a name of one.
var environment = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (k *checker) errorReports() {
	k.check(!k.SentryDSN.IsSet() || isDSN(k.SentryDSN.Reveal()), "SENTRY_DSN", "must be an address as Sentry shows it, such as https://KEY@sentry.example.com/1")
	if k.unset("SENTRY_ENVIRONMENT") {
		k.SentryEnvironment = k.AppEnv
		return
	}
	k.check(environment.MatchString(k.SentryEnvironment), "SENTRY_ENVIRONMENT", "must be 1 to 64 letters, digits, dots, hyphens and underscores")
}

// isDSN reports whether text is a web address with a key and the number of a project.
func isDSN(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User.Username() == "" || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	project, err := strconv.ParseUint(path.Base(u.Path), 10, 63)
	return err == nil && project > 0 && isHost(u.Hostname())
}

func (k *checker) oneOf(name, text string, allowed ...string) {
	k.check(slices.Contains(allowed, text), name, "must be "+either(allowed))
}

func (k *checker) between(name, text string, least, most int) int {
	n, err := strconv.ParseUint(text, 10, 31)
	ok := err == nil && int(n) >= least && int(n) <= most
	k.check(ok, name, "must be a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
	return int(n)
}

func (k *checker) lasting(name, text string, most time.Duration, mostText string) time.Duration {
	d, err := parseDuration(text)
	k.check(err == nil && d >= time.Second && d <= most, name, "must be a time such as 90s, 15m, 12h or 7d, from 1s to "+mostText)
	return d
}
