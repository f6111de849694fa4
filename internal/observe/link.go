package observe

import "encoding/hex"

const (
	linkSize = 55  // bytes of a traceparent
	maxState = 512 // bytes of a tracestate that is kept
)

// A Link is a span in a trace, also one of another program. The zero value is none.
type Link struct {
	Trace   [16]byte
	Span    [8]byte
	Sampled bool   // whoever has the span keeps it
	State   string // what others note beside it (tracestate)
}

// ParseLink reads the headers traceparent and tracestate (W3C Trace Context).
func ParseLink(traceparent, tracestate string) (l Link, ok bool) {
	p := traceparent
	if len(p) < linkSize || p[2] != '-' || p[35] != '-' || p[52] != '-' {
		return Link{}, false
	}
	later := p[:2] != "00" // it may have more behind
	if later && len(p) > linkSize && p[linkSize] != '-' || !later && len(p) != linkSize {
		return Link{}, false
	}
	var version, flags [1]byte
	if !unhex(version[:], p[:2]) || version[0] == 0xff || !unhex(flags[:], p[53:linkSize]) ||
		!unhex(l.Trace[:], p[3:35]) || !unhex(l.Span[:], p[36:52]) || !l.IsSet() || l.Span == [8]byte{} {
		return Link{}, false
	}
	l.Sampled = flags[0]&1 == 1
	if len(tracestate) <= maxState {
		l.State = tracestate
	}
	return l, true
}

// unhex decodes lower-case digits.
func unhex(into []byte, s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	_, err := hex.Decode(into, []byte(s))
	return err == nil
}

// IsSet reports whether there is a span.
func (l Link) IsSet() bool { return l.Trace != [16]byte{} }

// TraceID returns the id of the trace as hexadecimal digits.
func (l Link) TraceID() string { return hex.EncodeToString(l.Trace[:]) }

// Traceparent returns the header that names the span.
func (l Link) Traceparent() string {
	flags := "-00"
	if l.Sampled {
		flags = "-01"
	}
	return "00-" + l.TraceID() + "-" + hex.EncodeToString(l.Span[:]) + flags
}
