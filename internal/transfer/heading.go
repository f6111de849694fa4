package transfer

import (
	"strings"
	"unicode"

	"cartracker/internal/fault"
)

// ErrHeadings refuses a file whose first line does not name its columns.
var ErrHeadings = fault.New(fault.Invalid, "bad_headings", "the first line of the file has to name its columns")

// letters returns s without anything but letters and digits, so that "Cijena
// po danu", "cijena_po_danu" and "Cijena/po danu" are one heading.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// A layout says which cell of a row is which column of a kind.
type layout struct {
	headings []string // as the file has them
	column   []int    // of each heading, -1 if it means none
	cell     []int    // of each column, -1 if the file does not have it
}

// names returns the folded headings that mean column i.
func names[T, D any](fold func(string) string, c column[T, D]) []string {
	all := []string{letters(fold(c.name))}
	for _, h := range c.headings {
		all = append(all, letters(fold(h)))
	}
	return all
}

// lay finds the columns of a kind among the headings of a file. A heading that
// two columns could have means the first of them. The columns in need have to be there.
func lay[T, D any](fold func(string) string, columns []column[T, D], headings []string, need ...string) (layout, error) {
	l := layout{headings: headings, column: make([]int, len(headings)), cell: make([]int, len(columns))}
	meaning := map[string]int{}
	for i := len(columns) - 1; i >= 0; i-- {
		l.cell[i] = -1
		for _, n := range names(fold, columns[i]) {
			meaning[n] = i
		}
	}
	for h, heading := range headings {
		i, known := meaning[letters(fold(heading))]
		switch {
		case !known:
			l.column[h] = -1
		case l.cell[i] >= 0:
			return l, ErrHeadings.Say("the columns " + headings[l.cell[i]] + " and " + heading + " mean the same: " + columns[i].name)
		default:
			l.column[h], l.cell[i] = i, h
		}
	}
	return l, l.require(need, func(i int) string { return columns[i].name })
}

// require refuses a layout without the columns in need.
func (l layout) require(need []string, name func(int) string) error {
	var missing []string
	for i, cell := range l.cell {
		for _, n := range need {
			if name(i) == n && cell < 0 {
				missing = append(missing, n)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return ErrHeadings.Say("the file has no column for " + strings.Join(missing, " and ") + "; its first line has to name the columns")
}

// unknown returns the headings that mean nothing.
func (l layout) unknown() []string {
	out := []string{}
	for h, i := range l.column {
		if i < 0 && strings.TrimSpace(l.headings[h]) != "" {
			out = append(out, l.headings[h])
		}
	}
	return out
}

// at returns the cell of a column in a row, "" if it has none.
func (l layout) at(column int, cells []string) string {
	if i := l.cell[column]; i >= 0 && i < len(cells) {
		return cells[i]
	}
	return ""
}
