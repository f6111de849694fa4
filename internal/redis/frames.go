package redis

import (
	"bytes"
	"strconv"
)

const (
	push       = '>'
	mostDepth  = 5        // arrays within arrays: the answer to HELLO has four
	mostItems  = 1 << 16  // of an array
	mostText   = 64 << 20 // bytes of a text
	longestRow = 16 << 10 // bytes of what ends with a line end
)

// A message is one whole thing that was said in RESP, the language of Redis.
type message struct {
	kind  byte  // the byte that it begins with
	first int64 // the length of its first item, of a push
}

// frames finds the ends of messages in a stream. It looks at their form only.
type frames struct {
	whole message // that has begun
	open  []int64 // how many items each array that has begun still lacks
	text  int64   // how many bytes the text that has begun still lacks
	row   []byte  // what has come of a row
}

// scan reads on, and shows each message that ends to seen. It fails on what is
// no RESP, or too large, or if seen does not want a message.
func (f *frames) scan(b []byte, seen func(message) bool) error {
	for len(b) > 0 {
		ended := false
		if f.text > 0 {
			n := min(f.text, int64(len(b)))
			f.text -= n
			b = b[n:]
			ended = f.text == 0
		} else {
			end := bytes.IndexByte(b, '\n') + 1
			if end == 0 {
				f.row, b = append(f.row, b...), nil
			} else {
				f.row, b = append(f.row, b[:end]...), b[end:]
			}
			if len(f.row) > longestRow {
				return errGarbage
			}
			if end == 0 {
				return nil
			}
			var err error
			if ended, err = f.begin(); err != nil {
				return err
			}
			f.row = f.row[:0]
		}
		if ended && f.end() && !seen(f.whole) {
			return errGarbage
		}
	}
	return nil
}

// begin reads a row, which is an item or begins one, and reports whether it is whole.
func (f *frames) begin() (whole bool, err error) {
	end := len(f.row) - 2
	if end < 1 || f.row[end] != '\r' {
		return false, errGarbage
	}
	kind, rest := f.row[0], string(f.row[1:end])
	if len(f.open) == 0 {
		f.whole = message{kind: kind}
	}
	naming := len(f.open) == 1 && f.whole.kind == push && f.whole.first == 0
	if naming && kind != '$' {
		return false, errGarbage
	}
	switch kind {
	case '+', '-', ',':
		return true, f.check(rest != "QUEUED") // to a transaction, of which we have none
	case '_':
		return true, f.check(rest == "")
	case '#':
		return true, f.check(rest == "t" || rest == "f")
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	if err != nil || rest[0] == '+' {
		return false, errGarbage
	}
	switch kind {
	case ':':
		return true, nil
	case '$', '=':
		return f.beginText(n, naming)
	case '*', '~':
		if n == -1 {
			return true, nil // nothing, as it was said formerly
		}
		return f.beginArray(n)
	case '%':
		return f.beginArray(2 * min(n, mostItems))
	case push:
		return false, f.checkArray(n, len(f.open) == 0 && n > 0)
	}
	return false, errGarbage
}

func (f *frames) check(ok bool) error {
	if !ok {
		return errGarbage
	}
	return nil
}

// beginText reads the length of a text, which may be the name of a push.
func (f *frames) beginText(n int64, naming bool) (whole bool, err error) {
	if n == -1 && !naming {
		return true, nil // nothing, as it was said formerly
	}
	if n < 0 || n > mostText || naming && n == 0 {
		return false, errGarbage
	}
	if naming {
		f.whole.first = n
	}
	f.text = n + 2
	return false, nil
}

func (f *frames) beginArray(n int64) (whole bool, err error) {
	return n == 0, f.checkArray(n, true)
}

func (f *frames) checkArray(n int64, ok bool) error {
	if !ok || n < 0 || n > mostItems || len(f.open) == mostDepth {
		return errGarbage
	}
	if n > 0 {
		f.open = append(f.open, n)
	}
	return nil
}

// end counts an item that is whole, and reports whether its message is.
func (f *frames) end() bool {
	for last := len(f.open) - 1; last >= 0; last-- {
		if f.open[last]--; f.open[last] > 0 {
			return false
		}
		f.open = f.open[:last]
	}
	return true
}
