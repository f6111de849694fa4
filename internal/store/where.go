package store

import (
	"strings"

	"cartracker/internal/text"
)

// A where is a list of conditions that must all hold.
type where struct {
	conds []string
	args  []any
}

// add adds a condition.
func (w *where) add(cond string, args ...any) {
	// New slices, so that a where can be copied and each copy go its own way.
	w.conds = append(w.conds[:len(w.conds):len(w.conds)], cond)
	w.args = append(w.args[:len(w.args):len(w.args)], args...)
}

// is adds a condition on arg, unless arg is the zero value of its type: a filter that is not set.
func is[T comparable](w *where, cond string, arg T) {
	var unset T
	if arg != unset {
		w.add(cond, value(&arg))
	}
}

// like returns the pattern of a contains-search for q in folded text, with
// what the pattern language would take otherwise made literal.
func like(q string) string {
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	return "%" + escape.Replace(folded(q)) + "%"
}

// folded is q as it is found in folded text.
func folded(q string) string { return text.Fold(text.Clean(q)) }

// contains is the condition of a contains-search in a folded column.
func contains(col string) string { return col + ` LIKE ? ESCAPE '\'` }

func (w where) clause() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}
