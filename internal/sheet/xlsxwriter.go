package sheet

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

type xlsxWriter struct {
	out    io.Writer
	file   *excelize.File
	stream *excelize.StreamWriter
	rows   int
}

// NewXLSX returns a Writer of an XLSX with one sheet of that name, whose cells
// are all text. Rows wait in a temporary file until Close writes them to w, so
// it has to be closed, also after an error. A control character, and what is not
// UTF-8, is written as U+FFFD. What Excel does not take is an error: more than
// 1,048,576 rows, a cell of more than 32,767 characters.
func NewXLSX(w io.Writer, name string) (Writer, error) {
	x := &xlsxWriter{out: w, file: excelize.NewFile()}
	// The archive goes to w as it is made, and not through a buffer of all of it.
	x.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(w) })
	err := x.file.SetSheetName("Sheet1", name)
	if err == nil {
		x.stream, err = x.file.NewStreamWriter(name)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sheet: %w", err), x.file.Close())
	}
	return x, nil
}

func (x *xlsxWriter) Write(cells []string) error {
	switch {
	case x.file == nil:
		return errComplete
	case len(cells) > MaxColumns:
		return errColumns
	}
	values := make([]any, len(cells))
	for i, cell := range cells {
		value, err := inline(cell)
		if err != nil {
			return err
		}
		values[i] = value
	}
	name, err := excelize.CoordinatesToCellName(1, x.rows+1)
	if err != nil {
		return fmt.Errorf("sheet: %w", err)
	}
	x.rows++
	if err := x.stream.SetRow(name, values); err != nil {
		return fmt.Errorf("sheet: %w", err)
	}
	return nil
}

// inline returns what excelize writes as the text of a cell, nil if it is empty.
// A cell of text is no formula, so only what a Reader would strip is guarded.
func inline(cell string) (any, error) {
	cell = inXML(cell)
	if guarded(cell) {
		cell = "'" + cell
	}
	if cell == "" {
		return nil, nil
	}
	if len(cell) > MaxCell {
		return nil, errCell
	}
	if len(cell) > excelize.TotalCellChars && len(utf16.Encode([]rune(cell))) > excelize.TotalCellChars {
		return nil, fmt.Errorf("sheet: a cell has more than %d characters", excelize.TotalCellChars)
	}
	if strings.Contains(cell, "_x") {
		return runs(cell), nil
	}
	return cell, nil
}

// runs writes a cell that could be read as having escapes, such as _x0041_ for A,
// in pieces: excelize does not escape all of them rightly, and does not see any
// that is written in pieces.
func runs(cell string) (pieces []excelize.RichTextRun) {
	var b strings.Builder
	for i := range len(cell) {
		b.WriteByte(cell[i])
		if isEscape(cell[i:]) {
			b.WriteString("x005F_")
		}
	}
	for piece := range strings.SplitAfterSeq(b.String(), "_") {
		if piece != "" {
			pieces = append(pieces, excelize.RichTextRun{Text: piece})
		}
	}
	return pieces
}

// isEscape reports whether s begins as _x0041_ does.
func isEscape(s string) bool {
	return len(s) >= 7 && s[:2] == "_x" && s[6] == '_' && strings.Trim(s[2:6], "0123456789abcdefABCDEF") == ""
}

// Close writes the file.
func (x *xlsxWriter) Close() error {
	if x.file == nil {
		return nil
	}
	err := x.stream.Flush()
	if err == nil {
		err = x.file.Write(x.out)
	}
	err = errors.Join(err, x.file.Close())
	x.file = nil
	if err != nil {
		return fmt.Errorf("sheet: %w", err)
	}
	return nil
}
