package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"cartracker/internal/socketio/engine"
)

// A kind says what a packet is for, by the digit that it begins with.
type kind byte

const (
	connectPacket kind = iota
	disconnectPacket
	eventPacket
	ackPacket
	refusalPacket // CONNECT_ERROR
	binaryEventPacket
	binaryAckPacket
)

const (
	none            = -1 // the id of a packet without one
	mostAttachments = 10 // of a packet, as in the reference implementation
)

// A packet is what one side tells the other in one piece.
type packet struct {
	kind        kind
	space       string // the namespace
	id          int64  // for acknowledgements; or none
	json        []byte // empty if there is none
	attachments [][]byte
}

var (
	errReserved = errors.New("the name of the event is reserved")
	errMany     = fmt.Errorf("an event has more than %d attachments", mostAttachments)

	// reserved are names of events that mean something to the libraries of clients.
	reserved = []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)

// text encodes all of the packet but the attachments.
func (p packet) text() []byte {
	text := append(make([]byte, 0, len(p.space)+len(p.json)+24), '0'+byte(p.kind))
	if p.kind == binaryEventPacket || p.kind == binaryAckPacket {
		text = append(strconv.AppendInt(text, int64(len(p.attachments)), 10), '-')
	}
	if p.space != "/" {
		text = append(append(text, p.space...), ',')
	}
	if p.id != none {
		text = strconv.AppendInt(text, p.id, 10)
	}
	return append(text, p.json...)
}

// frames encodes the packet: a text, then the attachments.
func (p packet) frames() []*engine.Frame {
	all := append(make([]*engine.Frame, 0, 1+len(p.attachments)), engine.Text(p.text()))
	for _, a := range p.attachments {
		all = append(all, engine.Binary(a))
	}
	return all
}

// A content is what an event or an acknowledgement says, encoded: an array of
// JSON, and the bytes for which placeholders stand in it.
type content struct {
	json        []byte
	attachments [][]byte
}

// event makes a packet of c, with the offset as the last argument unless it is "".
func (c content) event(space string, id int64, offset string) packet {
	p := packet{kind: eventPacket, space: space, id: id, json: c.json, attachments: c.attachments}
	if len(c.attachments) > 0 {
		p.kind = binaryEventPacket
	}
	if offset != "" {
		open := c.json[:len(c.json)-1]
		p.json = append(append(append(make([]byte, 0, len(open)+len(offset)+4), open...), `,"`+offset...), `"]`...)
	}
	return p
}

// ack makes a packet of c.
func (c content) ack(space string, id int64) packet {
	p := packet{kind: ackPacket, space: space, id: id, json: c.json, attachments: c.attachments}
	if len(c.attachments) > 0 {
		p.kind = binaryAckPacket
	}
	return p
}

// say encodes an event.
func say(event string, args []any) (content, error) {
	if slices.Contains(reserved, event) {
		return content{}, errReserved
	}
	return encode(append([]any{event}, args...))
}

// encode encodes arguments.
func encode(args []any) (c content, err error) {
	if args == nil {
		args = []any{}
	}
	if anyBytes(args) {
		args = c.extract(args).([]any)
	}
	if len(c.attachments) > mostAttachments {
		return content{}, errMany
	}
	if c.json, err = json.Marshal(args); err != nil {
		return content{}, fmt.Errorf("cannot encode an event: %w", err)
	}
	return c, nil
}

// A placeholder stands for an attachment.
type placeholder struct {
	Placeholder bool `json:"_placeholder"`
	Num         int  `json:"num"`
}

// anyBytes reports whether there are bytes in v, so that usual values need not be copied.
func anyBytes(v any) bool {
	switch v := v.(type) {
	case []byte:
		return true
	case []any:
		return slices.ContainsFunc(v, anyBytes)
	case map[string]any:
		for _, each := range v {
			if anyBytes(each) {
				return true
			}
		}
	}
	return false
}

// extract returns v with placeholders for the bytes in it, which become
// attachments.
func (c *content) extract(v any) any {
	switch v := v.(type) {
	case []byte:
		c.attachments = append(c.attachments, v)
		return placeholder{Placeholder: true, Num: len(c.attachments) - 1}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = c.extract(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = c.extract(v[k])
		}
		return out
	}
	return v
}
