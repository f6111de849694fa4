package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"
)

// ErrNewer refuses a database that a newer program has migrated.
var ErrNewer = errors.New("the database is newer than this program: use the program that made it, or a newer one")

// A Migration is one step of the database's schema.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Migrate brings the schema up to date, and returns how many steps that took.
// Of several programs that start at once, one migrates and the others wait.
func (db *DB) Migrate(ctx context.Context) (int, error) {
	free, err := db.dialect.Alone(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	defer free()
	p, err := db.provider()
	if err != nil {
		return 0, err
	}
	if err := db.refuseNewer(ctx, p); err != nil {
		return 0, err
	}
	done, err := p.Up(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	return len(done), nil
}

func (db *DB) refuseNewer(ctx context.Context, p *goose.Provider) error {
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; have > newest {
		return fmt.Errorf("%w (it has step %d, this program knows %d)", ErrNewer, have, newest)
	}
	return nil
}

// Migrations returns all steps and whether the database has them.
func (db *DB) Migrations(ctx context.Context) ([]Migration, error) {
	free, err := db.dialect.Alone(ctx) // for the first look makes the table of steps
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	defer free()
	p, err := db.provider()
	if err != nil {
		return nil, err
	}
	if err := db.refuseNewer(ctx, p); err != nil {
		return nil, err
	}
	steps, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	var out []Migration
	for _, s := range steps {
		name := s.Source.Path
		if s.Source.Type == goose.TypeGo {
			name = fmt.Sprintf("%04d_jobs", s.Source.Version)
		}
		out = append(out, Migration{s.Source.Version, name, s.State == goose.StateApplied})
	}
	return out, nil
}

// Step returns the newest step that the database has, and the newest that this
// program knows. Unlike the others it only reads.
func (db *DB) Step(ctx context.Context) (have, newest int64, err error) {
	p, err := db.provider()
	if err != nil {
		return 0, 0, err
	}
	sources := p.ListSources()
	row := db.read.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied")
	if err := row.Scan(&have); err != nil {
		return 0, 0, db.explain(fmt.Errorf("the steps of the schema: %w", err))
	}
	return have, sources[len(sources)-1].Version, nil
}

func (db *DB) provider() (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	if db.dialect.Name == "postgres" {
		dialect = goose.DialectPostgres
	}
	p, err := goose.NewProvider(dialect, db.migrator, db.dialect.Migrations, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(db.jobSteps()...))
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return p, nil
}

// jobTables are the steps at which the tables of jobs, which the library that
// works them has, come to a version of that library. To use a newer one of the
// library a step is added here.
var jobTables = []struct {
	step    int64
	version int
}{{8, 8}}

func (db *DB) jobSteps() (steps []*goose.Migration) {
	for _, s := range jobTables {
		up := func(ctx context.Context, _ *sql.DB) error { return db.dialect.MigrateJobs(ctx, s.version) }
		steps = append(steps, goose.NewGoMigration(s.step, &goose.GoFunc{RunDB: up}, nil))
	}
	return steps
}
