package fleet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/money"
)

var today = date.New(2026, time.June, 15)

func ptr[T any](v T) *T { return &v }

func good() fleet.Details {
	return fleet.Details{
		Manufacturer: "Volkswagen", Model: "Golf", Year: 2020, LicensePlate: "A12-Č-345", FuelType: "diesel", Transmission: "semi-automatic",
		PricePerDay: money.Minor(45_00), Category: "compact", Status: fleet.Available,
	}
}

// wrong returns the fields that an error is about.
func wrong(err error) []string {
	var out []string
	for _, f := range fault.Of(err).Fields {
		out = append(out, f.Field)
	}
	slices.Sort(out)
	return out
}

func TestDetailsValidate(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*fleet.Details)
		field  string // "" if nothing is wrong
	}{
		"as it is": {func(*fleet.Details) {}, ""},
		"everything": {func(d *fleet.Details) {
			d.ChassisNumber, d.Seats, d.Doors, d.EnginePower = ptr("WVWZZZ1JZXW000001"), ptr(60), ptr(6), ptr(5000)
		}, ""},
		"no manufacturer":       {func(d *fleet.Details) { d.Manufacturer = " \t" }, "manufacturer"},
		"long manufacturer":     {func(d *fleet.Details) { d.Manufacturer = strings.Repeat("š", 101) }, "manufacturer"},
		"100 characters":        {func(d *fleet.Details) { d.Manufacturer = strings.Repeat("š", 100) }, ""},
		"no model":              {func(d *fleet.Details) { d.Model = "" }, "model"},
		"1899":                  {func(d *fleet.Details) { d.Year = 1899 }, "year"},
		"1900":                  {func(d *fleet.Details) { d.Year = 1900 }, ""},
		"next year":             {func(d *fleet.Details) { d.Year = 2027 }, ""},
		"the year after":        {func(d *fleet.Details) { d.Year = 2028 }, "year"},
		"short plate":           {func(d *fleet.Details) { d.LicensePlate = "A" }, "licensePlate"},
		"long plate":            {func(d *fleet.Details) { d.LicensePlate = strings.Repeat("A", 21) }, "licensePlate"},
		"plate with a slash":    {func(d *fleet.Details) { d.LicensePlate = "A/1" }, "licensePlate"},
		"plate with a dot":      {func(d *fleet.Details) { d.LicensePlate = "A.1" }, "licensePlate"},
		"plate of hyphens":      {func(d *fleet.Details) { d.LicensePlate = "- -" }, "licensePlate"},
		"plate in Cyrillic":     {func(d *fleet.Details) { d.LicensePlate = "А12 Ж 3" }, ""},
		"no fuel":               {func(d *fleet.Details) { d.FuelType = "" }, "fuelType"},
		"steam":                 {func(d *fleet.Details) { d.FuelType = "steam" }, "fuelType"},
		"Manual":                {func(d *fleet.Details) { d.Transmission = "Manual" }, "transmission"},
		"negative price":        {func(d *fleet.Details) { d.PricePerDay = money.Minor(-1) }, "pricePerDay"},
		"free":                  {func(d *fleet.Details) { d.PricePerDay = money.Minor(0) }, ""},
		"the highest price":     {func(d *fleet.Details) { d.PricePerDay = fleet.MaxPrice }, ""},
		"a higher price":        {func(d *fleet.Details) { d.PricePerDay = fleet.MaxPrice.Plus(money.Minor(1)) }, "pricePerDay"},
		"category":              {func(d *fleet.Details) { d.Category = "truck" }, "category"},
		"no status":             {func(d *fleet.Details) { d.Status = "" }, "status"},
		"rented":                {func(d *fleet.Details) { d.Status = "rented" }, "status"},
		"chassis with an O":     {func(d *fleet.Details) { d.ChassisNumber = ptr("WVWZZZ1JZXWO00001") }, "chassisNumber"},
		"short chassis":         {func(d *fleet.Details) { d.ChassisNumber = ptr("WVWZZZ1JZXW00001") }, "chassisNumber"},
		"chassis in lower case": {func(d *fleet.Details) { d.ChassisNumber = ptr("wvwzzz1jzxw000001") }, "chassisNumber"},
		"long color":            {func(d *fleet.Details) { d.Color = ptr(strings.Repeat("x", 51)) }, "color"},
		"no seats":              {func(d *fleet.Details) { d.Seats = ptr(0) }, "seats"},
		"61 seats":              {func(d *fleet.Details) { d.Seats = ptr(61) }, "seats"},
		"7 doors":               {func(d *fleet.Details) { d.Doors = ptr(7) }, "doors"},
		"negative mileage":      {func(d *fleet.Details) { d.Mileage = -1 }, "mileage"},
		"to the moon":           {func(d *fleet.Details) { d.Mileage = 10_000_001 }, "mileage"},
		"no power":              {func(d *fleet.Details) { d.EnginePower = ptr(0) }, "enginePower"},
		"long location":         {func(d *fleet.Details) { d.CurrentLocation = ptr(strings.Repeat("x", 256)) }, "currentLocation"},
		"a script for a photo":  {func(d *fleet.Details) { d.PhotoURL = ptr("javascript:alert(1)") }, "photoUrl"},
	} {
		d := good()
		c.change(&d)
		if got := strings.Join(wrong(d.Validate(today)), " "); got != c.field {
			t.Errorf("%s: wrong %q, want %q", what, got, c.field)
		}
	}
}

func TestDetailsValidateAllAtOnce(t *testing.T) {
	d := fleet.Details{
		Year: 1, PricePerDay: money.Minor(-1), ChassisNumber: ptr("x"), Color: ptr(strings.Repeat("x", 51)), Seats: ptr(0), Doors: ptr(0),
		Mileage: -1, EnginePower: ptr(0), CurrentLocation: ptr(strings.Repeat("x", 256)), PhotoURL: ptr("//"),
	}
	want := []string{
		"category", "chassisNumber", "color", "currentLocation", "doors", "enginePower", "fuelType", "licensePlate", "manufacturer",
		"mileage", "model", "photoUrl", "pricePerDay", "seats", "status", "transmission", "year",
	}
	if got := wrong(d.Validate(today)); !slices.Equal(got, want) {
		t.Errorf("wrong %v, want %v", got, want)
	}
}

func TestDetailsKeptForm(t *testing.T) {
	d := good()
	d.Manufacturer, d.LicensePlate, d.Color, d.PhotoURL = " VW ", "\tA12-3 ", ptr(" red "), ptr(" ")
	if err := d.Validate(today); err != nil || d.Manufacturer != "VW" || d.LicensePlate != "A12-3" || *d.Color != "red" || d.PhotoURL != nil {
		t.Errorf("kept %+v, %v", d, err)
	}
}

func TestRef(t *testing.T) {
	const id = "0198abcd-0000-7000-8000-000000000000"
	for ref, want := range map[fleet.Ref][2]bool{ // valid, an id
		id: {true, true}, "A12-Č-345": {true, false}, "a 1": {true, false}, "": {false, false}, "-": {false, false}, "a/b": {false, false}, "a\x00": {false, false},
		fleet.Ref(strings.ToUpper(id)): {true, false}, "'; DROP TABLE cars": {false, false}, fleet.Ref(strings.Repeat("a", 81)): {false, false},
	} {
		if got := [2]bool{ref.Valid(), ref.IsID()}; got != want {
			t.Errorf("%q: valid, an id: %v, want %v", ref, got, want)
		}
	}
}
