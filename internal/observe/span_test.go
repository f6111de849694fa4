package observe_test

import (
	"context"
	"errors"
	"testing"

	"cartracker/internal/observe"
)

func TestParseLink(t *testing.T) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for text, ok := range map[string]bool{
		"00-" + trace + "-" + span + "-01":                    true,
		"00-" + trace + "-" + span + "-00":                    true,
		"00-" + trace + "-" + span + "-ff":                    true,
		"01-" + trace + "-" + span + "-01":                    true,
		"01-" + trace + "-" + span + "-01-more":               true,
		"01-" + trace + "-" + span + "-01more":                false,
		"00-" + trace + "-" + span + "-01-":                   false,
		"ff-" + trace + "-" + span + "-01":                    false,
		"0x-" + trace + "-" + span + "-01":                    false,
		"00-" + trace + "-" + span + "-0g":                    false,
		"00-" + trace + "-" + span:                            false,
		"00-0AF7651916CD43DD8448EB211C80319C-" + span + "-01": false,
		"00-00000000000000000000000000000000-" + span + "-01": false,
		"00-" + trace + "-0000000000000000-01":                false,
		"00-" + trace + "_" + span + "-01":                    false,
		"":                                                    false,
	} {
		l, got := observe.ParseLink(text, "a=1")
		if got != ok || got != l.IsSet() {
			t.Errorf("%q: %v %+v", text, got, l)
		}
		if ok && (l.TraceID() != trace || l.Sampled == (text[53:55] == "00") || l.State != "a=1") {
			t.Errorf("%q: %+v", text, l)
		}
		if again, _ := observe.ParseLink(l.Traceparent(), l.State); ok && again != l {
			t.Errorf("%q: written as %s", text, l.Traceparent())
		}
	}
}

// refusing keeps no trace.
type refusing struct{}

func (refusing) Begin(observe.Kind, string, observe.Link, bool) observe.Recorder { return nil }

var errSome = errors.New("some")

// What is not traced costs no memory.
func TestUntracedAllocatesNothing(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(context.WithValue(t.Context(), key{}, 1), key{}, 2)
	n := testing.AllocsPerRun(1000, func() {
		request, span := observe.Begin(ctx, refusing{}, observe.Server, "GET", observe.Link{}, false)
		inside, query := observe.Start(request, observe.Client, "SELECT")
		query.Text("db.query.text", "SELECT 1")
		query.Number("rows", 1000)
		query.End(errSome)
		span.End(nil)
		if observe.TraceID(inside) != "" {
			t.Error("there is a trace")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkUntraced(b *testing.B) {
	ctx := observe.WithRequestID(b.Context(), "req-12345678")
	b.ReportAllocs()
	for b.Loop() {
		_, span := observe.Start(ctx, observe.Client, "SELECT")
		span.Text("db.query.text", "SELECT 1")
		span.End(nil)
	}
}
