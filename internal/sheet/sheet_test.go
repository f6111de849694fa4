package sheet_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"cartracker/internal/fault"
	"cartracker/internal/sheet"
)

// read reads all rows of a file, and the rows that it could not take.
func read(file []byte, o sheet.Options) (all []sheet.Row, bad []*sheet.RowError, describe string, err error) {
	r, err := sheet.Open(bytes.NewReader(file), int64(len(file)), o)
	if err != nil {
		return nil, nil, "", err
	}
	describe = r.Describe()
	for {
		row, err := r.Next()
		if wrong, ok := errors.AsType[*sheet.RowError](err); ok {
			bad = append(bad, wrong)
			continue
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return all, bad, describe, errors.Join(err, r.Close())
		}
		all = append(all, row)
	}
}

// mustRead reads a file that has nothing wrong with it.
func mustRead(t *testing.T, file []byte, o sheet.Options) ([]sheet.Row, string) {
	t.Helper()
	all, bad, describe, err := read(file, o)
	if err != nil || bad != nil {
		t.Fatalf("cannot read the file: %v, rows %v", err, bad)
	}
	return all, describe
}

// refused reads a file that has to be refused, for a reason with those words.
func refused(t *testing.T, file []byte, o sheet.Options, words ...string) {
	t.Helper()
	all, _, describe, err := read(file, o)
	if !errors.Is(err, sheet.ErrFile) {
		t.Fatalf("%q is read as %s: %.200v, %v", file[:min(len(file), 60)], describe, all, err)
	}
	for _, w := range words {
		if message := fault.Of(err).Message; !strings.Contains(message, w) {
			t.Errorf("the reason is %q, without %q", message, w)
		}
	}
}

func encode(t *testing.T, c encoding.Encoding, s string) []byte {
	t.Helper()
	b, err := c.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOfficeExport(t *testing.T) {
	file, err := os.ReadFile("testdata/office.csv")
	if err != nil {
		t.Fatal(err)
	}
	all, describe := mustRead(t, file, sheet.Options{})
	if describe != "CSV, Windows-1250, separated by semicolons" || len(all) < 60 {
		t.Errorf("%s, %d rows", describe, len(all))
	}
	for i, row := range all {
		if row.Line != i+1 || len(row.Cells) != 10 {
			t.Errorf("row %d is on line %d with %d cells", i, row.Line, len(row.Cells))
		}
	}
	if head := all[0].Cells; head[1] != "Proizvođač" || head[7] != "Sjedišta" || head[8] != "Kilometraža" {
		t.Errorf("the header is %q", head)
	}
	if row := all[1].Cells; row[0] != " t67-e-511" || row[9] != "50,00" {
		t.Errorf("the first row is %q", row)
	}
}

func TestCSV(t *testing.T) {
	wide, big := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	const text = "ime;šta\nćevap 🍖;1,5\n"
	want := [][]string{{"ime", "šta"}, {"ćevap 🍖", "1,5"}}
	for name, c := range map[string]struct {
		file     []byte
		o        sheet.Options
		describe string
		want     [][]string
	}{
		"utf-8":            {[]byte(text), sheet.Options{}, "CSV, UTF-8, separated by semicolons", want},
		"utf-8 with mark":  {[]byte("\ufeff" + text), sheet.Options{}, "CSV, UTF-8, separated by semicolons", want},
		"mark, told":       {[]byte("\ufeff" + text), sheet.Options{Encoding: "UTF-8"}, "CSV, UTF-8, separated by semicolons", want},
		"utf-16":           {encode(t, wide, "\ufeff"+text), sheet.Options{}, "CSV, UTF-16, separated by semicolons", want},
		"big":              {encode(t, big, "\ufeff"+text), sheet.Options{}, "CSV, UTF-16, separated by semicolons", want},
		"utf-16, no mark":  {encode(t, wide, text), sheet.Options{}, "CSV, UTF-16, separated by semicolons", want},
		"big, no mark":     {encode(t, big, text), sheet.Options{}, "CSV, UTF-16, separated by semicolons", want},
		"utf-16, told":     {encode(t, wide, "š\nć\n"), sheet.Options{Encoding: "utf-16"}, "CSV, UTF-16, separated by commas", [][]string{{"š"}, {"ć"}}},
		"1252, told":       {[]byte("a,\xe8\n"), sheet.Options{Encoding: "windows-1252"}, "CSV, Windows-1252, separated by commas", [][]string{{"a", "è"}}},
		"1250, told":       {[]byte("a,\xea\n"), sheet.Options{Encoding: "windows-1250"}, "CSV, Windows-1250, separated by commas", [][]string{{"a", "ę"}}},
		"old Macintosh":    {[]byte("a,b\r1,2\r\r3,4"), sheet.Options{}, "CSV, UTF-8, separated by commas", [][]string{{"a", "b"}, {"1", "2"}, {"3", "4"}}},
		"windows":          {[]byte("a\tb\r\n\r\n1\t2\r\n"), sheet.Options{}, "CSV, UTF-8, separated by tabs", [][]string{{"a", "b"}, {"1", "2"}}},
		"bars":             {[]byte("a|b\n1|2,3\n"), sheet.Options{}, "CSV, UTF-8, separated by bars", [][]string{{"a", "b"}, {"1", "2,3"}}},
		"tab, told":        {[]byte("a,b\t1\n"), sheet.Options{Delimiter: "tab"}, "CSV, UTF-8, separated by tabs", [][]string{{"a,b", "1"}}},
		"comma, told":      {[]byte("a;b,1\n"), sheet.Options{Delimiter: ","}, "CSV, UTF-8, separated by commas", [][]string{{"a;b", "1"}}},
		"sep":              {[]byte("sep=;\r\na,b;c\r\n"), sheet.Options{}, "CSV, UTF-8, separated by semicolons", [][]string{{"a,b", "c"}}},
		"sep with mark":    {[]byte("\ufeffSEP=|\na;b\n"), sheet.Options{}, "CSV, UTF-8, separated by bars", [][]string{{"a;b"}}},
		"sep, but told":    {[]byte("sep=;\na,b;c\n"), sheet.Options{Delimiter: ","}, "CSV, UTF-8, separated by commas", [][]string{{"a", "b;c"}}},
		"only sep":         {[]byte("sep=;"), sheet.Options{}, "CSV, UTF-8, separated by semicolons", nil},
		"empty":            {nil, sheet.Options{}, "CSV, UTF-8, separated by commas", nil},
		"only a mark":      {[]byte("\ufeff"), sheet.Options{}, "CSV, UTF-8, separated by commas", nil},
		"only a wide mark": {[]byte("\xff\xfe"), sheet.Options{}, "CSV, UTF-16, separated by commas", nil},
		"only a header":    {[]byte("ime;cijena"), sheet.Options{}, "CSV, UTF-8, separated by semicolons", [][]string{{"ime", "cijena"}}},
		"only separators":  {[]byte("a;b\n;\n\n;;\n1;2\n"), sheet.Options{}, "CSV, UTF-8, separated by semicolons", [][]string{{"a", "b"}, {"1", "2"}}},
		"decimal commas":   {[]byte("car;a;b\nx;1,5;2,5\ny;3,5;4,5\n"), sheet.Options{}, "CSV, UTF-8, separated by semicolons", [][]string{{"car", "a", "b"}, {"x", "1,5", "2,5"}, {"y", "3,5", "4,5"}}},
		"ragged":           {[]byte("a;b\n1\n1;2;3\n"), sheet.Options{}, "CSV, UTF-8, separated by semicolons", [][]string{{"a", "b"}, {"1"}, {"1", "2", "3"}}},
		"in quotes":        {[]byte("\"a;b;c\",d\n\"x\r\ny \"\"z\"\"\",2\n"), sheet.Options{}, "CSV, UTF-8, separated by commas", [][]string{{"a;b;c", "d"}, {"x\ny \"z\"", "2"}}},
		"guards":           {[]byte("'=1,'+1,'-1,'@a,'\t,''=1,'x,'',=1\n"), sheet.Options{}, "CSV, UTF-8, separated by commas", [][]string{{"=1", "+1", "-1", "@a", "\t", "'=1", "'x", "''", "=1"}}},
		"spaces are kept":  {[]byte("a, b \n"), sheet.Options{}, "CSV, UTF-8, separated by commas", [][]string{{"a", " b "}}},
	} {
		t.Run(name, func(t *testing.T) {
			all, describe := mustRead(t, c.file, c.o)
			if got := cells(all); !slices.EqualFunc(got, c.want, slices.Equal[[]string]) || describe != c.describe {
				t.Errorf("%s: %q, want %s: %q", describe, got, c.describe, c.want)
			}
		})
	}
}

func cells(all []sheet.Row) (out [][]string) {
	for _, row := range all {
		out = append(out, row.Cells)
	}
	return out
}

func TestLines(t *testing.T) {
	for file, want := range map[string][]int{
		"a\nb\n":                    {1, 2},
		"\n\na\n;\n\nb\n":           {3, 4, 6},
		"a,\"x\ny\nz\"\nb,c\n":      {1, 4},
		"sep=,\n\na,b\nc,d\n":       {3, 4},
		"a,b\rc,\"d\re\"\r\rf,g\r":  {1, 2, 5},
		"a,b\r\nc,\"d\r\ne\"\r\n\n": {1, 2},
	} {
		all, _ := mustRead(t, []byte(file), sheet.Options{})
		var got []int
		for _, row := range all {
			got = append(got, row.Line)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the rows of %q are on %d, want %d", file, got, want)
		}
	}
}

func TestEncodingIsFoundOut(t *testing.T) {
	for text, c := range map[string]*charmap.Charmap{
		"Proizvođač;Šasija;Ćuprija;Kočnica": charmap.Windows1250,
		"šta;žena":                          charmap.Windows1250,
		"cijena;Übersee Größe":              charmap.Windows1250,
		"Čelik;Dvořák":                      charmap.Windows1250,
		"1 € – „navodnici“":                 charmap.Windows1250,
		"françois;à la fête;señor":          charmap.Windows1252,
		"Håkon;Øystein;brød;São":            charmap.Windows1252,
		"très bien, déjà là, forêt":         charmap.Windows1252,
		"a;ƒ":                               charmap.Windows1252,
		"Ťava;ťava":                         charmap.Windows1250,
		"São Paulo;João;informações":        charmap.Windows1252,
	} {
		all, describe := mustRead(t, encode(t, c, text+"\n"), sheet.Options{Delimiter: "|"})
		if all[0].Cells[0] != text || !strings.Contains(describe, strings.ReplaceAll(c.String(), " ", "-")) {
			t.Errorf("%q is read as %q, %s", text, all[0].Cells, describe)
		}
	}
}

func TestRowErrors(t *testing.T) {
	file := "a,b\n1,x\x00y\n2,ok\n3," + strings.Repeat("ž", 40_000) + "\n4,ok\n"
	all, bad, _, err := read([]byte(file), sheet.Options{})
	if err != nil || len(all) != 3 || len(bad) != 2 {
		t.Fatalf("%d rows, %v, %v", len(all), bad, err)
	}
	if e := bad[0]; e.Line != 2 || e.Column != 2 || e.Value != "x\x00y" || e.Error() != "line 2, column 2 has a NUL character" {
		t.Errorf("the NUL is %+v", e)
	}
	if e := bad[1]; e.Line != 4 || e.Column != 2 || e.Value != strings.Repeat("ž", 50) || e.Reason != "is longer than 64 KiB" {
		t.Errorf("the long cell is %+v", e)
	}
	if e := (&sheet.RowError{Line: 7, Reason: "is odd"}); e.Error() != "line 7 is odd" {
		t.Errorf("Error = %q", e.Error())
	}
}

func TestProgress(t *testing.T) {
	file := []byte(strings.Repeat("a,b,c,d\n", 100_000))
	r, err := sheet.Open(bytes.NewReader(file), int64(len(file)), sheet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	begun := r.Read()
	for range 50_000 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	half := r.Read()
	for err == nil {
		_, err = r.Next()
	}
	if size := int64(len(file)); begun > size/4 || half < size/2 || half > size*3/4 || r.Read() != size || r.Serial() || r.Close() != nil {
		t.Errorf("of %d: %d, %d, %d", size, begun, half, r.Read())
	}
	if _, again := r.Next(); !errors.Is(again, io.EOF) {
		t.Errorf("behind the end there is %v", again)
	}
}
