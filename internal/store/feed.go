package store

import (
	"context"
	"strings"

	"cartracker/internal/record"
)

// manyChanges tells the feed of changes of n records by a statement of its own.
// Its arguments are the last change before them, the topic, the moment, and
// args.
type manyChanges struct {
	topic record.Topic
	query string
	n     int
	args  []any
}

// writeChanges tells the feed what tx changed, as its last statements: the
// counter's row is locked from here to the commit, which makes seq the order
// in which transactions commit.
func (db *DB) writeChanges(ctx context.Context, tx *transaction) error {
	n := len(tx.changes)
	for _, m := range tx.many {
		n += m.n
	}
	if n == 0 {
		return nil
	}
	var seq int64
	row := func(scan func(...any) error) error { return scan(&seq) }
	if err := db.query(ctx, row, "UPDATE change_counter SET seq = seq + ? WHERE id = 1 RETURNING seq", n); err != nil {
		return err
	}
	seq -= int64(n)
	for _, m := range tx.many {
		args := append([]any{seq, string(m.topic), tx.at}, m.args...)
		if _, err := db.exec(ctx, m.query, args...); err != nil {
			return err
		}
		seq += int64(m.n)
	}
	tx.first = seq + 1
	return db.writeSingly(ctx, tx, seq)
}

// changesTogether is how many changes one statement tells the feed of.
const changesTogether = 1000

// writeSingly tells the feed of the changes that tx collected, from seq + 1 on.
func (db *DB) writeSingly(ctx context.Context, tx *transaction, seq int64) error {
	for changes := tx.changes; len(changes) > 0; {
		some := changes[:min(len(changes), changesTogether)]
		var args []any
		for _, c := range some {
			seq++
			args = append(args, seq, string(c.Topic), c.ID, string(c.Kind), c.Version, tx.at)
		}
		marks := strings.Repeat(", (?, ?, ?, ?, ?, ?)", len(some))[2:]
		if _, err := db.exec(ctx, "INSERT INTO changes (seq, topic, id, kind, version, at) VALUES "+marks, args...); err != nil {
			return err
		}
		changes = changes[len(some):]
	}
	return nil
}
