package transfer

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/customers"
	"cartracker/internal/fleet"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/rental"
	"cartracker/internal/sheet"
)

// A Format is how an export is written.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	XLSX Format = "xlsx"
	JSON Format = "json" // of the audit log: an array
)

var auditColumns = []column[audit.Log, struct{}]{
	{"id", nil, func(l *audit.Log) string { return string(l.ID) }, nil},
	{"createdAt", nil, func(l *audit.Log) string { return at(&l.CreatedAt) }, nil},
	{"username", nil, func(l *audit.Log) string { return orEmpty(l.Username) }, nil},
	{"userRole", nil, func(l *audit.Log) string { return orNone(l.UserRole) }, nil},
	{"action", nil, func(l *audit.Log) string { return string(l.Action) }, nil},
	{"resource", nil, func(l *audit.Log) string { return l.Resource }, nil},
	{"resourceId", nil, func(l *audit.Log) string { return orEmpty(l.ResourceID) }, nil},
	{"description", nil, func(l *audit.Log) string { return l.Description }, nil},
	{"status", nil, func(l *audit.Log) string { return string(l.Status) }, nil},
	{"changes", nil, changesOf, nil},
	{"userId", nil, func(l *audit.Log) string { return orNone(l.UserID) }, nil},
	{"ipAddress", nil, func(l *audit.Log) string { return orEmpty(l.IPAddress) }, nil},
	{"userAgent", nil, func(l *audit.Log) string { return orEmpty(l.UserAgent) }, nil},
	{"requestId", nil, func(l *audit.Log) string { return orEmpty(l.RequestID) }, nil},
}

func orNone[W ~string](w *W) string {
	if w == nil {
		return ""
	}
	return string(*w)
}

// maxChanges is how many bytes of changes an export shows in a cell: XLSX has
// 32,767 characters for one.
const maxChanges = 32_000

// changesOf returns the changes of an entry as JSON, which has its keys in order.
func changesOf(l *audit.Log) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(l.Changes); err != nil || b.Len() > maxChanges {
		return "too long for a cell; GET /api/audit-logs/" + string(l.ID) + " shows it"
	}
	return strings.TrimSpace(b.String())
}

// resourceOf is how the audit log calls what is exported.
var resourceOf = map[string]string{"cars": "car", "customers": "customer", "contracts": "contract", "audit log": "audit"}

// Export writes all records of a kind, the oldest first, each as a row under
// one line of headings. That somebody took them out is in the audit log before
// the first of them is.
func (s *Service) Export(ctx context.Context, what string, f Format, w io.Writer) error {
	switch what {
	case "cars":
		return export(ctx, s, what, carColumns, f, w, func(ctx context.Context, q page.Query) (page.Of[fleet.Car], error) {
			return s.Fleet.List(ctx, fleet.Filter{Archived: "all", Sort: "createdAt", Query: q})
		})
	case "customers":
		return export(ctx, s, what, customerColumns, f, w, func(ctx context.Context, q page.Query) (page.Of[customers.Customer], error) {
			return s.Customers.List(ctx, customers.Filter{Sort: "createdAt", Query: q})
		})
	case "contracts":
		return export(ctx, s, what, contractColumns, f, w, func(ctx context.Context, q page.Query) (page.Of[rental.Contract], error) {
			return s.Rental.List(ctx, rental.Filter{Sort: "createdAt", Query: q})
		})
	case "audit":
		return s.ExportAudit(ctx, audit.Selection{}, f, w)
	}
	return ErrKind
}

// ExportAudit writes the entries of the audit log that a filter selects, the
// oldest first. The entry of the export itself is not among them.
func (s *Service) ExportAudit(ctx context.Context, selected audit.Selection, f Format, w io.Writer) error {
	selected.Before = s.Now().Add(time.Microsecond)
	return export(ctx, s, "audit log", auditColumns, f, w, func(ctx context.Context, q page.Query) (page.Of[audit.Log], error) {
		return s.Audit.List(ctx, audit.Filter{Selection: selected, Sort: "createdAt", Query: q})
	})
}

// export writes what list lists.
func export[T, D any](ctx context.Context, s *Service, what string, columns []column[T, D], f Format, w io.Writer,
	list func(context.Context, page.Query) (page.Of[T], error),
) error {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return err
	}
	first, err := list(ctx, page.Query{Limit: page.MaxLimit})
	if err != nil {
		return err
	}
	err = s.Do(ctx, func(context.Context) (record.Entry, error) {
		return record.Entry{Action: record.Export, Resource: resourceOf[what], Description: "exported the " + what + " as " + string(f)}, nil
	})
	if err != nil {
		return err
	}
	out, err := newOutput(f, what, columns, w)
	if err != nil {
		return err
	}
	for p := first; ; {
		for i := range p.Items {
			if err := out.write(&p.Items[i]); err != nil {
				return err
			}
		}
		if p.Next == "" {
			return out.close()
		}
		if p, err = list(ctx, page.Query{Limit: page.MaxLimit, Cursor: p.Next}); err != nil {
			return err
		}
	}
}

// An output is where records are written to, one by one.
type output[T any] struct {
	write func(*T) error
	close func() error
}

func newOutput[T, D any](f Format, name string, columns []column[T, D], w io.Writer) (output[T], error) {
	if f == JSON {
		return newArray[T](w), nil
	}
	out := sheet.NewCSV(w)
	if f == XLSX {
		var err error
		if out, err = sheet.NewXLSX(w, name); err != nil {
			return output[T]{}, err
		}
	}
	var cells []string
	for _, c := range columns {
		if c.get != nil {
			cells = append(cells, c.name)
		}
	}
	err := out.Write(cells)
	return output[T]{close: out.Close, write: func(v *T) error {
		cells = cells[:0]
		for _, c := range columns {
			if c.get != nil {
				cells = append(cells, c.get(v))
			}
		}
		return out.Write(cells)
	}}, err
}

// newArray writes records as one JSON array.
func newArray[T any](w io.Writer) output[T] {
	before := "["
	return output[T]{
		write: func(v *T) error {
			b, err := json.Marshal(v)
			if err != nil {
				return err
			}
			_, err = io.WriteString(w, before+string(b))
			before = ",\n"
			return err
		},
		close: func() error {
			if before == "[" {
				_, err := io.WriteString(w, "[]\n")
				return err
			}
			_, err := io.WriteString(w, "]\n")
			return err
		},
	}
}
