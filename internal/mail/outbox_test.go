package mail_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"cartracker/internal/mail"
	"cartracker/internal/mail/mailtest"
)

var desk = mail.Address{Name: "Car Tracker", Email: "desk@rent.example.com"}

func TestOutbox(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "outbox")
	o := mail.NewOutbox(dir, desk)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is there before it is needed: %v", err)
	}
	m := letter()
	taken := func() error {
		if len(mailtest.Outbox(t, dir)) != 1 {
			t.Error("taken before it is there")
		}
		return nil
	}
	for range 2 { // the second replaces the first
		if err := o.Send(t.Context(), m, taken); err != nil {
			t.Fatal(err)
		}
	}
	got := mailtest.Outbox(t, dir)
	if len(got) != 1 || got[0].MessageID != "<"+m.ID+"@rent.example.com>" || got[0].Text != m.Text || got[0].HTML != m.HTML {
		t.Errorf("%+v", got)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, m.ID+".eml"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, m.ID+".eml"))
	if err != nil || !bytes.Contains(raw, []byte("\r\nhttps://rent.example.com/set-password?token=abc\r\n")) {
		t.Errorf("the link is not whole: %v\n%s", err, raw)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("there are %v %v", entries, err)
	}
}

func TestOutboxInTurn(t *testing.T) {
	o := mail.NewOutbox(t.TempDir(), desk)
	boom := errors.New("boom")
	busy := false
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			err := o.Send(t.Context(), letter(), func() error {
				if busy {
					t.Error("two at the same time")
				}
				busy = true
				defer func() { busy = false }()
				return boom
			})
			if !errors.Is(err, boom) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	_ = o.Send(t.Context(), letter(), func() error {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := o.Send(ctx, letter(), nothing); !errors.Is(err, mail.ErrNoTurn) {
			t.Errorf("%v", err)
		}
		return nil
	})
}

// TestOutboxFull: what cannot be written is not taken, and nothing is left of it.
func TestOutboxFull(t *testing.T) {
	file := filepath.Join(t.TempDir(), "outbox")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fail := func() error { t.Error("taken"); return nil }
	if err := mail.NewOutbox(file, desk).Send(t.Context(), letter(), fail); !temporary(err) {
		t.Errorf("%v", err)
	}
	dir := t.TempDir()
	m := letter()
	if err := os.Mkdir(filepath.Join(dir, m.ID+".eml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := mail.NewOutbox(dir, desk).Send(t.Context(), m, fail); !temporary(err) {
		t.Errorf("%v", err)
	}
	bad := letter()
	bad.ID = "../" + bad.ID
	if err := mail.NewOutbox(dir, desk).Send(t.Context(), bad, fail); err == nil || err.Error() != "the mail is refused: it has no id" {
		t.Errorf("%v", err)
	}
}
