package config

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strings"
)

// The databases the program runs on.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// A Database says where records are kept.
type Database struct {
	Driver string // SQLite or Postgres
	Path   string // absolute, of the SQLite file
	URL    Secret // of PostgreSQL: it may hold a password
}

const mustDatabaseURL = "must be sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters in the password as %XX"

func (k *checker) database() {
	k.between("DB_PORT", k.DBPort, 1, 65535)
	k.check(k.DBHost == "" || strings.HasPrefix(k.DBHost, "/") || isHost(k.DBHost), "DB_HOST", "must be a host name, an address or the absolute path of a socket directory")
	switch k.DBSSL { // as other programs of the company have it
	case "true":
		k.DBSSL = "require"
	case "false":
		k.DBSSL = "disable"
	}
	k.oneOf("DB_SSL", k.DBSSL, "disable", "prefer", "require", "verify-ca", "verify-full")
	k.check(k.DBHost == "" || !k.DatabaseURL.IsSet(), "DB_HOST", "set it or DATABASE_URL, not both")
	for _, name := range []string{"DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_SSL"} {
		k.check(k.DBHost != "" || k.unset(name) || k.wrong("DB_HOST"), name, "means something only together with DB_HOST")
	}
	k.Database = k.chosen()
}

// chosen returns the database that is asked for: by URL, by parts, or none.
func (k *checker) chosen() Database {
	if k.DatabaseURL.IsSet() {
		d, ok := parseDatabase(k.DatabaseURL.Reveal())
		k.check(ok, "DATABASE_URL", mustDatabaseURL)
		return d
	}
	if k.wrong("DATABASE_URL") {
		return Database{}
	}
	if k.DBHost != "" {
		return Database{Driver: Postgres, URL: NewSecret(k.joined())}
	}
	return Database{Driver: SQLite, Path: filepath.Join(k.DataDir, "cartracker.db")}
}

// joined is the URL that the DB_ settings make together.
func (k *checker) joined() string {
	u := url.URL{Scheme: "postgres", User: url.User(k.DBUser), Host: net.JoinHostPort(k.DBHost, k.DBPort), Path: "/" + k.DBName}
	if k.DBPassword.IsSet() {
		u.User = url.UserPassword(k.DBUser, k.DBPassword.Reveal())
	}
	query := url.Values{"sslmode": {k.DBSSL}}
	if strings.HasPrefix(k.DBHost, "/") {
		query.Set("host", k.DBHost)
		query.Set("port", k.DBPort)
		u.Host = ""
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func parseDatabase(text string) (Database, bool) {
	if path, ok := strings.CutPrefix(text, "sqlite:"); ok {
		return parseSQLite(path)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" ||
		u.Host == "" && u.Query().Get("host") == "" ||
		strings.Contains(u.Path, "@") { // the rest of a password with a slash in it
		return Database{}, false
	}
	return Database{Driver: Postgres, URL: NewSecret(text)}, true
}

// parseSQLite reads a path. A file in memory would lose what it acknowledged,
// and a question mark would begin options of the driver.
func parseSQLite(path string) (Database, bool) {
	if path == "" || path == ":memory:" || strings.ContainsAny(path, "\x00?") ||
		strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///") {
		return Database{}, false
	}
	abs, err := filepath.Abs(path)
	return Database{Driver: SQLite, Path: abs}, err == nil
}

// ParsePostgres reads the address of a PostgreSQL database.
func ParsePostgres(text string) (Database, error) {
	d, ok := parseDatabase(text)
	if !ok || d.Driver != Postgres {
		return Database{}, errors.New("must be postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters in the password as %XX")
	}
	return d, nil
}

// Tool returns the command line of a program that comes with PostgreSQL, such
// as pg_dump, for this database, ready to be pasted into a shell. It does not
// have the password.
func (d Database) Tool(name string, args ...string) string {
	u, err := url.Parse(d.URL.Reveal())
	if err != nil {
		return name
	}
	query := u.Query()
	words := []string{name}
	hosts, ports := addresses(u)
	for _, part := range [][3]string{
		{"--host=", hosts, query.Get("host")},
		{"--port=", ports, query.Get("port")},
		{"--username=", u.User.Username(), query.Get("user")},
		{"--dbname=", strings.Trim(u.Path, "/"), query.Get("dbname")},
	} {
		if value := cmp.Or(part[1], part[2]); value != "" {
			words = append(words, part[0]+value)
		}
	}
	words = append(words, args...)
	for i, w := range words {
		words[i] = shellWord(w)
	}
	for _, variable := range [][2]string{{"PGTARGETSESSIONATTRS=", "target_session_attrs"}, {"PGSSLMODE=", "sslmode"}} {
		if value := query.Get(variable[1]); value != "" {
			words = append([]string{variable[0] + shellWord(value)}, words...)
		}
	}
	return strings.Join(words, " ")
}

// addresses returns the hosts of an address and their ports, with commas
// between those of several.
func addresses(u *url.URL) (hosts, ports string) {
	var names, numbers []string
	for one := range strings.SplitSeq(u.Host, ",") {
		part := url.URL{Host: one}
		names = append(names, part.Hostname())
		if port := part.Port(); port != "" {
			numbers = append(numbers, port)
		}
	}
	return strings.Join(names, ","), strings.Join(numbers, ",")
}

// shellWord quotes a word for a shell if it has to be.
func shellWord(w string) string {
	if !strings.ContainsFunc(w, func(r rune) bool { return !strings.ContainsRune("-_=./:,+%@", r) && !isAlphanumeric(r) }) {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// Shown is the database without its password.
func (d Database) Shown() string {
	if d.Driver == SQLite {
		return "sqlite:" + d.Path
	}
	u, err := url.Parse(d.URL.Reveal())
	if err != nil {
		return d.URL.String()
	}
	query := u.Query()
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, "xxxxx")
		}
	}
	u.RawQuery = query.Encode()
	return u.Redacted()
}
