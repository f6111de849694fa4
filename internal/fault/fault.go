// Package fault names the ways a request can fail that its caller may be told
// about. Any other error is a bug or an outage: it is logged, never shown.
package fault

import (
	"errors"
	"time"
)

// Kind says who has to act, and so which HTTP status the edge answers with.
type Kind uint8

// The kinds of failure. The zero Kind is anything that nobody classified.
const (
	Internal        Kind = iota // a bug
	Malformed                   // not what the protocol allows: bad JSON, a bad id, a bad query
	Invalid                     // well-formed, but a rule forbids it
	Unauthenticated             // nobody known is asking
	Forbidden                   // this caller may not
	NotFound                    // no such thing, or not for this caller
	Conflict                    // it clashes with what is already recorded
	Stale                       // it was changed since the caller read it
	TooLarge                    // more than a request may carry
	Unsupported                 // a media type that is not taken
	Exhausted                   // a limit of the caller is used up
	Unavailable                 // an outage or overload that will pass
)

// An Error is safe to show to the person who caused it.
type Error struct {
	Kind       Kind
	Code       string        // stable and machine-readable, such as "car_taken"
	Message    string        // for a person
	Fields     Fields        // what is wrong with each field, when Kind is Invalid
	RetryAfter time.Duration // when to try again, when Kind is Exhausted or Unavailable
}

// New returns an Error to be kept in a package variable and compared with errors.Is.
func New(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Is reports whether target is the same failure, whatever its message says.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Code == e.Code
}

// Say returns a copy of e with a message that tells more.
func (e *Error) Say(message string) *Error {
	c := *e
	c.Message = message
	return &c
}

// Of returns the Error that err wraps. An err that wraps none becomes an
// Internal one that says nothing about its cause.
func Of(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Code: "internal_error", Message: "something went wrong on our side"}
}
