package deploy_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

const (
	desk     = "https://desk.example.com" // whose pages may call the API
	stranger = "https://elsewhere.example"
)

// What nginx answers by itself is as the program would: with the id of the request,
// by which both logs are searched, and to be read by the pages that are allowed, and
// no others. It redirects nobody.
func TestAnswersOfNginx(t *testing.T) {
	t.Parallel()
	s := begin(t, "#origin ", "")
	large := strings.Repeat("x", 1<<20+1)
	for _, from := range []string{desk, stranger, ""} {
		says(t, s.boss.Do("POST", "/api/cars", large, "Origin: "+from, "X-Request-Id: desk-0007"), 413, from, "desk-0007")
	}
	if id := s.boss.Do("POST", "/api/cars", large, "X-Request-Id: no id").Header.Get("X-Request-Id"); !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
		t.Errorf("in the place of what is no id stands %q", id)
	}
	for path, status := range map[string]int{"/socket.io": 400, "/api/import": 404, "/api/imports": 404} {
		if res := s.boss.Do("GET", path, nil); res.Status != status || res.Header.Get("Content-Type") == "text/html" {
			t.Errorf("%s: %s", path, res)
		}
	}
	id := s.boss.Do("GET", "/health", nil).Header.Get("X-Request-Id")
	s.logged(t, `"`+id+`"`, 1)
	s.one.Kill()
	s.two.Kill()
	for _, from := range []string{desk, stranger} {
		says(t, s.boss.Do("POST", "/api/cars", apptest.Car("Z00-K-345"), "Origin: "+from, "X-Request-Id: desk-0008"), 503, from, "desk-0008")
	}
	if log := s.logged(t, `" 503 .*"desk-0008"`, 2); strings.Contains(log, `" 301 `) {
		t.Errorf("somebody was redirected:\n%s", log)
	}
}

// says checks an answer of nginx to a page.
func says(t *testing.T, res apptest.Response, status int, from, id string) {
	t.Helper()
	if res.Status != status || res.Text("requestId") != id || res.Header.Get("X-Request-Id") != id {
		t.Errorf("%s %v", res, res.Header)
	}
	for name, want := range map[string]string{"Origin": desk, "Credentials": "true"} {
		got := res.Header.Get("Access-Control-Allow-" + name)
		if from == desk && got != want || from != desk && got != "" {
			t.Errorf("%d from %q: Allow-%s is %q", status, from, name, got)
		}
	}
}

// Behind another proxy, whoever comes by it is who the log and the audit log name, whatever they say
// of themselves.
func TestBehindProxy(t *testing.T) {
	t.Parallel()
	s := begin(t, "#front ", "", "10.0.0.9", "127.0.0.1")
	in := apptest.JSON{"username": "amra", "password": apptest.Password}
	if res := s.boss.Do("POST", "/api/auth/login", in, "X-Forwarded-For: 198.51.100.7, 203.0.113.9"); res.Status != 200 {
		t.Fatal(res)
	}
	entry := s.boss.Do("GET", "/api/audit-logs?action=LOGIN&limit=1", nil)
	if got := entry.Text("data.0.ipAddress"); got != "203.0.113.9" {
		t.Errorf("whoever signed in came from %q: %s", got, entry)
	}
	s.logged(t, `(?m)^203\.0\.113\.9 .*"POST /api/auth/login" 200`, 1)
}

// Requests of which it could be disputed where they end reach no instance.
func TestDisputedRequests(t *testing.T) {
	t.Parallel()
	s := begin(t)
	for name, head := range map[string]string{
		"two lengths":          "Content-Length: 5\r\nContent-Length: 6\r\n",
		"a length and chunks":  "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"a blank before :":     "Content-Length : 5\r\n",
		"chunks of some kind":  "Transfer-Encoding: xchunked\r\n",
		"chunks and something": "Transfer-Encoding: chunked, identity\r\n",
		"two hosts":            "Host: other\r\n",
	} {
		conn, err := net.Dial("tcp", s.nginx.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, err = io.WriteString(conn, "POST /zq7 HTTP/1.1\r\nHost: rent.example.com\r\n"+head+"\r\n0\r\n\r\nGET /zq8 HTTP/1.1\r\nHost: rent.example.com\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn) // it is closed, so nothing more is read from it
		conn.Close()
		if err != nil || !regexp.MustCompile(`^HTTP/1\.1 (400|501) `).Match(answer) || strings.Count(string(answer), "HTTP/1.1 ") != 1 {
			t.Errorf("%s: %q (%v)", name, answer, err)
		}
	}
	s.nginx.Stop()
	if log := regexp.MustCompile(`zq[78].*"127\.0\.0\.1:\d+".*`).FindString(s.nginx.Log()); log != "" {
		t.Errorf("an instance was asked: %s", log)
	}
}

// What systemd waits for when it starts the program ends with it, so that a start
// that failed is tried again soon; and it does not end while the program is on its way.
func TestUnitWaits(t *testing.T) {
	t.Parallel()
	m := regexp.MustCompile(`(?m)^ExecStartPost=/bin/sh -c '(.*)'$`).FindStringSubmatch(read(t, "systemd/cartracker.service"))
	if m == nil {
		t.Fatal("the unit waits for nothing")
	}
	folder := t.TempDir()
	program := folder + "/cartracker"
	write(t, program, "#!/bin/sh\necho asked >>"+folder+"/asked; [ -e "+folder+"/ready ]\n")
	if err := os.Chmod(program, 0o700); err != nil {
		t.Fatal(err)
	}
	wait := func(pid string) *exec.Cmd {
		script := strings.NewReplacer("/usr/local/bin/cartracker", program, "${MAINPID}", pid).Replace(m[1])
		cmd := exec.Command("/bin/sh", "-c", script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	gone := exec.Command("/bin/true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	if err := wait(strconv.Itoa(gone.Process.Pid)).Wait(); err == nil {
		t.Error("a program that has ended is ready")
	}
	if err := os.Remove(folder + "/asked"); err != nil {
		t.Fatal(err)
	}
	cmd := wait("$$") // which lives
	apptest.Until(t, "two questions", func() bool {
		text, _ := os.ReadFile(folder + "/asked")
		return strings.Count(string(text), "asked") > 1
	})
	write(t, folder+"/ready", "")
	if err := cmd.Wait(); err != nil {
		t.Errorf("a program that is ready: %v", err)
	}
}
