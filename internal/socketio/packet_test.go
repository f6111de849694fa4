package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// wire is what a packet is on its way: a text and attachments.
type wire struct {
	text   string
	binary [][]byte
}

func decode(w wire) (*message, error) {
	d := decoder{most: 1000}
	m, err := d.add([]byte(w.text), false)
	for _, b := range w.binary {
		if err != nil || m != nil {
			return m, errors.Join(err, errors.New("it was complete before"))
		}
		m, err = d.add(b, true)
	}
	return m, err
}

// TestExamples has the examples of the protocol document.
func TestExamples(t *testing.T) {
	four := []byte{1, 2, 3, 4}
	for _, c := range []struct {
		wire  wire
		kind  kind
		space string
		id    int64
		event string
		args  string // of an event or acknowledgement; of another, the payload
	}{
		{wire{"0", nil}, connectPacket, "/", none, "", ""},
		{wire{`0{"sid":"wZX3oN0bSVIhsaknAAAI"}`, nil}, connectPacket, "/", none, "", `{"sid":"wZX3oN0bSVIhsaknAAAI"}`},
		{wire{"0/admin,", nil}, connectPacket, "/admin", none, "", ""},
		{wire{`0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}`, nil}, connectPacket, "/admin", none, "", `{"sid":"oSO0OpakMV_3jnilAAAA"}`},
		{wire{`0/admin,{"token":"123"}`, nil}, connectPacket, "/admin", none, "", `{"token":"123"}`},
		{wire{`2["foo"]`, nil}, eventPacket, "/", none, "foo", `[]`},
		{wire{`2/admin,["bar"]`, nil}, eventPacket, "/admin", none, "bar", `[]`},
		{wire{`51-["baz",{"_placeholder":true,"num":0}]`, [][]byte{four}}, binaryEventPacket, "/", none, "baz", `[{"_placeholder":true,"num":0}]`},
		{wire{`52-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, [][]byte{{1, 2}, {3, 4}}}, binaryEventPacket, "/admin", none, "baz", `[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`},
		{wire{`212["foo"]`, nil}, eventPacket, "/", 12, "foo", `[]`},
		{wire{`312[]`, nil}, ackPacket, "/", 12, "", `[]`},
		{wire{`2/admin,13["foo"]`, nil}, eventPacket, "/admin", 13, "foo", `[]`},
		{wire{`3/admin,13["bar"]`, nil}, ackPacket, "/admin", 13, "", `["bar"]`},
		{wire{`51-14["foo",{"_placeholder":true,"num":0}]`, [][]byte{four}}, binaryEventPacket, "/", 14, "foo", `[{"_placeholder":true,"num":0}]`},
		{wire{`314["bar"]`, nil}, ackPacket, "/", 14, "", `["bar"]`},
		{wire{`215["foo"]`, nil}, eventPacket, "/", 15, "foo", `[]`},
		{wire{`61-15["bar",{"_placeholder":true,"num":0}]`, [][]byte{four}}, binaryAckPacket, "/", 15, "", `["bar",{"_placeholder":true,"num":0}]`},
		{wire{`461-/admin,1[{"_placeholder":true,"num":0}]`[1:], [][]byte{four}}, binaryAckPacket, "/admin", 1, "", `[{"_placeholder":true,"num":0}]`},
		{wire{"1", nil}, disconnectPacket, "/", none, "", ""},
		{wire{"1/admin,", nil}, disconnectPacket, "/admin", none, "", ""},
	} {
		m, err := decode(c.wire)
		if err != nil || m == nil {
			t.Errorf("%s: %v", c.wire.text, err)
			continue
		}
		args := string(m.json)
		if m.Args != nil {
			text, _ := json.Marshal(m.Args)
			args = string(text)
		}
		if m.kind != c.kind || m.space != c.space || m.id != c.id || m.event != c.event || args != c.args || !reflect.DeepEqual(m.Attachments, c.wire.binary) {
			t.Errorf("%s: %+v", c.wire.text, m)
		}
		if again := encoded(m.packet); again != c.wire.text {
			t.Errorf("%s becomes %s", c.wire.text, again)
		}
	}
}

// encoded returns the text of a packet.
func encoded(p packet) string { return string(p.text()) }

func TestRefusal(t *testing.T) {
	p, err := control(refusalPacket, "/", map[string]string{"message": "Not authorized"})
	if got := encoded(p); got != `4{"message":"Not authorized"}` || err != nil {
		t.Error(got, err)
	}
}

func TestMalformed(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for text, want := range map[string]error{
		"":                                       errType,
		"7":                                      errType,
		"9[]":                                    errType,
		"a":                                      errType,
		"é":                                      errType,
		`4{"message":"x"}`:                       errType,
		"0[]":                                    errPayload,
		`0"x"`:                                   errPayload,
		"0null":                                  errPayload,
		"0{":                                     errPayload,
		"0{}{}":                                  errPayload,
		"1{}":                                    errPayload,
		"2":                                      errPayload,
		"2[]":                                    errPayload,
		"2{}":                                    errPayload,
		"2null":                                  errPayload,
		"2[1]":                                   errPayload,
		"2[null]":                                errPayload,
		`2[["x"]]`:                               errPayload,
		`2["x"`:                                  errPayload,
		`2["x"]]`:                                errPayload,
		`2["connect"]`:                           errPayload,
		`2["connect_error"]`:                     errPayload,
		`2["disconnect"]`:                        errPayload,
		`2["disconnecting"]`:                     errPayload,
		`2["newListener"]`:                       errPayload,
		`2["removeL\u0069stener"]`:               errPayload,
		`21e9["x"]`:                              errPayload,
		`2-1["x"]`:                               errPayload,
		`21.5["x"]`:                              errPayload,
		`29007199254740993["x"]`:                 errID,
		`299999999999999999999["x"]`:             errID,
		"3[]":                                    errPayload,
		"31{}":                                   errPayload,
		"31null":                                 errPayload,
		"31":                                     errPayload,
		"2[\"\xff\"]":                            errPayload,
		"2[\"\xed\xa0\x80\"]":                    errPayload,
		"0/\xff,":                                errPayload,
		`2["x",` + deep(32) + `]`:                errDepth,
		`2["x",` + deep(1_000_000):               errDepth,
		`0{"a":` + deep(32) + `}`:                errDepth,
		`5["x"]`:                                 errAttachments,
		`5-["x"]`:                                errAttachments,
		`5-1-["x"]`:                              errAttachments,
		`5+1-["x"]`:                              errAttachments,
		`51["x"]`:                                errAttachments,
		`511-["x"]`:                              errAttachments,
		`5999999999999999999999-["x"]`:           errAttachments,
		`50-["x"]`:                               errAttachments,
		`60-1[]`:                                 errAttachments,
		`51e1-["x"]`:                             errAttachments,
		`50-["x",{"_placeholder":true,"num":0}]`: errAttachments,
	} {
		if m, err := decode(wire{text: text}); m != nil && err == nil || !errors.Is(err, want) {
			t.Errorf("%.50q: %+v %v", text, m, err)
		}
	}
}

func TestWellFormed(t *testing.T) {
	for _, text := range []string{
		`2["x",` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `]`,
		`2["x","` + strings.Repeat("[", 100) + `\""]`,
		`2["x",{"a":1,"a":2}]`,
		`29007199254740992["x"]`,
		`2[ "x" ]`,
		`2[""]`,
		`2["\ud800"]`,
		`2["x",{"_placeholder":true,"num":5}]`, // stands for nothing where nothing is attached
		`0{}`,
	} {
		if m, err := decode(wire{text: text}); m == nil || err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]string{`0/admin?token=1,{}`: "/admin", `0/random`: "/random", `2/a?b,["x"]`: "/a", `0/?x=1`: "/"} {
		if m, err := decode(wire{text: text}); err != nil || m.space != want {
			t.Errorf("%s: %+v %v", text, m, err)
		}
	}
}

func TestAttachments(t *testing.T) {
	bin := func(n ...int) (all [][]byte) {
		for _, n := range n {
			all = append(all, make([]byte, n))
		}
		return all
	}
	ph := func(num string) string { return `{"_placeholder":true,"num":` + num + `}` }
	for _, c := range []struct {
		text   string
		binary [][]byte
		want   error
	}{
		{`51-["x",{"a":[` + ph("0") + `]}]`, bin(1), nil},
		{`52-["x",` + ph("1") + `,` + ph("0") + `]`, bin(0, 1000), nil},
		{`52-["x",` + ph("0") + `]`, bin(1, 1), errAttachments},
		{`52-["x",` + ph("0") + `,` + ph("0") + `]`, bin(1, 1), errAttachments},
		{`51-["x",` + ph("1") + `]`, bin(1), errAttachments},
		{`51-["x",` + ph("-1") + `]`, bin(1), errAttachments},
		{`51-["x",` + ph("0.5") + `]`, bin(1), errAttachments},
		{`51-["x",` + ph(`"0"`) + `]`, bin(1), errAttachments},
		{`51-["x",` + ph("1e99") + `]`, bin(1), errAttachments},
		{`51-["x",{"_placeholder":1,"num":0}]`, bin(1), errAttachments},
		{`51-["x"]`, bin(1), errAttachments},
		{`51-["x",` + ph("0") + `]`, bin(1001), errSize},
		{`52-["x",` + ph("0") + `,` + ph("1") + `]`, bin(600, 600), errSize},
	} {
		if _, err := decode(wire{c.text, c.binary}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
	d := decoder{most: 10}
	if _, err := d.add([]byte("x"), true); !errors.Is(err, errAttachments) {
		t.Error(err)
	}
	d = decoder{most: 10}
	if m, err := d.add([]byte(`51-["x",`+ph("0")+`]`), false); m != nil || err != nil {
		t.Error(m, err)
	}
	if _, err := d.add([]byte(`2["x"]`), false); !errors.Is(err, errAttachments) {
		t.Error(err)
	}
}

func TestEncode(t *testing.T) {
	type car struct {
		Plate string `json:"plate"`
	}
	deep := map[string]any{"a": []any{[]byte{1}, map[string]any{"b": []byte{}}}}
	for _, c := range []struct {
		args        []any
		text        string
		attachments [][]byte
	}{
		{nil, `2["x"]`, nil},
		{[]any{1, "č\n", nil, car{"A"}, &car{"B"}, json.RawMessage(`{"c":1}`), []string{"d"}}, `2["x",1,"č\n",null,{"plate":"A"},{"plate":"B"},{"c":1},["d"]]`, nil},
		{[]any{[]byte("ab"), 1}, `51-["x",{"_placeholder":true,"num":0},1]`, [][]byte{[]byte("ab")}},
		{[]any{deep}, `52-["x",{"a":[{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}]}]`, [][]byte{{1}, {}}},
	} {
		got, err := say("x", c.args)
		p := got.event("/", none, "")
		if err != nil || encoded(p) != c.text || !reflect.DeepEqual(p.attachments, c.attachments) || len(p.frames()) != 1+len(c.attachments) {
			t.Errorf("%s, want %s, %v", encoded(p), c.text, err)
		}
	}
	if !bytes.Equal(deep["a"].([]any)[0].([]byte), []byte{1}) {
		t.Error("the argument was changed")
	}
	if c, err := say("x", []any{1}); err != nil || encoded(c.event("/a", none, "off")) != `2/a,["x",1,"off"]` || encoded(c.event("/", 7, "")) != `27["x",1]` {
		t.Error(c, err)
	}
	if c, err := encode(nil); err != nil || encoded(c.ack("/", 0)) != `30[]` {
		t.Error(c, err)
	}
	eleven := make([]any, 11)
	for i := range eleven {
		eleven[i] = []byte{}
	}
	if _, err := say("x", eleven); err != errMany {
		t.Error(err)
	}
	if _, err := say("disconnect", nil); err != errReserved {
		t.Error(err)
	}
	if _, err := say("x", []any{func() {}}); err == nil {
		t.Error("a function was encoded")
	}
}

// FuzzPacket looks whether what is understood can be said again in the same way.
func FuzzPacket(f *testing.F) {
	for _, s := range []string{"0", `0/admin?x=1,{"a":1}`, `212["foo",{"a":[1,"\u0000"]}]`, `51-/a,14["foo",{"_placeholder":true,"num":0}]`, "1/a,", `31[]`, `2["x",[[[[`, "59-", "2\xff"} {
		f.Add([]byte(s), []byte("attached"))
	}
	f.Fuzz(func(t *testing.T, text, attached []byte) {
		first, err := feed(text, attached)
		if err != nil || first == nil {
			return
		}
		again, err := feed([]byte(encoded(first.packet)), attached)
		if err != nil || again == nil {
			t.Fatalf("%q is not understood again: %v", text, err)
		}
		if first.kind != again.kind || first.space != again.space || first.id != again.id || first.event != again.event || !reflect.DeepEqual(first.Payload, again.Payload) {
			t.Fatalf("%q becomes %+v", text, again)
		}
	})
}

// feed gives a decoder a text and as many attachments as it asks for.
func feed(text, attached []byte) (*message, error) {
	d := decoder{most: 1 << 20}
	m, err := d.add(text, false)
	for range mostAttachments {
		if err != nil || m != nil {
			break
		}
		m, err = d.add(attached, true)
	}
	return m, err
}
