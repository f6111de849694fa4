package engine

import (
	"bytes"
	"encoding/base64"
	"errors"
	"iter"
	"unicode/utf8"
)

// The kinds of packets, as the first character of a text.
const (
	kindOpen    = '0'
	kindClose   = '1'
	kindPing    = '2'
	kindPong    = '3'
	kindMessage = '4'
	kindUpgrade = '5'
	kindNoop    = '6'

	kindBase64 = 'b' // a message of bytes, among texts
)

const (
	separator = 0x1e // between the packets of a payload
	probe     = "probe"
)

var errMalformed = errors.New("malformed packet")

// A packet is what travels: a message, or a word between client and server.
type packet struct {
	kind   byte
	binary bool
	data   []byte
}

// decode reads a packet that came as a text of its own.
func decode(text []byte) (packet, error) {
	if len(text) == 0 || text[0] < kindOpen || text[0] > kindNoop || !utf8.Valid(text) {
		return packet{}, errMalformed
	}
	return packet{kind: text[0], data: text[1:]}, nil
}

// decodePart reads a packet of a payload, in which bytes are written in base64.
func decodePart(text []byte) (packet, error) {
	if len(text) == 0 || text[0] != kindBase64 {
		return decode(text)
	}
	data, err := base64.StdEncoding.AppendDecode(nil, text[1:])
	if err != nil {
		return packet{}, errMalformed
	}
	return packet{kind: kindMessage, binary: true, data: data}, nil
}

// decodePayload reads the packets of a payload, up to the first malformed one.
func decodePayload(payload []byte) iter.Seq2[packet, error] {
	return func(yield func(packet, error) bool) {
		for more := true; more; {
			var part []byte
			part, payload, more = bytes.Cut(payload, []byte{separator})
			p, err := decodePart(part[:len(part):len(part)])
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// encodePayload writes frames as one payload.
func encodePayload(frames []*Frame) []byte {
	parts := make([][]byte, len(frames))
	for i, f := range frames {
		parts[i] = f.text()
	}
	return bytes.Join(parts, []byte{separator})
}

// fit returns how many of the frames make a payload of at most limit bytes: one
// at least.
func fit(frames []*Frame, limit int64) (n int) {
	var total int64
	for n = range frames {
		if total += int64(frames[n].textSize()) + 1; total > limit+1 && n > 0 {
			return n
		}
	}
	return len(frames)
}
