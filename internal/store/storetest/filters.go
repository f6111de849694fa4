package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/customers"
	"cartracker/internal/fleet"
	"cartracker/internal/identity"
	"cartracker/internal/money"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/rental"
	"cartracker/internal/text"
)

// selects checks which rows a filter selects, named by what called says of them.
func selects[T any](t *testing.T, what string, p page.Of[T], err error, called func(T) string, want string) {
	t.Helper()
	var got []string
	for _, v := range p.Items {
		got = append(got, called(v))
	}
	slices.Sort(got)
	if g := strings.Join(got, " "); err != nil || g != want || p.Total != len(got) {
		t.Errorf("%s: got %q, %v; want %q", what, g, err, want)
	}
}

func carFilters(t *testing.T, w *world) {
	add := func(plate string, change func(*fleet.Car)) {
		c := fleet.Car{Meta: newMeta[fleet.CarID](w.now()), Details: details(plate)}
		change(&c)
		w.tx(t, func(ctx context.Context) error { return w.cars.Insert(ctx, &c) })
	}
	add("a1", func(c *fleet.Car) { c.Manufacturer, c.Model, c.Seats = "Škoda", "Octavia", ptr(5) })
	add("a2", func(c *fleet.Car) { c.Manufacturer, c.Model, c.Mileage = "Skoda", "Fabia", 70_000 })
	add("a3", func(c *fleet.Car) { c.Status, c.PricePerDay = fleet.Maintenance, money.Minor(50_00) })
	add("a4", func(c *fleet.Car) { c.Category, c.FuelType, c.Transmission = "van", "electric", "automatic" })
	add("a5", func(c *fleet.Car) { c.IsArchived, c.Seats = true, ptr(9) })
	for what, c := range map[string]struct {
		f    fleet.Filter
		want string
	}{
		"nothing":      {fleet.Filter{}, "a1 a2 a3 a4"},
		"status":       {fleet.Filter{Status: fleet.Maintenance}, "a3"},
		"category":     {fleet.Filter{Category: "van"}, "a4"},
		"manufacturer": {fleet.Filter{Manufacturer: " SKODA "}, "a1 a2"},
		"no part":      {fleet.Filter{Manufacturer: "skod"}, ""},
		"model":        {fleet.Filter{Model: "óctavia"}, "a1"},
		"fuelType":     {fleet.Filter{FuelType: "electric"}, "a4"},
		"transmission": {fleet.Filter{Transmission: "automatic"}, "a4"},
		"minPrice":     {fleet.Filter{MinPrice: page.Some(money.Minor(45_01))}, "a3"},
		"maxPrice":     {fleet.Filter{MaxPrice: page.Some(money.Minor(45_00))}, "a1 a2 a4"},
		"maxPrice 0":   {fleet.Filter{MaxPrice: page.Some(money.Amount{})}, ""},
		"minSeats":     {fleet.Filter{MinSeats: page.Some(5)}, "a1"},
		"maxMileage":   {fleet.Filter{MaxMileage: page.Some(69_999)}, "a1 a3 a4"},
		"maxMileage 0": {fleet.Filter{MaxMileage: page.Some(0)}, "a1 a3 a4"},
		"archived":     {fleet.Filter{Archived: "true"}, "a5"},
		"not archived": {fleet.Filter{Archived: "false"}, "a1 a2 a3 a4"},
		"all":          {fleet.Filter{Archived: "all"}, "a1 a2 a3 a4 a5"},
		"all at once": {fleet.Filter{
			Q: "golf", Status: fleet.Available, Category: "van", FuelType: "electric", Transmission: "automatic", Manufacturer: "volkswagen",
			Model: "golf", MinPrice: page.Some(money.Minor(1)), MaxPrice: page.Some(money.Minor(99_00)), MaxMileage: page.Some(1), Free: span(0, 9),
		}, "a4"},
	} {
		p, err := w.cars.List(t.Context(), c.f, day(0))
		selects(t, what, p, err, func(c fleet.Car) string { return c.LicensePlate }, c.want)
	}
}

func customerFilters(t *testing.T, w *world) {
	for _, c := range [][3]string{{"c1", "Bosna i Hercegovina", "Široki Brijeg"}, {"c2", "Österreich", ""}, {"c3", "Hrvatska", "Siroki Brijeg"}} {
		v := customers.Customer{Meta: newMeta[customers.CustomerID](w.now()), Draft: client(c[0])}
		v.CountryOfOrigin = c[1]
		if c[2] != "" {
			v.CityOfResidence = &c[2]
		}
		w.tx(t, func(ctx context.Context) error { return w.customers.Insert(ctx, &v) })
	}
	for what, c := range map[string]struct {
		f    customers.Filter
		want string
	}{
		"nothing":          {customers.Filter{}, "c1 c2 c3"},
		"country":          {customers.Filter{Country: "osterreich"}, "c2"},
		"city":             {customers.Filter{City: "ŠIROKI brijeg"}, "c1 c3"},
		"country and city": {customers.Filter{City: "široki brijeg", Country: "HRVATSKA"}, "c3"},
		"no part of it":    {customers.Filter{City: "široki"}, ""},
	} {
		p, err := w.customers.List(t.Context(), c.f)
		selects(t, what, p, err, func(c customers.Customer) string { return c.Name }, c.want)
	}
}

func contractFilters(t *testing.T, w *world) {
	car, other := w.addCar(t, "A11-A-111"), w.addCar(t, "B22-B-222")
	ana, berina := w.addCustomer(t, "Ana Šarac"), w.addCustomer(t, "Berina")
	today := day(10)
	for _, c := range []struct {
		name            string
		car             fleet.CarID
		by              customers.CustomerID
		from, until     int
		cancelled, told bool
	}{
		{"ended", car.ID, ana.ID, 0, 9, false, true},
		{"returns", car.ID, ana.ID, 9, 10, false, false},
		{"oneDay", other.ID, berina.ID, 10, 10, false, false},
		{"active", other.ID, ana.ID, 5, 15, false, true},
		{"upcoming", car.ID, berina.ID, 11, 12, false, false},
		{"cancelled", car.ID, ana.ID, 10, 12, true, false},
	} {
		v := rental.Contract{
			Meta: newMeta[rental.ContractID](w.now()), CustomerID: c.by, CarID: c.car, StartDate: day(c.from), EndDate: day(c.until), Days: 1,
			NotificationSent: c.told, AdditionalNotes: ptr(c.name),
		}
		if c.cancelled {
			v.CancelledAt = ptr(w.now())
		}
		w.tx(t, func(ctx context.Context) error { return w.contracts.Insert(ctx, &v, 2026) })
	}
	const all = "active cancelled ended oneDay returns upcoming"
	for what, c := range map[string]struct {
		f    rental.Filter
		want string
	}{
		"nothing":               {rental.Filter{}, all},
		"upcoming":              {rental.Filter{Status: rental.Upcoming}, "upcoming"},
		"active":                {rental.Filter{Status: rental.Active}, "active oneDay returns"},
		"ended":                 {rental.Filter{Status: rental.Ended}, "ended"},
		"cancelled":             {rental.Filter{Status: rental.Cancelled}, "cancelled"},
		"customer":              {rental.Filter{CustomerID: berina.ID}, "oneDay upcoming"},
		"car":                   {rental.Filter{CarID: other.ID}, "active oneDay"},
		"from":                  {rental.Filter{From: day(10)}, "active cancelled oneDay upcoming"},
		"to":                    {rental.Filter{To: day(10)}, "active ended returns"},
		"from and to":           {rental.Filter{From: day(9), To: day(10)}, "active returns"},
		"one day":               {rental.Filter{From: day(10), To: day(10)}, "active cancelled oneDay"},
		"the day of return":     {rental.Filter{From: day(12), To: day(12)}, "active"},
		"ends":                  {rental.Filter{EndsFrom: day(10), EndsTo: day(12)}, "oneDay returns upcoming"},
		"not notified":          {rental.Filter{Unnotified: true}, "cancelled oneDay returns upcoming"},
		"q of a name":           {rental.Filter{Q: "sarac"}, "active cancelled ended returns"},
		"q of a plate":          {rental.Filter{Q: "b22b"}, "active oneDay"},
		"q of a number":         {rental.Filter{Q: "ctr-2026-00001"}, "ended"},
		"q and all the others":  {rental.Filter{Q: "a11", Status: rental.Active, CustomerID: ana.ID, CarID: car.ID, From: day(9), To: day(99), Unnotified: true}, "returns"},
		"q without any percent": {rental.Filter{Q: "%"}, ""},
	} {
		p, err := w.contracts.List(t.Context(), c.f, today)
		selects(t, what, p, err, func(c rental.Contract) string { return *c.AdditionalNotes }, c.want)
		for _, v := range p.Items {
			if v.Status != v.StatusOn(today) || v.Customer.ID != v.CustomerID || v.Car.ID != v.CarID {
				t.Errorf("%s: incomplete: %+v", what, v)
			}
		}
	}
}

func userFilters(t *testing.T, w *world) {
	w.addUser(t, "retired", record.Employee, nil)
	w.exec(t, "UPDATE users SET active = FALSE WHERE username = 'retired'")
	for what, c := range map[string]struct {
		f    identity.Filter
		want string
	}{
		"nothing":   {identity.Filter{}, "admin desk guest retired"},
		"role":      {identity.Filter{Role: record.Employee}, "desk retired"},
		"active":    {identity.Filter{Active: "true"}, "admin desk guest"},
		"inactive":  {identity.Filter{Active: "false"}, "retired"},
		"q":         {identity.Filter{Q: "SARIC"}, "desk"},
		"q of mail": {identity.Filter{Q: "guest@example"}, "guest"},
	} {
		p, err := w.users.List(t.Context(), c.f)
		selects(t, what, p, err, func(u identity.User) string { return u.Username }, c.want)
	}
}

func auditFilters(t *testing.T, w *world) {
	at := w.now()
	for i, l := range []audit.Log{
		{UserID: ptr(w.admin.ID), Username: ptr("šef"), Action: record.Create, Resource: "car", ResourceID: ptr("c1"), Status: audit.Success},
		{UserID: ptr(w.employee.ID), Action: record.Update, Resource: "car", ResourceID: ptr("c2"), Status: audit.Success},
		{Action: record.LoginFailed, Resource: "session", Status: audit.Failure},
	} {
		l.Description, l.CreatedAt = fmt.Sprint("l", i), at.Add(time.Duration(i)*24*time.Hour)
		w.addLog(t, l)
	}
	for what, c := range map[string]struct {
		f    audit.Filter
		want string
	}{
		"nothing":    {audit.Filter{}, "l0 l1 l2"},
		"userId":     {audit.Filter{Selection: audit.Selection{UserID: w.admin.ID}}, "l0"},
		"action":     {audit.Filter{Selection: audit.Selection{Action: record.Update}}, "l1"},
		"resource":   {audit.Filter{Selection: audit.Selection{Resource: "car"}}, "l0 l1"},
		"resourceId": {audit.Filter{Selection: audit.Selection{ResourceID: "c2"}}, "l1"},
		"status":     {audit.Filter{Selection: audit.Selection{Status: audit.Failure}}, "l2"},
		"q":          {audit.Filter{Selection: audit.Selection{Q: "SEF"}}, "l0"},
		"q of text":  {audit.Filter{Selection: audit.Selection{Q: "L1"}}, "l1"},
		"from":       {audit.Filter{Selection: audit.Selection{From: day(1)}}, "l1 l2"},
		"to":         {audit.Filter{Selection: audit.Selection{To: day(1)}}, "l0"},
		"one day":    {audit.Filter{Selection: audit.Selection{From: day(1), To: day(1)}}, "l1"},
		"two days":   {audit.Filter{Selection: audit.Selection{From: day(0), To: day(2)}}, "l0 l1"},
	} {
		p, err := w.audit.List(as(t, w.admin), c.f)
		selects(t, what, p, err, func(l audit.Log) string { return l.Description }, c.want)
	}
}

// search looks for what people type in what they kept, by parts, ignoring case and accents.
func search(t *testing.T, w *world) {
	for i, name := range []string{"Šarac Đorđe", `100% "sure"`, "under_score", `back\slash`, "O’Hara", "Łukasz Ødegård straße", "x'; DROP TABLE customers; --"} {
		v := customers.Customer{Meta: newMeta[customers.CustomerID](w.now()), Draft: client(fmt.Sprint(i))}
		v.Name, v.Email, v.PhoneNumber = name, ptr(fmt.Sprintf("m%d@example.com", i)), ptr(fmt.Sprintf("061 00%d", i))
		v.PassportNumber, v.DriverLicenseNumber = fmt.Sprintf("PAS%d", i), fmt.Sprintf("LIC%d", i)
		v.Notes = ptr("secret notes")
		w.tx(t, func(ctx context.Context) error { return w.customers.Insert(ctx, &v) })
	}
	for q, want := range map[string]string{
		"sarac": "0", "ŠARAC": "0", "đorđ": "0", "DORDE": "0", "arac d": "0", "  sarac ": "0", "s\u030carac": "0",
		"%": "1", `"sure"`: "1", "0% ": "1", "_": "2", "r_s": "2", "rxs": "", `\`: "3", `k\s`: "3", `\%`: "", `\_`: "",
		"o'hara": "4", "O’HARA": "4", "lukasz odegard strasse": "5", "STRAẞE": "5", "'": "4 6", "'; drop": "6",
		"M3@EXAMPLE": "3", "061 002": "2", "pas4": "4", "lic5": "5", "notes": "", "x": "0 1 2 3 4 5 6",
	} {
		p, err := w.customers.List(t.Context(), customers.Filter{Q: q})
		selects(t, "q="+q, p, err, func(c customers.Customer) string { return c.PassportNumber[3:] }, want)
	}
	w.addCar(t, "A12-Č-345")
	for q, want := range map[string]string{"a12-c-345": "A12-Č-345", "12c3": "A12-Č-345", "-č-": "A12-Č-345", "GOLF": "A12-Č-345", "golf volks": "", "2 c": ""} {
		p, err := w.cars.List(t.Context(), fleet.Filter{Q: q}, day(0))
		selects(t, "q="+q, p, err, func(c fleet.Car) string { return c.LicensePlate }, want)
	}
}

// namesInOrder checks that each database has the order of folded text, byte by
// byte, and so both have the same.
func namesInOrder(t *testing.T, w *world) {
	for i, name := range names {
		v := customers.Customer{Meta: newMeta[customers.CustomerID](w.now()), Draft: client(fmt.Sprint(i))}
		v.Name = name
		w.tx(t, func(ctx context.Context) error { return w.customers.Insert(ctx, &v) })
	}
	var got []string
	for _, c := range must(w.customers.List(t.Context(), customers.Filter{}))(t).Items {
		got = append(got, text.Fold(c.Name))
	}
	if !slices.IsSorted(got) {
		t.Errorf("not in order: %q", got)
	}
}
