package redis

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

var errAddress = errors.New("the address of Redis must be redis://USER:PASSWORD@HOST:PORT/DB, or rediss:// for TLS, with special characters in the password as %XX")

// An address says where Redis is and who we are there.
type address struct {
	host, port     string
	user, password string
	db             int
	encrypted      bool
}

// parse reads an address. Its error does not tell what was read: it may hold a password.
func parse(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return address{}, errAddress
	}
	a := address{host: u.Hostname(), port: u.Port(), user: u.User.Username(), encrypted: u.Scheme == "rediss"}
	a.password, _ = u.User.Password()
	if a.port == "" {
		a.port = "6379"
	}
	if db := strings.TrimPrefix(u.Path, "/"); db != "" {
		n, err := strconv.ParseUint(db, 10, 15)
		if err != nil {
			return address{}, errAddress
		}
		a.db = int(n)
	}
	return a, nil
}

// String is the address without the password.
func (a address) String() string { return net.JoinHostPort(a.host, a.port) }

// refusal returns what to tell whoever set the address, if err is a server that
// is there and wants nothing of us, and nil for any other error.
func (a address) refusal(err error) error {
	said, ok := errors.AsType[*rueidis.RedisError](err)
	if !ok {
		return nil
	}
	text := strings.TrimPrefix(said.Error(), "ERR ")
	for prefix, meaning := range map[string]string{
		"WRONGPASS":        "refuses the user name or the password",
		"invalid password": "refuses the password",
		"NOAUTH":           "needs a password",
		"AUTH":             "has no password, but the address has one",
		"DB index":         "has no database " + strconv.Itoa(a.db),
		"invalid DB index": "has no database " + strconv.Itoa(a.db),
		"SELECT is not":    "has no database " + strconv.Itoa(a.db),
		"NOPERM":           "does not let this user do what is needed",
		"DENIED":           "takes connections from its own machine only, until it has a password (protected mode)",
	} {
		if strings.HasPrefix(text, prefix) {
			return fmt.Errorf("the Redis server at %s %s", a, meaning)
		}
	}
	return nil
}

const longest = 200 // bytes of a reason

// tidy makes one line without secrets of what a server or the client said. A
// server that does not know a command repeats its arguments, and one that is no
// Redis may repeat anything.
func (a address) tidy(text string) string {
	text, _, _ = strings.Cut(text, ", with args beginning with")
	if a.password != "" {
		text = strings.ReplaceAll(text, a.password, "xxxxx")
	}
	if len(text) > longest {
		text = text[:longest]
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
}
