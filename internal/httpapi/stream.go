package httpapi

import (
	"io"
	"log/slog"
	"net/http"
	"time"
)

// stallTimeout bounds how long a client may take to read a part of a long answer.
const stallTimeout = 60 * time.Second

// A stream is an answer that is written as it is made.
type stream struct {
	kind, file string // media type, and the name that a browser gives the file
	write      func(io.Writer) error
}

// answer answers a request with s: with an error if it fails before anything
// was written, and cut off if it fails later, so that nobody takes a part for
// the whole.
func (s *stream) answer(w http.ResponseWriter, r *http.Request) {
	out := &streamed{w: w, control: http.NewResponseController(w), stream: s}
	if r.Method == http.MethodHead {
		out.begin()
		return
	}
	err := s.write(out)
	switch {
	case err != nil && !out.begun:
		fail(w, r, err)
	case err != nil:
		slog.WarnContext(r.Context(), "an answer was cut off", "err", err)
		panic(http.ErrAbortHandler) // the only way that net/http has to say so
	case !out.begun:
		out.begin()
	}
}

// streamed writes the headers before the first byte.
type streamed struct {
	w       http.ResponseWriter
	control *http.ResponseController
	stream  *stream
	begun   bool
}

func (o *streamed) begin() {
	o.begun = true
	h := o.w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Content-Type", o.stream.kind)
	h.Set("Content-Disposition", `attachment; filename="`+o.stream.file+`"`)
	o.w.WriteHeader(http.StatusOK)
}

func (o *streamed) Write(b []byte) (int, error) {
	if !o.begun {
		o.begin()
	}
	_ = o.control.SetWriteDeadline(time.Now().Add(stallTimeout)) // some writers, such as a test's, have none
	return o.w.Write(b)
}
