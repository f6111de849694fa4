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
	kept map[statement]*sql.Stmt // nil for one that somebody is preparing
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

// keep prepares queries for later, unless somebody else does. One that cannot
// be prepared is left out: running it will tell why.
func (s *statements) keep(ctx context.Context, pool *sql.DB, queries []string) {
	for _, q := range queries {
		key := statement{pool, q}
		if !s.begin(key) {
			continue
		}
		stmt, err := pool.PrepareContext(ctx, q)
		s.end(key, stmt, err)
	}
}

// begin reports whether the caller is the one to prepare a statement.
func (s *statements) begin(key statement) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.kept[key]; taken || len(s.kept) >= maxKept {
		return false
	}
	if s.kept == nil {
		s.kept = map[statement]*sql.Stmt{}
	}
	s.kept[key] = nil
	return true
}

func (s *statements) end(key statement, stmt *sql.Stmt, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		delete(s.kept, key)
		return
	}
	s.kept[key] = stmt
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.kept {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	s.kept = nil
	return errors.Join(errs...)
}
