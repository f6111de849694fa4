package sheet_test

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cartracker/internal/sheet"
)

// hold checks what holds of whatever is read: it is within the bounds, and
// writing it as a CSV and reading that gives the same.
func hold(t *testing.T, file []byte, o sheet.Options) {
	t.Helper()
	all, _, describe, err := read(file, o)
	if err != nil {
		if !errors.Is(err, sheet.ErrFile) {
			t.Fatalf("the error is nobody's fault: %v", err)
		}
		return
	}
	line := 0
	for _, row := range all {
		if row.Line <= line || len(row.Cells) > sheet.MaxColumns || strings.Join(row.Cells, "") == "" {
			t.Fatalf("%s: row %+v is behind line %d", describe, row, line)
		}
		line = row.Line
	}
	var b bytes.Buffer
	written(t, sheet.NewCSV(&b), nil, cells(all))
	again, bad, _, err := read(b.Bytes(), sheet.Options{})
	if want := expected(cells(all), kept, false); err != nil || bad != nil || !slices.EqualFunc(cells(again), want, slices.Equal[[]string]) {
		t.Fatalf("%q is read again as %q: %v, %v", want, cells(again), bad, err)
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"a,b\n1,2\n", "a;b\r\n1,5;\"x\ny\"\r\n", "sep=;\na;b\n", "\ufeffž\n", "\xff\xfea\x00;\x00", "\xfe\xff\x00a", "a\x00;\x00b\x00\n\x00", "a\rb\r", "\x9e\n", "\xe0\n", "\x9ež", "'=1,''+\n", "\"a", "a\"b", "\x00", "\r\n",
	} {
		f.Add([]byte(s), "", "")
	}
	f.Add([]byte("a\xe8"), "windows-1252", "tab")
	f.Fuzz(func(t *testing.T, file []byte, encoding, delimiter string) {
		if bytes.HasPrefix(file, []byte("PK")) {
			return // FuzzXLSX has those
		}
		hold(t, file, sheet.Options{Encoding: encoding, Delimiter: delimiter})
	})
}

// FuzzXLSX fuzzes the sheet and the texts of an archive, which no fuzzer would
// find a way into, and the bytes of an archive.
func FuzzXLSX(f *testing.F) {
	for _, rows := range []string{
		`<row r="1"><c r="A1"><v>1</v></c></row>`, `<row><c t="s"><v>0</v></c><c t="s"><v>9</v></c></row>`, `<row><c t="inlineStr"><is><t>_x0041_</t></is></c></row>`, `<row r="9"/><row><c><f>1</f></c></row>`,
		`<row><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c r="Z1"><v>'=x</v></c></row>`, `<row><c><v>a]]>`, `<!-- a --><row><c><v><![CDATA[x]]></v></c></row>`, `</sheetData>`,
	} {
		f.Add([]byte(sheetOf(rows, 2)), `<sst><si><t>a</t></si></sst>`)
	}
	f.Add(book(f, sheetOf("", 2)), "")
	f.Fuzz(func(t *testing.T, data []byte, texts string) {
		o := sheet.Options{TempDir: t.TempDir()}
		if bytes.HasPrefix(data, []byte("PK")) {
			hold(t, data, o)
			return
		}
		hold(t, archive(t, parts(map[string]string{"xl/worksheets/sheet1.xml": string(data), "xl/sharedStrings.xml": texts})), o)
	})
}

func FuzzInteger(f *testing.F) {
	for _, s := range []string{"120500", "120.500", "120 500", "-1'234", "1.2E+6", "120500.0", "0.500", "1e999", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := sheet.Integer(s)
		switch again, wrong := sheet.Integer(strconv.Itoa(n)); {
		case err != nil && n != 0:
			t.Errorf("Integer(%q) = %d and %v", s, n, err)
		case err == nil && (again != n || wrong != nil):
			t.Errorf("Integer(%q) = %d, then %d, %v", s, n, again, wrong)
		}
	})
}

func FuzzAmount(f *testing.F) {
	for _, s := range []string{"50", "33,50", "1.250,00", "1,250.00", "1 250", "-20 KM", "KM 5", "1.25E+3", "33.299999999999997", "0.500", "1e-2", "9999999999999.99"} {
		f.Add(s, "KM")
	}
	f.Add("€50", "€")
	f.Fuzz(func(t *testing.T, s, unit string) {
		a, err := sheet.Amount(s, unit)
		switch again, wrong := sheet.Amount(a.String()); {
		case err != nil && a.Minor() != 0:
			t.Errorf("Amount(%q) = %v and %v", s, a, err)
		case err == nil && (again != a || wrong != nil):
			t.Errorf("Amount(%q) = %v, then %v, %v", s, a, again, wrong)
		}
	})
}

func FuzzDay(f *testing.F) {
	for _, s := range []string{"2025-10-11", "11.10.2025.", "11. 10. 2025.", "11/10/2025", "11-10-2025 00:00:00", "2025-10-11T00:00:00Z", "45941", "60", "10/25/2025", "1.1.25"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, serial bool) {
		d, err := sheet.Day(s, serial)
		switch again, wrong := sheet.Day(d.String(), serial); {
		case err != nil && !d.IsZero():
			t.Errorf("Day(%q) = %v and %v", s, d, err)
		case err == nil && (again != d || wrong != nil || d.Year() < 1900 || d.Year() > 2999):
			t.Errorf("Day(%q) = %v, then %v, %v", s, d, again, wrong)
		}
	})
}
