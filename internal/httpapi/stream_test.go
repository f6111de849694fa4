package httpapi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
