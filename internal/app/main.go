package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"cartracker/internal/cli"
	"cartracker/internal/config"
	"cartracker/internal/httpapi"
	"cartracker/internal/identity"
	"cartracker/internal/part"
	"cartracker/internal/store"
	"cartracker/internal/transfer"
)

// A Program is the cli.Program.
type Program struct {
	Version string

	// The others may be left out.

	Patience  Patience   // of a stop
	Emergency *Emergency // ends the process if that takes longer
	// These are for tests.

	more   []part.Part                   // besides its own
	opened func(*Office)                 // may change what it works with
	told   func(context.Context, error)  // why it has to stop, and what went wrong while it did
	words  []func(context.Context) error // the last, besides its own
}

var _ cli.Program = Program{}

// Main runs the command that args name and returns the exit code: 0 if all is
// well, 1 if something failed, 2 if the command was not understood.
func Main(ctx context.Context, p Program, args []string, in io.Reader, out, errOut io.Writer) int {
	t := cli.Terminal{In: in, Out: out, Err: errOut, InTerminal: isTerminal(in), ErrTerminal: isTerminal(errOut)}
	return cli.Run(ctx, p, args, t)
}

// Build returns the version.
func (p Program) Build() cli.Version { return cli.Version(p.Version) }

// Migrate brings the schema of the database up to date.
func (Program) Migrate(ctx context.Context, c *config.Config) (steps int, err error) {
	err = withDatabase(ctx, c, func(db *store.DB) error {
		steps, err = db.Migrate(ctx)
		return err
	})
	return steps, err
}

// Migrations returns all steps of the schema and whether the database has them.
func (Program) Migrations(ctx context.Context, c *config.Config) (out []cli.Migration, err error) {
	err = withDatabase(ctx, c, func(db *store.DB) error {
		steps, err := db.Migrations(ctx)
		for _, s := range steps {
			out = append(out, cli.Migration(s))
		}
		return err
	})
	return out, err
}

func withDatabase(ctx context.Context, c *config.Config, do func(*store.DB) error) error {
	db, _, err := openDatabase(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}

// Users lets do work on the users.
func (p Program) Users(ctx context.Context, c *config.Config, do func(*identity.Service) error) error {
	office, _, err := openOffice(ctx, c, nil, p.Version)
	if err != nil {
		return err
	}
	done := do(office.Identity)
	if needed, err := office.Identity.SetupNeeded(ctx); err == nil && !needed {
		forget(setupPath(c))
	}
	return errors.Join(done, office.Close())
}

// Transfer lets do import or export.
func (p Program) Transfer(ctx context.Context, c *config.Config, do func(*transfer.Service) error) error {
	office, _, err := openOffice(ctx, c, nil, p.Version)
	if err != nil {
		return err
	}
	err = office.DB.PrepareBulk(ctx)
	if err == nil {
		err = do(office.Transfer)
	}
	return errors.Join(err, office.Close())
}

// Jobs lets do look after the mails that are on their way.
func (p Program) Jobs(ctx context.Context, c *config.Config, do func(cli.Mails) error) error {
	office, _, err := openOffice(ctx, c, nil, p.Version)
	if err != nil {
		return err
	}
	return errors.Join(do(office.Jobs), office.Close())
}

// bare returns the API without anything behind it, to be described.
func bare() *httpapi.API {
	o, _ := NewOffice(store.New(nil, nil, nil, store.Dialect{}), nil, &config.Config{Zone: time.UTC, CacheBytes: 1}, []byte("described, never served"), "", time.Now) // nothing is opened that could fail
	defer o.cache.Close()
	o.Handler(nil)
	return o.API
}

// Routes returns the route table, with the pages and sockets.
func (Program) Routes() []cli.Route {
	var out []cli.Route
	for _, r := range bare().Table() {
		out = append(out, cli.Route{Method: r.Method, Path: r.Path, Role: r.Role})
	}
	return out
}

// OpenAPI returns the description of the API as JSON or YAML.
func (Program) OpenAPI(asJSON bool) ([]byte, error) {
	doc := bare().OpenAPI()
	if asJSON {
		return doc.MarshalJSON()
	}
	return doc.YAML()
}

// Ready asks a running program whether it is ready.
func (Program) Ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/health/ready", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	return fmt.Errorf("not ready: %s %s", res.Status, bytes.TrimSpace(body))
}
