package store

import (
	"context"
	"strings"

	"cartracker/internal/record"
)

// Imports keeps what imports did, so that they can be taken back.
type Imports struct {
	table[record.ImportID, record.Import]
}

// NewImports returns the imports in db.
func NewImports(db *DB) Imports {
	return Imports{table[record.ImportID, record.Import]{
		db:   db,
		name: "imports",
		cols: "id, topic, file, username, created_at, added, changed, unchanged, refused",
		fields: func(i *record.Import) []any {
			return []any{&i.ID, &i.Topic, &i.File, &i.By, &i.CreatedAt, &i.Added, &i.Changed, &i.Unchanged, &i.Refused}
		},
		none: record.ErrNoImport,
	}}
}

// rows is the table of what an import did to each record.
func (s Imports) rows(id record.ImportID) table[string, record.Row] {
	return table[string, record.Row]{
		db:   s.db,
		name: "import_rows",
		cols: "record_id, did, version, before",
		fields: func(r *record.Row) []any {
			return []any{&r.ID, &r.Did, &r.Version, before{&r.Before}}
		},
		derive: func(*record.Row) derived { return derived{{"import_id", string(id)}} },
	}
}

// Insert keeps an import that begins, unless there is one under way, and
// prepares the transaction for it.
func (s Imports) Insert(ctx context.Context, i *record.Import) error {
	if _, err := s.db.exists(ctx, "SELECT 1 FROM locks WHERE name = 'imports'"+s.db.dialect.ForUpdateNow); err != nil {
		if s.db.dialect.LockTimed(err) {
			return record.ErrImporting
		}
		return err
	}
	if indexed := s.db.dialect.Indexed; indexed != "" {
		if _, err := s.db.exec(ctx, indexed); err != nil {
			return err
		}
	}
	return s.table.Insert(ctx, i)
}

// Get returns one import.
func (s Imports) Get(ctx context.Context, id record.ImportID) (record.Import, error) {
	return s.get(ctx, "imports.id = ?", string(id))
}

// Keep keeps what an import did with rows that it did not refuse.
func (s Imports) Keep(ctx context.Context, id record.ImportID, rows []record.Row) error {
	return s.rows(id).InsertAll(ctx, rows)
}

// Seen returns which of these records an import was about so far.
func (s Imports) Seen(ctx context.Context, id record.ImportID, ids []string) (map[string]bool, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := []any{string(id)}
	for _, v := range ids {
		args = append(args, v)
	}
	seen := map[string]bool{}
	row := func(scan func(...any) error) error {
		var v string
		err := scan(&v)
		seen[v] = true
		return err
	}
	marks := strings.Repeat(", ?", len(ids))[2:]
	err := s.db.query(ctx, row, "SELECT record_id FROM import_rows WHERE import_id = ? AND record_id IN ("+marks+")", args...)
	return seen, err
}

// Finish keeps how an import ended, and tells the feed of changes what it did
// when the transaction commits: from the rows that are kept, for a file may
// have more than would fit into memory.
func (s Imports) Finish(ctx context.Context, i *record.Import) error {
	if err := s.write(ctx, i); err != nil {
		return err
	}
	if _, err := s.db.exec(ctx, "DELETE FROM import_rows WHERE import_id = ? AND did = ?", string(i.ID), string(record.Unchanged)); err != nil {
		return err
	}
	tx := s.db.tx(ctx)
	tx.many = append(tx.many, manyChanges{topic: i.Topic, n: i.Effects(), args: []any{string(i.ID)}, query: `INSERT INTO changes (seq, topic, id, kind, version, at)
		SELECT ? + ROW_NUMBER() OVER (ORDER BY record_id), ?, record_id, CASE did WHEN 'added' THEN 'created' ELSE 'updated' END, version, ?
		FROM import_rows WHERE import_id = ?`})
	if i.Topic != record.Contracts {
		return nil
	}
	// With its contracts, what holds a car changes.
	cars := " FROM (SELECT DISTINCT car_id FROM contracts WHERE id IN (SELECT record_id FROM import_rows WHERE import_id = ?)) c"
	f := manyChanges{topic: record.Cars, args: []any{string(i.ID)}, query: `INSERT INTO changes (seq, topic, id, kind, version, at)
		SELECT ? + ROW_NUMBER() OVER (ORDER BY car_id), ?, car_id, 'updated', 0, ?` + cars}
	row := func(scan func(...any) error) error { return scan(&f.n) }
	err := s.db.query(ctx, row, "SELECT COUNT(*)"+cars, string(i.ID))
	tx.many = append(tx.many, f)
	return err
}

// Rows returns up to limit of the rows of an import that were not taken back,
// those that were made last first, from behind the record after on.
func (s Imports) Rows(ctx context.Context, id record.ImportID, after string, limit int) ([]record.Row, error) {
	var w where
	w.add("import_id = ?", string(id))
	if after != "" {
		w.add("record_id < ?", after)
	}
	return s.rows(id).all(ctx, w.clause()+" ORDER BY record_id DESC LIMIT ?", append(w.args, limit)...)
}

// Forget forgets a row that was taken back. Its record is as the import before
// left it, which can be taken back next: it has another version now.
func (s Imports) Forget(ctx context.Context, id record.ImportID, row record.Row, version int) error {
	_, err := s.db.exec(ctx, "DELETE FROM import_rows WHERE import_id = ? AND record_id = ?", string(id), row.ID)
	if err != nil || version == 0 {
		return err
	}
	_, err = s.db.exec(ctx, "UPDATE import_rows SET version = ? WHERE record_id = ? AND version = ?", version, row.ID, row.Version-1)
	return err
}
