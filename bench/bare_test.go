package bench

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// bareVariable tells the test program to be a bare server of the answers in a file.
const bareVariable = "BENCH_BARE_ANSWERS"

// An answer is what a bare server writes.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// serveBare serves answers by their paths, as little as net/http lets a handler
// do: it writes headers, status and bytes that are ready.
func serveBare(file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var answers map[string]answer
	if err := json.Unmarshal(raw, &answers); err != nil {
		return err
	}
	mux := http.NewServeMux()
	for path, a := range answers {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			for name, values := range a.Header {
				h[name] = values
			}
			w.WriteHeader(a.Status)
			_, _ = w.Write(a.Body)
		})
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	// The same time limits as the program's: they cost each request a timer.
	srv := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
	}
	return srv.Serve(ln)
}

// startBare runs a bare server as a process of its own and returns its URL.
func startBare(b testing.TB, answers map[string]answer) string {
	b.Helper()
	raw, err := json.Marshal(answers)
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "answers")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), bareVariable+"="+file)
	return listening(b, cmd)
}
