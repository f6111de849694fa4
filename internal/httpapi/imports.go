package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/overload"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/sheet"
	"cartracker/internal/transfer"
)

const (
	maxFile       = 20 << 20
	fileTimeout   = 5 * time.Minute // for a file to arrive
	importTimeout = 10 * time.Minute
	maxListed     = 10_000 // that an answer lists
)

// fileKinds are the media types that an import takes.
var fileKinds = []string{"text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/octet-stream"}

var (
	errFileKind  = fault.New(fault.Unsupported, "unsupported_media_type", "the body must be a file: "+strings.Join(fileKinds, ", ")+", without a Content-Encoding")
	errFileLarge = fault.New(fault.TooLarge, "body_too_large", "the file is larger than 20 MiB; the command line takes larger ones")
)

// ImportReport is what an import did, or would do, with each row that was refused.
type ImportReport struct {
	transfer.Report
	Problems       []transfer.Problem `json:"problems" doc:"In the order of the file, the first 10,000."`
	ProblemsUnseen int                `json:"problemsLeftOff" doc:"How many more there are."`
}

type importQuery struct {
	Kind         string `path:"kind" enum:"cars,customers,contracts"`
	DryRun       bool   `query:"dryRun" doc:"Change nothing, and tell what would happen."`
	AllOrNothing bool   `query:"allOrNothing" doc:"Take no row if one has to be refused."`
	Name         string `query:"name" maxLength:"200" doc:"What the file is called."`
	Encoding     string `query:"encoding" enum:"utf-8,utf-16,windows-1250,windows-1252" doc:"Found out unless given."`
}

func (a *API) importRoutes() {
	r := route{
		method: http.MethodPost, path: "/api/import/{kind}", tag: "Import and export", access: record.AdminOnly,
		summary: "Import a file of cars, customers or contracts (CSV or XLSX)", file: true, answer: reflect.TypeFor[success[ImportReport]](),
		load: overload.Report, apart: true,
	}
	register(a, r, a.importFile)
	r = route{
		method: http.MethodDelete, path: "/api/imports/{id}", tag: "Import and export", access: record.AdminOnly,
		summary: "Take an import back as far as nothing depends on it", answer: reflect.TypeFor[success[transfer.Undoing]](), load: overload.Report,
	}
	register(a, r, func(ctx context.Context, p *IDPath) (reply, error) {
		id, err := p.ref()
		if err != nil {
			return reply{}, err
		}
		done, err := a.Transfer.Undo(ctx, record.ImportID(id), nil)
		if err != nil {
			return reply{}, err
		}
		return data(http.StatusOK, done)
	})
}

func (a *API) importFile(ctx context.Context, q *importQuery) (reply, error) {
	req := askedOf(ctx)
	for _, name := range []string{"dryRun", "allOrNothing"} { // left empty, neither is a no
		if values, given := req.URL.Query()[name]; given && values[0] == "" {
			return reply{}, page.ErrQuery.Say(name + ": must be true or false")
		}
	}
	file, size, err := a.receive(req)
	if err != nil {
		return reply{}, err
	}
	defer file.Close()
	ctx, leave, err := a.Gate.Pass(ctx) // who sends slowly has no place meanwhile
	if err != nil {
		return reply{}, err
	}
	defer leave()
	report := ImportReport{Problems: []transfer.Problem{}}
	report.Report, err = a.Transfer.Import(ctx, record.Topic(q.Kind), transfer.File{
		Name: cmp.Or(q.Name, "upload"), Source: file, Size: size,
		Options: sheet.Options{Encoding: cmp.Or(q.Encoding, charset(req.Header)), TempDir: a.TempDir},
	}, transfer.Options{DryRun: q.DryRun, AllOrNothing: q.AllOrNothing, Problem: report.add})
	if err != nil {
		return reply{}, err
	}
	return data(http.StatusOK, report)
}

func (r *ImportReport) add(p transfer.Problem) {
	if len(r.Problems) < maxListed {
		r.Problems = append(r.Problems, p)
		return
	}
	r.ProblemsUnseen++
}

// receive keeps the body of a request in a file without a name, which is gone
// when it is closed, whatever happens: its encoding can only be told from the
// whole of it.
func (a *API) receive(r asked) (file *os.File, size int64, err error) {
	if !isFile(r.Header) {
		return nil, 0, errFileKind
	}
	control := http.NewResponseController(r.writer)
	_ = control.SetReadDeadline(time.Now().Add(fileTimeout)) // some writers, such as a test's, have no deadlines
	_ = control.SetWriteDeadline(time.Now().Add(fileTimeout + importTimeout))
	if file, err = os.CreateTemp(a.TempDir, "import-"); err != nil {
		return nil, 0, fmt.Errorf("receive a file: %w", err)
	}
	if err = os.Remove(file.Name()); err == nil {
		size, err = io.Copy(file, http.MaxBytesReader(r.writer, r.Body, maxFile))
	}
	if err != nil {
		err = errors.Join(unreceived(err), file.Close())
	}
	return file, size, err
}

func unreceived(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errFileLarge
	}
	if _, ok := errors.AsType[*os.PathError](err); ok { // our disk, not the client
		return fmt.Errorf("receive a file: %w", err)
	}
	return fmt.Errorf("%w (%w)", errRead, err)
}

// charset returns the encoding that the Content-Type names, if it is one of ours.
func charset(h http.Header) string {
	_, params, _ := mime.ParseMediaType(h.Get("Content-Type"))
	if name := strings.ToLower(params["charset"]); slices.Contains([]string{"utf-8", "utf-16", "windows-1250", "windows-1252"}, name) {
		return name
	}
	return ""
}

func isFile(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || h.Get("Content-Encoding") != "" {
		return false
	}
	return slices.Contains(fileKinds, kind)
}
