package sheet_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/unicode"

	"cartracker/internal/sheet"
)

var wideLittle = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)

// parts of a small XLSX, by name. What a test gives replaces them.
func parts(given map[string]string) map[string]string {
	all := map[string]string{
		"[Content_Types].xml":        `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`,
		"_rels/.rels":                `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Cars" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
	}
	for name, text := range given {
		all[name] = text
	}
	return all
}

// sheetOf returns the XML of a sheet: those rows, and n more of one number.
func sheetOf(rows string, n int) string {
	var b strings.Builder
	b.WriteString(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>` + rows)
	for i := range n {
		fmt.Fprintf(&b, `<row><c><v>%d</v></c></row>`, i*7919%10007)
	}
	return b.String() + `</sheetData></worksheet>`
}

func book(t testing.TB, sheet1 string) []byte {
	t.Helper()
	return archive(t, parts(map[string]string{"xl/worksheets/sheet1.xml": sheet1}))
}

func archive(t testing.TB, all map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	packer, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { // one part after the other
		packer.Reset(w)
		return packer, nil
	})
	for name, text := range all {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// made returns a file that excelize makes as Excel would.
func made(t *testing.T, edit func(f *excelize.File) error) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	if err := edit(f); err != nil {
		t.Fatal(err)
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// emptied fails the test if what was unpacked is still there at its end.
func emptied(t *testing.T) sheet.Options {
	t.Helper()
	folder := t.TempDir()
	t.Cleanup(func() {
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("%v is left behind: %v", left, err)
		}
	})
	return sheet.Options{TempDir: folder}
}

func TestXLSX(t *testing.T) {
	file := made(t, func(f *excelize.File) error {
		style, err := f.NewStyle(&excelize.Style{NumFmt: 14})
		return errors.Join(err,
			f.SetSheetName("Sheet1", "Prazan"),
			second(f.NewSheet("Skriven")), f.SetSheetVisible("Skriven", false), f.SetCellStr("Skriven", "A1", "hidden"),
			second(f.NewSheet("Vozila")),
			f.SetSheetRow("Vozila", "B2", &[]any{"plate", 33.5, 120500, 0.1, true, "'=x", "Šćž"}),
			f.SetCellInt("Vozila", "A4", 45941), f.SetCellStyle("Vozila", "A4", "A4", style),
			f.SetCellFormula("Vozila", "B4", "A4+1"),
			f.SetCellValue("Vozila", "C4", 42), f.SetCellFormula("Vozila", "C4", "SUM(1,2)"),
			second(f.NewSheet("Drugi")), f.SetCellStr("Drugi", "A1", "second"),
		)
	})
	all, describe := mustRead(t, file, emptied(t))
	want := []sheet.Row{
		{Line: 2, Cells: []string{"", "plate", "33.5", "120500", "0.1", "1", "=x", "Šćž"}},
		{Line: 4, Cells: []string{"45941", "", "42"}},
	}
	if describe != "XLSX, sheet Vozila" || !slices.EqualFunc(all, want, func(a, b sheet.Row) bool { return a.Line == b.Line && slices.Equal(a.Cells, b.Cells) }) {
		t.Errorf("%s: %v, want %v", describe, all, want)
	}
}

func second[T any](_ T, err error) error { return err }

// A number with three decimals is not taken for one with groups of three digits.
func TestXLSXThousandths(t *testing.T) {
	file := book(t, sheetOf(`<row><c><v>1.255</v></c><c t="str"><v>1.255</v></c><c><v>1.25</v></c><c t="n"><f>A1*10</f><v>-12.345</v></c>`+
		`<c t="inlineStr"><is><t>1.255</t></is></c><c><v>1255</v></c><c><v>0.0005</v></c></row><row><c><v>49.995</v></c></row>`, 2))
	r, err := sheet.Open(bytes.NewReader(file), int64(len(file)), emptied(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, want := range [][]string{{"1.2550", "1.255", "1.25", "-12.3450", "1.255", "1255", "0.0005"}, {"49.9950"}, {"0"}, {"7919"}} {
		if row, err := r.Next(); err != nil || !slices.Equal(row.Cells, want) {
			t.Errorf("read %q, %v; want %q", row.Cells, err, want)
		}
	}
	if a, err := sheet.Amount("1.2550"); err == nil {
		t.Errorf("Amount took it for %s", a)
	}
}

func TestXLSXCells(t *testing.T) {
	for name, c := range map[string]struct {
		rows string
		want [][]string
	}{
		"cached value":  {`<row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1" t="str"><f>"a"</f><v>a</v></c></row>`, [][]string{{"2", "a"}}},
		"no references": {`<row><c><v>1</v></c><c/><c><v>3</v></c></row><row><c/></row><row><c t="b"><v>1</v></c></row>`, [][]string{{"1", "", "3"}, {"1"}}},
		"errors":        {`<row r="7"><c r="B7" t="e"><v>#N/A</v></c></row>`, [][]string{{"", "#N/A"}}},
		"exponents":     {`<row><c><v>1.25E+3</v></c><c t="d"><v>2025-10-11T00:00:00</v></c></row>`, [][]string{{"1.25E+3", "2025-10-11T00:00:00"}}},
		"styled only":   {`<row><c r="A1"><v>1</v></c><c r="XFD1" s="1"/></row>`, [][]string{{"1"}}},
		"nothing":       {``, nil},
		"inline":        {`<row><c t="inlineStr"><is><t>a</t></is></c><c t="inlineStr"><is><r><t>b</t></r><r><t> c</t></r></is></c></row>`, [][]string{{"a", "b c"}}},
	} {
		t.Run(name, func(t *testing.T) {
			all, describe := mustRead(t, book(t, sheetOf(c.rows, 0)), emptied(t))
			if got := cells(all); !slices.EqualFunc(got, c.want, slices.Equal[[]string]) || describe != "XLSX, sheet Cars" {
				t.Errorf("%s: %q, want %q", describe, got, c.want)
			}
		})
	}
	_, bad, _, err := read(book(t, sheetOf(`<row r="3"><c t="inlineStr"><is><t>a_x0000_</t></is></c></row>`, 1)), emptied(t))
	if err != nil || len(bad) != 1 || bad[0].Line != 3 || bad[0].Column != 1 {
		t.Errorf("a NUL is %v, %v", bad, err)
	}
}

// Texts and sheets that are too large for the memory are read from the disk.
func TestLargeXLSX(t *testing.T) {
	var texts, rows strings.Builder
	const n = 20_000
	for i := range n {
		fmt.Fprintf(&texts, `<si><t>text %d</t></si>`, i)
		fmt.Fprintf(&rows, `<row><c t="s"><v>%d</v></c></row>`, n-1-i)
	}
	file := archive(t, parts(map[string]string{
		"xl/worksheets/sheet1.xml": sheetOf(rows.String(), 0),
		"xl/sharedStrings.xml":     `<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` + texts.String() + `</sst>`,
	}))
	r, err := sheet.Open(bytes.NewReader(file), int64(len(file)), emptied(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		row, err := r.Next()
		if err != nil || row.Cells[0] != "text "+strconv.Itoa(n-1-i) {
			t.Fatalf("row %d is %v, %v", i, row, err)
		}
		if got, want := r.Read(), int64(len(file))*int64(i+1)/n; got < want-1 || got > want+1 {
			t.Fatalf("at row %d, %d is read of %d", i, got, len(file))
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) || !r.Serial() || r.Close() != nil || r.Close() != nil {
		t.Errorf("at its end: %v", err)
	}
}

func TestDaysFrom1904(t *testing.T) {
	old := true
	file := made(t, func(f *excelize.File) error {
		return errors.Join(f.SetCellInt("Sheet1", "A1", 45941), f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &old}))
	})
	r, err := sheet.Open(bytes.NewReader(file), int64(len(file)), emptied(t))
	if err != nil || r.Serial() || r.Close() != nil {
		t.Errorf("days from 1904: %v, %v", r, err)
	}
}

func TestXLSXRefused(t *testing.T) {
	good := book(t, sheetOf("", 100))
	wide := strings.Repeat("<c><v>1</v></c>", 10_000)
	many := map[string]string{}
	for i := range 1100 {
		many[fmt.Sprintf("xl/media/%d.png", i)] = ""
	}
	for name, c := range map[string]struct {
		file  []byte
		words string
	}{
		"truncated":           {good[:len(good)-30], "is not all there"},
		"half":                {good[:len(good)/2], "is not all there"},
		"10,000 columns":      {book(t, sheetOf("<row>"+wide+"</row>", 0)), "has more than 1000 columns"},
		"a far column":        {book(t, sheetOf(`<row r="5"><c r="ALM5"><v>1</v></c></row>`, 0)), "line 5 of the file has more than 1000 columns"},
		"XML that breaks off": {book(t, `<worksheet><sheetData><row><c><v>1</v></c></row><row>`), "is damaged"},
		"XML that is wrong":   {book(t, sheetOf(`<row><c><v>1</w></c></row>`, 3)), "is damaged"},
		"rows backwards":      {book(t, sheetOf(`<row r="2"/><row r="1"/>`, 0)), "is damaged"},
		"a row too far":       {book(t, sheetOf(`<row r="1048577"/>`, 0)), "is damaged"},
		"cells backwards":     {book(t, sheetOf(`<row><c r="B1"/><c r="A1"/></row>`, 0)), "is damaged"},
		"a cell of no row":    {book(t, sheetOf(`<row/><c r="B1"/>`, 0)), "is damaged"},
		"rows in rows":        {book(t, sheetOf(`<row><row/></row>`, 0)), "is damaged"},
		"depth":               {book(t, sheetOf(strings.Repeat("<a>", 100)+strings.Repeat("</a>", 100), 0)), "is damaged"},
		"a row of 9 MiB":      {book(t, sheetOf("<row><c t=\"inlineStr\"><is><t>"+randomText(9<<20)+"</t></is></c></row>", 0)), "of more than 8 MiB"},
		"no sheet":            {archive(t, parts(nil)), "has no sheet"},
		"another zip":         {archive(t, map[string]string{"content.xml": "<a/>"}), "is a zip archive, but no XLSX"},
		"an empty zip":        {archive(t, nil), "is a zip archive, but no XLSX"},
		"1100 parts":          {archive(t, parts(many)), "has more than 1000 parts"},
		"30,000 parts":        {directory(30_000), "has more than 1000 parts"},
		"sheets":              {archive(t, parts(map[string]string{"xl/workbook.xml": "<workbook>" + strings.Repeat("<sheet/>", 1001) + "</workbook>"})), "1000 sheets"},
		"a long list":         {archive(t, parts(map[string]string{"xl/workbook.xml": randomText(3 << 20)})), "takes too much memory"},
		"a bomb":              {book(t, sheetOf("", 0)+strings.Repeat(" ", 12<<20)), "unpacks to more than 200 times its size"},
		"a bomb of media":     {archive(t, parts(map[string]string{"xl/media/a.png": strings.Repeat("\x00", 12<<20)})), "unpacks to more than 200 times its size"},
		"a lie, smaller":      {lie(t, good, 10), "is damaged"},
		"a lie, larger":       {lie(t, good, 100_000), "is damaged"},
		"a lie, 513 MiB":      {lie(t, good, 513<<20), "is damaged"},
		"a lie, 400 MiB":      {lie(t, good, 400<<20), "unpacks to more than 200 times its size"},
		"the same name twice": {double(t), "is damaged"},
		"too many texts":      {archive(t, parts(map[string]string{"xl/sharedStrings.xml": "<sst>" + strings.Repeat("<si/>", 1_000_001) + "</sst>"})), "different texts"},
		"a flipped bit":       {flipped(t, good), "is damaged"},
		"a sheet's name":      {archive(t, parts(map[string]string{"xl/worksheets/sheet1.xml": sheetOf("", 1), "xl/workbook.xml": strings.Replace(parts(nil)["xl/workbook.xml"], "Cars", "a/b", 1)})), "with a name that Excel does not allow"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, c.file, emptied(t), c.words) })
	}
	t.Run("65 MiB", func(t *testing.T) {
		p := &pretender{"PK\x03\x04", "\x00", 65 << 20, 0}
		if _, err := sheet.Open(p, p.size, sheet.Options{}); !errors.Is(err, sheet.ErrFile) || p.read > 1<<20 {
			t.Errorf("%d bytes were read: %v", p.read, err)
		}
	})
}

// randomText does not pack well: it repeats itself only where a packer has
// forgotten the beginning.
func randomText(n int) string {
	block := make([]byte, 64<<10)
	x := uint32(1)
	for i := range block {
		x = x*1664525 + 1013904223
		block[i] = 'a' + byte(x>>24)%26
	}
	return strings.Repeat(string(block), n/len(block)+1)[:n]
}

// lie returns file with another unpacked size of its sheet in the directory.
func lie(t *testing.T, file []byte, size uint32) []byte {
	t.Helper()
	file = slices.Clone(file)
	for at := 0; ; {
		i := bytes.Index(file[at:], []byte("PK\x01\x02"))
		if i < 0 {
			t.Fatal("the sheet is not there")
		}
		at += i + 4
		if entry := file[at-4:]; bytes.HasPrefix(entry[46:], []byte("xl/worksheets/")) {
			binary.LittleEndian.PutUint32(entry[24:], size)
			return file
		}
	}
}

// double returns an archive with two sheets of one name.
func double(t *testing.T) []byte {
	t.Helper()
	all := parts(map[string]string{"xl/worksheets/sheet1.xml": sheetOf("", 1), "xl/worksheets/sheet2.xml": sheetOf("", 2)})
	return bytes.ReplaceAll(archive(t, all), []byte("sheet2.xml"), []byte("SHEET1.xml"))
}

// flipped returns file with a wrong checksum of its sheet.
func flipped(t *testing.T, file []byte) []byte {
	t.Helper()
	sum := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(sheetOf("", 100))))
	wrong := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte("something else")))
	if !bytes.Contains(file, sum) {
		t.Fatal("the checksum is not there")
	}
	return bytes.ReplaceAll(file, sum, wrong)
}

// directory returns an archive of nothing but entries, of which it claims to have
// fewer than it has.
func directory(n int) []byte {
	file := []byte("PK\x03\x04")
	entry := make([]byte, 46+100)
	copy(entry, "PK\x01\x02")
	binary.LittleEndian.PutUint16(entry[28:], 100)
	for range n {
		file = append(file, entry...)
	}
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[10:], uint16(n&0xffff))
	binary.LittleEndian.PutUint32(end[12:], uint32(n*len(entry)))
	binary.LittleEndian.PutUint32(end[16:], 4)
	return append(file, end...)
}
