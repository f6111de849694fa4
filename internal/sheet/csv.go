package sheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// csvRows reads a CSV by row. CRLF inside of a cell is read as LF: that is what
// encoding/csv does.
type csvRows struct {
	source *counter
	limit  *limiter
	buffer *bufio.Reader
	csv    *csv.Reader
	above  int // lines that csv does not see
}

func openCSV(src io.ReaderAt, size int64, o Options) (*Reader, error) {
	f, err := examine(src, size, o.Encoding)
	if err != nil {
		return nil, err
	}
	c := &csvRows{source: &counter{r: section(src, f.bom, size)}}
	c.limit = &limiter{r: f.decode(c.source), left: maxRow}
	c.buffer = bufio.NewReaderSize(c.limit, sampleSize)
	mark, told, err := delimiter(c.buffer, o.Delimiter)
	if err != nil {
		return nil, err
	}
	if told {
		c.above = 1
	}
	c.csv = csv.NewReader(c.buffer) // which takes a buffer that large as its own
	c.csv.Comma, c.csv.FieldsPerRecord = rune(mark), -1
	return &Reader{rows: c, describe: fmt.Sprintf("CSV, %s, separated by %s", f.name, delimiterNames[mark])}, nil
}

func (c *csvRows) next() (Row, error) {
	begins := c.line()
	c.limit.left = maxRow
	cells, err := c.csv.Read()
	switch wrong, isWrong := errors.AsType[*csv.ParseError](err); {
	case errors.Is(err, io.EOF):
		return Row{}, io.EOF
	case errors.Is(err, errLimit):
		return Row{}, refuse(begins, "begins a row that is longer than 1 MiB: a quote may be open")
	case isWrong && errors.Is(wrong, csv.ErrQuote):
		return Row{}, refuse(c.above+wrong.StartLine, "begins a row with a quote that is not closed, or is followed by more text")
	case isWrong:
		return Row{}, refuse(c.above+wrong.Line, "has a quote inside of a cell: put the cell into quotes, and write that one twice")
	case err != nil:
		return Row{}, fmt.Errorf("read: %w", err)
	}
	line, _ := c.csv.FieldPos(0)
	return Row{Line: c.above + line, Cells: cells}, nil
}

// line returns the line on which what is read next begins.
func (c *csvRows) line() int {
	ahead, _ := c.buffer.Peek(c.buffer.Buffered())
	return 1 + c.limit.lines - bytes.Count(ahead, []byte("\n"))
}

func (c *csvRows) read() int64  { return c.source.n }
func (c *csvRows) close() error { return nil }

// A counter counts the bytes that are read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

var errLimit = errors.New("limit")

// A limiter reads no more than left bytes, which whoever uses it sets anew for
// each row, so that none can fill the memory.
type limiter struct {
	r     io.Reader
	left  int
	lines int
}

func (l *limiter) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLimit
	}
	n, err := l.r.Read(b[:min(len(b), l.left)])
	l.left -= n
	l.lines += bytes.Count(b[:n], []byte("\n"))
	return n, err
}
