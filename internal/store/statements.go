package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// maxKept bounds how many statements are kept prepared. The program has fewer;
// clients who combine filters in ever new ways cannot make it more.
const maxKept = 500

// statements keeps statements prepared: SQLite spends a third of a short query
// on parsing it. The zero value keeps none yet.
type statements struct {
	mu   sync.RWMutex
	kept map[statement]*sql.Stmt
}

type statement struct {
	pool  *sql.DB
	query string
}

func (s *statements) get(pool *sql.DB, query string) *sql.Stmt {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.kept[statement{pool, query}]
}

// keep prepares queries for later. One that cannot be prepared is left out:
// running it will tell why.
func (s *statements) keep(ctx context.Context, pool *sql.DB, queries []string) {
	for _, q := range queries {
		if s.full() || s.get(pool, q) != nil {
			continue
		}
		stmt, err := pool.PrepareContext(ctx, q)
		if err != nil {
			continue
		}
		if !s.put(statement{pool, q}, stmt) {
			stmt.Close()
		}
	}
}

func (s *statements) full() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.kept) >= maxKept
}

func (s *statements) put(key statement, stmt *sql.Stmt) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[statement]*sql.Stmt{}
	}
	if s.kept[key] != nil {
		return false
	}
	s.kept[key] = stmt
	return true
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.kept {
		errs = append(errs, stmt.Close())
	}
	s.kept = nil
	return errors.Join(errs...)
}
