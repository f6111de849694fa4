package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"cartracker/internal/store"
)

var (
	// ErrInUse tells that a program has the database open.
	ErrInUse = errors.New("a program is running on this database, or another command is at work on it: stop it first")
	// ErrClosed tells that the database is being replaced or moved.
	ErrClosed = errors.New("this database is being restored or copied by another process: wait until that has ended")
	// ErrDamaged tells that a file is no database, or a damaged one.
	ErrDamaged = errors.New("the file is damaged, or is no database of Car Tracker")
)

// Real returns the path of the file that path names, if that is a link. SQLite
// keeps its other files beside that one.
func Real(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// enter holds the lock of the database at path together with every other
// process that has it open, until leave is called.
func enter(path string) (leave func(), err error) { return hold(path, unix.LOCK_SH, ErrClosed) }

// Alone keeps every other process from opening the database at path, until
// free is called. It fails with ErrInUse if one has it open.
func Alone(path string) (free func(), err error) { return hold(path, unix.LOCK_EX, ErrInUse) }

// hold takes the lock of a database without waiting. It is a file of its own,
// which stays when the database is replaced, and which the system unlocks when
// a process dies.
func hold(path string, how int, taken error) (free func(), err error) {
	f, err := os.OpenFile(Real(path)+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("%s: %w", path, taken)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}

const (
	asOnlooker = "?_pragma=busy_timeout(10000)&_pragma=query_only(ON)&_time_format=sqlite&mode=ro"
	asArchive  = asOnlooker + "&immutable=1" // no other files are made beside it
)

// OpenReadOnly opens the database at path without being able to write to it.
// The caller sees to it that nobody replaces it meanwhile.
func OpenReadOnly(ctx context.Context, path string) (*store.DB, error) {
	return onlyRead(ctx, path, asOnlooker)
}

// OpenBackup opens a backup, a file that nobody writes to any more.
func OpenBackup(ctx context.Context, path string) (*store.DB, error) {
	return onlyRead(ctx, path, asArchive)
}

func onlyRead(ctx context.Context, path, options string) (*store.DB, error) {
	read, err := pool(ctx, uri(path)+options, 2)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	d := dialect(path, nil)
	d.Jobs = Jobs{read, read}
	return store.New(read, read, read, d), nil
}

// piece is how many pages CopyInto writes between two calls of wrote: 1 MiB.
const piece = 256

// CopyInto writes the database at path, as it is now, into the file into, which
// is empty. Others go on reading and writing meanwhile, and what they write is
// not in the copy. After each piece it calls wrote, which may take its time:
// VACUUM INTO would write all at once, and so fast that the disk has none left
// for the commits of others.
func CopyInto(ctx context.Context, path, into string, wrote func() error) error {
	db, err := pool(ctx, uri(path)+asOnlooker, 1)
	if err != nil {
		return err
	}
	if err := errors.Join(copyPages(ctx, db, into, wrote), db.Close()); err != nil {
		return err
	}
	return Fold(ctx, into) // one plain file, as nobody writes to it any more
}

func copyPages(ctx context.Context, db *sql.DB, into string, wrote func() error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // there is nothing to commit
	// From its first read on, the transaction sees the database as it is now:
	// the steps of the copy, which are taken inside of it, agree.
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master").Scan(&n); err != nil {
		return err
	}
	return conn.Raw(func(c any) error {
		from := c.(interface {
			NewBackup(to string) (*sqlite.Backup, error)
		})
		b, err := from.NewBackup(uri(into) + "?_pragma=synchronous(OFF)&_pragma=journal_mode(OFF)")
		if err != nil {
			return err
		}
		return errors.Join(steps(ctx, b, wrote), b.Finish())
	})
}

func steps(ctx context.Context, b *sqlite.Backup, wrote func() error) error {
	for more := true; more; {
		var err error
		if more, err = b.Step(piece); err != nil {
			return err
		}
		if err := errors.Join(ctx.Err(), wrote()); err != nil {
			return err
		}
	}
	return nil
}

// Check reads all of a backup and fails with ErrDamaged unless SQLite finds it
// whole and every reference in it leads somewhere.
func Check(ctx context.Context, path string) error {
	db, err := pool(ctx, uri(path)+asArchive, 1)
	if err == nil {
		err = errors.Join(check(ctx, db), db.Close())
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w (%w)", path, ErrDamaged, err)
	}
	return err
}

func check(ctx context.Context, db *sql.DB) error {
	for _, c := range []struct{ query, want string }{
		{"SELECT integrity_check FROM pragma_integrity_check LIMIT 1", "ok"},
		{`SELECT COALESCE((SELECT 'a row of ' || "table" || ' refers to nothing' FROM pragma_foreign_key_check LIMIT 1), 'ok')`, "ok"},
		{"SELECT COUNT(*) FROM sqlite_master WHERE name IN ('goose_db_version', 'change_counter')", "2"},
	} {
		var got string
		if err := db.QueryRowContext(ctx, c.query).Scan(&got); err != nil {
			return err
		}
		if got != c.want {
			return errors.New(got)
		}
	}
	return nil
}

// Fold brings what is in the files beside the database into the database
// itself, and removes them. Whoever else has it open makes this fail, also
// those who know nothing of our lock.
func Fold(ctx context.Context, path string) error {
	db, err := pool(ctx, uri(path)+"?_pragma=busy_timeout(1000)&mode=rw", 1)
	if err != nil {
		return err
	}
	var mode string
	err = db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	if err = errors.Join(err, db.Close()); isBusy(err) || err == nil && mode != "delete" {
		return fmt.Errorf("%s: %w", path, ErrInUse)
	}
	return err
}

func isBusy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == lib.SQLITE_BUSY || e.Code()&0xff == lib.SQLITE_LOCKED)
}
