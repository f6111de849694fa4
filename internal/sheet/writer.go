package sheet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A Writer writes a table by row. What it writes, a Reader reads as the same
// cells, apart from what NewCSV and NewXLSX say of characters that cannot be kept.
type Writer interface {
	// Write writes one row.
	Write(cells []string) error
	// Close completes the table. It does not close what is written to.
	Close() error
}

var (
	errColumns  = fmt.Errorf("sheet: a row has more than %d columns", MaxColumns)
	errCell     = fmt.Errorf("sheet: a cell has more than %d bytes", MaxCell)
	errRow      = fmt.Errorf("sheet: a row has more than %d bytes", maxRow)
	errComplete = errors.New("sheet: the table is complete")
)

type csvWriter struct {
	out   *bufio.Writer
	line  []byte
	begun bool
}

// NewCSV returns a Writer of CSV: UTF-8 without a mark, commas, LF. A cell that a
// spreadsheet would take for a formula gets an apostrophe before it, which a
// Reader takes off again. CRLF inside of a cell is written as LF. NUL, and what
// is not UTF-8, is written as U+FFFD.
func NewCSV(w io.Writer) Writer { return &csvWriter{out: bufio.NewWriter(w)} }

var crlf = regexp.MustCompile("\r+\n")

func (w *csvWriter) Write(cells []string) error {
	if len(cells) > MaxColumns {
		return errColumns
	}
	w.line = w.line[:0]
	for i, cell := range cells {
		if i > 0 {
			w.line = append(w.line, ',')
		}
		cell = crlf.ReplaceAllString(strings.ReplaceAll(strings.ToValidUTF8(cell, "\uFFFD"), "\x00", "\uFFFD"), "\n")
		if dangerous(cell) {
			cell = "'" + cell
		}
		if len(cell) > MaxCell {
			return errCell
		}
		w.add(cell, len(cells) == 1)
	}
	if w.line = append(w.line, '\n'); len(w.line) > maxRow {
		return errRow
	}
	w.begun = true
	_, err := w.out.Write(w.line)
	return err
}

// add appends a cell, in quotes if it would be read otherwise without: also if
// it has what could be taken for another delimiter, or for the beginning of a
// file that says something of itself.
func (w *csvWriter) add(cell string, alone bool) {
	special := !w.begun && (strings.HasPrefix(cell, "\uFEFF") || strings.HasPrefix(strings.ToLower(cell), "sep=") || isSignature(cell))
	if !special && !strings.ContainsAny(cell, "\",;\t|\r\n") && (cell != "" || !alone) {
		w.line = append(w.line, cell...)
		return
	}
	w.line = append(w.line, '"')
	w.line = append(w.line, strings.ReplaceAll(cell, `"`, `""`)...)
	w.line = append(w.line, '"')
}

// isSignature reports whether a file that begins with cell would be taken for an XLSX.
func isSignature(cell string) bool { return strings.HasPrefix(cell, "PK") }

func (w *csvWriter) Close() error { return w.out.Flush() }

// inXML returns s with U+FFFD for what is not UTF-8, and for the control
// characters and others that XML cannot have.
func inXML(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t', c == '\n', c == '\r', c >= ' ' && c < 0xfffe, c > 0xffff:
			return c
		}
		return utf8.RuneError
	}, s)
}
