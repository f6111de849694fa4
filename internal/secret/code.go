package secret

import (
	"encoding/base32"
	"strings"
	"unicode"
)

// crockford leaves out i, l, o and u, which are misread or spell words.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewCode returns 128 random bits for a person to type, such as
// 7k2mx-9f3q-w8ta-c4hd-e6zn-5pbr0.
func NewCode() string { return code(random(16)) }

func code(bits []byte) string {
	s := crockford.EncodeToString(bits) // 26 characters
	return strings.Join([]string{s[:5], s[5:9], s[9:13], s[13:17], s[17:21], s[21:]}, "-")
}

// NormalCode returns a code as it is digested, however it was typed: capitals,
// other groups, o for 0, i or l for 1.
func NormalCode(s string) string {
	return strings.Map(func(r rune) rune {
		switch r = unicode.ToLower(r); {
		case unicode.Is(unicode.Dash, r), unicode.IsSpace(r):
			return -1
		case r == 'o':
			return '0'
		case r == 'i', r == 'l':
			return '1'
		}
		return r
	}, s)
}
