// Package prometheustest runs Prometheus servers of a test's own, and promtool.
package prometheustest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cartracker/internal/machinetest"
)

const patience = 30 * time.Second

// A Server is Prometheus on 127.0.0.1, in a folder of its own. It is stopped when
// its test ends.
type Server struct {
	t    testing.TB
	addr string
	cmd  *exec.Cmd
	said bytes.Buffer // to be read once ended
	down chan struct{}
}

// Start starts a server with this configuration and waits until it is ready.
// Where there is no Prometheus the test is skipped, or fails if
// TEST_REQUIRE_PROMETHEUS is set.
func Start(t testing.TB, config string) *Server {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, addr: "127.0.0.1:" + strconv.Itoa(machinetest.FreePort(t)), down: make(chan struct{})}
	s.cmd = exec.Command(program(t, "prometheus"), "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+s.addr, "--log.level=warn")
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that is killed leaves no server behind
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.down)
		_ = s.cmd.Wait()
	}()
	t.Cleanup(s.stop)
	s.Until("ready", func() bool {
		_, err := s.get("/-/ready", nil)
		return err == nil
	})
	return s
}

// stop ends the server.
func (s *Server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.down:
	case <-time.After(patience):
		s.t.Errorf("Prometheus did not stop in %s", patience)
		_ = s.cmd.Process.Kill()
		<-s.down
	}
	if s.said.Len() > 0 {
		s.t.Logf("Prometheus said:\n%s", s.said.String())
	}
}

// URL returns the address of the server.
func (s *Server) URL() string { return "http://" + s.addr }

// Until waits until done returns true: nobody tells when Prometheus has scraped.
func (s *Server) Until(what string, done func() bool) {
	s.t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); !done(); {
		select {
		case <-again.C:
		case <-s.down:
			s.t.Fatalf("Prometheus ended before it was %s:\n%s", what, s.said.String())
		}
		if time.Since(began) > patience {
			s.t.Fatalf("after %s: not yet %s", patience, what)
		}
	}
}

// A Sample is one value of what an expression returns.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Query returns what an expression is now.
func (s *Server) Query(expression string) ([]Sample, error) {
	s.t.Helper()
	var answer struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any // a moment and a text
		}
	}
	if err := s.api("query", url.Values{"query": {expression}}, &answer); err != nil {
		return nil, fmt.Errorf("%s: %w", expression, err)
	}
	var out []Sample
	for _, r := range answer.Result {
		text, _ := r.Value[1].(string)
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", expression, err)
		}
		out = append(out, Sample{r.Metric, v})
	}
	return out, nil
}

// Firing returns the names of the alarms that fire.
func (s *Server) Firing() (names []string, err error) {
	s.t.Helper()
	var answer struct {
		Alerts []struct {
			Labels map[string]string
			State  string
		}
	}
	err = s.api("alerts", nil, &answer)
	for _, a := range answer.Alerts {
		if a.State == "firing" {
			names = append(names, a.Labels["alertname"])
		}
	}
	return names, err
}

func (s *Server) api(call string, query url.Values, into any) error {
	body, err := s.get("/api/v1/"+call, query)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, &struct{ Data any }{into})
}

func (s *Server) get(path string, query url.Values) ([]byte, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(s.URL() + path + "?" + query.Encode())
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, body)
	}
	return body, err
}

// Promtool runs promtool in a folder, and returns what it says, and an error if
// it finds something wrong.
func Promtool(t testing.TB, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(program(t, "promtool"), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// program returns the path of one of the programs of Prometheus.
func program(t testing.TB, name string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(machinetest.Root(t), "scripts", "prometheus.sh"))
	out, err := cmd.Output()
	if err == nil {
		return filepath.Join(strings.TrimSpace(string(out)), name)
	}
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w\n%s", err, failed.Stderr)
	}
	if os.Getenv("TEST_REQUIRE_PROMETHEUS") != "" {
		t.Fatalf("there is no Prometheus, and TEST_REQUIRE_PROMETHEUS says that there must be: run scripts/need.sh (%v)", err)
	}
	t.Skip("there is no Prometheus: run scripts/need.sh")
	return ""
}
