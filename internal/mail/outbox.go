package mail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// An Outbox is a Sender that keeps mails as files ID.eml in a folder, with the
// bytes that a server would have got. Where no server is set it is the place to
// look for them. A mail that is tried again replaces itself.
type Outbox struct {
	dir  string
	from Address
	turn chan struct{} // has one in it while somebody writes
}

// NewOutbox returns the Outbox in dir, which is made when it is first needed.
func NewOutbox(dir string, from Address) *Outbox {
	return &Outbox{dir: dir, from: from, turn: make(chan struct{}, 1)}
}

// Send writes m into the folder: whole, or not at all.
func (o *Outbox) Send(ctx context.Context, m Message, taken func() error) error {
	p, err := pack(m, o.from, time.Now())
	if err != nil {
		return err
	}
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return noTurn(ctx)
	}
	if err := o.keep(m.ID+".eml", p.data); err != nil {
		return fmt.Errorf("the outbox cannot be written: %w", err)
	}
	return taken()
}

// Close does nothing: each mail is on the disk when Send returns.
func (o *Outbox) Close() error { return nil }

func (o *Outbox) keep(name string, data []byte) error {
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(o.dir, name)
	// What a killed process left of the same mail is overwritten.
	if err := write(path+".part", data); err != nil {
		return errors.Join(err, os.Remove(path+".part"))
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	return flushFolder(o.dir)
}

func write(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// flushFolder makes a name in a folder last.
func flushFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// noTurn is ErrNoTurn for one who does not wait any longer.
func noTurn(ctx context.Context) error { return fmt.Errorf("%w: %w", ErrNoTurn, ctx.Err()) }
