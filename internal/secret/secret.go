// Package secret has passwords, tokens and keys: how they are made, checked
// and kept so that what is stored opens nothing.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// NewToken returns 256 random bits as text that fits a cookie and a link.
func NewToken() string { return base64.RawURLEncoding.EncodeToString(random(32)) }

// Digest returns the SHA-256 of token in hex: what is stored in its place.
// It suits only secrets that nobody can guess; passwords need a Hasher.
func Digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return b
}
