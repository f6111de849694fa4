package engine

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestDecode has the packets of the protocol's document, and what is none.
func TestDecode(t *testing.T) {
	for text, want := range map[string]packet{
		"0{}":    {kind: kindOpen, data: []byte("{}")},
		"1":      {kind: kindClose},
		"2":      {kind: kindPing},
		"2probe": {kind: kindPing, data: []byte("probe")},
		"3":      {kind: kindPong},
		"3probe": {kind: kindPong, data: []byte("probe")},
		"4hello": {kind: kindMessage, data: []byte("hello")},
		"4€":     {kind: kindMessage, data: []byte("€")},
		"5":      {kind: kindUpgrade},
		"6":      {kind: kindNoop},
	} {
		if p, err := decode([]byte(text)); err != nil || !same(p, want) {
			t.Errorf("%q is %+v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "7", "a", "b", "bAQID", " 4", "\x1e", "4\xff", "4\xed\xa0\x80", "\x00"} {
		if p, err := decode([]byte(text)); !errors.Is(err, errMalformed) {
			t.Errorf("%q is taken for %+v", text, p)
		}
	}
}

func same(a, b packet) bool {
	return a.kind == b.kind && a.binary == b.binary && bytes.Equal(a.data, b.data)
}

func collect(payload string) (all []packet, err error) {
	for p, err := range decodePayload([]byte(payload)) {
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	return all, nil
}

// TestDecodePayload has the payloads of the protocol's document, and broken ones.
func TestDecodePayload(t *testing.T) {
	for _, c := range []struct {
		payload string
		want    []packet
		broken  bool
	}{
		{payload: "4hello", want: []packet{{kind: kindMessage, data: []byte("hello")}}},
		{payload: "4hello\x1e2\x1e4world", want: []packet{{kind: kindMessage, data: []byte("hello")}, {kind: kindPing}, {kind: kindMessage, data: []byte("world")}}},
		{payload: "4hello\x1ebAQIDBA==", want: []packet{{kind: kindMessage, data: []byte("hello")}, {kind: kindMessage, binary: true, data: []byte{1, 2, 3, 4}}}},
		{payload: "b", want: []packet{{kind: kindMessage, binary: true}}},
		{payload: "", broken: true},
		{payload: "\x1e", broken: true},
		{payload: "4a\x1e", want: []packet{{kind: kindMessage, data: []byte("a")}}, broken: true},
		{payload: "4a\x1e\x1e4b", want: []packet{{kind: kindMessage, data: []byte("a")}}, broken: true},
		{payload: "bAQI", broken: true},
		{payload: "bAQID*", broken: true},
	} {
		got, err := collect(c.payload)
		if !slices.EqualFunc(got, c.want, same) || c.broken != (err != nil) {
			t.Errorf("%q is %+v, %v", c.payload, got, err)
		}
	}
}

// TestKeptApart appends to what was decoded, which must not touch the next packet.
func TestKeptApart(t *testing.T) {
	all, err := collect("4a\x1e4b")
	if err != nil {
		t.Fatal(err)
	}
	_ = append(all[0].data, "xyz"...)
	if string(all[1].data) != "b" {
		t.Errorf("the second packet is %q", all[1].data)
	}
}

func TestFit(t *testing.T) {
	frames := []*Frame{Text(make([]byte, 4)), Binary(make([]byte, 3)), Text(nil)} // 5, 5 and 1 as texts
	for limit, want := range map[int64]int{1: 1, 5: 1, 10: 1, 11: 2, 12: 2, 13: 3, 100: 3} {
		got := fit(frames, limit)
		if got != want {
			t.Errorf("%d frames fit into %d bytes, want %d", got, limit, want)
		}
		if n := len(encodePayload(frames[:got])); int64(n) > limit && got > 1 {
			t.Errorf("%d bytes are sent as %d", n, limit)
		}
	}
	if fit(nil, 1) != 0 {
		t.Error("of nothing, something fits")
	}
}

func FuzzPacket(f *testing.F) {
	for _, text := range []string{"0{}", "1", "2probe", "4hello", "b", "bAQIDBA==", "", "\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := decodePart(text)
		if err != nil {
			return
		}
		again := control(p.kind, p.data)
		if p.binary {
			again = Binary(p.data)
		} else if !utf8.Valid(p.data) || !bytes.Equal(again.wire, text) {
			t.Errorf("%q becomes %q", text, again.wire)
		}
		if q, err := decodePart(again.text()); err != nil || !same(p, q) {
			t.Errorf("%+v becomes %+v, %v", p, q, err)
		}
	})
}

func FuzzPayload(f *testing.F) {
	for _, text := range []string{"4hello\x1e2\x1e4world", "4hello\x1ebAQIDBA==", "\x1e", "4a\x1e", strings.Repeat("3\x1e", 99)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		all, err := collect(payload)
		var frames []*Frame
		for _, p := range all {
			if p.binary {
				frames = append(frames, Binary(p.data))
			} else {
				frames = append(frames, control(p.kind, p.data))
			}
		}
		if err == nil && len(all) != strings.Count(payload, "\x1e")+1 {
			t.Errorf("%q has %d packets", payload, len(all))
		}
		again, err := collect(string(encodePayload(frames)))
		if len(frames) > 0 && (err != nil || !slices.EqualFunc(all, again, same)) {
			t.Errorf("%q becomes %+v, %v", payload, again, err)
		}
	})
}
