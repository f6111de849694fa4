// Package config has every setting of the program, once: its environment
// variable, its flag, its default, what it means and what it may be.
//
// A setting is a text field of [Config] with a tag "setting" that names its
// environment variable (and then its aliases). A flag wins over the variable,
// the variable over the "initial" value; "follows" describes an initial value
// that is computed. The same variable with the suffix _FILE names a file that
// holds the value. Secrets have no flag, which anybody could read with ps.
// A variable that is set to nothing counts as not set.
//
// A command takes the settings as flags by embedding Config; [Config.Check]
// then reads the environment for whatever the flags left open. kong does not
// read the environment itself, since it would stop at the first mistake and
// knows no files.
package config

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/alecthomas/kong"
)

// A Config is what the program is told from outside. Fields with a setting are
// given as text, and hold the text in force once Check has succeeded. The
// other fields are what Check made of it.
type Config struct {
	AppEnv  string `group:"General" setting:"APP_ENV,NODE_ENV" initial:"production" placeholder:"ENV" help:"What this instance is for: production, development or test."`
	AppName string `group:"General" setting:"APP_NAME" initial:"Car Tracker" placeholder:"NAME" help:"Name shown to people."`
	DataDir string `group:"General" setting:"DATA_DIR" initial:"./data" placeholder:"DIR" help:"Directory for everything the program keeps on disk."`

	Host           string `group:"Network" setting:"HOST" initial:"127.0.0.1" placeholder:"HOST" help:"Address or host name to listen on; 0.0.0.0 or :: for every interface."`
	Port           string `group:"Network" setting:"PORT" initial:"5000" placeholder:"PORT" help:"Port to listen on; 0 takes any that is free."`
	BaseURL        string `group:"Network" setting:"BASE_URL" follows:"http://HOST:PORT" placeholder:"URL" help:"This program as clients see it. Cookies are secure if it begins with https. Links in mails begin with it."`
	AppURL         string `group:"Network" setting:"APP_URL" follows:"BASE_URL" placeholder:"URL" help:"The web client. Mails tell people to sign in there, if it is not BASE_URL."`
	AllowedOrigins string `group:"Network" setting:"ALLOWED_ORIGINS" placeholder:"ORIGINS" help:"Web origins that may call the API besides APP_URL and BASE_URL, comma-separated, such as https://desk.example.com."`
	TrustedProxies string `group:"Network" setting:"TRUSTED_PROXIES" placeholder:"CIDRS" help:"Proxies whose X-Forwarded-For is believed: addresses or CIDRs, comma-separated."`
	StopWindow     string `group:"Network" setting:"STOP_WINDOW" initial:"1500ms" placeholder:"TIME" help:"How long connections are still accepted after the program was told to stop, for proxies that have not noticed, from 0s to 10s; 0s where nothing stands in front."`

	MetricsAddr string `group:"Network" setting:"METRICS_ADDR" initial:"127.0.0.1:9464" placeholder:"ADDRESS" help:"Host and port of the private listener, which serves /metrics and /debug/pprof/ to whoever reaches it; off: none. Port 0 takes any that is free. Each instance on a machine needs its own."`

	DatabaseURL   Secret `group:"Database" setting:"DATABASE_URL" kong:"-" follows:"sqlite:DATA_DIR/cartracker.db" help:"The database: sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE."`
	DBHost        string `group:"Database" setting:"DB_HOST" placeholder:"HOST" help:"PostgreSQL host or socket directory, in place of DATABASE_URL."`
	DBPort        string `group:"Database" setting:"DB_PORT" initial:"5432" placeholder:"PORT" help:"PostgreSQL port, with DB_HOST."`
	DBUser        string `group:"Database" setting:"DB_USER" initial:"cartracker" placeholder:"USER" help:"PostgreSQL user, with DB_HOST."`
	DBPassword    Secret `group:"Database" setting:"DB_PASSWORD" kong:"-" help:"PostgreSQL password, with DB_HOST."`
	DBName        string `group:"Database" setting:"DB_NAME" initial:"cartracker" placeholder:"NAME" help:"PostgreSQL database, with DB_HOST."`
	DBSSL         string `group:"Database" setting:"DB_SSL" name:"db-ssl" initial:"prefer" placeholder:"MODE" help:"TLS to PostgreSQL, with DB_HOST: disable, prefer, require, verify-ca or verify-full; true means require, false means disable."`
	ReplicaURLs   Secret `group:"Database" setting:"DATABASE_REPLICA_URLS" kong:"-" help:"Replicas of the PostgreSQL database to read from, postgres://USER:PASSWORD@HOST:PORT/DATABASE each, separated by commas or blanks."`
	ReplicaMaxLag string `group:"Database" setting:"DB_REPLICA_MAX_LAG" name:"db-replica-max-lag" initial:"5s" placeholder:"TIME" help:"How far a replica may be behind, from 1s to 10m; one that is further behind is left out until it has caught up."`

	DBPoolMin   string `group:"Database" setting:"DB_POOL_MIN" initial:"20" placeholder:"N" help:"PostgreSQL connections that are kept open."`
	DBPoolSize  string `group:"Database" setting:"DB_POOL_SIZE" initial:"50" placeholder:"N" help:"PostgreSQL connections the pool settles at; above it a returned one is closed."`
	DBPoolMax   string `group:"Database" setting:"DB_POOL_MAX" initial:"100" placeholder:"N" help:"PostgreSQL connections at most."`
	DBPlaces    string `group:"Database" setting:"DB_PLACES" initial:"auto" placeholder:"N" help:"Requests that work on the database at the same time; a few more wait, the rest are told to come back. auto: by the number of processors."`
	DBInstances string `group:"Database" setting:"DB_INSTANCES" initial:"1" placeholder:"N" help:"Instances that share the PostgreSQL server."`

	RedisURL      Secret `group:"Redis" setting:"REDIS_URL" kong:"-" help:"Redis, which instances share: redis://USER:PASSWORD@HOST:PORT/DB, or rediss:// for TLS. Without it each instance is for itself."`
	RedisHost     string `group:"Redis" setting:"REDIS_HOST" placeholder:"HOST" help:"Redis host, in place of REDIS_URL."`
	RedisPort     string `group:"Redis" setting:"REDIS_PORT" initial:"6379" placeholder:"PORT" help:"Redis port, with REDIS_HOST."`
	RedisPassword Secret `group:"Redis" setting:"REDIS_PASSWORD" kong:"-" help:"Redis password, with REDIS_HOST."`
	RedisDB       string `group:"Redis" setting:"REDIS_DB" initial:"0" placeholder:"N" help:"Number of the Redis database, from 0 to 15, with REDIS_HOST."`

	CacheSize string `group:"Cache" setting:"CACHE_SIZE" initial:"64MiB" placeholder:"SIZE" help:"Memory that the cache in this process may take, from 1MiB to 64GiB."`

	RateLimitAPI         string `group:"Limits" setting:"RATE_LIMIT_API" initial:"100/15m" placeholder:"LIMIT" help:"Requests without a valid token from one address, as COUNT/TIME; off: any number."`
	RateLimitAuth        string `group:"Limits" setting:"RATE_LIMIT_AUTH" initial:"5/15m" placeholder:"LIMIT" help:"Failed sign-ins from one address, as COUNT/TIME; off: any number."`
	RateLimitRead        string `group:"Limits" setting:"RATE_LIMIT_READ" initial:"200/15m" placeholder:"LIMIT" help:"Requests of one user that read, as COUNT/TIME; off: any number."`
	RateLimitWrite       string `group:"Limits" setting:"RATE_LIMIT_WRITE" initial:"50/15m" placeholder:"LIMIT" help:"Requests of one user that change something, as COUNT/TIME; off: any number."`
	RateLimitStaffFactor string `group:"Limits" setting:"RATE_LIMIT_STAFF_FACTOR" initial:"10" placeholder:"N" help:"How many times as many requests employees and admins may make as others."`

	BackupEvery string `group:"Backups" setting:"BACKUP_EVERY" initial:"24h" placeholder:"TIME" help:"How often serve backs a SQLite database up into DATA_DIR/backups, from 1s to 366d; off: never."`
	BackupKeep  string `group:"Backups" setting:"BACKUP_KEEP" initial:"7" placeholder:"N" help:"How many of these backups are kept."`

	AccessTokenSecret    Secret `group:"Sign-in" setting:"ACCESS_TOKEN_SECRET" kong:"-" help:"Key that signs access tokens, at least 32 bytes. With SQLite one is made and kept if none is set; PostgreSQL needs one."`
	AccessTokenDuration  string `group:"Sign-in" setting:"ACCESS_TOKEN_DURATION" initial:"15m" placeholder:"TIME" help:"How long an access token is good for, up to 24h."`
	RefreshTokenDuration string `group:"Sign-in" setting:"REFRESH_TOKEN_DURATION" initial:"7d" placeholder:"TIME" help:"How long a refresh token is good for, up to 30d."`
	Registration         string `group:"Sign-in" setting:"REGISTRATION" initial:"closed" placeholder:"WHO" help:"Whether strangers may register: closed or open."`

	EmailHost     string `group:"Mail" setting:"EMAIL_HOST" placeholder:"HOST" help:"Mail server (SMTP). Without one mails are kept in DATA_DIR/outbox."`
	EmailPort     string `group:"Mail" setting:"EMAIL_PORT" initial:"587" placeholder:"PORT" help:"Port of the mail server, with EMAIL_HOST. On 465 everything is encrypted from the first byte."`
	EmailUser     string `group:"Mail" setting:"EMAIL_USER" placeholder:"USER" help:"User to log in as at the mail server, with EMAIL_HOST."`
	EmailPassword Secret `group:"Mail" setting:"EMAIL_PASSWORD" kong:"-" help:"Password of EMAIL_USER."`
	EmailFrom     string `group:"Mail" setting:"EMAIL_FROM" follows:"cartracker@ and the host of BASE_URL, or localhost" placeholder:"ADDRESS" help:"Address that mails come from, such as desk@rent.example.com, or with a name: Rent a Car <desk@rent.example.com>. The name is APP_NAME unless given."`
	EmailTLS      string `group:"Mail" setting:"EMAIL_TLS" name:"email-tls" initial:"auto" placeholder:"MODE" help:"Encryption to the mail server, with EMAIL_HOST: auto (if the server offers it) or required (else nothing is sent)."`

	EmailAttempts         string `group:"Mail" setting:"EMAIL_ATTEMPTS" initial:"3" placeholder:"N" help:"How often a mail is tried before it is given up."`
	EmailBackoff          string `group:"Mail" setting:"EMAIL_BACKOFF" initial:"2s" placeholder:"TIME" help:"Time before the second attempt, from 1ms to 1h; it doubles with each."`
	EmailConcurrency      string `group:"Mail" setting:"EMAIL_CONCURRENCY" initial:"5" placeholder:"N" help:"Mails that an instance works on at the same time."`
	EmailRate             string `group:"Mail" setting:"EMAIL_RATE" initial:"10" placeholder:"N" help:"Mails sent in a second, by all instances together if they share a Redis; off: any number."`
	EmailPatience         string `group:"Mail" setting:"EMAIL_PATIENCE" initial:"10s" placeholder:"TIME" help:"How long a mail waits for its turn before it goes back into the queue, from 1ms to 1m, and less than half of EMAIL_TIMEOUT."`
	EmailTimeout          string `group:"Mail" setting:"EMAIL_TIMEOUT" initial:"30s" placeholder:"TIME" help:"How long one attempt may take, from 1s to 10m."`
	EmailFetchEvery       string `group:"Mail" setting:"EMAIL_FETCH_EVERY" initial:"100ms" placeholder:"TIME" help:"How often the queue is looked at, from 1ms to 1m."`
	EmailKeepCompleted    string `group:"Mail" setting:"EMAIL_KEEP_COMPLETED" initial:"100" placeholder:"N" help:"Entries of the queue that are kept of mails that were sent."`
	EmailKeepCompletedFor string `group:"Mail" setting:"EMAIL_KEEP_COMPLETED_FOR" initial:"24h" placeholder:"TIME" help:"How long those are kept at most, from 1s to 366d."`
	EmailKeepFailed       string `group:"Mail" setting:"EMAIL_KEEP_FAILED" initial:"500" placeholder:"N" help:"Entries of the queue that are kept of mails that were given up."`

	BusinessTZ      string `group:"Business" setting:"BUSINESS_TZ" initial:"Europe/Sarajevo" placeholder:"ZONE" help:"Time zone in which the company's days begin and end."`
	Currency        string `group:"Business" setting:"CURRENCY" initial:"BAM" placeholder:"CODE" help:"Currency of all prices, as three capital letters."`
	DefaultLanguage string `group:"Business" setting:"DEFAULT_LANGUAGE" initial:"en" placeholder:"LANG" help:"Language of people who chose none: en or bs."`

	LogLevel  string `group:"Logs" setting:"LOG_LEVEL" initial:"info" placeholder:"LEVEL" help:"Least that is logged: debug, info, warn or error."`
	LogFormat string `group:"Logs" setting:"LOG_FORMAT" follows:"json in production, else text" placeholder:"FORMAT" help:"How it is logged: text or json."`

	LogBurst    string `group:"Logs" setting:"LOG_BURST" initial:"200" placeholder:"N" help:"Lines alike that are logged in a second, at most; of the rest is told how many there were. 0: any number."`
	SlowRequest string `group:"Logs" setting:"SLOW_REQUEST" initial:"1s" placeholder:"TIME" help:"How long a request may take before a warning is logged, from 1ms to 1h; 0: none is."`
	SlowQuery   string `group:"Logs" setting:"SLOW_QUERY" initial:"200ms" placeholder:"TIME" help:"How long a query may take before a warning is logged, from 1ms to 1h; 0: none is."`

	SentryDSN         Secret `group:"Error reports" setting:"SENTRY_DSN" kong:"-" help:"Where reports of errors go, and traces, by the protocol of Sentry: https://KEY@HOST/PROJECT. Without it none are sent."`
	SentryEnvironment string `group:"Error reports" setting:"SENTRY_ENVIRONMENT" follows:"APP_ENV" placeholder:"NAME" help:"What reports call this installation."`

	OTLPEndpoint     string `group:"Traces" setting:"OTEL_EXPORTER_OTLP_ENDPOINT" name:"otel-exporter-otlp-endpoint" placeholder:"URL" help:"Where traces are sent: a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318. Without it and SENTRY_DSN there are none."`
	OTLPHeaders      Secret `group:"Traces" setting:"OTEL_EXPORTER_OTLP_HEADERS" kong:"-" help:"Headers for the collector, such as Authorization=Bearer%20TOKEN, separated by commas."`
	TracesSampleRate string `group:"Traces" setting:"TRACES_SAMPLE_RATE,SENTRY_TRACES_SAMPLE_RATE" follows:"1 in development, else 0.1" placeholder:"SHARE" help:"Share of the requests that are traced, from 0 to 1."`

	NoWorkers   bool           `kong:"-"` // jobs are worked by others; a flag of serve
	Development bool           `kong:"-"` // APP_ENV is development
	Zone        *time.Location `kong:"-"` // BUSINESS_TZ
	AccessTTL   time.Duration  `kong:"-"`
	RefreshTTL  time.Duration  `kong:"-"`
	Origins     []string       `kong:"-"` // of AllowedOrigins, AppURL and BaseURL, each once
	Proxies     []netip.Prefix `kong:"-"` // TRUSTED_PROXIES
	Window      time.Duration  `kong:"-"` // STOP_WINDOW
	Metrics     Metrics        `kong:"-"`
	Secure      bool           `kong:"-"` // clients reach the program by https
	CrossSite   bool           `kong:"-"` // APP_URL is on another site than BASE_URL, as cookies see it
	Level       slog.Level     `kong:"-"`
	Burst       int            `kong:"-"` // LOG_BURST; 0 for any number
	Slow        Slow           `kong:"-"`
	Traces      Traces         `kong:"-"`
	Database    Database       `kong:"-"`
	Redis       Secret         `kong:"-"` // the URL in force; none: nothing is shared
	CacheBytes  int64          `kong:"-"` // CACHE_SIZE
	Limits      Limits         `kong:"-"`
	Backups     Backups        `kong:"-"`
	Email       Email          `kong:"-"`
	Pool        Pool           `kong:"-"`
	Replicas    Replicas       `kong:"-"`
	Places      int            `kong:"-"` // DB_PLACES; 0 for auto

	sources map[string]Source // by variable, once Check has run
}

// A Pool bounds the connections to PostgreSQL of one instance.
type Pool struct {
	Min       int // kept open
	Size      int // above it a returned connection is closed
	Max       int // at most
	Instances int // how many instances share the server
}

// Replicas are the servers that repeat the PostgreSQL database, to read from.
type Replicas struct {
	URLs   []Secret
	MaxLag time.Duration // one that is further behind is left out
}

// Metrics says where the private listener is.
type Metrics struct {
	Addr  string // host and port; "" for none
	Given bool   // somebody asked for it
}

// Backups says which backups are made while the program serves.
type Backups struct {
	Every time.Duration // 0 for none
	Keep  int           // how many
}

// Options returns what makes the help of a command show each setting's
// variable and default. Parsing works without them.
func Options() []kong.Option { return []kong.Option{kong.ValueFormatter(describe)} }
