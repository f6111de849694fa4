package sheet_test

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"cartracker/internal/sheet"
)

// tables generates what is hard to write: delimiters, quotes, line ends, what
// looks like formulas, escapes, encodings.
func tables() *rapid.Generator[[][]string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "'", "''", "=", "+", "-", "@", "\t", "\r", "\n", "\r\n", `"`, `""`, ",", ";", "|", " ", "sep=;", "PK\x03\x04", "\ufeff", "_x", "_x0041_", "_x005F_",
			"_xD800_", "_", "x0041_", "ćž", "€", "🍖", "\ufffd", "1,5", "0", "<a>", "&amp;", "]]>", "\x01", "\xff", "\x00", "\u2028", "\uffff",
		}),
		rapid.StringN(0, 5, -1),
	)
	cell := rapid.Map(rapid.SliceOfN(piece, 0, 4), func(s []string) string { return strings.Join(s, "") })
	return rapid.SliceOfN(rapid.SliceOfN(cell, 0, 5), 0, 5)
}

var crlf = regexp.MustCompile("\r+\n")

// kept is what of a cell a CSV keeps.
func kept(cell string) string {
	return crlf.ReplaceAllString(strings.ReplaceAll(strings.ToValidUTF8(cell, "\ufffd"), "\x00", "\ufffd"), "\n")
}

// keptInXLSX is what of a cell an XLSX keeps.
func keptInXLSX(cell string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xfffe || c == 0xffff {
			return '\ufffd'
		}
		return c
	}, string([]rune(cell)))
}

func written(t interface{ Fatal(...any) }, w sheet.Writer, err error, table [][]string) {
	for _, row := range table {
		if err == nil {
			err = w.Write(row)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// expected returns the rows that are read of a table: those that are not empty.
func expected(table [][]string, keep func(string) string, trim bool) (out [][]string) {
	for _, row := range table {
		var want []string
		for _, cell := range row {
			want = append(want, keep(cell))
		}
		for trim && len(want) > 0 && want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		if strings.Join(want, "") != "" {
			out = append(out, want)
		}
	}
	return out
}

func TestCSVRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := tables().Draw(t, "table")
		var b bytes.Buffer
		written(t, sheet.NewCSV(&b), nil, table)
		all, bad, _, err := read(b.Bytes(), sheet.Options{})
		if want := expected(table, kept, false); err != nil || bad != nil || !slices.EqualFunc(cells(all), want, slices.Equal[[]string]) {
			t.Fatalf("%q is read as %q, want %q: %v, %v", b.String(), cells(all), want, bad, err)
		}
	})
}

func TestXLSXRoundTrip(t *testing.T) {
	o := emptied(t)
	rapid.Check(t, func(t *rapid.T) {
		table := tables().Draw(t, "table")
		var b bytes.Buffer
		w, err := sheet.NewXLSX(&b, "Vozila")
		written(t, w, err, table)
		all, bad, _, err := read(b.Bytes(), o)
		if want := expected(table, keptInXLSX, true); err != nil || bad != nil || !slices.EqualFunc(cells(all), want, slices.Equal[[]string]) {
			t.Fatalf("it is read as %q, want %q: %v, %v", cells(all), want, bad, err)
		}
	})
}

func TestCSVText(t *testing.T) {
	var b bytes.Buffer
	written(t, sheet.NewCSV(&b), nil, [][]string{{"ime", "cijena"}, {"=1+1", "-20", "'@x", "'x"}, {"a;b", `5"`, "x\r\ny"}})
	if want := "ime,cijena\n'=1+1,'-20,''@x,'x\n\"a;b\",\"5\"\"\",\"x\ny\"\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// What is written is text to Excel, and no formula.
func TestXLSXText(t *testing.T) {
	var b bytes.Buffer
	w, err := sheet.NewXLSX(&b, "Vozila")
	written(t, w, err, [][]string{{"=1+1", "-20", "'=x", "007"}})
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for cell, want := range map[string]string{"A1": "=1+1", "B1": "-20", "C1": "''=x", "D1": "007"} {
		got, err := f.GetCellValue("Vozila", cell)
		formula, _ := f.GetCellFormula("Vozila", cell)
		if kind, _ := f.GetCellType("Vozila", cell); err != nil || got != want || formula != "" || kind != excelize.CellTypeInlineString {
			t.Errorf("%s is %q, %q, %v: %v", cell, got, formula, kind, err)
		}
	}
}

func TestWritersRefuse(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for name, row := range map[string][]string{
		"columns": make([]string, sheet.MaxColumns+1),
		"a cell":  {strings.Repeat("x", sheet.MaxCell+1)},
	} {
		x, err := sheet.NewXLSX(&bytes.Buffer{}, "a")
		if err != nil || x.Write(row) == nil || sheet.NewCSV(&bytes.Buffer{}).Write(row) == nil || x.Close() != nil {
			t.Errorf("%s: they are written, %v", name, err)
		}
	}
	x, err := sheet.NewXLSX(&bytes.Buffer{}, "a")
	if err != nil || x.Write([]string{strings.Repeat("x", 32_768)}) == nil || x.Write([]string{strings.Repeat("ž", 32_767)}) != nil || x.Close() != nil {
		t.Error("a cell of an XLSX may have 32,767 characters")
	}
	if x.Write([]string{"a"}) == nil || x.Close() != nil {
		t.Error("a row is written behind the end")
	}
	if sheet.NewCSV(&bytes.Buffer{}).Write(slices.Repeat([]string{strings.Repeat("x", 2000)}, 1000)) == nil {
		t.Error("a row of 2 MB is written")
	}
	for _, name := range []string{"", "a/b", strings.Repeat("x", 32)} {
		if _, err := sheet.NewXLSX(&bytes.Buffer{}, name); err == nil {
			t.Errorf("a sheet is called %q", name)
		}
	}
}

type full struct{}

var errFull = errors.New("the disk is full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWritersFail(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	x, err := sheet.NewXLSX(full{}, "a")
	if err != nil {
		t.Fatal(err)
	}
	for range 30_000 { // more than excelize keeps in memory
		if err := x.Write(slices.Repeat([]string{strings.Repeat("x", 100)}, 8)); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := os.ReadDir(folder); len(left) == 0 {
		t.Error("rows wait in memory")
	}
	if err := x.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close = %v", err)
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("%v is left behind", left)
	}
	c := sheet.NewCSV(full{})
	_ = c.Write([]string{"a"})
	if err := c.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close = %v", err)
	}
}
