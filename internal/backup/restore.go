package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cartracker/internal/date"
	"cartracker/internal/store"
	"cartracker/internal/store/sqlite"
)

// sideFiles are those that SQLite keeps beside a database. One that belongs to
// another file of the same name would damage it.
var sideFiles = []string{"-wal", "-shm", "-journal"}

// A Restoration is a backup that was checked and waits beside the database
// that it will be. No program can open that database meanwhile.
type Restoration struct {
	Manifest      // what is in the backup
	Proved   bool // there was a manifest, and the backup is what it says
	Old      *Old // what is replaced; nil if there is nothing

	path, waiting string
	free          func()
}

// An Old is the database that a restoration replaces.
type Old struct {
	Path   string
	Size   int64            // bytes
	Counts map[string]int64 // rows of each table; nil if it cannot be read
}

// Prepare copies the backup file beside the database at path and checks the
// copy. Nothing is replaced before Commit; Close has to be called in any case.
func Prepare(ctx context.Context, file, path string) (r *Restoration, err error) {
	if err := complete(file, path); err != nil {
		return nil, err
	}
	path = sqlite.Real(path)
	free, err := sqlite.Alone(path)
	if err != nil {
		return nil, err
	}
	r = &Restoration{path: path, waiting: waiting(path), free: free}
	if err := r.fetch(ctx, file); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if r.Old, err = replaced(ctx, path); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close removes what Commit has not put in place, and lets programs open the
// database again.
func (r *Restoration) Close() error {
	defer r.free()
	if err := os.Remove(r.waiting); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// waiting returns where a backup is copied before it becomes the database.
func waiting(path string) string { return path + ".restoring" }

// complete refuses a file that is not all of a database, or the database itself.
func complete(file, path string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", file)
	}
	if there, err := os.Stat(path); err == nil && os.SameFile(info, there) {
		return fmt.Errorf("%s is the database itself", file)
	}
	if there, err := os.Stat(waiting(sqlite.Real(path))); err == nil && os.SameFile(info, there) {
		return fmt.Errorf("%s is what a restoration left that was interrupted: restore the backup again, or move this file away first", file)
	}
	for _, side := range []string{"-wal", "-journal"} {
		if beside, err := os.Stat(file + side); err == nil && beside.Size() > 0 {
			return fmt.Errorf("%s is not all of a database: what was written last is in %[1]s%s. Make a backup of it, with DATABASE_URL=sqlite:%[1]s, and restore that", file, side)
		}
	}
	return nil
}

// fetch copies the backup and checks the copy: what is checked is what will be
// used, and nobody else can change it.
func (r *Restoration) fetch(ctx context.Context, file string) error {
	manifest, err := readManifest(file)
	if err != nil {
		return err
	}
	// One that is there was left when a restoration was killed: we are alone.
	if err := os.Remove(r.waiting); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := copyFile(ctx, file, r.waiting); err != nil {
		return err
	}
	found, err := inspect(ctx, r.waiting)
	if err != nil {
		return fmt.Errorf("%s cannot be restored: %w", file, err)
	}
	r.Manifest = found
	if manifest == nil {
		return nil
	}
	if err := manifest.matches(found); err != nil {
		return fmt.Errorf("%s cannot be restored: %w", file, err)
	}
	r.Manifest, r.Proved = *manifest, true
	return nil
}

// replaced looks at the database that is there; nil if there is none.
func replaced(ctx context.Context, path string) (*Old, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	old := &Old{Path: path, Size: info.Size()}
	db, err := sqlite.OpenReadOnly(ctx, path)
	if err != nil {
		return old, nil // a damaged one is what backups are for
	}
	err = db.Snapshot(ctx, func(s *store.Snapshot) error {
		old.Counts, err = s.Counts(ctx)
		return err
	})
	if err != nil {
		old.Counts = nil
	}
	return old, errors.Join(ctx.Err(), db.Close())
}

// Commit puts the backup in the place of the database and returns where the
// old one is kept; "" if there was none. Whenever it is interrupted, there is
// one whole database in place, the old one or the new.
func (r *Restoration) Commit(ctx context.Context, now date.Moment) (kept string, err error) {
	aside := r.path + ".before-restore-" + now.Time().Format(stamp)
	if r.Old != nil {
		if err := setAside(ctx, r.path, aside); err != nil {
			return "", err
		}
		kept = aside
	}
	if err := r.clear(aside); err != nil {
		return "", err
	}
	if err := os.Rename(r.waiting, r.path); err != nil {
		return "", err
	}
	return kept, syncDir(filepath.Dir(r.path))
}

// stamp is how a moment stands in the name of a file.
const stamp = "2006-01-02T150405Z"

// setAside gives the database at path a second name, which it keeps when the
// first is given to another file. First all that was written to it is brought
// into that one file, unless it is too damaged for that.
func setAside(ctx context.Context, path, aside string) error {
	err := sqlite.Fold(ctx, path)
	if errors.Is(err, sqlite.ErrInUse) || ctx.Err() != nil {
		return err
	}
	if err := absent(aside); err != nil {
		return err
	}
	if err := os.Link(path, aside); err != nil { // a disk without links
		return copyFile(ctx, path, aside)
	}
	return syncDir(filepath.Dir(path))
}

// clear moves away what SQLite has left beside the database. After setAside
// that is nothing that the old one lacks, or it was damaged anyway.
func (r *Restoration) clear(aside string) error {
	for _, side := range sideFiles {
		if err := os.Rename(r.path+side, aside+side); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncDir(filepath.Dir(r.path))
}
