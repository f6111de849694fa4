package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/observe"
	"cartracker/internal/overload"
)

// An answer that is refused a place before anything was sent is a refusal; one
// that is refused later is cut off, so that nobody takes it for the whole.
func TestStreamRefused(t *testing.T) {
	gate := overload.New(overload.Room{})
	leave, err := gate.Enter(t.Context(), overload.Report)
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	for _, coding := range []string{"identity", "gzip"} {
		for _, sent := range []int{0, 10 * minCompressed} {
			s := &stream{kind: "text/csv", file: "some.csv", write: func(w io.Writer) error {
				_, _ = io.WriteString(w, strings.Repeat("x", sent))
				return gate.Check(overload.Report)
			}}
			srv := httptest.NewServer(http.HandlerFunc(s.answer))
			defer srv.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept-Encoding", coding)
			res, err := srv.Client().Do(req)
			if sent > 0 {
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
				if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
					t.Errorf("%s, behind %d bytes: %v", coding, sent, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || res.Header.Get("Content-Disposition") != "" {
				t.Errorf("%s, at once: %s %v", coding, res.Status, res.Header)
			}
		}
	}
}

// What goes wrong once an answer has begun is reported as it is before; that the
// client has left is not.
func TestStreamReported(t *testing.T) {
	for what, c := range map[string]struct {
		w    http.ResponseWriter
		want int
	}{
		"broken": {httptest.NewRecorder(), 1}, "nobody there": {deaf{httptest.NewRecorder()}, 0},
	} {
		var told []observe.Trouble
		s := &stream{kind: "text/csv", file: "some.csv", write: func(w io.Writer) error {
			if _, err := io.WriteString(w, strings.Repeat("x", 10*minCompressed)); err != nil {
				return err
			}
			return errors.New("zq7 is broken")
		}}
		h := middleware.Report(func(_ context.Context, trouble observe.Trouble) { told = append(told, trouble) })(http.HandlerFunc(s.answer))
		func() {
			defer func() {
				if v := recover(); v != http.ErrAbortHandler {
					t.Errorf("%s: it ends with %v", what, v)
				}
			}()
			h.ServeHTTP(c.w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/some.csv", nil))
		}()
		if len(told) != c.want {
			t.Errorf("%s: reported: %+v", what, told)
		}
	}
}

// A deaf client takes no part of an answer.
type deaf struct{ *httptest.ResponseRecorder }

func (deaf) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
