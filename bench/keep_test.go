package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/store/testdb"
)

const (
	keptContracts = 100_000
	writeRate     = 100 // a second
	usualFor      = 20 * time.Second
)

// kept returns the file of a SQLite database with many contracts and as many
// holds, and twice as many entries of the audit log.
func kept(b *testing.B) (file string) {
	b.Helper()
	var raw testdb.Database
	url := filled(b, func(t testing.TB) testdb.Database {
		raw = testdb.EmptySQLite(t)
		return raw
	}, keptContracts)
	for _, action := range []string{"CREATE", "UPDATE"} {
		if _, err := raw.Raw(b).Exec(`INSERT INTO audit_logs (id, user_id, username, user_role, ip_address, user_agent, request_id, action, resource, resource_id,
			description, changes, status, created_at, search) SELECT substr('` + action + `', 1, 1) || substr(id, 2), created_by, 'amra', 'admin', '127.0.0.1', 'bench', id, '` + action + `',
			'contract', id, 'made the contract ' || number, '{"startDate":{"to":"' || start_date || '"},"endDate":{"to":"' || end_date || '"}}', 'success', created_at, number_fold FROM contracts`); err != nil {
			b.Fatal(err)
		}
	}
	return strings.TrimPrefix(url, "sqlite:")
}

// command runs the program to its end.
func command(b *testing.B, env []string, args ...string) time.Duration {
	b.Helper()
	began := time.Now()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", args, err, out)
	}
	return time.Since(began)
}

// A stream of writes comes at a fixed rate, however long each takes.
type stream struct {
	b    *testing.B
	desk *apptest.Client

	sent    int
	mu      sync.Mutex
	latency []time.Duration
	waiting sync.WaitGroup
}

// while writes until do has ended, and returns the 99th percentile and the
// longest of how long a write took from when it was due.
func (s *stream) while(do func()) (p99, longest float64) {
	s.latency = nil
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		do()
	}()
	tick := time.NewTicker(time.Second / writeRate)
	defer tick.Stop()
	for {
		select {
		case due := <-tick.C:
			s.write(due)
			continue
		case <-ended:
		}
		s.waiting.Wait()
		slices.Sort(s.latency)
		last := len(s.latency) - 1
		return ms(s.latency[last*99/100]), ms(s.latency[last])
	}
}

func (s *stream) write(due time.Time) {
	papers := fmt.Sprintf("N%07d", s.sent)
	s.sent++
	s.waiting.Go(func() {
		res := s.desk.Do("POST", "/api/customers", apptest.Customer(papers))
		took := time.Since(due)
		if res.Status != 201 {
			s.b.Error(res)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.latency = append(s.latency, took)
	})
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkBackup measures a backup, alone and while customers are added at a
// fixed rate, and what it does to how long they wait.
func BenchmarkBackup(b *testing.B) {
	file := kept(b)
	dir := b.TempDir()
	env := []string{"DATABASE_URL=sqlite:" + file, "DATA_DIR=" + dir}
	n := 0
	backup := func() time.Duration {
		n++
		return command(b, env, "backup", filepath.Join(dir, fmt.Sprint("backup", n, ".db")))
	}
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			b.ReportMetric(backup().Seconds(), "s")
		}
		info, err := os.Stat(filepath.Join(dir, "backup1.db"))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/1e6, "MB")
		b.ReportMetric(0, "ns/op")
	})
	b.Run("under-writes", func(b *testing.B) {
		s := &stream{b: b, desk: apptest.At(b, start(b, "sqlite:"+file).url).SignIn("emir")}
		s.while(func() { time.Sleep(usualFor / 4) }) // warms
		var figures [5][]float64
		for b.Loop() {
			usual, _ := s.while(func() { time.Sleep(usualFor) })
			var took time.Duration
			during, longest := s.while(func() { took = backup() })
			for i, f := range []float64{took.Seconds(), usual, during, longest, during / usual} {
				figures[i] = append(figures[i], f)
			}
		}
		for i, unit := range []string{"s", "usual-p99-ms", "during-p99-ms", "during-max-ms", "ratio"} {
			slices.Sort(figures[i])
			b.ReportMetric(figures[i][len(figures[i])/2], unit) // the medians: other programs use the disk too
		}
		if there := count(b, file); there != s.sent+customers {
			b.Errorf("%d customers are there of %d", there, s.sent+customers)
		}
		b.ReportMetric(0, "ns/op")
	})
}

func count(b *testing.B, file string) (n int) {
	b.Helper()
	raw := testdb.Database{Driver: "sqlite", DSN: "file:" + file + "?mode=ro"}.Raw(b)
	if err := raw.QueryRow("SELECT COUNT(*) FROM customers").Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkCopy measures how fast a company moves to PostgreSQL.
func BenchmarkCopy(b *testing.B) {
	file := filepath.Join(b.TempDir(), "source.db") // which nobody has open
	command(b, []string{"DATABASE_URL=sqlite:" + kept(b), "DATA_DIR=" + b.TempDir()}, "backup", file)
	var took time.Duration
	n := 0
	for b.Loop() {
		to := testdb.EmptyPostgres(b).URL
		took += command(b, []string{"DATABASE_URL=sqlite:" + file, "DATA_DIR=" + b.TempDir(), "COPY_TO=" + to}, "copy")
		n++
	}
	b.ReportMetric(float64(4*n*keptContracts)/took.Seconds(), "rows/s") // and some more
	b.ReportMetric(took.Seconds()/float64(n), "s")
	b.ReportMetric(0, "ns/op")
}
