// Package transfer brings files of an office in and takes records out: it
// knows which headings and words mean what, and leaves files to package sheet
// and rules to the domain.
package transfer

import (
	"context"

	"cartracker/internal/audit"
	"cartracker/internal/customers"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// ErrKind says that there is no such kind of record to import or export.
var ErrKind = fault.New(fault.NotFound, "no_kind", "cars, customers and contracts can be imported; these and audit can be exported")

// Imports keeps what imports did.
type Imports interface {
	Insert(context.Context, *record.Import) error
	Get(context.Context, record.ImportID) (record.Import, error)
	// Keep keeps what an import did with rows that it did not refuse.
	Keep(context.Context, record.ImportID, []record.Row) error
	// Seen returns which of these records an import was about so far.
	Seen(ctx context.Context, id record.ImportID, ids []string) (map[string]bool, error)
	// Finish keeps how an import ended, and sees to it that the feed of changes is told.
	Finish(context.Context, *record.Import) error
	// Rows returns up to limit rows that were not taken back, the last first,
	// from behind the record after on.
	Rows(ctx context.Context, id record.ImportID, after string, limit int) ([]record.Row, error)
	// Forget forgets a row that was taken back, whose record has a version now.
	Forget(ctx context.Context, id record.ImportID, row record.Row, version int) error
}

// A Service imports and exports. All of its fields are required.
type Service struct {
	record.Env
	Fleet     *fleet.Service
	Customers *customers.Service
	Rental    *rental.Service
	Audit     *audit.Service
	Imports   Imports
	// Try runs a part of a transaction that is undone alone if it fails.
	Try      func(context.Context, func(context.Context) error) error
	Clean    func(string) string // puts what somebody typed into its kept form
	Fold     func(string) string // makes words comparable
	Currency string              // which amounts may have behind them, such as BAM
	TempDir  string              // for parts of large files
}
