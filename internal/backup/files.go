package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A part is a file that becomes a backup once it is whole. Whoever makes it
// holds its lock, by which it is known from one that a killed process left.
type part struct {
	path string
	file *os.File
}

const partPattern = ".*.part"

// newPart makes an empty part of the file to be, beside it, for its owner only,
// after removing those that were left.
func newPart(file string) (*part, error) {
	if err := sweep(filepath.Dir(file), filepath.Base(file)+"."); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+partPattern)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return &part{f.Name(), f}, nil
}

// drop removes the part, unless it was published.
func (p *part) drop() {
	if p.path != "" {
		_ = os.Remove(p.path)
	}
	p.file.Close()
}

// publish gives the part its name, which nothing may have yet.
func (p *part) publish(file string) error {
	err := os.Link(p.path, file) // a rename would replace what is there
	switch {
	case err == nil:
		err = os.Remove(p.path)
	default: // it is there already, or the disk has no links, such as a USB stick
		if err = absent(file); err == nil {
			err = os.Rename(p.path, file)
		}
	}
	if err == nil {
		p.path = ""
		err = syncDir(filepath.Dir(file))
	}
	return err
}

// named returns the files in a folder whose names begin and end like that. A
// folder can have a name that a pattern would take for more than a name.
func named(dir, prefix, suffix string) (paths []string, err error) {
	all, err := os.ReadDir(dir)
	for _, f := range all {
		if strings.HasPrefix(f.Name(), prefix) && strings.HasSuffix(f.Name(), suffix) {
			paths = append(paths, filepath.Join(dir, f.Name()))
		}
	}
	return paths, err
}

// sweep removes the parts in a folder that nobody is making any more.
func sweep(dir, prefix string) error {
	left, err := named(dir, prefix, ".part")
	if err != nil {
		return err
	}
	for _, path := range left {
		f, err := os.Open(path)
		if err != nil {
			continue // gone meanwhile
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			err = os.Remove(path)
		}
		if err := errors.Join(err, f.Close()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// absent fails if there is a file at path.
func absent(path string) error {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("%s is there already, and no backup is overwritten: choose another name, or remove it", path)
	}
	return err
}

// writeFile puts text into the file at path, wholly or not at all.
func writeFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+partPattern)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// unhurried brings to the disk what was written to f since it was called last,
// and leaves the disk to others for a while: for three times as long as it took,
// within reason. A large file all at once would keep each commit of the database
// waiting, for a fifth of a second or more.
func unhurried(ctx context.Context, f *os.File) error {
	began := time.Now()
	if err := f.Sync(); err != nil {
		return err
	}
	select {
	case <-time.After(min(3*time.Since(began), longestRest)):
	case <-ctx.Done():
	}
	return ctx.Err()
}

const longestRest = 50 * time.Millisecond

// piece is how much is copied at a time, in bytes.
const piece = 1 << 20

// copyFile writes what is in the file from into the new file to, for its owner
// only, and waits until it is on the disk.
func copyFile(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	for err == nil {
		if _, err = io.CopyN(out, in, piece); err == nil {
			err = unhurried(ctx, out)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		err = errors.Join(err, os.Remove(to))
	}
	return err
}

// syncDir makes the names in a folder outlive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
