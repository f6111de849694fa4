package record

import (
	"cartracker/internal/date"
	"cartracker/internal/fault"
)

// ErrNoImport says that there is no such import, or that it is too old to be
// taken back.
var ErrNoImport = fault.New(fault.NotFound, "no_import", "there is no such import, or it is too old to be taken back")

// ErrImporting refuses an import while another one is under way.
var ErrImporting = fault.New(fault.Conflict, "import_in_progress", "another import is under way; try again when it has ended")

// An ImportID names one import.
type ImportID string

// An Import is one file whose rows were taken into the records of one kind.
type Import struct {
	ID        ImportID
	Topic     Topic // the kind: cars, customers or contracts
	File      string
	By        string // the user name of whoever did it
	CreatedAt date.Moment
	Added     int
	Changed   int
	Unchanged int
	Refused   int
}

// Effects returns how many records an import made or changed.
func (i Import) Effects() int { return i.Added + i.Changed }
