package sheet

import "strings"

// A cell that begins with one of these is a formula to a spreadsheet that opens
// a CSV, and may do there what nobody asked for.
const formula = "=+-@\t\r"

// unguard takes one apostrophe off a cell that was kept from being a formula.
func unguard(cell string) string {
	if guarded(cell) {
		return cell[1:]
	}
	return cell
}

// guarded reports whether a cell is a formula behind apostrophes.
func guarded(cell string) bool { return strings.HasPrefix(cell, "'") && dangerous(cell) }

// dangerous reports whether a cell is a formula, behind apostrophes or not.
func dangerous(cell string) bool {
	rest := strings.TrimLeft(cell, "'")
	return rest != "" && strings.IndexByte(formula, rest[0]) >= 0
}
