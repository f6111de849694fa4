package config

import (
	"fmt"
	"io"
	"log/slog"
)

// A Secret is a setting that must not be seen. However it is printed, logged or
// encoded it says only whether it is set. The text is behind a pointer, so that
// even a printer that looks into unexported fields finds an address.
type Secret struct{ text *string }

// NewSecret returns the Secret that holds text. An empty text is no secret at all.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns what s holds, or "" if it is not set.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsSet reports whether s holds anything.
func (s Secret) IsSet() bool { return s.text != nil }

// String says whether s is set.
func (s Secret) String() string {
	if s.IsSet() {
		return "(set)"
	}
	return "(not set)"
}

// Format prints String for every verb, the odd ones included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue logs String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText encodes String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
