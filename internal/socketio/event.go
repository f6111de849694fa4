package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
)

var (
	errNoArgument = errors.New("the argument is missing")
	errNotBinary  = errors.New("the argument is not binary")
	errAcked      = errors.New("the event was acknowledged before")
)

// A Payload is what came with an event or an acknowledgement.
type Payload struct {
	Args        []json.RawMessage
	Attachments [][]byte // for which placeholders stand in Args
}

// Decode decodes an argument into a value. A missing one is an error.
func (p *Payload) Decode(i int, into any) error {
	if i < 0 || i >= len(p.Args) {
		return errNoArgument
	}
	if err := json.Unmarshal(p.Args[i], into); err != nil {
		return fmt.Errorf("argument %d: %w", i, err)
	}
	return nil
}

// Bytes returns an argument that is binary.
func (p *Payload) Bytes(i int) ([]byte, error) {
	if i < 0 || i >= len(p.Args) {
		return nil, errNoArgument
	}
	return p.Attachment(p.Args[i])
}

// Attachment returns the bytes for which a placeholder stands, wherever in the
// arguments it was.
func (p *Payload) Attachment(v json.RawMessage) ([]byte, error) {
	var at placeholder
	if !isObject(v) || json.Unmarshal(v, &at) != nil || !at.Placeholder || at.Num < 0 || at.Num >= len(p.Attachments) {
		return nil, errNotBinary
	}
	return p.Attachments[at.Num], nil
}

// An Event is an event that a client sent.
type Event struct {
	Name string
	Payload

	socket *Socket
	id     int64 // or none
	acked  atomic.Bool
}

// AckWanted reports whether the client waits for an acknowledgement.
func (e *Event) AckWanted() bool { return e.id != none }

// Ack acknowledges the event, at most once. It does nothing if that is not wanted.
func (e *Event) Ack(args ...any) error {
	if !e.AckWanted() {
		return nil
	}
	c, err := encode(args)
	if err != nil {
		return err
	}
	if e.acked.Swap(true) {
		return errAcked
	}
	return e.socket.send(c.ack(e.socket.space.name, e.id).frames(), false)
}
