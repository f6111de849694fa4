package config

import (
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// A setting is what the tags of one field of Config say.
type setting struct {
	names   []string // the variable, then its aliases
	flag    string   // without dashes, "" for a secret
	initial string   // the text in force if none is given
	follows string   // how that text is computed, if it is
	help    string
	field   int
}

// settings returns every setting in the order of Config.
func settings() []setting {
	var all []setting
	for i, t := 0, reflect.TypeFor[Config](); i < t.NumField(); i++ {
		tag := t.Field(i).Tag
		if tag.Get("setting") == "" {
			continue
		}
		s := setting{
			names:   strings.Split(tag.Get("setting"), ","),
			initial: tag.Get("initial"),
			follows: tag.Get("follows"),
			help:    tag.Get("help"),
			field:   i,
		}
		if tag.Get("kong") != "-" {
			s.flag = strings.ReplaceAll(strings.ToLower(s.names[0]), "_", "-")
		}
		all = append(all, s)
	}
	return all
}

func (s setting) name() string { return s.names[0] }

// usual tells what is in force if nothing is given.
func (s setting) usual() string {
	if s.follows != "" {
		return s.follows
	}
	return s.initial
}

func (s setting) get(c *Config) string {
	switch field := reflect.ValueOf(c).Elem().Field(s.field).Interface().(type) {
	case Secret:
		return field.Reveal()
	case string:
		return field
	}
	return ""
}

func (s setting) set(c *Config, text string) {
	switch field := reflect.ValueOf(c).Elem().Field(s.field).Addr().Interface().(type) {
	case *Secret:
		*field = NewSecret(text)
	case *string:
		*field = text
	}
}

// describe is the help of a flag. For one of our settings it tells the default
// and the variable, which kong knows nothing of.
func describe(v *kong.Value) string {
	names := v.Tag.Get("setting")
	if names == "" {
		return kong.DefaultHelpValueFormatter(v)
	}
	s := setting{initial: v.Tag.Get("initial"), follows: v.Tag.Get("follows")}
	note := "$" + strings.ReplaceAll(names, ",", ", $")
	if usual := s.usual(); usual != "" {
		note = "default " + usual + "; " + note
	}
	return strings.TrimSuffix(v.Help, ".") + " (" + note + ")."
}
