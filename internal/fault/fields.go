package fault

import "errors"

// A Field says what is wrong with one field of a request, never what it held.
type Field struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Fields collects what is wrong with a request, so that all of it is reported at once.
type Fields []Field

// Check records problem against field unless ok. The first problem of a field stands.
func (f *Fields) Check(ok bool, field, problem string) {
	if !ok && !f.has(field) {
		*f = append(*f, Field{field, problem})
	}
}

func (f *Fields) has(field string) bool {
	for _, have := range *f {
		if have.Field == field {
			return true
		}
	}
	return false
}

// Err returns an Invalid error if any check failed, else nil.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: "invalid", Message: "some fields need attention", Fields: f}
}

// All returns one error for errs: their fields together if each that is not
// nil is about fields, else the first that is not.
func All(errs ...error) error {
	var all Fields
	for _, err := range errs {
		if err == nil {
			continue
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || len(e.Fields) == 0 {
			return err
		}
		for _, f := range e.Fields {
			all.Check(false, f.Field, f.Message)
		}
	}
	return all.Err()
}
