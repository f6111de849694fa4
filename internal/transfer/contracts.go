package transfer

import (
	"strconv"

	"cartracker/internal/date"
	"cartracker/internal/money"
	"cartracker/internal/rental"
)

// A contractRow is a draft with the names that a file has for what the draft
// has ids for.
type contractRow struct {
	rental.Draft
	plate, passport, number string
	status                  rental.Status
}

var contractColumns = []column[rental.Contract, contractRow]{
	{
		"number",
		[]string{"contract", "contract number", "broj ugovora", "ugovor"},
		func(c *rental.Contract) string { return c.Number },
		words(func(d *contractRow) *string { return &d.number }),
	},
	{
		"licensePlate", carColumns[0].headings,
		func(c *rental.Contract) string { return c.Car.LicensePlate },
		words(func(d *contractRow) *string { return &d.plate }),
	},
	{
		"passportNumber", passportHeadings,
		func(c *rental.Contract) string { return c.Customer.PassportNumber },
		words(func(d *contractRow) *string { return &d.passport }),
	},
	{
		"startDate",
		[]string{"start", "from", "pick-up", "od", "datum od", "početak", "datum početka", "datum preuzimanja"},
		func(c *rental.Contract) string { return c.StartDate.String() },
		day(func(d *contractRow) *date.Date { return &d.StartDate }),
	},
	{
		"endDate",
		[]string{"end", "to", "return", "return date", "do", "datum do", "kraj", "datum kraja", "završetak", "datum povrata", "povrat"},
		func(c *rental.Contract) string { return c.EndDate.String() },
		day(func(d *contractRow) *date.Date { return &d.EndDate }),
	},
	{
		"dailyRate",
		[]string{"rate", "price per day", "daily price", "cijena po danu", "dnevna cijena", "cijena dan", "cijena na dan"},
		func(c *rental.Contract) string { return c.DailyRate.String() },
		optionalAmount(func(d *contractRow) **money.Amount { return &d.DailyRate }),
	},
	{
		"totalAmount",
		[]string{"total", "total price", "ukupno", "ukupna cijena", "ukupan iznos", "iznos"},
		func(c *rental.Contract) string { return c.TotalAmount.String() },
		optionalAmount(func(d *contractRow) **money.Amount { return &d.TotalAmount }),
	},
	{
		"additionalNotes",
		[]string{"notes", "note", "remark", "napomena", "napomene"},
		func(c *rental.Contract) string { return orEmpty(c.AdditionalNotes) },
		optional(func(d *contractRow) **string { return &d.AdditionalNotes }),
	},
	{
		"photoUrl",
		[]string{"photo", "fotografija", "slika"},
		func(c *rental.Contract) string { return orEmpty(c.PhotoURL) },
		optional(func(d *contractRow) **string { return &d.PhotoURL }),
	},
	{
		"status",
		[]string{"stanje", "status ugovora"},
		func(c *rental.Contract) string { return string(c.Status) },
		oneOf(func(d *contractRow) *rental.Status { return &d.status }, contractStatuses, "upcoming, active, ended, cancelled"),
	},
	{"priceAgreed", nil, func(c *rental.Contract) string { return strconv.FormatBool(c.PriceAgreed) }, nil},
	{"days", []string{"dana", "broj dana"}, func(c *rental.Contract) string { return strconv.Itoa(c.Days) }, nil},
	{"customerName", []string{"customer", "kupac", "klijent", "ime i prezime"}, func(c *rental.Contract) string { return c.Customer.Name }, nil},
	{"cancelledAt", nil, func(c *rental.Contract) string { return at(c.CancelledAt) }, nil},
	{"cancellationReason", []string{"razlog otkazivanja"}, func(c *rental.Contract) string { return orEmpty(c.CancellationReason) }, nil},
	{"notificationSent", nil, func(c *rental.Contract) string { return strconv.FormatBool(c.NotificationSent) }, nil},
	{"id", nil, func(c *rental.Contract) string { return string(c.ID) }, nil},
	{"version", nil, func(c *rental.Contract) string { return strconv.Itoa(c.Version) }, nil},
	{"createdAt", nil, func(c *rental.Contract) string { return at(&c.CreatedAt) }, nil},
	{"updatedAt", nil, func(c *rental.Contract) string { return at(&c.UpdatedAt) }, nil},
}

// Of the statuses a file only tells whether a contract was cancelled: the
// others follow from its days. A word that is none of them could mean that too.
var contractStatuses = map[string]rental.Status{
	"upcoming": rental.Upcoming, "nadolazeci": rental.Upcoming, "predstojeci": rental.Upcoming, "rezervisan": rental.Upcoming, "rezervisano": rental.Upcoming, "najavljen": rental.Upcoming,
	"active": rental.Active, "aktivan": rental.Active, "aktivna": rental.Active, "aktivno": rental.Active, "utoku": rental.Active,
	"ended": rental.Ended, "zavrsen": rental.Ended, "zavrsena": rental.Ended, "zavrseno": rental.Ended, "istekao": rental.Ended, "isteklo": rental.Ended, "zakljucen": rental.Ended,
	"cancelled": rental.Cancelled, "canceled": rental.Cancelled, "otkazan": rental.Cancelled, "otkazano": rental.Cancelled, "otkazana": rental.Cancelled, "ponisten": rental.Cancelled, "ponistena": rental.Cancelled, "ponisteno": rental.Cancelled, "stornirano": rental.Cancelled, "stornirana": rental.Cancelled, "storno": rental.Cancelled, "storniran": rental.Cancelled,
}
