package engine

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"sync"
)

// A Frame is one message, encoded once for however many clients.
type Frame struct {
	whole  []byte // what a websocket carries, with the header
	wire   []byte // without
	binary bool
	once   sync.Once
	base64 []byte // what a poll carries of a binary message, once somebody needed it
}

// Text makes a Frame of a text, which must be UTF-8.
func Text(data []byte) *Frame { return control(kindMessage, data) }

// Binary makes a Frame of bytes.
func Binary(data []byte) *Frame { return frame(true, data) }

// control makes the frame of a packet that is text.
func control(kind byte, data []byte) *Frame { return frame(false, []byte{kind}, data) }

// frame makes a Frame with the header that a server writes before its parts: it
// masks nothing, so what it writes is the same for every client.
func frame(isBinary bool, parts ...[]byte) *Frame {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	whole := append(make([]byte, 0, size+maxHeader), header(isBinary, size)...)
	from := len(whole)
	for _, p := range parts {
		whole = append(whole, p...)
	}
	return &Frame{whole: whole, wire: whole[from:], binary: isBinary}
}

const maxHeader = 10 // bytes

// header returns that of a whole message in one frame (RFC 6455, section 5.2).
func header(isBinary bool, size int) []byte {
	first := byte(0x81)
	if isBinary {
		first = 0x82
	}
	switch {
	case size < 126:
		return []byte{first, byte(size)}
	case size <= math.MaxUint16:
		return binary.BigEndian.AppendUint16([]byte{first, 126}, uint16(size))
	}
	return binary.BigEndian.AppendUint64([]byte{first, 127}, uint64(size))
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
