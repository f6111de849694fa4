package config

import (
	"strconv"
	"strings"
	"time"
)

const mostCalls = 1_000_000_000

// A Limit is how often somebody may do something within a time. The zero Limit
// allows any number.
type Limit struct {
	Count  int
	Window time.Duration
}

// Limits are those of requests.
type Limits struct {
	API   Limit // without a valid token, by address
	Auth  Limit // sign-ins that fail, by address
	Read  Limit // with a valid token, by user
	Write Limit // the same for what changes something

	StaffFactor int // how many times as many of the last two staff may make
}

func (k *checker) limits() {
	k.Limits = Limits{
		API:         k.limit("RATE_LIMIT_API", k.RateLimitAPI),
		Auth:        k.limit("RATE_LIMIT_AUTH", k.RateLimitAuth),
		Read:        k.limit("RATE_LIMIT_READ", k.RateLimitRead),
		Write:       k.limit("RATE_LIMIT_WRITE", k.RateLimitWrite),
		StaffFactor: k.between("RATE_LIMIT_STAFF_FACTOR", k.RateLimitStaffFactor, 1, 10_000),
	}
}

func (k *checker) limit(name, text string) Limit {
	if text == "off" {
		return Limit{}
	}
	l, err := parseLimit(text)
	k.check(err == nil, name, "must be COUNT/TIME such as 100/15m, with a count from 1 to 1000000000 and a time from 1s to 24h, or off")
	return l
}

func parseLimit(text string) (Limit, error) {
	count, window, _ := strings.Cut(text, "/")
	n, err := strconv.ParseUint(count, 10, 31)
	if err != nil || n < 1 || n > mostCalls {
		return Limit{}, errForm
	}
	d, err := parseDuration(window)
	if err != nil || d < time.Second || d > day {
		return Limit{}, errForm
	}
	return Limit{Count: int(n), Window: d}, nil
}

func (k *checker) cache() {
	n, err := parseSize(k.CacheSize)
	k.check(err == nil && n >= 1<<20 && n <= 64<<30, "CACHE_SIZE", "must be a size such as 64MiB, 500MB or 1GiB, or a number of bytes, from 1MiB to 64GiB")
	k.CacheBytes = n
}
