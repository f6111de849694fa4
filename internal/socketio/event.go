package socketio

import "encoding/json"

// A Payload is what came with an event or an acknowledgement.
type Payload struct {
	Args        []json.RawMessage
	Attachments [][]byte // for which placeholders stand in Args
}

// Decode decodes an argument into a value. A missing one is an error.
func (p *Payload) Decode(i int, into any) error { return nil }

// Bytes returns an argument that is binary.
func (p *Payload) Bytes(i int) ([]byte, error) { return nil, nil }

// An Event is an event that a client sent.
type Event struct {
	Name string
	Payload
}

// AckWanted reports whether the client waits for an acknowledgement.
func (e *Event) AckWanted() bool { return false }

// Ack acknowledges the event, at most once. It does nothing if that is not wanted.
func (e *Event) Ack(args ...any) error { return nil }
