package transfer

import (
	"reflect"
	"strings"
	"testing"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/money"
	"cartracker/internal/text"
)

var known = &parser{fold: text.Fold, units: []string{"BAM", "KM"}}

// Each heading means one column, and each word is written as it is looked up.
func TestHeadingsAndWords(t *testing.T) {
	checkHeadings(t, carColumns)
	checkHeadings(t, customerColumns)
	checkHeadings(t, contractColumns)
	checkWords(t, fuels)
	checkWords(t, transmissions)
	checkWords(t, categories)
	checkWords(t, statuses)
	checkWords(t, contractStatuses)
}

func checkHeadings[T, D any](t *testing.T, columns []column[T, D]) {
	t.Helper()
	meaning := map[string]string{}
	for _, c := range columns {
		for _, n := range names(text.Fold, c) {
			if other := meaning[n]; n == "" || other != "" {
				t.Errorf("the heading %q means %s and %s", n, other, c.name)
			}
			meaning[n] = c.name
		}
	}
}

func checkWords[W ~string](t *testing.T, words map[string]W) {
	t.Helper()
	for w, meaning := range words {
		if letters(text.Fold(w)) != w {
			t.Errorf("%q is looked up as %q", w, letters(text.Fold(w)))
		}
		if words[letters(string(meaning))] != meaning {
			t.Errorf("%q means %q, which is no word itself", w, meaning)
		}
	}
}

// What the words mean the domain takes.
func TestWordsAreTaken(t *testing.T) {
	d := fleet.Draft{Details: fleet.Details{
		Manufacturer: "Fiat", Model: "500", Year: 2020, LicensePlate: "A1", FuelType: "petrol", Transmission: "manual", Category: "suv", Status: "available",
	}}
	check := func() {
		t.Helper()
		if err := d.Validate(date.New(2026, 1, 1)); err != nil {
			t.Errorf("%+v: %v", d, fault.Of(err).Fields)
		}
	}
	for _, d.FuelType = range fuels {
		check()
	}
	for _, d.Transmission = range transmissions {
		check()
	}
	for _, d.Category = range categories {
		check()
	}
	for _, d.Status = range statuses {
		check()
	}
}

// A row of an office becomes a car.
func TestFill(t *testing.T) {
	k := &table[fleet.Car, fleet.Draft]{columns: carColumns, names: []string{"licensePlate"}}
	headings := strings.Split(" REGISTRACIJA |proizvođač|Model|godina|Kategorija|Gorivo|MJENJAC|Broj sjedišta|Kilometraža|Cijena po danu|Status|Boja|createdAt|Šifra", "|")
	if err := k.open(known, headings); err != nil {
		t.Fatal(err)
	}
	if kept, unknown := k.ignored(); !reflect.DeepEqual(kept, []string{"createdAt"}) || !reflect.DeepEqual(unknown, []string{"Šifra"}) {
		t.Errorf("ignored %q, unknown %q", kept, unknown)
	}
	seats := 5
	want := fleet.Draft{Details: fleet.Details{
		Manufacturer: "Škoda", Model: "Octavia", Year: 2020, LicensePlate: "A12-K-345", FuelType: "lpg", Transmission: "semi-automatic",
		Category: "family", Status: fleet.Maintenance, Mileage: 120500, PricePerDay: money.Minor(1250_50), Seats: &seats,
	}}
	d := fleet.Draft{Details: fleet.Details{Color: nil}}
	err := k.fill(&d, strings.Split("A12-K-345|Škoda|Octavia|2020|Porodični|Plin|Poluautomatski|5|120.500|1.250,50 KM|Na servisu||2020|7", "|"))
	if err != nil || !reflect.DeepEqual(d, want) {
		t.Errorf("filled %+v, %v\nwant %+v", d, err, want)
	}
	err = k.fill(&d, strings.Split("A12-K-345|Škoda|Octavia|MMXX|suv|voda|ručni|pet|-|skupo||crvena|", "|"))
	var wrong []string
	for _, f := range fault.Of(err).Fields {
		wrong = append(wrong, f.Field)
	}
	if strings.Join(wrong, " ") != "year seats mileage pricePerDay" || d.FuelType != "voda" || *d.Color != "crvena" {
		t.Errorf("wrong are %v in %+v", wrong, d)
	}
	if heading, cell := k.where("year", []string{"", "", "", "MMXX"}); heading != "godina" || cell != "MMXX" {
		t.Errorf("the year is at %q, %q", heading, cell)
	}
	if heading, cell := k.where("doors", []string{"a"}); heading != "doors" || cell != "" {
		t.Errorf("the doors are at %q, %q", heading, cell)
	}
}

// Texts that differ only in how lines end are the same.
func TestLineEnds(t *testing.T) {
	was := "a\r\nb"
	kept, fresh := &was, (*string)(nil)
	set := optional(func(s **string) **string { return s })
	for _, to := range []**string{&kept, &fresh} {
		if err := set(known, to, "a\nb"); err != nil {
			t.Error(err)
		}
	}
	if *kept != "a\r\nb" || *fresh != "a\nb" {
		t.Errorf("kept %q, set %q", *kept, *fresh)
	}
}

// No word makes a field anything but one of its values or what was written, folded.
func FuzzWord(f *testing.F) {
	for _, s := range []string{"dizel", "Električni", "DIZEL ", "kerozin", "semi-automatic", "ǅ", "\x00"} {
		f.Add(s)
	}
	set := word(func(d *fleet.Draft) *fleet.FuelType { return &d.FuelType }, fuels)
	f.Fuzz(func(t *testing.T, cell string) {
		var d fleet.Draft
		if err := set(known, &d, cell); err != nil {
			t.Fatal(err)
		}
		if meaning, known := fuels[letters(text.Fold(cell))]; known && d.FuelType != meaning || !known && string(d.FuelType) != text.Fold(cell) {
			t.Errorf("%q is %q", cell, d.FuelType)
		}
	})
}

// A layout finds each heading once, whatever stands in a file's first line.
func FuzzHeadings(f *testing.F) {
	f.Add("Registracija|Model|Godina")
	f.Add("plate|licensePlate")
	f.Add("||\x00|Ünknown")
	f.Fuzz(func(t *testing.T, line string) {
		headings := strings.Split(line, "|")
		l, err := lay(text.Fold, carColumns, headings)
		if err != nil {
			return
		}
		found := 0
		for h, i := range l.column {
			if i >= 0 {
				found++
				if l.cell[i] != h {
					t.Errorf("%q: the column %d is at %d and at %d", line, i, h, l.cell[i])
				}
			}
		}
		if found+len(l.unknown()) > len(headings) {
			t.Errorf("%q has %d known and %d unknown headings", line, found, len(l.unknown()))
		}
	})
}
