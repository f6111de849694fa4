package config

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

const mustRedisURL = "must be redis://USER:PASSWORD@HOST:PORT/DB, or rediss:// for TLS, with special characters in the password as %XX"

func (k *checker) redis() {
	k.between("REDIS_PORT", k.RedisPort, 1, 65535)
	k.between("REDIS_DB", k.RedisDB, 0, 15)
	k.check(k.RedisHost == "" || isHost(k.RedisHost), "REDIS_HOST", "must be a host name or an address, without a port")
	k.check(k.RedisHost == "" || !k.RedisURL.IsSet(), "REDIS_HOST", "set it or REDIS_URL, not both")
	for _, name := range []string{"REDIS_PORT", "REDIS_PASSWORD", "REDIS_DB"} {
		k.check(k.RedisHost != "" || k.unset(name) || k.wrong("REDIS_HOST"), name, "means something only together with REDIS_HOST")
	}
	k.Redis = k.sharedRedis()
}

// sharedRedis returns the URL of the Redis that is asked for: by URL, by parts, or none.
func (k *checker) sharedRedis() Secret {
	if k.RedisURL.IsSet() {
		ok := isRedisURL(k.RedisURL.Reveal())
		k.check(ok, "REDIS_URL", mustRedisURL)
		if !ok {
			return Secret{}
		}
		return k.RedisURL
	}
	if k.RedisHost == "" {
		return Secret{}
	}
	u := url.URL{Scheme: "redis", Host: net.JoinHostPort(k.RedisHost, k.RedisPort), Path: "/" + k.RedisDB}
	if k.RedisPassword.IsSet() {
		u.User = url.UserPassword("", k.RedisPassword.Reveal())
	}
	return NewSecret(u.String())
}

func isRedisURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || strings.ContainsAny(text, "?#") || !isHost(u.Hostname()) || !isPort(u) {
		return false
	}
	db := strings.TrimPrefix(u.Path, "/")
	_, err = strconv.ParseUint(db, 10, 15)
	return db == "" || err == nil
}

// shownRedis is the URL without its password. Some write that where the user belongs.
func shownRedis(s Secret) string {
	u, err := url.Parse(s.Reveal())
	if err != nil {
		return s.String()
	}
	if _, ok := u.User.Password(); !ok && u.User != nil {
		u.User = url.User("xxxxx")
	}
	return u.Redacted()
}
