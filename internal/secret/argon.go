package secret

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

const (
	saltSize = 16
	keySize  = 32
	maxHash  = 512 // characters of a stored hash that are looked at
)

// A cost is what one hash takes. It is comparable.
type cost struct {
	memory, time uint32 // in KiB, in passes
	threads      uint8
}

var (
	usual   = cost{memory: 19 * 1024, time: 2, threads: 1} // OWASP's first choice for Argon2id
	highest = cost{memory: 64 * 1024, time: 10, threads: 4}
)

// errHash never quotes the hash, for it ends in a log.
var errHash = errors.New("secret: a stored password hash is malformed or costs too much")

// An argonHash is an Argon2id hash with what is needed to make it again.
type argonHash struct {
	cost
	salt, key []byte
}

func newArgon(password string) argonHash {
	a := argonHash{cost: usual, salt: random(saltSize)}
	a.key = a.of(password, keySize)
	return a
}

func (a argonHash) of(password string, size int) []byte {
	return argon2.IDKey([]byte(password), a.salt, a.time, a.memory, a.threads, uint32(size))
}

func (a argonHash) matches(password string) bool {
	return subtle.ConstantTimeCompare(a.key, a.of(password, len(a.key))) == 1
}

// weak reports whether a was made in another way than today.
func (a argonHash) weak() bool {
	return a.cost != usual || len(a.salt) < saltSize || len(a.key) < keySize
}

func (c cost) String() string {
	return fmt.Sprintf("m=%d,t=%d,p=%d", c.memory, c.time, c.threads)
}

var phc = base64.RawStdEncoding.Strict()

// String writes a as a PHC string: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
func (a argonHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$%s$%s$%s", argon2.Version, a.cost,
		phc.EncodeToString(a.salt), phc.EncodeToString(a.key))
}

// parseArgon reads what String writes, of any cost that is bearable.
func parseArgon(s string) (argonHash, error) {
	part := strings.Split(s, "$")
	if len(s) > maxHash || len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != "v=19" {
		return argonHash{}, errHash
	}
	c, err1 := parseCost(part[3])
	salt, err2 := phc.DecodeString(part[4])
	key, err3 := phc.DecodeString(part[5])
	a := argonHash{c, salt, key}
	// Base64 passes over line breaks and Sscanf over what follows: a hash has one spelling.
	if errors.Join(err1, err2, err3) != nil || len(salt) < 8 || len(key) < 16 || a.String() != s {
		return argonHash{}, errHash
	}
	return a, nil
}

func parseCost(s string) (c cost, err error) {
	_, err = fmt.Sscanf(s, "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads)
	switch {
	case err != nil:
		return c, errHash
	case c.time < 1, c.threads < 1, c.memory < 8*uint32(c.threads):
		return c, errHash
	case c.time > highest.time, c.threads > highest.threads, c.memory > highest.memory:
		return c, errHash
	}
	return c, nil
}
