// Package text makes text written in different ways comparable.
package text

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Name returns s with each character in its one usual form (NFKC), so that two
// user names which look the same are the same. It keeps the case.
func Name(s string) string { return norm.NFKC.String(s) }

// Clean returns s composed (NFC) and without the white space around it: what
// is kept of a text that somebody typed.
func Clean(s string) string { return strings.TrimSpace(norm.NFC.String(s)) }
