package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	mostDepth = 32      // of arrays and objects in each other
	mostID    = 1 << 53 // what a number in JavaScript tells apart
)

var (
	errType        = errors.New("there is no such type of packet")
	errAttachments = errors.New("the attachments are not those that the packet tells of")
	errID          = errors.New("the id of an acknowledgement is not one")
	errPayload     = errors.New("the payload is not what such a packet has")
	errDepth       = errors.New("the payload is too deep")
	errSize        = errors.New("the attachments are too large")
)

// A message is a packet as it was received. Events and acknowledgements have
// their payload taken apart.
type message struct {
	packet
	event string
	Payload
}

// size returns the bytes that came, but for a few.
func (m *message) size() int {
	n := len(m.json)
	for _, a := range m.Attachments {
		n += len(a)
	}
	return n
}

// A decoder makes packets of what one client sends. After an error it is of no
// more use.
type decoder struct {
	most    int64    // bytes of all attachments of a packet
	partial *message // waits for attachments
	missing int
	size    int64
}

// add takes what was received next and returns the packet that is complete with
// it, or nil.
func (d *decoder) add(data []byte, binary bool) (*message, error) {
	if binary {
		return d.attach(data)
	}
	if d.partial != nil {
		return nil, errAttachments
	}
	m, attachments, err := parse(data)
	if err != nil {
		return nil, err
	}
	if attachments == 0 {
		return m, m.complete()
	}
	d.partial, d.missing, d.size = m, attachments, 0
	return nil, nil
}

func (d *decoder) attach(data []byte) (*message, error) {
	if d.partial == nil {
		return nil, errAttachments
	}
	if d.size += int64(len(data)); d.size > d.most {
		return nil, errSize
	}
	d.partial.attachments = append(d.partial.attachments, data)
	if d.missing--; d.missing > 0 {
		return nil, nil
	}
	m := d.partial
	d.partial = nil
	return m, m.complete()
}

// parse takes a text apart, and tells how many attachments are to follow.
func parse(text []byte) (m *message, attachments int, err error) {
	if len(text) == 0 || text[0] < '0' || text[0] > '6' {
		return nil, 0, errType
	}
	if !utf8.Valid(text) {
		return nil, 0, errPayload
	}
	m = &message{packet: packet{kind: kind(text[0] - '0'), space: "/", id: none}}
	rest := text[1:]
	if m.kind == binaryEventPacket || m.kind == binaryAckPacket {
		if attachments, rest, err = countOf(rest); err != nil {
			return nil, 0, err
		}
	}
	if len(rest) > 0 && rest[0] == '/' {
		var space []byte
		space, rest, _ = bytes.Cut(rest, []byte(","))
		m.space, _, _ = strings.Cut(string(space), "?")
	}
	if m.id, rest, err = idOf(rest); err != nil {
		return nil, 0, err
	}
	m.json = rest
	return m, attachments, m.check()
}

// countOf reads the number of attachments, with the dash behind it.
func countOf(text []byte) (n int, rest []byte, err error) {
	digits, rest, found := bytes.Cut(text, []byte("-"))
	n, err = strconv.Atoi(string(digits))
	if err != nil || !found || len(digits) > 2 || digits[0] < '0' || n < 1 || n > mostAttachments {
		return 0, nil, errAttachments
	}
	return n, rest, nil
}

// idOf reads the digits of an id, if there are any.
func idOf(text []byte) (id int64, rest []byte, err error) {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	if n == 0 {
		return none, text, nil
	}
	if id, err = strconv.ParseInt(string(text[:n]), 10, 64); err != nil || id > mostID {
		return none, nil, errID
	}
	return id, text[n:], nil
}

// check looks at the payload as it is, before any attachment has come.
func (m *message) check() error {
	if tooDeep(m.json) {
		return errDepth
	}
	switch m.kind {
	case connectPacket:
		if len(m.json) > 0 && !(json.Valid(m.json) && isObject(m.json)) {
			return errPayload
		}
	case disconnectPacket:
		if len(m.json) > 0 {
			return errPayload
		}
	case eventPacket, binaryEventPacket:
		return m.checkEvent()
	case ackPacket, binaryAckPacket:
		if json.Unmarshal(m.json, &m.Args) != nil || m.Args == nil || m.id == none {
			return errPayload
		}
	default: // a client has nothing to refuse
		return errType
	}
	return nil
}

// checkEvent takes the name of an event off its arguments.
func (m *message) checkEvent() error {
	if json.Unmarshal(m.json, &m.Args) != nil || len(m.Args) == 0 || m.Args[0][0] != '"' {
		return errPayload
	}
	if json.Unmarshal(m.Args[0], &m.event) != nil || slices.Contains(reserved, m.event) {
		return errPayload
	}
	m.Args = m.Args[1:]
	return nil
}

// complete looks whether there is one placeholder for each attachment.
func (m *message) complete() error {
	m.Attachments = m.attachments
	if m.kind != binaryEventPacket && m.kind != binaryAckPacket {
		return nil
	}
	var v any
	if json.Unmarshal(m.json, &v) != nil {
		return errPayload
	}
	seen := make([]bool, len(m.attachments))
	if !tick(v, seen) || slices.Contains(seen, false) {
		return errAttachments
	}
	return nil
}

// tick ticks off the attachments that v has placeholders for, each of which may
// come once.
func tick(v any, seen []bool) bool {
	switch v := v.(type) {
	case []any:
		for _, each := range v {
			if !tick(each, seen) {
				return false
			}
		}
	case map[string]any:
		if v["_placeholder"] == true {
			n, ok := v["num"].(float64)
			i := int(n)
			if !ok || n != float64(i) || i < 0 || i >= len(seen) || seen[i] {
				return false
			}
			seen[i] = true
			return true
		}
		for _, each := range v {
			if !tick(each, seen) {
				return false
			}
		}
	}
	return true
}

func isObject(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && text[0] == '{'
}

// tooDeep reports whether a text of JSON nests more than mostDepth deep, without
// looking whether it is JSON at all.
func tooDeep(text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > mostDepth {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}
