package store

import (
	"fmt"

	"cartracker/internal/date"
)

// scanner returns what scans into a field. database/sql itself takes numbers
// and optional fields by way of text and reflection, which is a fifth of the
// time of a long list.
func scanner(field any) any {
	switch f := field.(type) {
	case *int:
		return intScanner{f}
	case **int:
		return optionalInt{f}
	case **string:
		return optionalText{f}
	}
	return field
}

type intScanner struct{ to *int }

func (s intScanner) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("store: cannot scan a number from %T", src)
	}
	*s.to = int(n)
	return nil
}

type optionalInt struct{ to **int }

func (s optionalInt) Scan(src any) error {
	if src == nil {
		*s.to = nil
		return nil
	}
	*s.to = new(int)
	return intScanner{*s.to}.Scan(src)
}

type optionalText struct{ to **string }

func (s optionalText) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s.to = nil
	case string:
		*s.to = &v
	default:
		return fmt.Errorf("store: cannot scan text from %T", src)
	}
	return nil
}

// optionalDate leaves the zero day, which is none, for NULL.
type optionalDate struct{ to *date.Date }

func (s optionalDate) Scan(src any) error {
	if src == nil {
		*s.to = date.Date{}
		return nil
	}
	return s.to.Scan(src)
}

// optionalWord leaves "" for NULL.
type optionalWord[T ~string] struct{ to *T }

func (s optionalWord[T]) Scan(src any) error {
	text, ok := src.(string)
	if !ok && src != nil {
		return fmt.Errorf("store: cannot scan a word from %T", src)
	}
	*s.to = T(text)
	return nil
}
