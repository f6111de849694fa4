package demo_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that zones are known on every machine

	"pgregory.net/rapid"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/demo"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

var noon = date.At(time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC))

// A fataler is a test, of rapid or not.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

func sarajevo(t fataler) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Sarajevo")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// A made is all of a company.
type made struct {
	*demo.Company
	size      demo.Size
	now       date.Moment
	today     date.Date
	zone      *time.Location
	cars      []fleet.Car
	customers []customers.Customer
	contracts []rental.Contract
}

func makeAll(t fataler, s demo.Size, now date.Moment) made {
	t.Helper()
	zone := sarajevo(t)
	c, err := demo.New(s, now, zone)
	if err != nil {
		t.Fatal(err)
	}
	return made{c, s, now, date.In(zone, now), zone, c.Cars(), slices.Collect(c.Customers()), slices.Collect(c.Contracts())}
}

// Whatever is asked for, the domain takes what is made.
func TestAllIsValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := demo.Size{
			Cars: rapid.IntRange(1, 30).Draw(t, "cars"), Customers: rapid.IntRange(1, 40).Draw(t, "customers"),
			Contracts: rapid.IntRange(0, 500).Draw(t, "contracts"), Seed: rapid.Uint64().Draw(t, "seed"),
		}
		day := rapid.IntRange(0, 3000).Draw(t, "day")
		second := rapid.IntRange(0, 24*60*60).Draw(t, "second")
		m := makeAll(t, size, date.At(time.Date(2024, 1, 1+day, 0, 0, second, 0, time.UTC)))
		if len(m.cars) != size.Cars || len(m.customers) != size.Customers || len(m.contracts) != size.Contracts {
			t.Fatalf("%+v made %d cars, %d customers, %d contracts", size, len(m.cars), len(m.customers), len(m.contracts))
		}
		m.checkCars(t)
		m.checkCustomers(t)
		m.checkContracts(t)
	})
}

func (m made) checkCars(t fataler) {
	t.Helper()
	plates, chassis := map[string]bool{}, map[string]bool{}
	for _, c := range m.cars {
		d := c.Details
		if err := d.Validate(m.today); err != nil || !record.Same(d, c.Details) {
			t.Errorf("%+v: %v", c.Details, err)
		}
		if plates[c.LicensePlate] || c.ChassisNumber != nil && chassis[*c.ChassisNumber] {
			t.Errorf("two cars have the plate or the chassis of %+v", c)
		}
		plates[c.LicensePlate] = true
		if c.ChassisNumber != nil {
			chassis[*c.ChassisNumber] = true
		}
		if c.UpdatedAt.After(m.now) || c.CreatedAt.After(c.UpdatedAt) || c.IsArchived != (c.ArchivedAt != nil) {
			t.Errorf("%+v", c)
		}
		if c.Year > date.In(m.zone, c.CreatedAt).Year()+1 {
			t.Errorf("a car of %d was there at %v", c.Year, c.CreatedAt)
		}
	}
}

func (m made) checkCustomers(t fataler) {
	t.Helper()
	passports, licences := map[string]bool{}, map[string]bool{}
	for i, c := range m.customers {
		d := c.Draft
		if err := d.Validate(); err != nil || !record.Same(d, c.Draft) {
			t.Errorf("%+v: %v", c.Draft, err)
		}
		if passports[c.PassportNumber] || licences[c.DriverLicenseNumber] {
			t.Errorf("two customers have the papers of %+v", c)
		}
		passports[c.PassportNumber], licences[c.DriverLicenseNumber] = true, true
		if c.CreatedAt.After(m.now) || i > 0 && date.In(m.zone, c.CreatedAt).Before(date.In(m.zone, m.customers[i-1].CreatedAt)) {
			t.Errorf("%s came at %v", c.Name, c.CreatedAt)
		}
	}
}

func (m made) checkContracts(t fataler) {
	t.Helper()
	cars, clients := map[fleet.CarID]fleet.Car{}, map[customers.CustomerID]customers.Customer{}
	for _, c := range m.cars {
		cars[c.ID] = c
	}
	for _, c := range m.customers {
		clients[c.ID] = c
	}
	var last date.Moment
	held := map[fleet.CarID][]date.Span{}
	for _, k := range m.contracts {
		if last.After(k.CreatedAt) {
			t.Errorf("the contract of %v comes after that of %v", k.CreatedAt, last)
		}
		last = k.CreatedAt
		car, client := cars[k.CarID], clients[k.CustomerID]
		if car.ID == "" || client.ID == "" || car.CreatedAt.After(k.CreatedAt) || client.CreatedAt.After(k.CreatedAt) {
			t.Errorf("at %v there is no car of %v or no customer of %v", k.CreatedAt, car.CreatedAt, client.CreatedAt)
		}
		if over := k.EndDate.Before(m.today); !over && (car.IsArchived || car.Status != fleet.Available) {
			t.Errorf("%s is out of use, and rented until %v", car.LicensePlate, k.EndDate)
		}
		m.checkContract(t, k)
		held[k.CarID] = append(held[k.CarID], k.Hold())
	}
	for car, spans := range held {
		slices.SortFunc(spans, func(a, b date.Span) int { return b.Start.DaysUntil(a.Start) })
		for i := range spans[1:] {
			if spans[i].Overlaps(spans[i+1]) {
				t.Errorf("%s has %v and %v", car, spans[i], spans[i+1])
			}
		}
	}
}

func (m made) checkContract(t fataler, k rental.Contract) {
	t.Helper()
	d := rental.Draft{
		CustomerID: k.CustomerID, CarID: k.CarID, StartDate: k.StartDate, EndDate: k.EndDate, DailyRate: &k.DailyRate,
		TotalAmount: &k.TotalAmount, AdditionalNotes: k.AdditionalNotes, PhotoURL: k.PhotoURL,
	}
	if err := d.Validate(); err != nil {
		t.Errorf("%+v: %v", k, err)
	}
	whole := k.DailyRate.Times(k.Days)
	if k.Number != "" || k.Days != k.Hold().Days() || k.Days > 30 || !k.PriceAgreed && k.TotalAmount != whole || k.TotalAmount.More(whole) || k.DailyRate.Minor() == 0 {
		t.Errorf("%+v", k)
	}
	made := date.In(m.zone, k.CreatedAt)
	if made.After(k.StartDate) || k.CreatedAt.After(k.UpdatedAt) || k.UpdatedAt.After(m.now) || k.StartDate.Before(m.First()) || m.today.Add(150).Before(k.EndDate) {
		t.Errorf("made %v, changed %v, from %v to %v", k.CreatedAt, k.UpdatedAt, k.StartDate, k.EndDate)
	}
	changed := k.NotificationSent || k.CancelledAt != nil
	if (k.Version == 2) != changed || (k.CancelledAt == nil) != (k.CancellationReason == nil) || k.NotificationSent && k.CancelledAt != nil {
		t.Errorf("%+v", k)
	}
	if k.CancelledAt == nil {
		return
	}
	if on := date.In(m.zone, *k.CancelledAt); on.After(k.EndDate) || len([]rune(*k.CancellationReason)) < 10 || k.Held(m.zone).End.After(date.Later(on, k.StartDate)) {
		t.Errorf("cancelled at %v, because %q: %+v", k.CancelledAt, *k.CancellationReason, k)
	}
}

// usual is the company that is made unless another is asked for.
var usual = demo.Size{Cars: 665, Customers: 348, Contracts: 2125, Seed: 1}

func TestVariety(t *testing.T) {
	m := makeAll(t, usual, noon)
	seen := map[string]int{}
	count := func(what string, is bool) {
		if is {
			seen[what]++
		} else {
			seen["not "+what]++
		}
	}
	for _, c := range m.cars {
		seen[string(c.Status)]++
		seen[string(c.FuelType)]++
		seen[string(c.Transmission)]++
		seen[string(c.Category)]++
		count("archived", c.IsArchived)
		count("chassis", c.ChassisNumber != nil)
		count("location", c.CurrentLocation != nil)
	}
	for _, c := range m.customers {
		count("from home", c.CountryOfOrigin == "Bosnia and Herzegovina")
		count("phone", c.PhoneNumber != nil)
		count("email", c.Email != nil)
		count("city", c.CityOfResidence != nil)
		count("father", c.FatherName != nil)
		for _, letter := range "čćšžđöüø" {
			count(string(letter), strings.ContainsRune(strings.ToLower(c.Name), letter))
		}
	}
	for _, k := range m.contracts {
		seen[string(k.StatusOn(m.today))]++
		count("notified", k.NotificationSent)
		count("agreed", k.PriceAgreed)
		count("notes", k.AdditionalNotes != nil)
		if k.CancelledAt != nil {
			held := k.Held(m.zone)
			count("cancelled under way", held.End.After(held.Start))
		}
	}
	for _, what := range strings.Fields(`available maintenance unavailable petrol diesel hybrid electric lpg manual automatic
		semi-automatic economy compact luxury sports suv van family business upcoming active ended cancelled`) {
		if seen[what] < 3 {
			t.Errorf("%s: %d", what, seen[what])
		}
	}
	for what, n := range seen {
		if other := strings.TrimPrefix(what, "not "); what != other && (n < 3 || seen[other] < 3) {
			t.Errorf("%s: %d, else %d", other, seen[other], n)
		}
	}
}

// plain returns all of a company but its ids, which are replaced by where what
// they name stands.
func (m made) plain(t *testing.T) string {
	t.Helper()
	cars, clients := map[fleet.CarID]int{}, map[customers.CustomerID]int{}
	for i := range m.cars {
		cars[m.cars[i].ID] = i
		m.cars[i].ID = ""
	}
	for i := range m.customers {
		clients[m.customers[i].ID] = i
		m.customers[i].ID = ""
	}
	refs := make([][2]int, len(m.contracts))
	for i := range m.contracts {
		k := &m.contracts[i]
		refs[i] = [2]int{cars[k.CarID], clients[k.CustomerID]}
		k.ID, k.CarID, k.CustomerID = "", "", ""
	}
	text, err := json.Marshal([]any{m.cars, m.customers, m.contracts, refs})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSeed(t *testing.T) {
	size := demo.Size{Cars: 40, Customers: 30, Contracts: 300, Seed: 7}
	first := makeAll(t, size, noon).plain(t)
	if again := makeAll(t, size, noon).plain(t); again != first {
		t.Error("the same seed made another company")
	}
	size.Seed++
	if other := makeAll(t, size, noon).plain(t); other == first {
		t.Error("another seed made the same company")
	}
}

// More contracts than fit into the usual time go further back, but not before 1900.
func TestHistory(t *testing.T) {
	few := makeAll(t, demo.Size{Cars: 3, Customers: 5, Contracts: 30}, noon)
	many := makeAll(t, demo.Size{Cars: 3, Customers: 5, Contracts: 6000}, noon)
	if few.First().DaysUntil(few.today) != 548 || many.First().Year() > 2010 || many.First().Year() < 1900 {
		t.Errorf("from %v and %v", few.First(), many.First())
	}
	many.checkCars(t)
	many.checkCustomers(t)
	many.checkContracts(t)
	for size, want := range map[demo.Size]string{
		{Cars: 1, Customers: 1, Contracts: 10_000}:          "1 cars have room for about",
		{Cars: 0, Customers: 1, Contracts: 1}:               "cars",
		{Cars: demo.MaxCars + 1, Customers: 1}:              "cars",
		{Cars: 1, Customers: 0}:                             "customers",
		{Cars: 1, Customers: demo.MaxCustomers + 1}:         "customers",
		{Cars: 1, Customers: 1, Contracts: -1}:              "contracts",
		{Cars: 9000, Customers: 1, Contracts: 1_000_001}:    "contracts",
		{Cars: -1 << 63, Customers: 1, Contracts: -1 << 63}: "cars",
	} {
		_, err := demo.New(size, noon, time.UTC)
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Kind != fault.Invalid || !strings.Contains(f.Message, want) && !slices.ContainsFunc(f.Fields, func(f fault.Field) bool { return f.Field == want }) {
			t.Errorf("%+v: %v", size, err)
		}
	}
}

// A large fleet and many customers have papers of their own.
func TestLarge(t *testing.T) {
	const n = 20_000
	c, err := demo.New(demo.Size{Cars: n, Customers: n}, noon, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, car := range c.Cars() {
		seen[car.LicensePlate] = true
	}
	for p := range c.Customers() {
		seen[p.PassportNumber], seen["DL "+p.DriverLicenseNumber] = true, true
	}
	if len(seen) != 3*n {
		t.Errorf("%d plates and papers, want %d", len(seen), 3*n)
	}
}
