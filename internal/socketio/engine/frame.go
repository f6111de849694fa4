package engine

import (
	"encoding/base64"
	"slices"
	"sync"
)

// A Frame is one message, encoded once for however many clients.
type Frame struct {
	wire   []byte // what a websocket carries
	binary bool
	once   sync.Once
	base64 []byte // what a poll carries of a binary message, once somebody needed it
}

// Text makes a Frame of a text, which must be UTF-8.
func Text(data []byte) *Frame { return control(kindMessage, data) }

// Binary makes a Frame of bytes, which nobody may change from now on.
func Binary(data []byte) *Frame { return &Frame{wire: data, binary: true} }

// control makes the frame of a packet that is text.
func control(kind byte, data []byte) *Frame {
	return &Frame{wire: slices.Concat([]byte{kind}, data)}
}

// The packets that the server itself sends.
var (
	closeFrame = control(kindClose, nil)
	pingFrame  = control(kindPing, nil)
	probeFrame = control(kindPong, []byte(probe))
	noopFrame  = control(kindNoop, nil)
)

// text returns what a poll carries.
func (f *Frame) text() []byte {
	if !f.binary {
		return f.wire
	}
	f.once.Do(func() { f.base64 = base64.StdEncoding.AppendEncode([]byte{kindBase64}, f.wire) })
	return f.base64
}

// textSize returns how long text is, without making it.
func (f *Frame) textSize() int {
	if !f.binary {
		return len(f.wire)
	}
	return 1 + base64.StdEncoding.EncodedLen(len(f.wire))
}

// size returns the bytes of all frames as they count while they wait: one more
// for each, so that empty ones are not for nothing.
func size(frames []*Frame) (bytes int) {
	for _, f := range frames {
		bytes += len(f.wire) + 1
	}
	return bytes
}
