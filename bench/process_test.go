package bench

import (
	"io"
	"net/http"
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

// program is the stripped binary that `make bench` builds.
const program = "../bin/cartracker"

// A process is the program, running.
type process struct {
	*exec.Cmd
	url   string
	began time.Time
}

// start runs the program over a database and returns once it answers.
func start(b *testing.B, database string, settings ...string) *process {
	b.Helper()
	return startLogging(b, nil, database, settings...)
}

// startLogging is start with the log in a file, unless that is nil.
func startLogging(b *testing.B, log *os.File, database string, settings ...string) *process {
	b.Helper()
	port := machinetest.FreePort(b)
	p := &process{Cmd: exec.Command(program, "serve"), url: "http://127.0.0.1:" + strconv.Itoa(port), began: time.Now()}
	p.Env = append(os.Environ(), "PORT="+strconv.Itoa(port), "DATA_DIR="+b.TempDir(), "DATABASE_URL="+database,
		"ACCESS_TOKEN_SECRET="+strings.Repeat("s", 32), "LOG_LEVEL=warn", "METRICS_ADDR=off")
	p.Env = append(p.Env, settings...)
	if log != nil {
		p.Stderr = log
	}
	if err := p.Start(); err != nil {
		b.Fatalf("%v: make build makes the program", err)
	}
	b.Cleanup(p.stop)
	for !p.answers() {
		if time.Since(p.began) > 30*time.Second {
			b.Fatal("the program does not answer")
		}
		time.Sleep(time.Millisecond)
	}
	return p
}

func (p *process) answers() bool {
	res, err := http.Get(p.url + "/health/ready")
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusOK
}

func (p *process) stop() {
	if p.ProcessState == nil {
		_ = p.Process.Signal(syscall.SIGTERM)
		_ = p.Wait()
	}
}

// rss returns the resident memory of the process in MiB.
func (p *process) rss(b *testing.B) float64 { return p.memory(b, "VmRSS:") }

// mostRSS returns the most resident memory that the process has had, in MiB.
func (p *process) mostRSS(b *testing.B) float64 { return p.memory(b, "VmHWM:") }

// memory returns what the system calls a kind of memory of the process, in MiB.
func (p *process) memory(b *testing.B, kind string) float64 {
	b.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.Process.Pid), "status"))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, found := strings.Cut(string(status), kind)
	if !found {
		b.Fatalf("the system does not tell %s", kind)
	}
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kib) / 1024
}

// cpu returns the processor time that the process has used.
func (p *process) cpu(b *testing.B) time.Duration {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.Process.Pid), "stat"))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')'):]))
	var ticks time.Duration
	for _, f := range fields[12:14] { // utime, stime
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond // proc(5): in hundredths of a second
}

// BenchmarkStart measures the way from starting the program on a database that
// is there to its first answer, and the memory it has then and when idle.
func BenchmarkStart(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			db := filled(b, e.empty, 20_000)
			var took time.Duration
			var memory float64
			n := 0
			for b.Loop() {
				p := start(b, db)
				took += time.Since(p.began)
				memory = p.rss(b)
				p.stop()
				n++
			}
			b.ReportMetric(float64(took.Milliseconds())/float64(n), "start-ms")
			b.ReportMetric(memory, "RSS-MiB")
			b.ReportMetric(0, "ns/op")
		})
	}
	b.Run("binary", func(b *testing.B) {
		info, err := os.Stat(program)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
		}
		b.ReportMetric(float64(info.Size())/1e6, "MB")
		b.ReportMetric(0, "ns/op")
	})
}
