package app_test

import (
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/httpapi"
	"cartracker/internal/store/testdb"
)

// TestPanic: a bug in a route is a 500 that says nothing, and a line in the log
// that says everything.
func TestPanic(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	c.API.Health = func() httpapi.Health { panic("zq7 went wrong") }
	res := c.Nobody.Do("GET", "/health", nil, "X-Request-Id: panic-request-1", "Origin: "+c.URL)
	coded(t, "a panic", res, 500, "internal_error")
	guarded(t, "a panic", res)
	if strings.Contains(string(res.Body), "zq7") || res.Header.Get("X-Request-Id") != "panic-request-1" {
		t.Errorf("a panic: %s", res)
	}
	for line := range strings.Lines(c.Log.String()) {
		if strings.Contains(line, "msg=panic") && strings.Contains(line, "panic-request-1") && strings.Contains(line, "zq7 went wrong") && strings.Contains(line, "panic_test.go") {
			return
		}
	}
	t.Error("the panic is not in the log with its request id and stack")
}
