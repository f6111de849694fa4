package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"cartracker/internal/config"
	"cartracker/internal/redis"
	"cartracker/internal/secret"
	"cartracker/internal/store"
	"cartracker/internal/store/postgres"
	"cartracker/internal/store/sqlite"
)

// Exists returns nil if there is a database. Of one on PostgreSQL opening it will tell.
func (Program) Exists(c *config.Config) error {
	if c.Database.Driver == config.Postgres {
		return nil
	}
	_, err := os.Stat(c.Database.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database at %s: is DATA_DIR or DATABASE_URL another?", c.Database.Path)
	}
	return err
}

// openDatabase opens the database that c names, without migrating it. It
// reports whether a SQLite file was made.
func openDatabase(ctx context.Context, c *config.Config) (db *store.DB, made bool, err error) {
	if c.Database.Driver == config.Postgres {
		db, err = postgres.Open(ctx, onPostgres(c))
		return db, false, err
	}
	if err := os.MkdirAll(filepath.Dir(c.Database.Path), 0o700); err != nil {
		return nil, false, err
	}
	_, err = os.Stat(c.Database.Path)
	made = errors.Is(err, fs.ErrNotExist)
	db, err = sqlite.Open(ctx, c.Database.Path)
	return db, made, err
}

func onPostgres(c *config.Config) postgres.Config {
	return postgres.Config{
		URL: c.Database.URL.Reveal(), PoolMin: c.Pool.Min, PoolSize: c.Pool.Size, PoolMax: c.Pool.Max, Instances: c.Pool.Instances,
	}
}

// openOffice opens the database, brings it up to date, and puts the services
// over it, which share what they can through link unless that is nil. It
// reports whether a SQLite file was made.
func openOffice(ctx context.Context, c *config.Config, link *redis.Link, version string) (o *Office, made bool, err error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, false, fmt.Errorf("DATA_DIR: %w", err)
	}
	master, err := masterKey(c)
	if err != nil {
		return nil, false, err
	}
	db, made, err := openDatabase(ctx, c)
	if err != nil {
		return nil, false, err
	}
	if _, err := db.Migrate(ctx); err != nil {
		return nil, false, errors.Join(err, db.Close())
	}
	o, err = NewOffice(db, link, c, master, version, time.Now)
	if err != nil {
		return nil, false, errors.Join(err, db.Close())
	}
	return o, made, nil
}

// masterKey returns the secret from which all keys are derived. On SQLite one
// is made and kept if none is set; config refuses PostgreSQL without one.
func masterKey(c *config.Config) ([]byte, error) {
	if c.AccessTokenSecret.IsSet() {
		return []byte(c.AccessTokenSecret.Reveal()), nil
	}
	key, _, err := secret.LoadOrMake(filepath.Join(c.DataDir, "access-token-secret"))
	return key, err
}
