package store

import (
	"database/sql/driver"
	"fmt"
	"strings"

	"cartracker/internal/record"
)

// personExpr looks the person up whose id is in col, as one text: an id, a
// role and a user name, which have no spaces, then the name.
func personExpr(col string) string {
	return "(SELECT u.id || ' ' || u.role || ' ' || u.username || ' ' || COALESCE(u.name, '') FROM users u WHERE u.id = " + col + ")"
}

// A person is stored as an id and read by personExpr.
type person struct{ p **record.Person }

// Value returns the id, or NULL for nobody.
func (p person) Value() (driver.Value, error) {
	if *p.p == nil {
		return nil, nil
	}
	return string((*p.p).ID), nil
}

// Scan reads what personExpr makes.
func (p person) Scan(src any) error {
	*p.p = nil
	if src == nil {
		return nil
	}
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("store: cannot scan a person from %T", src)
	}
	parts := strings.SplitN(s, " ", 4)
	if len(parts) != 4 {
		return fmt.Errorf("store: a person has %d parts", len(parts))
	}
	*p.p = &record.Person{ID: record.UserID(parts[0]), Role: record.Role(parts[1]), Username: parts[2]}
	if parts[3] != "" {
		(*p.p).Name = &parts[3]
	}
	return nil
}
