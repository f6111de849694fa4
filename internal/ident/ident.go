// Package ident makes identifiers that sort by the time they were made.
package ident

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// New returns a new UUIDv7 of type T (RFC 9562, section 5.7): 48 bits of
// milliseconds, 12 bits of the fraction of a millisecond (method 3), 62 random bits.
func New[T ~string]() T {
	var b [16]byte
	_, _ = rand.Read(b[8:]) // never fails since Go 1.24
	now := time.Now()
	fraction := uint64(now.Nanosecond()%1_000_000) * 4096 / 1_000_000
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16|0x7000|fraction)
	b[8] = b[8]&0x3f | 0x80
	return T(format(b))
}

func format(b [16]byte) string {
	var out [36]byte
	hex.Encode(out[0:8], b[0:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:36], b[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// Valid reports whether s is written as this package writes identifiers: a
// UUID in lower case.
func Valid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
