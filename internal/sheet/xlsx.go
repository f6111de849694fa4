package sheet

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/xuri/excelize/v2"
)

// inMemory is how many bytes a sheet may have that excelize keeps in memory.
const inMemory = 64 << 10

// xlsxRows reads one sheet of an XLSX by row. Of a formula it has what the
// program that saved the file calculated; nothing is calculated here.
type xlsxRows struct {
	size   int64
	total  int    // rows of all sheets
	folder string // where the parts are unpacked
	file   *excelize.File
	rows   *excelize.Rows
	line   int
	sheet  string
	first  []Row // what choosing the sheet has read ahead
}

func openXLSX(src io.ReaderAt, size int64, o Options) (_ *Reader, err error) {
	input := &bounded{src: src, left: maxDirectory}
	parts, err := openArchive(input, size)
	if err != nil {
		return nil, err
	}
	x := &xlsxRows{size: size}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.close())
		}
	}()
	if x.folder, err = os.MkdirTemp(o.TempDir, "sheet-"); err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	copied, err := os.Create(filepath.Join(x.folder, "book.xlsx"))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	defer copied.Close()
	x.total, err = slim(parts, copied)
	if input.failed != nil {
		return nil, fmt.Errorf("read: %w", input.failed)
	}
	if err != nil {
		return nil, err
	}
	if err := x.open(copied.Name()); err != nil {
		return nil, err
	}
	serial, err := x.choose()
	if err != nil {
		return nil, err
	}
	return &Reader{rows: x, describe: "XLSX, sheet " + x.sheet, serial: serial}, nil
}

func (x *xlsxRows) open(name string) (err error) {
	x.file, err = excelize.OpenFile(name, excelize.Options{
		RawCellValue: true, TmpDir: x.folder, UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: inMemory,
	})
	if err != nil {
		return refuse(0, damaged)
	}
	return nil
}

// choose opens the first sheet that is not hidden and has rows, or else the
// first that is there. Days are numbers from 1900, unless the file counts from
// 1904 as old Macintoshes did: then they are not read at all rather than wrong.
func (x *xlsxRows) choose() (serial bool, err error) {
	if err := x.find(x.visible()); err != nil {
		return false, err
	}
	if x.rows == nil {
		return false, refuse(0, "has no sheet")
	}
	props, err := x.file.GetWorkbookProps()
	if err != nil {
		return false, refuse(0, damaged)
	}
	return props.Date1904 == nil || !*props.Date1904, nil
}

func (x *xlsxRows) visible() (names []string) {
	all := x.file.GetSheetList()
	for _, name := range all {
		if seen, err := x.file.GetSheetVisible(name); err == nil && seen {
			names = append(names, name)
		}
	}
	if names == nil {
		return all
	}
	return names
}

// find opens the first of the sheets that has a row. If none has one, it leaves
// the last one open at its end.
func (x *xlsxRows) find(names []string) error {
	for _, name := range names {
		rows, err := x.file.Rows(name)
		if absent := (excelize.ErrSheetNotExist{}); errors.As(err, &absent) {
			continue // a sheet that is a chart
		}
		if err != nil {
			return refuse(0, "has a sheet with a name that Excel does not allow")
		}
		if x.rows != nil {
			if err := x.rows.Close(); err != nil {
				return fmt.Errorf("close: %w", err)
			}
		}
		x.rows, x.sheet, x.line = rows, name, 0
		row, err := x.scan()
		if !errors.Is(err, io.EOF) {
			x.first = append(x.first, row)
			return err
		}
	}
	return nil
}

func (x *xlsxRows) next() (Row, error) {
	if len(x.first) > 0 {
		row := x.first[0]
		x.first = nil
		return row, nil
	}
	return x.scan()
}

// scan reads on to the next row that has text.
func (x *xlsxRows) scan() (Row, error) {
	for x.rows.Next() {
		x.line++
		cells, err := x.rows.Columns()
		if err != nil {
			return Row{}, refuse(x.line, damaged)
		}
		if strings.Join(cells, "") != "" {
			return Row{Line: x.line, Cells: cells}, nil
		}
	}
	if x.rows.Error() != nil {
		return Row{}, refuse(x.line, damaged)
	}
	return Row{}, io.EOF
}

// read makes an estimate of how many rows were read.
func (x *xlsxRows) read() int64 {
	return x.size * int64(min(x.line, x.total)) / int64(max(x.total, 1))
}

func (x *xlsxRows) close() (err error) {
	if x.rows != nil {
		err = x.rows.Close()
		x.rows = nil
	}
	if x.file != nil {
		err = errors.Join(err, x.file.Close())
		x.file = nil
	}
	if x.folder != "" {
		err = errors.Join(err, os.RemoveAll(x.folder))
	}
	return err
}
