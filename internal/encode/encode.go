// Package encode writes JSON as encoding/json does, without asking by
// reflection what there is to write. It is for the records of long lists, on
// which a quarter of the program's time went.
package encode

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// An Appender writes itself as JSON behind b. An item of a list that embeds one
// must have an AppendJSON of its own: the embedded one leaves out the rest.
type Appender interface {
	AppendJSON(b []byte) []byte
}

// An Object is a JSON object that is being written, member by member. The zero
// Object is not one: Begin makes it.
type Object struct{ b []byte }

// Begin begins an object behind b.
func Begin(b []byte) Object { return Object{append(b, '{')} }

// End ends the object, and returns everything that was written.
func (o *Object) End() []byte { return append(o.b, '}') }

// key begins a member. Keys are words of ours, with nothing to escape.
func (o *Object) key(k string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(append(append(o.b, '"'), k...), `":`...)
}

// Text writes a member that is text.
func (o *Object) Text(key, v string) {
	o.key(key)
	o.b = AppendText(o.b, v)
}

// Int writes a member that is a whole number.
func (o *Object) Int(key string, v int) {
	o.key(key)
	o.b = strconv.AppendInt(o.b, int64(v), 10)
}

// Bool writes a member that is true or false.
func (o *Object) Bool(key string, v bool) {
	o.key(key)
	o.b = strconv.AppendBool(o.b, v)
}

// OptionalText writes a member that is text or null.
func (o *Object) OptionalText(key string, v *string) {
	if v == nil {
		o.null(key)
		return
	}
	o.Text(key, *v)
}

// OptionalInt writes a member that is a whole number or null.
func (o *Object) OptionalInt(key string, v *int) {
	if v == nil {
		o.null(key)
		return
	}
	o.Int(key, *v)
}

func (o *Object) null(key string) {
	o.key(key)
	o.b = append(o.b, "null"...)
}

// Value writes a member that writes itself.
func Value[T Appender](o *Object, key string, v T) {
	o.key(key)
	o.b = v.AppendJSON(o.b)
}

// Optional writes a member that writes itself, or null.
func Optional[T Appender](o *Object, key string, v *T) {
	if v == nil {
		o.null(key)
		return
	}
	Value(o, key, *v)
}

// AppendText writes text as a JSON string behind b.
func AppendText(b []byte, s string) []byte {
	if !plain(s) {
		quoted, _ := json.Marshal(s) // text cannot fail
		return append(b, quoted...)
	}
	return append(append(append(b, '"'), s...), '"')
}

// plain reports whether text stands in JSON as it is. Of what lies beyond
// ASCII, encoding/json escapes two separators of lines, which begin with E2.
func plain(s string) bool {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == '"', c == '\\', c == '<', c == '>', c == '&', c == 0xE2:
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return ascii || utf8.ValidString(s)
}
