// Package cli is the command line: one file for each command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"cartracker/internal/config"
	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/transfer"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// A Program is what the commands set in motion.
type Program interface {
	// Serve runs until ctx is done. It calls ready, if not nil, with its address.
	Serve(ctx context.Context, c *config.Config, t Terminal, ready func(addr string)) error
	// Work works jobs until ctx is done.
	Work(ctx context.Context, c *config.Config, t Terminal) error
	// Jobs lets do look after the mails that are on their way.
	Jobs(ctx context.Context, c *config.Config, do func(Mails) error) error
	// Exists returns nil if there is a database: most commands would make one.
	Exists(*config.Config) error
	Migrate(context.Context, *config.Config) (steps int, err error)
	Migrations(context.Context, *config.Config) ([]Migration, error)
	// Backup writes a backup into a file that is not there yet. It tells say
	// what it does next.
	Backup(ctx context.Context, c *config.Config, file string, say func(string)) (Backup, error)
	// Restore puts a backup in the place of the database, if there is none or
	// agree returns nil. Say may be told what is done next.
	Restore(ctx context.Context, c *config.Config, file string, agree func(Replaced) error, say func(string)) (Restored, error)
	// Copy writes all records into an empty PostgreSQL database. It tells tell
	// how many rows of a table are there.
	Copy(ctx context.Context, c *config.Config, to config.Database, tell func(table string, rows, of int64)) (Copied, error)
	// Users lets do work on the users of the database.
	Users(ctx context.Context, c *config.Config, do func(*identity.Service) error) error
	// Demo fills an empty database with a company that is made up. It calls
	// tell now and then with how many records are done.
	Demo(ctx context.Context, c *config.Config, size DemoSize, tell func(done int)) (DemoMade, error)
	// Transfer lets do import into the database, or export from it.
	Transfer(ctx context.Context, c *config.Config, do func(*transfer.Service) error) error
	// PreviewMail makes a mail with made-up people in it. The wrong are templates
	// that cannot be used.
	PreviewMail(c *config.Config, p Preview) (shown []byte, wrong []error, err error)
	Routes() []Route
	OpenAPI(asJSON bool) ([]byte, error)
	Build() Version
	// Ready asks the program that runs at url whether it is ready.
	Ready(ctx context.Context, url string) error
}

// A Terminal is where a command reads and writes.
type Terminal struct {
	In          io.Reader
	Out, Err    io.Writer
	InTerminal  bool // In is one at which somebody types
	ErrTerminal bool // Err is one that somebody reads
}

// A Migration is one step of the database's schema.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// A Route is one line of the route table.
type Route struct{ Method, Path, Role string }

// commands is the whole command line.
type commands struct {
	Serve       serveCommand   `cmd:"" help:"Run the program."`
	Worker      workerCommand  `cmd:"" help:"Send mails and do what is done every day, beside programs that serve with --no-workers."`
	Jobs        jobsCommand    `cmd:"" help:"Look after the mails that are on their way."`
	Config      configCommand  `cmd:"" help:"Print the settings in force, without secrets."`
	Migrate     migrateCommand `cmd:"" help:"Bring the database's schema up to date, or tell where it is."`
	Backup      backupCommand  `cmd:"" help:"Write a backup of the database into a file, also while the program runs."`
	Restore     restoreCommand `cmd:"" help:"Put a backup in the place of the database. The program must not run."`
	Copy        copyCommand    `cmd:"" help:"Move all records from SQLite into an empty PostgreSQL database."`
	User        userCommand    `cmd:"" help:"Add users, list them, set their passwords."`
	Demo        demoCommand    `cmd:"" help:"Fill an empty database with a company that is made up."`
	Import      importCommand  `cmd:"" help:"Bring cars, customers or contracts in from a CSV or XLSX file."`
	Export      exportCommand  `cmd:"" help:"Write cars, customers, contracts or the audit log to stdout."`
	Mail        mailCommand    `cmd:"" help:"Show what mails look like."`
	Routes      routesCommand  `cmd:"" help:"Print the route table."`
	OpenAPI     openAPICommand `cmd:"" name:"openapi" help:"Print the description of the API (OpenAPI 3.1)."`
	Version     versionCommand `cmd:"" help:"Print the version."`
	Healthcheck healthCommand  `cmd:"" help:"Ask the running program whether it is ready; exit 0 if it is."`
}

const description = `Car Tracker runs a car-rental company's back office.

Settings are flags or environment variables; "cartracker config" prints them all. Secrets, such as
DATABASE_URL, have no flag: set them in the environment, or name a file in the same variable with _FILE.

Exit codes: 0 all is well, 1 something failed, 2 the command was not understood.`

// Run runs the command that args name and returns its exit code.
func Run(ctx context.Context, p Program, args []string, t Terminal) int {
	var c commands
	exit := -1
	options := append([]kong.Option{
		kong.Name("cartracker"), kong.Description(description), kong.Writers(t.Out, t.Err), kong.UsageOnError(),
		kong.Exit(func(code int) { exit = code }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(p, (*Program)(nil)), kong.Bind(t), kong.Bind(p.Build()),
	}, config.Options()...)
	parser, err := kong.New(&c, options...)
	if err != nil {
		return fail(t, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	switch {
	case exit >= 0: // help was asked for and printed
		return exit
	case err != nil:
		fmt.Fprintf(t.Err, "cartracker: %v\nTry: cartracker --help\n", err)
		return exitUsage
	}
	if err := command.Run(); err != nil {
		code := fail(t, err)
		if _, ok := errors.AsType[errUse](err); ok {
			return exitUsage
		}
		return code
	}
	return exitOK
}

// An errUse is a command that was not understood.
type errUse struct{ what string }

func (e errUse) Error() string { return e.what }

// checkExisting checks the settings of a command that needs a database which is there.
func checkExisting(p Program, c *config.Config) error {
	if err := c.Check(); err != nil {
		return err
	}
	return p.Exists(c)
}

func fail(t Terminal, err error) int {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		fmt.Fprintf(t.Err, "cartracker: %s\n", f.Message)
		for _, field := range f.Fields {
			fmt.Fprintf(t.Err, "  %s %s\n", field.Field, field.Message)
		}
		return exitFailed
	}
	fmt.Fprintf(t.Err, "cartracker: %v\n", err)
	return exitFailed
}
