package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/store"
	"cartracker/internal/store/sqlite"
	"cartracker/internal/store/testdb"
)

// A notebook is an SQLite database with a table of its own, whose batches take
// as long as tests need.
type notebook struct {
	*testing.T
	*store.DB
	raw *sql.DB
}

func newNotebook(t *testing.T) notebook {
	t.Helper()
	d := testdb.EmptySQLite(t)
	return notebookIn(t, d.Migrated(t), d.Raw(t))
}

func notebookIn(t *testing.T, db *store.DB, raw *sql.DB) notebook {
	t.Helper()
	b := notebook{t, db, raw}
	b.exec(raw, "CREATE TABLE notes (text TEXT UNIQUE, of TEXT REFERENCES notes (text) DEFERRABLE INITIALLY DEFERRED)")
	b.exec(raw, "CREATE TRIGGER undo BEFORE INSERT ON notes WHEN NEW.text = 'undo' BEGIN SELECT RAISE(ROLLBACK, 'undone'); END")
	b.exec(raw, "CREATE TABLE plain (text)") // without checks: SQLite undoes all if there is no room for a row
	db.Batches(time.Minute)
	return b
}

func (b notebook) exec(pool *sql.DB, statement string) {
	b.Helper()
	if _, err := pool.ExecContext(b.Context(), statement); err != nil {
		b.Fatal(err)
	}
}

// set sets a pragma of the connection that writes.
func (b notebook) set(pragma string) {
	b.Helper()
	write, _ := b.Handles()
	b.exec(write, "PRAGMA "+pragma)
}

// note writes a row in the transaction of ctx.
func (b notebook) note(ctx context.Context, text string) error {
	return b.Exec(ctx, "INSERT INTO notes (text) VALUES (?)", text)
}

// noting returns a transaction that writes a row.
func (b notebook) noting(text string) func(context.Context) error {
	return func(ctx context.Context) error { return b.note(ctx, text) }
}

// notes returns how many rows others see.
func (b notebook) notes() (n int) {
	b.Helper()
	if err := b.raw.QueryRowContext(b.Context(), "SELECT COUNT(*) FROM notes").Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}

// want fails the test unless others see so many rows, and one more can be written.
func (b notebook) want(rows int) {
	b.Helper()
	if n := b.notes(); n != rows {
		b.Errorf("others see %d rows, want %d", n, rows)
	}
	if err := b.InTx(b.Context(), b.noting("last")); err != nil {
		b.Errorf("the next: %v", err)
	}
	if n := b.notes(); n != rows+1 {
		b.Errorf("then others see %d rows, want %d", n, rows+1)
	}
}

// together lets the first begin, and the others come meanwhile in their order.
// It returns what became of each; an error that one of the others panics with counts.
func (b notebook) together(first func(context.Context) error, others ...func(context.Context) error) []error {
	b.Helper()
	errs := make([]error, 1+len(others))
	begun, come := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		errs[0] = b.InTx(b.Context(), func(ctx context.Context) error {
			close(begun)
			<-come
			return first(ctx)
		})
	})
	<-begun
	for i, other := range others {
		all.Go(func() {
			defer func() {
				if err, panicked := recover().(error); panicked {
					errs[1+i] = err
				}
			}()
			errs[1+i] = b.InTx(b.Context(), other)
		})
		b.until("it stands in the queue", func() bool { return b.Waiting() > i })
	}
	close(come)
	all.Wait()
	return errs
}

// until waits for something that is about to be.
func (b notebook) until(what string, is func() bool) {
	b.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) {
			b.Fatalf("waited in vain until %s", what)
		}
	}
}

// Those who come at the same time see what the ones before them wrote, which
// others do not until all of it is committed.
func TestBatchShared(t *testing.T) {
	t.Parallel()
	b := newNotebook(t)
	const all = store.MostParts + 10
	var parts []func(context.Context) error
	for i := range all {
		parts = append(parts, func(ctx context.Context) error {
			seen, err := b.Count(ctx, "SELECT COUNT(*) FROM notes")
			committed := i / store.MostParts * store.MostParts // in the batch before
			if n := b.notes(); seen != i || n != committed {
				t.Errorf("part %d sees %d rows, others %d of them, want %d and %d", i, seen, n, i, committed)
			}
			return errors.Join(err, b.note(ctx, fmt.Sprint(i)))
		})
	}
	if err := errors.Join(b.together(parts[0], parts[1:]...)...); err != nil {
		t.Error(err)
	}
	b.want(all)
}

// A batch that has taken its time takes no more parts.
func TestBatchTime(t *testing.T) {
	t.Parallel()
	b := newNotebook(t)
	b.Batches(0)
	next := func(ctx context.Context) error {
		if n := b.notes(); n != 1 {
			t.Errorf("others see %d rows of the batch before, want 1", n)
		}
		return b.note(ctx, "b")
	}
	if err := errors.Join(b.together(b.noting("a"), next)...); err != nil {
		t.Error(err)
	}
	b.want(2)
}

// Who fails does so alone.
func TestBatchFails(t *testing.T) {
	t.Parallel()
	b := newNotebook(t)
	b.set("max_page_count = 200")
	failed := errors.New("failed")
	errs := b.together(b.noting("a"), b.noting("a"), b.noting("b"), func(ctx context.Context) error {
		return errors.Join(b.note(ctx, "c"), failed)
	}, b.noting("c"), func(ctx context.Context) error {
		return b.Exec(ctx, "INSERT INTO notes (text) VALUES (CAST(zeroblob(1000000) AS TEXT))")
	})
	if fault.Of(errs[1]).Kind != fault.Conflict || !errors.Is(errs[3], failed) || fault.Of(errs[5]).Kind != fault.Unavailable {
		t.Errorf("who failed: %v, %v and %v", errs[1], errs[3], errs[5])
	}
	if err := errors.Join(errs[0], errs[2], errs[4]); err != nil {
		t.Error(err)
	}
	b.want(3)
}

// If the database undoes all of a batch, or cannot commit it, nobody is told
// that it was kept, nothing of it is, and the next one is as good as ever.
func TestBatchLost(t *testing.T) {
	t.Parallel()
	b := newNotebook(t)
	full := func(ctx context.Context, b notebook) error {
		return b.Exec(ctx, "INSERT INTO plain VALUES (zeroblob(1000000))")
	}
	for name, c := range map[string]struct {
		lose    func(context.Context, notebook) error
		answers fault.Kind
		shared  bool // the one behind it is lost too
	}{
		"no room":                   {full, fault.Unavailable, false},
		"no room, and it writes on": {func(ctx context.Context, b notebook) error { _ = full(ctx, b); return b.note(ctx, "on") }, fault.Unavailable, false},
		"no room, and it ends well": {func(ctx context.Context, b notebook) error { _ = full(ctx, b); return nil }, fault.Unavailable, false},
		"no room, and it panics":    {func(ctx context.Context, b notebook) error { panic(full(ctx, b)) }, fault.Unavailable, false},
		"no room, and it is a part": {func(ctx context.Context, b notebook) error {
			return b.Try(ctx, func(ctx context.Context) error { return full(ctx, b) })
		}, fault.Unavailable, false},
		"a trigger undoes all":    {func(ctx context.Context, b notebook) error { return b.note(ctx, "undo") }, fault.Conflict, false},
		"it undoes all by itself": {func(ctx context.Context, b notebook) error { return b.Exec(ctx, "ROLLBACK") }, fault.Internal, false},
		"the commit is refused": {func(ctx context.Context, b notebook) error {
			return b.Exec(ctx, "INSERT INTO notes (text, of) VALUES ('x', 'nothing')")
		}, fault.Conflict, true},
		"it leaves its own savepoint": {func(ctx context.Context, b notebook) error { return b.Exec(ctx, "RELEASE SAVEPOINT caller") }, fault.Internal, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := notebook{t, b.DB, b.raw}
			b.exec(b.raw, "DELETE FROM notes")
			b.set("max_page_count = 200")
			var last error
			errs := b.together(b.noting("a"), b.noting("b"), func(ctx context.Context) error { return c.lose(ctx, b) }, func(ctx context.Context) error {
				last = b.note(ctx, "d")
				return last
			})
			kept := 1
			if c.shared {
				kept = 0
				errs[2] = errs[3]
			}
			for i, err := range errs[:3] {
				if err == nil || fault.Of(err).Kind != c.answers {
					t.Errorf("%d was told %v, want %v", i, err, c.answers)
				}
			}
			if (errs[3] == nil) == c.shared || last != nil {
				t.Errorf("the one behind: %v, %v", errs[3], last)
			}
			b.set("max_page_count = 100000")
			b.want(kept)
		})
	}
}

// While another program writes, all who wait are told so at the same time.
func TestBatchBusy(t *testing.T) {
	t.Parallel()
	b := newNotebook(t)
	const waits, callers = 300 * time.Millisecond, 20
	b.set(fmt.Sprintf("busy_timeout = %d", waits.Milliseconds()))
	other, err := b.raw.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			err := b.InTx(t.Context(), func(context.Context) error { t.Error("began"); return nil })
			if f := fault.Of(err); f.Kind != fault.Unavailable || f.Code != "overloaded" {
				t.Errorf("told %v", err)
			}
		})
	}
	all.Wait()
	if took := time.Since(began); took > callers*waits/2 {
		t.Errorf("that took %s: they waited one after the other", took)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	b.want(0)
}

// A client who leaves while it is at it changes nothing: the others' work is
// in the same transaction.
func TestBatchClientLeaves(t *testing.T) {
	t.Parallel()
	b := newNotebook(t)
	ctx, leave := context.WithCancel(t.Context())
	err := b.InTx(ctx, func(inside context.Context) error {
		leave()
		if inside.Err() != nil || inside.Done() != nil {
			t.Error("the statements can be interrupted")
		}
		return b.note(inside, "a")
	})
	if err != nil {
		t.Error(err)
	}
	b.want(1)
}

// What takes long shares its transaction with nobody, and ends with its client.
func TestLongTx(t *testing.T) {
	t.Parallel()
	b := newNotebook(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := b.InLongTx(t.Context(), func(ctx context.Context) error {
			close(begun)
			<-goOn
			return errors.Join(b.note(ctx, "long"), b.InTx(ctx, b.noting("joined")))
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	all.Go(func() {
		err := b.InTx(t.Context(), func(ctx context.Context) error {
			if n := b.notes(); n != 2 {
				t.Errorf("others see %d rows when the next begins, want 2", n)
			}
			return b.note(ctx, "short")
		})
		if err != nil {
			t.Error(err)
		}
	})
	b.until("the next waits", func() bool { return b.Waiting() == 1 })
	close(goOn)
	all.Wait()
	ctx, leave := context.WithCancel(t.Context())
	err := b.InLongTx(ctx, func(ctx context.Context) error {
		leave()
		return b.note(ctx, "left")
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a client who left was told %v", err)
	}
	b.want(3)
}

// Statements of a transaction that is undone are prepared once as well.
func TestUndoneStatementsKept(t *testing.T) {
	t.Parallel()
	b := newNotebook(t)
	for name, inTx := range map[string]func(context.Context, func(context.Context) error) error{"InTx": b.InTx, "InLongTx": b.InLongTx} {
		kept := b.Kept()
		for range 3 {
			err := inTx(t.Context(), func(ctx context.Context) error {
				return errors.Join(b.Exec(ctx, "INSERT INTO notes (text) VALUES ('"+name+"')"), errors.New("undone"))
			})
			if fault.Of(err).Kind != fault.Internal {
				t.Error(err)
			}
		}
		if own := b.Kept() - kept; own < 1 {
			t.Errorf("%s: none of its statements is kept", name)
		}
	}
	b.want(0)
}

// The disk fills up while many write: what was acknowledged is there, and once
// there is room again it goes on.
func TestFaultDiskFull(t *testing.T) {
	if os.Getenv("TEST_FAULTS") == "" {
		t.Skip("TEST_FAULTS is not set; see make test-faults")
	}
	if os.Getuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("nothing can be mounted here: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	path := filepath.Join(dir, "cartracker.db")
	d := testdb.Database{Driver: "sqlite", DSN: "file:" + path, Open: func(ctx context.Context) (*store.DB, error) { return sqlite.Open(ctx, path) }}
	b := notebookIn(t, d.Migrated(t), d.Raw(t))
	b.Batches(20 * time.Millisecond)
	stone := filepath.Join(dir, "stone")
	if err := os.WriteFile(stone, make([]byte, 512<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	acknowledged := b.untilFull()
	if n := b.notes(); n != acknowledged || n == 0 {
		t.Errorf("%d rows were acknowledged, and %d are there", acknowledged, n)
	}
	if err := os.Remove(stone); err != nil {
		t.Fatal(err)
	}
	b.want(acknowledged)
}

// untilFull lets many write until each of them is refused, and returns how many rows were acknowledged.
func (b notebook) untilFull() (acknowledged int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for n := range 32 {
		all.Go(func() {
			for i := 0; ; i++ {
				err := b.InTx(b.Context(), b.noting(fmt.Sprintf("%d %d %04000d", n, i, 0)))
				if err != nil {
					if fault.Of(err).Kind != fault.Unavailable {
						b.Errorf("told %v", err)
					}
					return
				}
				mu.Lock()
				acknowledged++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return acknowledged
}
