package record

import "cartracker/internal/fault"

// Errors of requests that come twice.
var (
	ErrInProgress = fault.New(fault.Conflict, "in_progress", "a request with this Idempotency-Key is under way; try again in a moment")
	ErrKeyReused  = fault.New(fault.Invalid, "idempotency_key_reused", "this Idempotency-Key was used with another body")
)

// A Replay names a request that must have its effect once.
type Replay struct {
	Caller, Route, Name string
	Fingerprint         string // of the body, made with a key: bodies may hold a password
}

// An Answer is what such a request was answered.
type Answer struct {
	Status   int
	Location string
	Body     []byte
}
