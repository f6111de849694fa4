package httpapi

import (
	"io"
	"log/slog"
	"net/http"
	"time"

	"cartracker/internal/httpapi/middleware"
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
	middleware.NoteLong(w)
	out := &streamed{w: w, control: http.NewResponseController(w), stream: s, coding: codingOf[preferred(r.Header, offeredCodings)]}
	if r.Method == http.MethodHead {
		out.begin(plain)
		return
	}
	err := s.write(out)
	if err == nil {
		err = out.end()
	}
	switch {
	case err != nil && !out.begun:
		fail(w, r, err)
	case err != nil:
		slog.WarnContext(r.Context(), "an answer was cut off", "err", err)
		if !out.left {
			failureTo(r.Context(), w, err) // for the log and the reports
		}
		panic(http.ErrAbortHandler) // the only way that net/http has to say so
	}
}

// streamed writes the headers before the first byte. It holds back what comes
// until that is worth compressing.
type streamed struct {
	w       http.ResponseWriter
	control *http.ResponseController
	stream  *stream
	coding  coding // in which the client takes it
	held    []byte
	begun   bool
	left    bool   // the client does not take it any more
	packer  packer // nil if it is not compressed
}

func (o *streamed) begin(c coding) {
	o.begun = true
	h := o.w.Header()
	h["Cache-Control"] = keepable
	h.Set("Content-Type", o.stream.kind)
	h.Set("Content-Disposition", `attachment; filename="`+o.stream.file+`"`)
	if c != plain {
		h["Content-Encoding"] = encodings[c]
		o.packer = newPacker(c, sending{o})
	}
	o.w.WriteHeader(http.StatusOK)
}

// Write takes a part of the answer.
func (o *streamed) Write(b []byte) (int, error) {
	if o.begun {
		return o.send(b)
	}
	if o.held = append(o.held, b...); len(o.held) < minCompressed {
		return len(b), nil
	}
	o.begin(o.coding)
	_, err := o.send(o.held)
	return len(b), err
}

// end writes what is left.
func (o *streamed) end() error {
	if !o.begun {
		o.begin(plain)
		_, err := o.send(o.held)
		return err
	}
	if o.packer == nil {
		return nil
	}
	return o.packer.Close()
}

func (o *streamed) send(b []byte) (int, error) {
	if o.packer != nil {
		return o.packer.Write(b)
	}
	return sending{o}.Write(b)
}

// sending writes to the client, who may take some time for each part.
type sending struct{ *streamed }

func (s sending) Write(b []byte) (int, error) {
	_ = s.control.SetWriteDeadline(time.Now().Add(stallTimeout)) // some writers, such as a test's, have none
	n, err := s.w.Write(b)
	s.left = s.left || err != nil
	return n, err
}
