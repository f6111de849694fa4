package sheet_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"cartracker/internal/fault"
	"cartracker/internal/sheet"
)

func TestCSVRefused(t *testing.T) {
	for name, c := range map[string]struct {
		file  string
		o     sheet.Options
		words string
	}{
		"mixed encodings":        {"ime\nžena\nok\n\x9eena\n", sheet.Options{}, "line 4 of the file is not in the encoding of other lines"},
		"mixed, the other first": {"ime\n\x9eena\nok\nžena\n", sheet.Options{}, "line 2 of"},
		"not utf-8":              {"ime\n\x9eena\n", sheet.Options{Encoding: "utf-8"}, "line 2 of the file has a character that is not UTF-8"},
		"a mark, but not utf-8":  {"\ufeffime\n\x9eena\n", sheet.Options{}, "line 2 of the file has a character that is not UTF-8"},
		"none of 1250":           {"ime\n\n\x81\n", sheet.Options{Encoding: "windows-1250"}, "line 3 of the file has a character that Windows-1250 does not have"},
		"none of 1252":           {"ime\r\x8d\r", sheet.Options{Encoding: "windows-1252"}, "line 2 of the file has a character that Windows-1252"},
		"none of either":         {"ime\n\x81\n", sheet.Options{}, "line 2"},
		"odd utf-16":             {"\xff\xfea\x00b", sheet.Options{}, "in the middle of a character"},
		"half a pair at the end": {"\xff\xfea\x00\x00\xd8", sheet.Options{}, "in the middle of a character"},
		"half a pair":            {"\xff\xfea\x00\n\x00\x00\xd8b\x00", sheet.Options{}, "line 2 of the file has half a character"},
		"the other half":         {"\xfe\xff\x00a\xdc\x00", sheet.Options{}, "line 1 of the file has half a character"},
		"a bare quote":           {"a,b\n1,2\n5\" wheel,3\n", sheet.Options{}, "line 3 of the file has a quote inside of a cell"},
		"an open quote":          {"a,b\n1,\"2\n3,4\n", sheet.Options{}, "line 2 of the file begins a row with a quote"},
		"text behind a quote":    {"sep=,\na,b\n\"1\"x,2\n", sheet.Options{}, "line 3 of the file begins a row with a quote"},
		"columns":                {"a\n" + strings.Repeat(",", 10_000), sheet.Options{}, "line 2 of the file has more than 1000 columns"},
		"an encoding":            {"a\n", sheet.Options{Encoding: "ebcdic"}, "an encoding is"},
		"a delimiter":            {"a\n", sheet.Options{Delimiter: "x"}, "a delimiter is"},
		"two delimiters":         {"a\n", sheet.Options{Delimiter: ",;"}, "a delimiter is"},
		"an old xls":             {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 200_000), sheet.Options{}, "is an old .xls file: save it as .xlsx"},
		"a zip":                  {"PK\x03\x04" + strings.Repeat("\x00", 1000), sheet.Options{}, "is not all there"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, []byte(c.file), c.o, c.words) })
	}
}

func TestLockedXLSX(t *testing.T) {
	name := "E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00"
	for _, before := range []int{8, 65_520, 65_536, 200_001} {
		file := "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", before) + name + strings.Repeat("\x00", 100)
		refused(t, []byte(file), sheet.Options{}, "is locked with a password")
	}
}

// A pretender is a file that is made as it is read.
type pretender struct {
	head, repeat string
	size, read   int64
}

func (p *pretender) ReadAt(b []byte, at int64) (int, error) {
	n := 0
	for ; n < len(b) && at+int64(n) < p.size; n++ {
		i := at + int64(n)
		if i < int64(len(p.head)) {
			b[n] = p.head[i]
		} else {
			b[n] = p.repeat[(i-int64(len(p.head)))%int64(len(p.repeat))]
		}
	}
	p.read += int64(n)
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (*pretender) Read([]byte) (int, error)       { return 0, errors.New("not asked for") }
func (*pretender) Seek(int64, int) (int64, error) { return 0, errors.New("not asked for") }

// allocated returns how many bytes f allocates, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestOneLineOfAGigabyte(t *testing.T) {
	for name, p := range map[string]*pretender{
		"one line": {"a,b\n", "x", 1 << 30, 0},
		"one cell": {"a,b\n\"", "x", 1 << 30, 0},
		"utf-16":   {"\xff\xfea\x00", "x\x00", 1 << 30, 0},
		"1250":     {"a\n", "\x9e", 1 << 30, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			used := allocated(func() { _, err = sheet.Open(p, p.size, sheet.Options{}) })
			if !errors.Is(err, sheet.ErrFile) || !strings.Contains(err.Error(), "is longer than 1 MiB") {
				t.Errorf("it is opened: %v", err)
			}
			if p.read > 3<<20 || used > 8<<20 {
				t.Errorf("%d bytes were read, and %d allocated", p.read, used)
			}
		})
	}
}

func TestOpenQuoteInALargeFile(t *testing.T) {
	p := &pretender{"a,b\n1,2\n\"x", "1,2,3,4,5,6,7,8\n", 8 << 20, 0}
	var r *sheet.Reader
	var err error
	used := allocated(func() {
		if r, err = sheet.Open(p, p.size, sheet.Options{}); err != nil {
			return
		}
		for err == nil {
			_, err = r.Next()
		}
	})
	if !errors.Is(err, sheet.ErrFile) || !strings.Contains(err.Error(), "line 3 of the file begins a row that is longer than 1 MiB: a quote may be open") {
		t.Errorf("it ends with %v", err)
	}
	if r.Read() > 2<<20 || used > 16<<20 {
		t.Errorf("%d bytes were read, and %d allocated", r.Read(), used)
	}
}

func TestMemoryDoesNotDependOnTheSize(t *testing.T) {
	p := &pretender{"", "a,b,c,d,e,f,g,h,čćž\n", 8 << 20, 0}
	r, err := sheet.Open(p, p.size, sheet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var most, first uint64
	for rows := 0; err == nil; rows++ {
		if _, err = r.Next(); rows%50_000 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if first == 0 {
				first = m.HeapAlloc
			}
			most = max(most, m.HeapAlloc)
		}
	}
	if !errors.Is(err, io.EOF) || most > first+4<<20 {
		t.Errorf("the heap grew from %d to %d: %v", first, most, err)
	}
}

// broken fails to be read from an offset on.
type broken struct {
	*bytes.Reader
	from int64
}

var errDisk = errors.New("the disk is gone")

func (b broken) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > b.from {
		return 0, errDisk
	}
	return b.Reader.ReadAt(p, at)
}

func TestBrokenSource(t *testing.T) {
	for _, file := range [][]byte{[]byte(strings.Repeat("a,b\n", 100_000)), encode(t, wideLittle, "\ufeff"+strings.Repeat("a,b\n", 100_000)), book(t, sheetOf("", 5000))} {
		for _, from := range []int64{0, 1000, 10_000, int64(len(file)) - 5000, int64(len(file)) - 1} {
			r, err := sheet.Open(broken{bytes.NewReader(file), from}, int64(len(file)), sheet.Options{TempDir: t.TempDir()})
			if err == nil {
				t.Errorf("it is opened: %v", r.Describe())
			} else if !errors.Is(err, errDisk) || fault.Of(err).Kind != fault.Internal {
				t.Errorf("from %d on: %v", from, err)
			}
		}
	}
}
