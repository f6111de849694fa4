package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/app"
	"cartracker/internal/cli"
	"cartracker/internal/config"
	"cartracker/internal/store/testdb"
)

// dial opens a connection past any HTTP client.
func (p *running) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// answer reads one answer from a connection, and how long it took.
func answer(t *testing.T, conn net.Conn, within time.Duration) (status int, took time.Duration) {
	t.Helper()
	began := time.Now()
	if err := conn.SetReadDeadline(began.Add(within)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if took = time.Since(began); err != nil {
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			t.Fatalf("no answer within %s", within)
		}
		return 0, took // the connection was closed
	}
	res.Body.Close()
	return res.StatusCode, took
}

const head = "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n"

func TestSlowClients(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir())
	t.Run("headers", func(t *testing.T) {
		t.Parallel()
		conn := p.dial(t)
		fmt.Fprint(conn, head) // and no end of them
		if status, took := answer(t, conn, 15*time.Second); status == 200 || took < 4*time.Second || took > 8*time.Second {
			t.Errorf("unfinished headers: %d after %s", status, took)
		}
	})
	t.Run("body", func(t *testing.T) {
		t.Parallel()
		conn := p.dial(t)
		fmt.Fprint(conn, head+"\r\n{")
		if status, took := answer(t, conn, 30*time.Second); status != 400 || took < 14*time.Second || took > 19*time.Second {
			t.Errorf("an unfinished body: %d after %s", status, took)
		}
	})
	t.Run("large headers", func(t *testing.T) {
		t.Parallel()
		for size, want := range map[int]int{14 << 10: 200, 17 << 10: 431, 1 << 20: 431} {
			conn := p.dial(t)
			go fmt.Fprintf(conn, "GET /health HTTP/1.1\r\nHost: x\r\nX-Large: %s\r\n\r\n", strings.Repeat("a", size))
			if status, _ := answer(t, conn, 15*time.Second); status != want && (want != 431 || status != 0) {
				t.Errorf("headers of %d bytes: %d, want %d", size, status, want)
			}
		}
	})
	t.Run("no HTTP", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /health HTTP/1.1\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"} {
			conn := p.dial(t)
			fmt.Fprint(conn, text)
			if status, _ := answer(t, conn, 15*time.Second); status < 400 || status >= 600 {
				t.Errorf("%q: %d", text, status)
			}
		}
		conn := p.dial(t)
		fmt.Fprint(conn, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
		if status, _ := answer(t, conn, 15*time.Second); status != 404 {
			t.Errorf("OPTIONS *: %d", status)
		}
	})
}

// TestTerminate: SIGTERM lets a request under way finish, takes no new ones,
// and the program ends with 0.
func TestTerminate(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir())
	conn := p.dial(t)
	fmt.Fprint(conn, head+"Expect: 100-continue\r\n\r\n")
	if status, _ := answer(t, conn, 15*time.Second); status != 100 { // the program is reading the body now
		t.Fatalf("no 100 but %d", status)
	}
	p.stop()
	for !strings.Contains(p.said.String(), "stopping") {
		<-p.said.new
	}
	fmt.Fprint(conn, `{"username":"nobod"}`)
	if status, _ := answer(t, conn, 15*time.Second); status != 422 {
		t.Errorf("the request under way was answered %d", status)
	}
	if exit := p.ends(); exit != 0 {
		t.Errorf("exit code %d:\n%s", exit, p.said)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://")); err == nil {
		t.Error("the port is still open")
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	d := testdb.EmptyPostgres(t)
	dir := t.TempDir()
	env := []string{"DATABASE_URL=" + d.URL, "ACCESS_TOKEN_SECRET=" + strings.Repeat("s", 32), "DB_POOL_MIN=1", "DB_POOL_SIZE=4", "DB_POOL_MAX=4"}
	add := command(dir, env, "user", "add", "--username", "amra", "--email", "amra@example.com", "--role", "admin")
	add.Stdin = strings.NewReader("desk-lamp-Vrbas-77\n")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := start(t, dir, env...)
	_, in := p.call("POST", "/api/auth/login", `{"username":"amra","password":"desk-lamp-Vrbas-77"}`)
	_, rest, _ := strings.Cut(in, `"accessToken":"`)
	token, _, _ := strings.Cut(rest, `"`)
	auth := "Authorization: Bearer " + token
	if res, body := p.call("GET", "/api/cars", "", auth); res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	server := postgresServer(t)
	allow := func(yes bool) {
		t.Helper()
		for _, s := range []string{
			"ALTER DATABASE " + name + " ALLOW_CONNECTIONS " + strconv.FormatBool(yes),
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'",
		} {
			if _, err := server.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	allow(false)
	// What was kept a moment ago is answered until others might have changed it.
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); ; <-again.C {
		res, _ := p.call("GET", "/api/cars", "", auth)
		if res.StatusCode == 503 {
			break
		}
		if time.Since(began) > 10*time.Second || res.StatusCode != 200 {
			t.Fatalf("without a database for %s: %d", time.Since(began), res.StatusCode)
		}
	}
	for _, call := range [][3]string{{"GET", "/api/cars"}, {"POST", "/api/cars", "{}"}, {"POST", "/api/auth/login", `{"username":"amra","password":"desk-lamp-Vrbas-77"}`}} {
		res, body := p.call(call[0], call[1], call[2], auth)
		if seconds, _ := strconv.Atoi(res.Header.Get("Retry-After")); res.StatusCode != 503 || seconds < 1 || !strings.Contains(body, fmt.Sprintf(`"retryAfter":%d`, seconds)) {
			t.Errorf("%v without a database: %d %v %s", call, res.StatusCode, res.Header, body)
		}
	}
	p.until("the database is away")
	if res, body := p.call("GET", "/health", ""); res.StatusCode != 200 || !strings.Contains(body, `"database":"down"`) {
		t.Errorf("health: %d %s", res.StatusCode, body)
	}
	if res, body := p.call("GET", "/health/ready", ""); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || !strings.Contains(body, "not_ready") {
		t.Errorf("ready: %d %s", res.StatusCode, body)
	}
	allow(true)
	p.until("the database is back")
	if res, body := p.call("GET", "/health/ready", ""); res.StatusCode != 200 {
		t.Errorf("ready again: %d %s", res.StatusCode, body)
	}
	if res, body := p.call("GET", "/api/cars", "", auth); res.StatusCode != 200 {
		t.Errorf("again: %d %s", res.StatusCode, body)
	}
}

// until waits for the program to say something.
func (p *running) until(words string) {
	p.t.Helper()
	late := time.After(30 * time.Second)
	for !strings.Contains(p.said.String(), words) {
		select {
		case <-p.said.new:
		case <-late:
			p.t.Fatalf("the program does not say %q:\n%s", words, p.said)
		}
	}
}

// postgresServer opens the server's own database.
func postgresServer(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", os.Getenv("TEST_POSTGRES_URL"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TestServeLeavesNothing serves inside the test: on a terminal the set-up code
// is said with a line to paste, and no goroutine is left behind.
func TestServeLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for range 2 {
		dir := t.TempDir()
		c := &config.Config{DataDir: filepath.Join(dir, "data"), Port: "0"}
		if err := c.Load(func(string) (string, bool) { return "", false }); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var said bytes.Buffer
		ended, addr := make(chan error, 1), make(chan string, 1)
		go func() {
			ended <- app.Program{Version: "test"}.Serve(ctx, c, cli.Terminal{Err: &said, ErrTerminal: true}, func(a string) { addr <- a })
		}()
		at := <-addr
		client := http.Client{Transport: &http.Transport{}}
		res, err := client.Get("http://" + at + "/health")
		if err != nil || res.StatusCode != 200 {
			t.Errorf("health: %v %v", res, err)
		} else {
			res.Body.Close()
		}
		client.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		code, err := os.ReadFile(filepath.Join(dir, "data", "setup-code"))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"http://" + at, filepath.Join(dir, "data", "cartracker.db"), "set-up code: " + strings.TrimSpace(string(code)), "curl -sS http://" + at + "/api/auth/setup", "only this computer can reach it"} {
			if !strings.Contains(said.String(), want) {
				t.Errorf("the program does not say %q:\n%s", want, said.String())
			}
		}
	}
	goleak.VerifyNone(t, before)
}
