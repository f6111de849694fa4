package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"cartracker/internal/config"
	"cartracker/internal/secret"
)

// A setupCode is what makes the first admin; empty when there is one.
type setupCode struct{ text, path string }

func setupPath(c *config.Config) string { return filepath.Join(c.DataDir, "setup-code") }

// expectSetup sees to it that there is a set-up code for as long as there is
// no admin, in a file that only the program's user can read. It is the same code
// at all instances, each of which may have a folder of its own.
func (o *Office) expectSetup(ctx context.Context, c *config.Config) (code setupCode, err error) {
	path := setupPath(c)
	needed, err := o.Identity.SetupNeeded(ctx)
	if err != nil {
		return setupCode{}, err
	}
	if !needed {
		forget(path)
		return setupCode{}, nil
	}
	o.Identity.SetupDone = func() { forget(path) }
	text, err := o.Identity.AgreeOnSetup(ctx, o.setupCode)
	if err != nil {
		return setupCode{}, err
	}
	return setupCode{text, path}, keep(text, path)
}

// keep writes a set-up code into its file, unless it is there.
func keep(text, path string) error {
	if old, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(old)) == text {
		return nil
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		return fmt.Errorf("the set-up code could not be written: %w", err)
	}
	return nil
}

// forget removes the file with a code that nobody needs any more.
func forget(path string) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		slog.Warn("the used set-up code could not be removed", "err", err)
	}
}

// explain tells how to make the first admin. The code itself is shown on a
// terminal only: elsewhere it would be kept in logs.
func (s setupCode) explain(w io.Writer, c *config.Config, terminal bool) {
	fmt.Fprintf(w, "  there is no admin yet; the set-up code is in %s, for 24 hours\n", s.path)
	if !terminal {
		fmt.Fprintln(w, "  make one by POST /api/auth/setup, or with: cartracker user add --role admin --username NAME --email ADDRESS")
		return
	}
	fmt.Fprintf(w, `  set-up code: %s
  to make the first admin, choose a name, an address and a password of your own, or take these:

    curl -sS %s/api/auth/setup -H 'Content-Type: application/json' \
      -d '{"code":"%s","username":"admin","email":"admin@example.com","password":"%s"}'

`, s.text, c.BaseURL, s.text, secret.NewCode())
}
