package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"log/slog"

	"cartracker/internal/audit"
	"cartracker/internal/date"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// A Journal is the record.Journal: it writes the audit log at once, and the
// feed of changes when the transaction is about to commit.
type Journal struct {
	DB  *DB
	Now func() date.Moment
}

var _ record.Journal = Journal{}

// Write keeps entries.
func (j Journal) Write(ctx context.Context, entries ...record.Entry) error {
	tx := j.DB.tx(ctx)
	if tx == nil {
		return errNoTx
	}
	tx.at = j.Now()
	logs := make([]audit.Log, len(entries))
	for i, e := range entries {
		var err error
		if logs[i], err = audit.NewLog(e, record.CallerOf(ctx), tx.at); err != nil {
			return err
		}
		tx.changes = append(tx.changes, e.Changes...)
	}
	return NewAuditLogs(j.DB).InsertAll(ctx, logs)
}

// Tell keeps changes that the audit log has nothing to say about.
func (j Journal) Tell(ctx context.Context, changes ...record.Change) error {
	tx := j.DB.tx(ctx)
	if tx == nil {
		return errNoTx
	}
	tx.at = j.Now()
	tx.changes = append(tx.changes, changes...)
	return nil
}

// Refused keeps the entry of something that was tried in vain: at once, or
// when the transaction of ctx has ended.
func (j Journal) Refused(ctx context.Context, e record.Entry) error {
	log, err := audit.NewLog(e, record.CallerOf(ctx), j.Now())
	if err != nil {
		return err
	}
	if tx := j.DB.tx(ctx); tx != nil {
		tx.refused = append(tx.refused, log)
		return nil
	}
	return j.DB.InTx(ctx, func(ctx context.Context) error { return NewAuditLogs(j.DB).Insert(ctx, &log) })
}

// keepRefused keeps what was tried in vain in a transaction that has ended. It
// changes nothing for the caller, who was refused.
func (db *DB) keepRefused(ctx context.Context, refused []audit.Log) {
	if len(refused) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx) // a client who left was refused all the same
	err := db.InTx(ctx, func(ctx context.Context) error { return NewAuditLogs(db).InsertAll(ctx, refused) })
	if err != nil {
		slog.ErrorContext(ctx, "a refusal could not be kept in the audit log", "err", err)
	}
}

// AuditLogs is the audit.Store.
type AuditLogs struct {
	table[audit.LogID, audit.Log]
}

var _ audit.Store = AuditLogs{}

// NewAuditLogs returns the audit log in db.
func NewAuditLogs(db *DB) AuditLogs {
	return AuditLogs{table[audit.LogID, audit.Log]{
		db:   db,
		name: "audit_logs",
		cols: "id, user_id, username, user_role, ip_address, user_agent, request_id, action, resource, resource_id, description, changes, status, created_at",
		fields: func(l *audit.Log) []any {
			return []any{
				&l.ID, &l.UserID, &l.Username, &l.UserRole, &l.IPAddress, &l.UserAgent, &l.RequestID, &l.Action,
				&l.Resource, &l.ResourceID, &l.Description,
				asJSON{&l.Changes},
				&l.Status, &l.CreatedAt,
			}
		},
		derive: func(l *audit.Log) derived { return derived{{"search", search(&l.Description, l.Username)}} },
		none:   audit.ErrNoLog,
		sorts:  map[string]order{"createdAt": {"audit_logs.created_at", moment}},
		usual:  "-createdAt",
		limit:  200,
	}}
}

// Get returns one entry.
func (s AuditLogs) Get(ctx context.Context, id audit.LogID) (audit.Log, error) {
	return s.get(ctx, "audit_logs.id = ?", string(id))
}

// List returns the entries that f selects.
func (s AuditLogs) List(ctx context.Context, f audit.Filter) (page.Of[audit.Log], error) {
	return s.list(ctx, selected(f.Selection), f.Query, f.Sort)
}

func selected(f audit.Selection) (w where) {
	if f.Q != "" {
		w.add(contains("audit_logs.search"), like(f.Q))
	}
	is(&w, "audit_logs.user_id = ?", f.UserID)
	common := "" // at the end of a column
	if f.Q != "" {
		common = " || ''" // a search had better not begin with what most entries are
	}
	is(&w, "audit_logs.action"+common+" = ?", f.Action)
	is(&w, "audit_logs.resource"+common+" = ?", f.Resource)
	is(&w, "audit_logs.resource_id = ?", f.ResourceID)
	if f.Status == audit.Failure {
		w.add("audit_logs.status = 'failure'") // no argument: there is an index of these
	} else {
		is(&w, "audit_logs.status = ?", f.Status)
	}
	is(&w, "audit_logs.created_at >= ?", f.Since)
	is(&w, "audit_logs.created_at < ?", f.Before)
	return w
}

// before keeps what a record was before an import as JSON text, NULL if it was
// not there.
type before struct{ v *any }

// Scan reads JSON text, which stays JSON.
func (b before) Scan(src any) error {
	*b.v = nil
	if s, ok := src.(string); ok {
		*b.v = json.RawMessage(s)
	}
	return nil
}

// Value writes JSON text.
func (b before) Value() (driver.Value, error) {
	if *b.v == nil {
		return nil, nil
	}
	return asJSON{*b.v}.Value()
}

// asJSON keeps what v points to as JSON text.
type asJSON struct{ v any }

// Scan reads JSON text.
func (j asJSON) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("store: cannot scan JSON from %T", src)
	}
	return json.Unmarshal([]byte(s), j.v)
}

// Value writes JSON text.
func (j asJSON) Value() (driver.Value, error) {
	b, err := json.Marshal(j.v)
	return string(b), err
}
