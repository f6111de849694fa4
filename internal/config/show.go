package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

// A Row is one setting as it may be shown.
type Row struct {
	Name   string // the variable
	Value  string // in force; of a secret only whether it is set
	Source Source
}

// Effective returns every setting in force, without secrets. Before Check it
// returns what the flags gave.
func (c Config) Effective() []Row {
	var rows []Row
	for _, s := range settings() {
		rows = append(rows, Row{s.name(), c.shown(s), c.source(s)})
	}
	return rows
}

func (c Config) source(s setting) Source {
	name := s.name()
	switch { // which made it
	case name == "DATABASE_URL" && c.DBHost != "":
		name = "DB_HOST"
	case name == "REDIS_URL" && c.RedisHost != "":
		name = "REDIS_HOST"
	}
	from, checked := c.sources[name]
	switch {
	case checked:
		return from
	case s.get(&c) != "":
		return FromFlag
	}
	return FromDefault
}

func (c Config) shown(s setting) string {
	if s.name() == "DATABASE_URL" && c.Database.Driver != "" {
		return c.Database.Shown()
	}
	if s.name() == "REDIS_URL" && c.Redis.IsSet() {
		return shownRedis(c.Redis)
	}
	if s.flag == "" {
		return NewSecret(s.get(&c)).String()
	}
	// A web address with a password or a query in it is refused, but may be shown before.
	shown := regexp.MustCompile(`//[^,\s]*@`).ReplaceAllString(s.get(&c), "//xxxxx@")
	return regexp.MustCompile(`(://[^,\s?#]*[?#])[^,\s]+`).ReplaceAllString(shown, "${1}xxxxx")
}

// Format prints the settings in force without secrets, for every verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// String lists the settings in force without secrets and without those that say nothing.
func (c Config) String() string {
	var b strings.Builder
	for _, row := range c.Effective() {
		if row.Value != "" {
			fmt.Fprintf(&b, "%s=%q ", row.Name, row.Value)
		}
	}
	return strings.TrimSpace(b.String())
}

// LogValue logs the settings in force without secrets.
func (c Config) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, row := range c.Effective() {
		attrs = append(attrs, slog.String(row.Name, row.Value))
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON encodes the settings in force without secrets.
func (c Config) MarshalJSON() ([]byte, error) {
	values := map[string]string{}
	for _, row := range c.Effective() {
		values[row.Name] = row.Value
	}
	return json.Marshal(values)
}

// Table returns every setting as a Markdown table for the README.
func Table() string {
	var b strings.Builder
	b.WriteString("| Variable | Flag | Default | Meaning |\n|---|---|---|---|\n")
	for _, s := range settings() {
		flag := "none: a secret"
		if s.flag != "" {
			flag = "`--" + s.flag + "`"
		}
		usual := s.usual()
		if usual != "" {
			usual = "`" + usual + "`"
		}
		if strings.Contains(s.follows, ",") { // a sentence
			usual = s.follows
		}
		names := strings.ReplaceAll(strings.Join(s.names, ","), ",", "` or `")
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", names, flag, usual, s.help)
	}
	return b.String()
}
