package transfer

import (
	"errors"
	"strconv"
	"strings"

	"cartracker/internal/date"
	"cartracker/internal/money"
	"cartracker/internal/sheet"
)

// A column is one column of the files of a kind: T is what is exported, D what
// an import writes to.
type column[T, D any] struct {
	name     string   // its heading in exports, and the field's name in the API
	headings []string // others that mean it
	get      func(*T) string
	set      func(*parser, *D, string) error // nil if the program itself knows better
}

// A parser is what reading a cell depends on.
type parser struct {
	fold   func(string) string
	serial bool     // days may come as numbers
	units  []string // that amounts may have beside them
}

// The setters below read a cell into the field of a draft that a function names.

func words[D any](field func(*D) *string) func(*parser, *D, string) error {
	return func(_ *parser, d *D, cell string) error {
		setText(field(d), cell)
		return nil
	}
}

// setText keeps a text that differs only in what a file cannot tell.
func setText(to *string, cell string) {
	if told(*to) != told(cell) {
		*to = cell
	}
}

// told returns what a file can tell of a text: CSV not how its lines end, XLSX
// no control characters.
func told(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == '\ufffe' || r == '\uffff' {
			return '\ufffd'
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

func optional[D any](field func(*D) **string) func(*parser, *D, string) error {
	return func(_ *parser, d *D, cell string) error {
		to := field(d)
		if *to == nil || told(**to) != told(cell) {
			*to = &cell
		}
		return nil
	}
}

func whole[D any](field func(*D) *int) func(*parser, *D, string) error {
	return func(_ *parser, d *D, cell string) (err error) {
		*field(d), err = sheet.Integer(cell)
		return err
	}
}

func optionalWhole[D any](field func(*D) **int) func(*parser, *D, string) error {
	return func(_ *parser, d *D, cell string) error {
		n, err := sheet.Integer(cell)
		*field(d) = &n
		return err
	}
}

func amount[D any](field func(*D) *money.Amount) func(*parser, *D, string) error {
	return func(p *parser, d *D, cell string) (err error) {
		*field(d), err = sheet.Amount(cell, p.units...)
		return err
	}
}

func optionalAmount[D any](field func(*D) **money.Amount) func(*parser, *D, string) error {
	return func(p *parser, d *D, cell string) error {
		a, err := sheet.Amount(cell, p.units...)
		*field(d) = &a
		return err
	}
}

func day[D any](field func(*D) *date.Date) func(*parser, *D, string) error {
	return func(p *parser, d *D, cell string) (err error) {
		*field(d), err = sheet.Day(cell, p.serial)
		return err
	}
}

// word reads one of the words that a field can be, in any language that spelled
// has. What is none of them the domain refuses.
func word[D any, W ~string](field func(*D) *W, spelled map[string]W) func(*parser, *D, string) error {
	return func(p *parser, d *D, cell string) error {
		folded := p.fold(cell)
		w, known := spelled[letters(folded)]
		if !known {
			w = W(folded)
		}
		*field(d) = w
		return nil
	}
}

// oneOf reads a word as word does, and refuses any other: it is for what the domain does not check.
func oneOf[D any, W ~string](field func(*D) *W, spelled map[string]W, allowed string) func(*parser, *D, string) error {
	read := word(field, spelled)
	return func(p *parser, d *D, cell string) error {
		if _, known := spelled[letters(p.fold(cell))]; !known {
			return errors.New("must be one of " + allowed)
		}
		return read(p, d, cell)
	}
}

// The getters below write what is optional as an empty cell.

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func orNothing(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func at(m *date.Moment) string {
	if m == nil {
		return ""
	}
	b, _ := m.MarshalText()
	return string(b)
}
