package jobs

import (
	"fmt"

	"cartracker/internal/observe"
)

// A scrubbedError is its cause, and says less.
type scrubbedError struct {
	text  string
	cause error
}

func (e *scrubbedError) Error() string { return e.text }
func (e *scrubbedError) Unwrap() error { return e.cause }

// scrubbed returns err without secrets in its text.
func scrubbed(err error) error {
	if err == nil {
		return nil
	}
	text := observe.TextOf(err)
	if text == err.Error() {
		return err
	}
	return &scrubbedError{text, err}
}

// scrubbedPanic returns what a panic is about without secrets in its text.
func scrubbedPanic(v any) any {
	if err, ok := v.(error); ok {
		return scrubbed(err)
	}
	return observe.Scrub(fmt.Sprint(v))
}
