package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// A Source is where the text of a setting came from.
type Source string

// The sources of a setting, weakest first.
const (
	FromDefault     Source = "default"
	FromEnvironment Source = "environment"
	FromFile        Source = "file"
	FromFlag        Source = "flag"
)

// maxFile is the most a file named by a variable may hold, in bytes.
const maxFile = 64 << 10

// Check takes what the flags left open from the process environment and works
// every setting out. Its error has one line for each wrong setting: what it is
// called and what it may be, never what it held. It may be called again.
func (c *Config) Check() error { return c.Load(os.LookupEnv) }

// CheckAddress is Check of where the program listens, HOST and PORT, and looks at
// nothing else: systemd lets what it runs beside the program read no secret.
func (c *Config) CheckAddress() error {
	k := c.checker(os.LookupEnv)
	for _, s := range settings() {
		if s.name() == "HOST" || s.name() == "PORT" {
			k.read(s)
		}
	}
	k.listener()
	return k.err()
}

// Load is Check with another environment than the one of the process. A field
// that is not empty beforehand counts as a flag.
func (c *Config) Load(env func(string) (string, bool)) error {
	k := c.checker(env)
	for _, s := range settings() {
		k.read(s)
	}
	k.general()
	k.network()
	k.database()
	k.pool()
	k.replicas()
	k.redis()
	k.cache()
	k.limits()
	k.backups()
	k.signIn()
	k.email()
	k.business()
	k.logs()
	k.errorReports()
	k.traces()
	return k.err()
}

// A checker fills a Config and collects what is wrong with it.
type checker struct {
	*Config
	env      func(string) (string, bool)
	problems map[string]string // by variable
}

func (c *Config) checker(env func(string) (string, bool)) *checker {
	if c.sources == nil {
		c.sources = map[string]Source{}
	}
	return &checker{Config: c, env: env, problems: map[string]string{}}
}

// check records that the setting must be as said unless ok. The first problem
// of a setting stands.
func (k *checker) check(ok bool, name, must string) {
	if !ok && k.problems[name] == "" {
		k.problems[name] = must
	}
}

func (k *checker) wrong(name string) bool { return k.problems[name] != "" }
func (k *checker) unset(name string) bool { return k.sources[name] == FromDefault }
func (k *checker) err() error {
	var lines []error
	for _, s := range settings() {
		if k.wrong(s.name()) {
			lines = append(lines, fmt.Errorf("%s: %s", k.called(s), k.problems[s.name()]))
		}
	}
	return errors.Join(lines...)
}

// called names a setting as the one who gave it knows it.
func (k *checker) called(s setting) string {
	if k.sources[s.name()] == FromFlag && s.flag != "" {
		return s.name() + " (--" + s.flag + ")"
	}
	return s.name()
}

// read puts the text in force into the field of s and notes where it is from.
func (k *checker) read(s setting) {
	from, checked := k.sources[s.name()]
	if s.get(k.Config) != "" && (!checked || from == FromFlag) {
		k.sources[s.name()] = FromFlag
		return
	}
	for _, name := range s.names {
		text, source, err := lookup(k.env, name)
		if err != nil {
			k.check(false, s.name(), err.Error())
		}
		if source != FromDefault {
			k.sources[s.name()] = source
			s.set(k.Config, text)
			return
		}
	}
	k.sources[s.name()] = FromDefault
	s.set(k.Config, s.initial)
}

// LookupSecret returns what is in a variable of the process, or in the file that
// the variable with _FILE behind its name names. It is for what one command
// alone needs.
func LookupSecret(name string) (Secret, error) {
	text, _, err := lookup(os.LookupEnv, name)
	if err != nil {
		return Secret{}, fmt.Errorf("%s: %w", name, err)
	}
	return NewSecret(text), nil
}

// lookup finds the text of a variable in the environment or in the file that
// its _FILE names.
func lookup(env func(string) (string, bool), name string) (string, Source, error) {
	text, _ := env(name)
	path, _ := env(name + "_FILE")
	switch {
	case text != "" && path != "":
		return "", FromEnvironment, fmt.Errorf("set it or %s_FILE, not both", name)
	case path != "":
		text, err := readFile(path)
		if err != nil {
			err = fmt.Errorf("the file that %s_FILE names %w", name, err)
		}
		return text, FromFile, err
	case text != "":
		return text, FromEnvironment, nil
	}
	return "", FromDefault, nil
}

// readFile returns what a file holds without its last line ends. Its errors do
// not tell the path: people put the secret itself there.
func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", unreadable(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", unreadable(err)
	}
	text := strings.TrimRight(string(b), "\r\n")
	switch {
	case len(b) > maxFile:
		return "", errors.New("is larger than 64 KiB")
	case text == "":
		return "", errors.New("is empty")
	}
	return text, nil
}

func unreadable(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("cannot be read: %w", err)
}
