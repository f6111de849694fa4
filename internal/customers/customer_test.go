package customers_test

import (
	"slices"
	"strings"
	"testing"

	"cartracker/internal/customers"
	"cartracker/internal/fault"
)

func ptr[T any](v T) *T { return &v }

func good() customers.Draft {
	return customers.Draft{Name: "Ana Šarić", DriverLicenseNumber: "L1", PassportNumber: "P1", CountryOfOrigin: "Bosna i Hercegovina"}
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

func TestDraftValidate(t *testing.T) {
	long := func(n int) string { return strings.Repeat("š", n) }
	for what, c := range map[string]struct {
		change func(*customers.Draft)
		field  string // "" if nothing is wrong
	}{
		"as it is":      {func(*customers.Draft) {}, ""},
		"no name":       {func(d *customers.Draft) { d.Name = "" }, "name"},
		"one letter":    {func(d *customers.Draft) { d.Name = " A " }, "name"},
		"255 letters":   {func(d *customers.Draft) { d.Name = long(255) }, ""},
		"256 letters":   {func(d *customers.Draft) { d.Name = long(256) }, "name"},
		"no license":    {func(d *customers.Draft) { d.DriverLicenseNumber = " " }, "driverLicenseNumber"},
		"long license":  {func(d *customers.Draft) { d.DriverLicenseNumber = long(51) }, "driverLicenseNumber"},
		"no passport":   {func(d *customers.Draft) { d.PassportNumber = "" }, "passportNumber"},
		"long passport": {func(d *customers.Draft) { d.PassportNumber = long(51) }, "passportNumber"},
		"no country":    {func(d *customers.Draft) { d.CountryOfOrigin = "" }, "countryOfOrigin"},
		"long country":  {func(d *customers.Draft) { d.CountryOfOrigin = long(101) }, "countryOfOrigin"},
		"no address":    {func(d *customers.Draft) { d.Email = ptr("ana") }, "email"},
		"an address":    {func(d *customers.Draft) { d.Email = ptr(" ana@example.com ") }, ""},
		"short phone":   {func(d *customers.Draft) { d.PhoneNumber = ptr("12345") }, "phoneNumber"},
		"phone":         {func(d *customers.Draft) { d.PhoneNumber = ptr("+387 61 123 456") }, ""},
		"address":       {func(d *customers.Draft) { d.Address = ptr(long(501)) }, "address"},
		"father":        {func(d *customers.Draft) { d.FatherName = ptr(long(256)) }, "fatherName"},
		"city":          {func(d *customers.Draft) { d.CityOfResidence = ptr(long(101)) }, "cityOfResidence"},
		"id":            {func(d *customers.Draft) { d.IDOfPerson = ptr(long(51)) }, "idOfPerson"},
		"license photo": {func(d *customers.Draft) { d.DrivingLicensePhotoURL = ptr("file:///etc/passwd") }, "drivingLicensePhotoUrl"},
		"photo":         {func(d *customers.Draft) { d.PassportPhotoURL = ptr("a b") }, "passportPhotoUrl"},
		"notes":         {func(d *customers.Draft) { d.Notes = ptr(long(5001)) }, "notes"},
		"blanks": {func(d *customers.Draft) {
			d.Email, d.PhoneNumber, d.Notes, d.PassportPhotoURL = ptr(""), ptr(" "), ptr("\n"), ptr("")
		}, ""},
	} {
		d := good()
		c.change(&d)
		if got := strings.Join(wrong(d.Validate()), " "); got != c.field {
			t.Errorf("%s: wrong %q, want %q", what, got, c.field)
		}
	}
}

func TestDraftValidateAllAtOnce(t *testing.T) {
	x := ptr(strings.Repeat("x ", 3000) + "/")
	d := customers.Draft{
		Email: x, PhoneNumber: x, Address: x, FatherName: x, CityOfResidence: x, IDOfPerson: x, DrivingLicensePhotoURL: x, PassportPhotoURL: x, Notes: x,
	}
	want := []string{
		"address", "cityOfResidence", "countryOfOrigin", "driverLicenseNumber", "drivingLicensePhotoUrl", "email", "fatherName", "idOfPerson",
		"name", "notes", "passportNumber", "passportPhotoUrl", "phoneNumber",
	}
	if got := wrong(d.Validate()); !slices.Equal(got, want) {
		t.Errorf("wrong %v, want %v", got, want)
	}
}

func TestDraftKeptForm(t *testing.T) {
	d := good()
	d.Name, d.PassportNumber, d.Email, d.Notes = " Ana ", "\tP1 ", ptr(""), ptr(" x ")
	if err := d.Validate(); err != nil || d.Name != "Ana" || d.PassportNumber != "P1" || d.Email != nil || *d.Notes != "x" {
		t.Errorf("kept %+v, %v", d, err)
	}
}
