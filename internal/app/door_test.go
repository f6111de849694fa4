package app_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cartracker/internal/app"
)

// A door that closes asks each client to leave, however it is answered, and
// leaves websockets their connection.
func TestDoor(t *testing.T) {
	t.Parallel()
	bare := func(w http.ResponseWriter) *http.ResponseController { return http.NewResponseController(w) }
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		status int
		body   string
		leaves bool
	}{
		"a body":      {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "all") }, 200, "all", true},
		"no body":     {func(http.ResponseWriter, *http.Request) {}, 200, "", true},
		"a status":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, 404, "", true},
		"nothing new": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, 304, "", true},
		"in pieces": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "a")
			_ = bare(w).Flush()
			io.WriteString(w, "b")
		}, 200, "ab", true},
		"its own wish": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "keep-alive")
			io.WriteString(w, "all")
		}, 200, "all", true},
		"another protocol": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Upgrade", "x")
			w.Header().Set("Connection", "Upgrade")
			w.WriteHeader(101)
		}, 101, "", false},
		"after early hints": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); io.WriteString(w, "all") }, 200, "all", true},
	} {
		h, inside, closing := app.Doorway(c.answer)
		srv := httptest.NewServer(h)
		for _, leaving := range []bool{false, true} {
			if leaving {
				closing()
			}
			res, err := srv.Client().Get(srv.URL)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if res.StatusCode != http.StatusSwitchingProtocols {
				if body, err := io.ReadAll(res.Body); string(body) != c.body || err != nil {
					t.Errorf("%s, closing %t: %q %v", name, leaving, body, err)
				}
			}
			res.Body.Close()
			closes := strings.EqualFold(res.Header.Get("Connection"), "close") || res.Close
			if res.StatusCode != c.status || closes != (leaving && c.leaves) {
				t.Errorf("%s, closing %t: %d, closes %t: %v", name, leaving, res.StatusCode, closes, res.Header)
			}
		}
		srv.Close()
		if n := inside(); n != 0 {
			t.Errorf("%s: %d requests are under way after all", name, n)
		}
	}
}

// A request that came before the door was closing leaves too, and counts until
// it is answered, also if that is by a panic.
func TestDoorClosesMeanwhile(t *testing.T) {
	t.Parallel()
	came, answer := make(chan struct{}), make(chan struct{})
	h, inside, closing := app.Doorway(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came <- struct{}{}
		<-answer
		if r.URL.Path == "/panic" {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, "late")
	}))
	srv := httptest.NewServer(h)
	defer srv.Close()
	type got struct {
		res *http.Response
		err error
	}
	for path, answered := range map[string]bool{"/": true, "/panic": false} {
		done := make(chan got, 1)
		go func() {
			res, err := srv.Client().Get(srv.URL + path)
			done <- got{res, err}
		}()
		<-came
		if n := inside(); n != 1 {
			t.Errorf("%s: %d requests are under way", path, n)
		}
		closing()
		answer <- struct{}{}
		g := <-done
		if answered != (g.err == nil) || !answered && !errors.Is(g.err, io.EOF) {
			t.Errorf("%s: %v", path, g.err)
		}
		if g.err == nil {
			g.res.Body.Close()
			if !g.res.Close {
				t.Errorf("%s: the connection stays: %v", path, g.res.Header)
			}
		}
	}
	srv.Close() // waits until both have left
	if n := inside(); n != 0 {
		t.Errorf("%d requests are under way after all", n)
	}
}
