package redis_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"cartracker/internal/machinetest"
	"cartracker/internal/redis"
	"cartracker/internal/redis/redistest"
)

const password = "zq7/pass w:rd@#%"

func TestOpen(t *testing.T) {
	j := listenIn(t)
	s := redistest.New(t, redistest.Options{Password: password})
	with := func(user *url.Userinfo, path string) string {
		return (&url.URL{Scheme: "redis", User: user, Host: s.Addr(), Path: path}).String()
	}
	s.Do("ACL", "SETUSER", "amra", "on", ">zq7amra", "~*", "&*", "+@all")
	s.Do("ACL", "SETUSER", "dumb", "on", ">zq7dumb", "+hello", "+auth")
	right := url.UserPassword("", password)
	for name, tt := range map[string]struct{ url, want string }{
		"right":         {with(right, ""), ""},
		"by name":       {with(url.UserPassword("default", password), "/0"), ""},
		"another user":  {with(url.UserPassword("amra", "zq7amra"), "/15"), ""},
		"wrong":         {with(url.UserPassword("", "zq7wrong"), ""), "refuses the user name or the password"},
		"unknown":       {with(url.UserPassword("zq7user", "zq7wrong"), ""), "refuses the user name or the password"},
		"none":          {with(nil, ""), "needs a password"},
		"no database":   {with(right, "/16"), "has no database 16"},
		"not permitted": {with(url.UserPassword("dumb", "zq7dumb"), ""), "does not let this user do what is needed"},
		"no address":    {"", "must be redis://"},
		"no host":       {"redis://:" + url.QueryEscape(password) + "@/1", "must be redis://"},
		"not a number":  {with(right, "/zq7"), "must be redis://"},
		"two numbers":   {with(right, "/1/2"), "must be redis://"},
		"negative":      {with(right, "/-1"), "must be redis://"},
		"a parameter":   {with(right, "") + "?db=1", "must be redis://"},
		"other scheme":  {"http://u:zq7@" + s.Addr(), "must be redis://"},
		"unreadable":    {"redis://u:zq7%@" + s.Addr(), "must be redis://"},
		"bad port":      {"redis://u:zq7@127.0.0.1:x", "must be redis://"},
	} {
		l, err := redis.Open(t.Context(), tt.url)
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "zq7") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || !l.Up() || l.State() != "connected" || l.Set(t.Context(), "k", nil, time.Minute) != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		l.Close()
		l.Close()
		if _, _, err := l.Get(t.Context(), "k"); err != redis.ErrDown || l.State() != "down" {
			t.Errorf("%s: closed, but %v", name, err)
		}
	}
	if strings.Contains(j.String(), "zq7") {
		t.Errorf("a secret is in the log:\n%s", j)
	}
}

func TestPasswordThatIsNotAsked(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	if l := redistest.Open(t, "redis://:x@"+s.Addr()); !l.Up() {
		t.Error("down")
	}
}

func TestUnreachableAtStart(t *testing.T) {
	j := listenIn(t)
	s := redistest.Stopped(t, redistest.Options{Password: password})
	l := redistest.Open(t, s.URL())
	if l.Up() || l.State() != "down" {
		t.Fatal(l.State())
	}
	if _, _, err := l.Get(t.Context(), "k"); err != redis.ErrDown {
		t.Error(err)
	}
	s.Start()
	eventually(t, 5*time.Second, "the line is up", l.Up)
	if err := l.Set(t.Context(), "k", nil, time.Minute); err != nil {
		t.Error(err)
	}
	if got := j.states(); got != "connecting error reconnecting ready" || strings.Contains(j.String(), "zq7") {
		t.Error(j)
	}
}

// TestPasswordChangedMeanwhile looks whether the log says why a server that is
// there again is of no use.
func TestPasswordChangedMeanwhile(t *testing.T) {
	j := listenIn(t)
	s := redistest.New(t, redistest.Options{Password: password})
	l := redistest.Open(t, s.URL())
	s.SetPassword("zq7other")
	eventually(t, patience, "the reason is logged", func() bool { return strings.Contains(j.String(), "refuses the user name or the password") })
	if l.Up() || j.states() != "connecting ready error reconnecting error" || strings.Contains(j.String(), "zq7") {
		t.Error(j)
	}
}

// strange are servers that are none, by what they do with a connection.
var strange = map[string]func(net.Conn){
	"silent":     func(c net.Conn) { relay(nil, c) },
	"closes":     func(net.Conn) {},
	"HTTP":       says("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
	"SSH":        says("SSH-2.0-OpenSSH_9.2p1\r\n"),
	"zeros":      says(strings.Repeat("\x00", 100_000)),
	"no end":     says("+" + strings.Repeat("a", 1_000_000)),
	"huge":       says("$99999999999999\r\n"),
	"negative":   says("*-7\r\n"),
	"deep":       says(strings.Repeat("*1\r\n", 100_000)),
	"wide":       says("*4294967296\r\n"),
	"many":       says(strings.Repeat("+OK\r\n", 10_000)),
	"a number":   says(":1\r\n"),
	"a map":      says("%0\r\n"),
	"pushes":     says(">3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n"),
	"loads":      says(strings.Repeat("-LOADING Redis is loading the dataset in memory\r\n", 5)),
	"full":       says("-ERR max number of clients reached\r\n"),
	"repeats":    func(c net.Conn) { relay(c, c) },
	"line feeds": says(strings.Repeat("\n", 1000)),
}

func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1000))
		_, _ = c.Write([]byte(text))
		relay(nil, c) // until the other side has enough
	}
}

func TestStrangeServers(t *testing.T) {
	for name, serve := range strange {
		t.Run(name, func(t *testing.T) {
			j := listenIn(t)
			addr := listen(t, serve)
			began := time.Now()
			l := redistest.Open(t, fmt.Sprintf("redis://amra:zq7pass@%s/1", addr))
			if took := time.Since(began); l.Up() || took > machinetest.Timely(1500*time.Millisecond) {
				t.Errorf("up %v after %s", l.Up(), took)
			}
			if _, _, err := l.Get(t.Context(), "k"); err != redis.ErrDown {
				t.Error(err)
			}
			if j.states() != "connecting error" && j.states() != "connecting error reconnecting" || strings.Contains(j.String(), "zq7") {
				t.Error(j)
			}
		})
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	addr := listen(t, strange["silent"])
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	l, err := redis.Open(ctx, "redis://"+addr)
	if err != nil || l.Up() || time.Since(began) > machinetest.Timely(500*time.Millisecond) {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	l.Close()
}
