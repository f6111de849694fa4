package sheet

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"github.com/xuri/excelize/v2"
)

const (
	maxElement = 8 << 20   // bytes of XML of one row, or of one text
	maxTexts   = 1_000_000 // different texts, of which excelize keeps where they are
	maxSheets  = 1000
	maxDepth   = 64 // elements within each other
)

// A part is one XML document of an XLSX while it is looked at. excelize takes a
// sheet that breaks off for one that ends, and keeps in memory whatever a row
// has: both are refused here, before.
type part struct {
	limit         *limiter
	depth         int
	inside        string // row or si, if within one
	row, column   int    // where it is in the sheet
	rows          int
	texts, sheets int
	number        bool    // within a cell that is a number,
	value         bool    // and within its value
	thousandths   []int64 // where the numbers end that have three decimals, in bytes
}

// checkPart unpacks a part and looks at all of it.
func checkPart(f *zip.File) (*part, error) {
	in, err := f.Open()
	if err != nil {
		return nil, refuse(0, damaged)
	}
	defer in.Close()
	p := &part{limit: &limiter{r: in, left: maxElement}}
	decoder := xml.NewDecoder(p.limit)
	for {
		token, err := decoder.Token()
		if err == nil {
			err = p.look(token, decoder.InputOffset())
		}
		switch {
		case errors.Is(err, io.EOF) && p.depth == 0:
			return p, nil
		case errors.Is(err, ErrFile):
			return nil, err
		case errors.Is(err, errLimit):
			return nil, refuse(p.row, fmt.Sprintf("has a row or a text of more than %d MiB", maxElement>>20))
		case err != nil:
			return nil, refuse(p.row, damaged)
		}
	}
}

func (p *part) look(token xml.Token, end int64) error {
	switch t := token.(type) {
	case xml.StartElement:
		if p.depth++; p.depth > maxDepth {
			return refuse(p.row, damaged)
		}
		p.value = p.number && t.Name.Local == "v"
		return p.begin(t)
	case xml.CharData:
		if p.value && threeDecimals.Match(t) {
			p.thousandths = append(p.thousandths, end)
		}
	case xml.EndElement:
		if p.depth--; p.depth < 0 {
			return refuse(p.row, damaged)
		}
		p.value = false
		if t.Name.Local == p.inside {
			p.inside = ""
		}
		if p.inside == "" {
			p.limit.left = maxElement
		}
	}
	return nil
}

func (p *part) begin(t xml.StartElement) error {
	switch name := t.Name.Local; name {
	case "row", "si":
		if p.inside != "" {
			return refuse(p.row, damaged)
		}
		if p.inside = name; name == "row" {
			p.rows++
			return p.beginRow(t)
		}
		p.texts++
	case "c":
		return p.beginCell(t)
	case "v", "f", "is":
		if p.column > MaxColumns {
			return refuse(p.row, fmt.Sprintf("has more than %d columns", MaxColumns))
		}
	case "sheet", "Relationship":
		p.sheets++
	}
	if p.texts > maxTexts || p.sheets > maxSheets {
		return refuse(0, fmt.Sprintf("has more than %d different texts, or %d sheets: save it as CSV", maxTexts, maxSheets))
	}
	return nil
}

// beginRow follows the numbers of rows, which have to rise.
func (p *part) beginRow(t xml.StartElement) error {
	row := p.row + 1
	if r := attribute(t, "r"); r != "" {
		n, err := strconv.Atoi(r)
		if err != nil || n < row || n > excelize.TotalRows {
			return refuse(p.row, damaged)
		}
		row = n
	}
	p.row, p.column = row, 0
	return nil
}

// beginCell follows the columns, which have to rise within a row.
func (p *part) beginCell(t xml.StartElement) error {
	column := p.column + 1
	if r := attribute(t, "r"); r != "" {
		n, _, err := excelize.CellNameToCoordinates(r)
		if err != nil || n < column {
			return refuse(p.row, damaged)
		}
		column = n
	}
	if p.inside != "row" {
		return refuse(p.row, damaged)
	}
	kind := attribute(t, "t")
	p.column, p.number = column, kind == "" || kind == "n"
	return nil
}

// threeDecimals is a number that would be read as one with groups of three
// digits if it were text.
var threeDecimals = regexp.MustCompile(`^-?[0-9]+\.[0-9]{3}$`)

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
