package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cartracker/internal/backup"
	"cartracker/internal/cli"
	"cartracker/internal/config"
	"cartracker/internal/date"
	"cartracker/internal/store"
	"cartracker/internal/store/postgres"
	"cartracker/internal/store/sqlite"
)

// Backup writes a backup of a SQLite database into file. Of PostgreSQL, which
// has a program for that, it names the line.
func (p Program) Backup(ctx context.Context, c *config.Config, file string, say func(string)) (out cli.Backup, err error) {
	if c.Database.Driver == config.Postgres {
		return out, fmt.Errorf("nothing was backed up. PostgreSQL has a program for that, which asks for the password or takes it from PGPASSWORD:\n\n    %s",
			c.Database.Tool("pg_dump", "--format=custom", "--file="+file))
	}
	if file, err = filepath.Abs(file); err != nil {
		return out, err
	}
	if err := p.Exists(c); err != nil {
		return out, err
	}
	err = withDatabase(ctx, c, func(db *store.DB) error {
		s := backup.Source{DB: db, Path: c.Database.Path, Program: p.Version, Now: systemTime, Say: say}
		b, err := s.Make(ctx, file, nil)
		out = cli.Backup{File: b.File, Size: b.Size, Rows: b.Rows(), Took: b.Took}
		return err
	})
	return out, err
}

func systemTime() date.Moment { return date.At(time.Now()) }

// Restore puts a backup in the place of the SQLite database, once agree has
// nothing against replacing what is there.
func (Program) Restore(ctx context.Context, c *config.Config, file string, agree func(cli.Replaced) error, say func(string)) (out cli.Restored, err error) {
	if c.Database.Driver == config.Postgres {
		return out, fmt.Errorf("nothing was restored. PostgreSQL has a program for that, which asks for the password or takes it from PGPASSWORD; the database must be empty:\n\n    %s",
			c.Database.Tool("pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", file))
	}
	if err := os.MkdirAll(filepath.Dir(c.Database.Path), 0o700); err != nil {
		return out, err
	}
	say("checking " + file)
	r, err := backup.Prepare(ctx, file, c.Database.Path)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if r.Old != nil {
		if err := agree(replaced(r)); err != nil {
			return out, err
		}
	}
	kept, err := r.Commit(ctx, systemTime())
	return cli.Restored{Path: c.Database.Path, Rows: r.Rows(), Proved: r.Proved, Kept: kept}, err
}

func replaced(r *backup.Restoration) cli.Replaced {
	n := r.Old.Counts
	return cli.Replaced{
		Path: r.Old.Path, Size: r.Old.Size, Readable: n != nil, Cars: n["cars"], Customers: n["customers"], Contracts: n["contracts"],
		Backup: cli.Contents{Made: r.Made, Cars: r.Count("cars"), Customers: r.Count("customers"), Contracts: r.Count("contracts")},
	}
}

// Copy writes all that a SQLite database holds into an empty PostgreSQL one.
// The source is only read, and no program may open it meanwhile: what that one
// wrote would be lost.
func (Program) Copy(ctx context.Context, c *config.Config, to config.Database, tell func(table string, rows, of int64)) (out cli.Copied, err error) {
	began := time.Now()
	if c.Database.Driver != config.SQLite {
		return out, errors.New("the database that is set is PostgreSQL already; copy reads a SQLite one")
	}
	from, err := openSource(ctx, c.Database.Path)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, from.close()) }()
	target, err := postgres.Open(ctx, postgres.Config{URL: to.URL.Reveal(), PoolSize: 2, PoolMax: 2, Instances: 1})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if err := target.CheckTarget(ctx); err != nil {
		return out, err
	}
	if _, err := target.Migrate(ctx); err != nil {
		return out, err
	}
	var waiting, failed int
	all, err := store.Copy(ctx, from.DB, target, tell, func(ctx context.Context) (err error) {
		waiting, failed, err = takeJobs(ctx, from.DB, target)
		return err
	})
	if err != nil {
		return out, err
	}
	out = cli.Copied{Tables: len(all), Jobs: waiting, FailedMails: failed, Took: time.Since(began)}
	for _, t := range all {
		out.Rows += t.Rows
	}
	return out, nil
}

// A source is a database that is only read, and that nobody else can open.
type source struct {
	*store.DB
	free func()
}

func openSource(ctx context.Context, path string) (s source, err error) {
	if _, err := os.Stat(path); err != nil {
		return s, fmt.Errorf("there is no database to copy: %w", err)
	}
	if s.free, err = sqlite.Alone(path); err != nil {
		return s, err
	}
	if s.DB, err = sqlite.OpenReadOnly(ctx, path); err != nil {
		s.free()
		return s, err
	}
	// Told before the target is touched.
	if have, newest, err := s.Step(ctx); err != nil || have < newest {
		return s, errors.Join(behind(err), s.close())
	}
	return s, nil
}

func behind(err error) error {
	if err != nil {
		return err
	}
	return store.ErrBehind
}

func (s source) close() error {
	defer s.free()
	return s.Close()
}

// schedule returns the part of the program that makes backups while it serves;
// nil if none are made.
func (o *Office) schedule(c *config.Config, version string) func(context.Context) error {
	if c.Database.Driver != config.SQLite || c.Backups.Every == 0 {
		return nil
	}
	s := &backup.Schedule{
		Source: backup.Source{DB: o.DB, Path: c.Database.Path, Program: version, Now: o.now},
		Dir:    filepath.Join(c.DataDir, "backups"), Every: c.Backups.Every, Keep: c.Backups.Keep,
	}
	return s.Run
}
