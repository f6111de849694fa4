package nginxtest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"cartracker/internal/nginxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestServer(t *testing.T) {
	t.Parallel()
	hello := func(addr, dir string) string {
		return "server { listen " + addr + "; access_log " + dir + "/access.log; location / { return 200 hello; } }\n"
	}
	s := nginxtest.Start(t, hello)
	if status, body := get(t, s.URL()+"/there"); status != 200 || body != "hello" {
		t.Errorf("%d %q", status, body)
	}
	s.Stop()
	if !strings.Contains(s.Log(), `"GET /there HTTP/1.1" 200`) {
		t.Errorf("the log is %q", s.Log())
	}
	if _, err := http.Get(s.URL()); err == nil {
		t.Error("a server that was stopped answers")
	}
	s.Again()
	if status, _ := get(t, s.URL()); status != 200 {
		t.Errorf("a server that was started again answers %d", status)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	err := nginxtest.Check(t, func(string, string) string { return "server { listn 80; }\n" })
	if err == nil || !strings.Contains(err.Error(), "listn") {
		t.Errorf("a mistake is told as %v", err)
	}
	if err := nginxtest.Check(t, func(addr, _ string) string { return "server { listen " + addr + "; }\n" }); err != nil {
		t.Error(err)
	}
}

// With what is to be deployed, requests reach an instance, and what is away is told.
func TestDeployed(t *testing.T) {
	t.Parallel()
	instance := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-For"))
	}))
	t.Cleanup(instance.Close)
	addr := strings.TrimPrefix(instance.URL, "http://")
	s := nginxtest.Start(t, nginxtest.Deployed(t, addr, addr))
	if status, body := get(t, s.URL()); status != 200 || body != "127.0.0.1" {
		t.Errorf("%d %q", status, body)
	}
}
