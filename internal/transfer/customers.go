package transfer

import (
	"strconv"
	"strings"

	"cartracker/internal/customers"
)

type customerColumn = column[customers.Customer, customers.Draft]

// of is an optional text of a customer.
func of(name string, headings []string, field func(*customers.Draft) **string) customerColumn {
	return customerColumn{name, headings, func(c *customers.Customer) string { return orEmpty(*field(&c.Draft)) }, optional(field)}
}

// must is a text that every customer has.
func must(name string, headings []string, field func(*customers.Draft) *string) customerColumn {
	return customerColumn{name, headings, func(c *customers.Customer) string { return *field(&c.Draft) }, words(field)}
}

var customerColumns = []customerColumn{
	must("name", []string{"full name", "first name", "customer", "customer name", "ime", "ime i prezime", "prezime i ime", "naziv", "kupac", "klijent"},
		func(d *customers.Draft) *string { return &d.Name }),
	{"lastName", []string{"surname", "family name", "prezime"}, nil, func(_ *parser, d *customers.Draft, cell string) error {
		if !strings.HasSuffix(d.Name, " "+cell) { // else the name has it already
			d.Name += " " + cell
		}
		return nil
	}},
	of("email", []string{"mail", "e-mail address", "e-pošta", "email adresa"},
		func(d *customers.Draft) **string { return &d.Email }),
	of("phoneNumber", []string{"phone", "telephone", "mobile", "telefon", "broj telefona", "mobitel", "kontakt telefon"},
		func(d *customers.Draft) **string { return &d.PhoneNumber }),
	of("address", []string{"street", "adresa", "ulica"},
		func(d *customers.Draft) **string { return &d.Address }),
	must("driverLicenseNumber", []string{"driver's license", "driver license", "driving licence", "driver's license number", "driving licence number", "vozačka dozvola", "broj vozačke dozvole", "broj vozačke", "vozačka"},
		func(d *customers.Draft) *string { return &d.DriverLicenseNumber }),
	must("passportNumber", passportHeadings,
		func(d *customers.Draft) *string { return &d.PassportNumber }),
	must("countryOfOrigin", []string{"country", "država", "zemlja", "zemlja porijekla", "država porijekla", "državljanstvo"},
		func(d *customers.Draft) *string { return &d.CountryOfOrigin }),
	of("cityOfResidence", []string{"city", "town", "grad", "mjesto", "mjesto stanovanja", "mjesto prebivališta", "prebivalište"},
		func(d *customers.Draft) **string { return &d.CityOfResidence }),
	of("fatherName", []string{"father's name", "father", "ime oca", "otac"},
		func(d *customers.Draft) **string { return &d.FatherName }),
	of("idOfPerson", []string{"id number", "personal number", "identity card", "jmbg", "matični broj", "lična karta", "broj lične karte", "osobna iskaznica"},
		func(d *customers.Draft) **string { return &d.IDOfPerson }),
	of("drivingLicensePhotoUrl", []string{"slika vozačke dozvole"},
		func(d *customers.Draft) **string { return &d.DrivingLicensePhotoURL }),
	of("passportPhotoUrl", []string{"slika pasoša"},
		func(d *customers.Draft) **string { return &d.PassportPhotoURL }),
	of("notes", []string{"note", "remark", "napomena", "napomene", "bilješka", "bilješke"},
		func(d *customers.Draft) **string { return &d.Notes }),
	{"id", nil, func(c *customers.Customer) string { return string(c.ID) }, nil},
	{"version", nil, func(c *customers.Customer) string { return strconv.Itoa(c.Version) }, nil},
	{"createdAt", nil, func(c *customers.Customer) string { return at(&c.CreatedAt) }, nil},
	{"updatedAt", nil, func(c *customers.Customer) string { return at(&c.UpdatedAt) }, nil},
}

var passportHeadings = []string{"passport", "passport no", "pasoš", "broj pasoša", "putovnica", "broj putovnice", "putna isprava"}
