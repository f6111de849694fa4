// Package sheet reads and writes tables, CSV and XLSX, as rows of text. It knows
// nothing of what is in them.
package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"cartracker/internal/fault"
)

// What a file may have at most. It is read by row, so these bound the memory
// that one takes.
const (
	MaxColumns = 1000
	MaxCell    = 64 << 10 // bytes
	maxRow     = 1 << 20  // bytes of a row of CSV, and of a line of its file
	maxValue   = 100      // bytes of what a RowError shows
)

// ErrFile is a file that cannot be read, or not on from where it failed. Its
// message says why to the person who brought it.
var ErrFile = fault.New(fault.Invalid, "bad_file", "the file cannot be read")

// A Source is a file that is read, twice if need be.
type Source interface {
	io.ReaderAt
	io.ReadSeeker
}

// Options say what is known of a file already.
type Options struct {
	Encoding  string // "utf-8", "utf-16", "windows-1250", "windows-1252"; "" is found out
	Delimiter string // ",", ";", "\t" or "tab", "|"; "" is found out
	TempDir   string // where parts of an XLSX are unpacked; "" is the system's
}

// A Row is one line of a table.
type Row struct {
	Line  int // of the file, from 1, on which the row begins; of an XLSX the row's number
	Cells []string
}

// A RowError is a row that cannot be taken. The rows behind it can be read.
type RowError struct {
	Line   int
	Column int    // from 1; 0 if no single cell is to blame
	Value  string // the beginning of that cell
	Reason string // reads on from the name of the cell: "has a NUL character"
}

func (e *RowError) Error() string {
	if e.Column == 0 {
		return fmt.Sprintf("line %d %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("line %d, column %d %s", e.Line, e.Column, e.Reason)
}

// rows is what Reader reads of one kind of file.
type rows interface {
	next() (Row, error)
	read() int64
	close() error
}

// A Reader reads the rows of a file.
type Reader struct {
	rows     rows
	describe string
	serial   bool
	ended    error
}

// Open begins to read a file of size bytes, an XLSX if it begins as a zip
// archive does, otherwise a CSV. What is wrong with the file is an ErrFile. The
// file stays the caller's to close, after the Reader.
func Open(src Source, size int64, o Options) (*Reader, error) {
	head := make([]byte, 8)
	n, err := src.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read: %w", err)
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return openXLSX(src, size, o)
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return nil, refuseOLE(src, size)
	}
	return openCSV(src, size, o)
}

// Next returns the next row that is not wholly empty, and io.EOF behind the
// last. After a *RowError reading goes on; any other error ends the file, and
// is an ErrFile if the file is to blame. Of an XLSX, the empty cells at the end
// of a row may be missing.
func (r *Reader) Next() (Row, error) {
	for r.ended == nil {
		row, err := r.rows.next()
		if err == nil && len(row.Cells) > MaxColumns {
			err = refuse(row.Line, fmt.Sprintf("has more than %d columns", MaxColumns))
		}
		if err != nil {
			r.ended = err
			break
		}
		if strings.Join(row.Cells, "") != "" {
			return check(row)
		}
	}
	return Row{}, r.ended
}

// check looks at each cell of a row, and takes the guards off.
func check(row Row) (Row, error) {
	for i, cell := range row.Cells {
		if reason := bad(cell); reason != "" {
			return Row{}, &RowError{Line: row.Line, Column: i + 1, Value: cut(cell, maxValue), Reason: reason}
		}
		row.Cells[i] = unguard(cell)
	}
	return row, nil
}

func bad(cell string) string {
	switch {
	case len(cell) > MaxCell:
		return "is longer than " + strconv.Itoa(MaxCell>>10) + " KiB"
	case strings.IndexByte(cell, 0) >= 0:
		return "has a NUL character"
	}
	return ""
}

// cut returns the beginning of s, n bytes at most, without half a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n])
}

// Describe says for people how the file is read: "CSV, Windows-1250, separated
// by semicolons" or "XLSX, sheet Cars".
func (r *Reader) Describe() string { return r.describe }

// Serial reports whether the file may have days as numbers, which Day then reads.
func (r *Reader) Serial() bool { return r.serial }

// Read returns about how many bytes of the file were read so far.
func (r *Reader) Read() int64 { return r.rows.read() }

// Close removes what was unpacked.
func (r *Reader) Close() error { return r.rows.close() }

// refuse returns an ErrFile about a line, or about all of the file if line is 0.
func refuse(line int, reason string) error {
	if line > 0 {
		return ErrFile.Say(fmt.Sprintf("line %d of the file %s", line, reason))
	}
	return ErrFile.Say("the file " + reason)
}
