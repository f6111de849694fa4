package record_test

import (
	"strings"
	"testing"

	"cartracker/internal/fault"
	"cartracker/internal/record"
)

// passes reports whether a check finds nothing wrong.
func passes(check func(*fault.Fields)) bool {
	var bad fault.Fields
	check(&bad)
	return bad.Err() == nil
}

func ptr[T any](v T) *T { return &v }

func TestCheckText(t *testing.T) {
	for _, c := range []struct {
		text        string
		least, most int
		want        bool
	}{
		{"", 1, 5, false},
		{"", 0, 5, true},
		{"a", 2, 5, false},
		{"ab", 2, 5, true},
		{"šđčćž", 2, 5, true}, // characters, not bytes
		{"šđčćža", 2, 5, false},
	} {
		if got := passes(func(bad *fault.Fields) { record.CheckText(bad, "f", c.text, c.least, c.most) }); got != c.want {
			t.Errorf("CheckText(%q, %d, %d) = %t", c.text, c.least, c.most, got)
		}
	}
	if !passes(func(bad *fault.Fields) { record.CheckOptional(bad, "f", nil, 1) }) ||
		!passes(func(bad *fault.Fields) { record.CheckOptional(bad, "f", ptr("š"), 1) }) ||
		passes(func(bad *fault.Fields) { record.CheckOptional(bad, "f", ptr("ab"), 1) }) {
		t.Error("CheckOptional counts wrong")
	}
}

func TestCheckOneOfAndRange(t *testing.T) {
	for v, want := range map[string]bool{"a": true, "b": true, "A": false, "": false, "c": false} {
		if got := passes(func(bad *fault.Fields) { record.CheckOneOf(bad, "f", v, "a", "b") }); got != want {
			t.Errorf("CheckOneOf(%q) = %t", v, got)
		}
	}
	for n, want := range map[int]bool{0: false, 1: true, 6: true, 7: false, -1: false} {
		if got := passes(func(bad *fault.Fields) { record.CheckRange(bad, "f", &n, 1, 6) }); got != want {
			t.Errorf("CheckRange(%d) = %t", n, got)
		}
	}
	if !passes(func(bad *fault.Fields) { record.CheckRange(bad, "f", nil, 1, 6) }) {
		t.Error("CheckRange refuses nothing")
	}
}

func TestCheckEmail(t *testing.T) {
	for text, want := range map[string]bool{
		"ana@example.com":                        true,
		"a.b+c@sub.example.com":                  true,
		"žana@example.com":                       true,
		"ana":                                    false,
		"@example.com":                           false,
		"ana@":                                   false,
		"Ana <ana@example.com>":                  false,
		"<ana@example.com>":                      false,
		" ana@example.com":                       false,
		"a@example.com, b@x.ba":                  false,
		"a@example.com\nBcc: b":                  false,
		"":                                       false,
		strings.Repeat("a", 65) + "@example.com": false,
		strings.Repeat("a", 64) + "@example.com": true,
		"a@" + strings.Repeat("abcdefghi.", 25) + "ba":    true,
		"a@" + strings.Repeat("abcdefghi.", 25) + "com":   false,
		"a@" + strings.Repeat("ž", 20) + "." + "example":  true,
		"a@" + strings.Repeat("жњ", 30) + "." + "example": false,

		"ana@šarić.example":     true, // its domain is written in ASCII on the way
		"ana@xn--ari-spa06b.ba": true,
		"пошта@пример.срб":      true,
		"ana@localhost":         true,
		"o'neil_1/2@example.ba": true,

		"a@x.com,b@x.com":                       false,
		"a@x.com;b@x.com":                       false,
		"a@x.com b@x.com":                       false,
		"a@x.com, <b@x.com>":                    false,
		"Friends: a@x.com, b@x.com;":            false,
		"a@x.com (Ana)":                         false,
		"a@b@x.com":                             false,
		`"a b"@x.com`:                           false, // quoted local parts
		`"a"@x.com`:                             false,
		`"a@b"@x.com`:                           false,
		`a"b@x.com`:                             false,
		"a@x.com\r\nBcc: b@x.com":               false,
		"a\r\n@x.com":                           false,
		"a@x.com\n":                             false,
		"a\tb@x.com":                            false,
		"a\x00b@x.com":                          false,
		"a\x7fb@x.com":                          false,
		"a\u0085b@x.com":                        false, // a line end of another kind
		"a\u2028b@x.com":                        false,
		"a\u200bb@x.com":                        false, // of no width
		"a\u202eb@x.com":                        false, // turns the text around
		"a\u00a0b@x.com":                        false,
		"a\ufeffb@x.com":                        false,
		"\U0001f697@x.com":                      false,
		"a\xffb@x.com":                          false,
		"a@[192.0.2.1]":                         false,
		"a@x..com":                              false,
		"a@.x.com":                              false,
		"a@x.com.":                              false,
		"a@-x.com":                              false,
		"a@x-.com":                              false,
		"a@x_y.com":                             false,
		"a@x!y":                                 false,
		"a@x\u3002com":                          false, // a full stop of another kind
		"a@" + strings.Repeat("x", 64) + ".com": false,
		".a@x.com":                              false,
		"a..b@x.com":                            false,
		"{{.Link}}@x.com":                       true, // odd, and allowed: whatever writes it escapes it
	} {
		if got := passes(func(bad *fault.Fields) { record.CheckEmail(bad, "f", text) }); got != want {
			t.Errorf("CheckEmail(%q) = %t", text, got)
		}
	}
}

func TestCheckPhoto(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.com/a.png": true,
		"http://example.com":        true,
		"golf-1_2.jpg":              true,
		"javascript:alert(1)":       false,
		"data:image/png;base64,x":   false,
		"ftp://example.com/a":       false,
		"https://":                  false,
		"../secret":                 false,
		"a/b.png":                   false,
		".hidden":                   false,
		"a b":                       false,
		"":                          false,
		"https://example.com/" + strings.Repeat("a", 2048): false,
		strings.Repeat("a", 256):                           false,
	} {
		if got := passes(func(bad *fault.Fields) { record.CheckPhoto(bad, "f", &text) }); got != want {
			t.Errorf("CheckPhoto(%q) = %t", text, got)
		}
	}
	if !passes(func(bad *fault.Fields) { record.CheckPhoto(bad, "f", nil) }) {
		t.Error("CheckPhoto refuses nothing")
	}
}

func TestCheckPhone(t *testing.T) {
	for text, want := range map[string]bool{
		"061 123 456": true, "+387 (61) 123-456": true, "123456": true, "061/123.456": true, "12345678901234567890": true,
		"12345": false, "123456789012345678901": false, "phone me": false, "+38761x": false, "": false, "(061) 123": false,
	} {
		if got := passes(func(bad *fault.Fields) { record.CheckPhone(bad, "f", &text) }); got != want {
			t.Errorf("CheckPhone(%q) = %t", text, got)
		}
	}
	if !passes(func(bad *fault.Fields) { record.CheckPhone(bad, "f", nil) }) {
		t.Error("CheckPhone refuses nothing")
	}
}

func TestTrim(t *testing.T) {
	text, some, blank := " a b\t", ptr("\n x "), ptr("  ")
	var none *string
	record.Trim(&text)
	record.TrimOptional(&some, &blank, &none)
	if text != "a b" || *some != "x" || blank != nil || none != nil {
		t.Errorf("trimmed to %q, %q, %v, %v", text, *some, blank, none)
	}
}
