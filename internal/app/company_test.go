package app_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

// The files are counted here once more, with days as numbers and money as
// cents, and nothing of what the program counts with.

// A line is one of a file, by the names of its columns.
type line map[string]string

func readCSV(t *testing.T, name string) (out []line) {
	t.Helper()
	f, err := os.Open("../../testdata/company/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range all[1:] {
		l := line{}
		for i, name := range all[0] {
			l[name] = values[i]
		}
		out = append(out, l)
	}
	return out
}

// body returns l as JSON: columns that are numbers as they stand, empty ones as null.
func (l line) body(numbers ...string) apptest.JSON {
	out := apptest.JSON{}
	for name, value := range l {
		switch {
		case value == "":
			out[name] = nil
		case slices.Contains(numbers, name):
			out[name] = json.Number(value)
		default:
			out[name] = value
		}
	}
	return out
}

// dayNumber counts days from 1 March of the year 0: months begin with March,
// so that the leap day is the last of its year.
func dayNumber(day string) int {
	part := func(from, to int) int {
		n, err := strconv.Atoi(day[from:to])
		if err != nil {
			panic(err)
		}
		return n
	}
	y, m, d := part(0, 4), part(5, 7)-3, part(8, 10)
	if m < 0 {
		y, m = y-1, m+12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*m+2)/5 + d - 1
}

// cents reads an amount with two decimals, or with fewer as JSON has it.
func cents(amount string) int {
	whole, part, _ := strings.Cut(amount, ".")
	n, err := strconv.Atoi(whole + (part + "00")[:2])
	if err != nil {
		panic(err)
	}
	return n
}

// A booked line is a contract of the file, from the day start up to the day end.
type booked struct {
	plate, passport, first, last string
	start, end, total            int
	id                           string
}

func book(l line) *booked {
	b := &booked{plate: l["licensePlate"], passport: l["passportNumber"], first: l["startDate"], last: l["endDate"]}
	b.start = dayNumber(b.first)
	b.end = max(dayNumber(b.last), b.start+1)
	b.total = (b.end - b.start) * cents(l["dailyRate"])
	return b
}

func (b *booked) overlaps(from, to int) bool { return b.start < to && from < b.end }

// earned returns what b earns from from up to to: the share of all days up to
// to, rounded half up, less that of those up to from.
func (b *booked) earned(from, to int) int {
	until := func(day int) int {
		days := b.end - b.start
		return (2*b.total*min(max(day-b.start, 0), days) + days) / (2 * days)
	}
	return until(to) - until(from)
}

// A firm is the company of the files, as it stands in them.
type firm struct {
	fleet, clients []line
	contracts      []*booked         // that can be made
	refused        []line            // whose car is not available
	of             map[string][]int  // contracts of a plate, by their place in contracts
	carID, person  map[string]string // ids by plate and by passport number
	line           map[string]line   // of the fleet, by plate
}

func readFirm(t *testing.T) (*firm, []line) {
	t.Helper()
	f := &firm{
		fleet: readCSV(t, "fleet.csv"), clients: readCSV(t, "customers.csv"),
		of: map[string][]int{}, carID: map[string]string{}, person: map[string]string{}, line: map[string]line{},
	}
	for _, l := range f.fleet {
		f.line[l["licensePlate"]] = l
	}
	return f, readCSV(t, "contracts.csv")
}

// parallel calls do for 0 to n-1 from a few goroutines.
func parallel(n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// enter puts cars and customers in, in any order, and contracts in that of the file.
func (f *firm) enter(t *testing.T, c *apptest.Company, contracts []line) {
	t.Helper()
	var mu sync.Mutex
	parallel(len(f.fleet), func(i int) {
		res := c.Admin.Do("POST", "/api/cars", f.fleet[i].body("year", "seats", "doors", "mileage", "enginePower", "pricePerDay"))
		if res.Status != http.StatusCreated {
			t.Errorf("car %v: %s", f.fleet[i], res)
		}
		mu.Lock()
		defer mu.Unlock()
		f.carID[f.fleet[i]["licensePlate"]] = res.Text("data.id")
	})
	parallel(len(f.clients), func(i int) {
		res := c.Employee.Do("POST", "/api/customers", f.clients[i].body())
		if res.Status != http.StatusCreated {
			t.Errorf("customer %v: %s", f.clients[i], res)
		}
		mu.Lock()
		defer mu.Unlock()
		f.person[f.clients[i]["passportNumber"]] = res.Text("data.id")
	})
	made := make([]*booked, len(contracts))
	parallel(len(contracts), func(i int) { made[i] = f.rent(t, c, contracts[i]) })
	for i, b := range made {
		if b == nil {
			f.refused = append(f.refused, contracts[i])
			continue
		}
		f.of[b.plate] = append(f.of[b.plate], len(f.contracts))
		f.contracts = append(f.contracts, b)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// rent makes the contract of a line; nil if its car's status forbids that.
func (f *firm) rent(t *testing.T, c *apptest.Company, l line) *booked {
	body := l.body("dailyRate")
	delete(body, "licensePlate")
	delete(body, "passportNumber")
	body["carId"], body["customerId"] = f.carID[l["licensePlate"]], f.person[l["passportNumber"]]
	res := c.Employee.Do("POST", "/api/contracts", body)
	if f.line[l["licensePlate"]]["status"] != "available" {
		if res.Status != http.StatusConflict || res.Text("code") != "car_not_available" {
			t.Errorf("contract %v of a car that is not available: %s", l, res)
		}
		return nil
	}
	b := book(l)
	got := decodeAs[struct {
		ID          string
		Days        int
		TotalAmount json.Number
	}](t, http.StatusCreated, res)
	if b.id = got.ID; got.Days != b.end-b.start || cents(got.TotalAmount.String()) != b.total {
		t.Errorf("contract %v, %d days for %d: %s", l, b.end-b.start, b.total, res)
	}
	return b
}

// count returns how many contracts fulfil a condition.
func (f *firm) count(is func(*booked) bool) (n int) {
	for _, b := range f.contracts {
		if is(b) {
			n++
		}
	}
	return n
}

// holds returns the contracts of a car that need a day of a range, the first first.
func (f *firm) holds(plate string, from, to int) (out []*booked) {
	for _, i := range f.of[plate] {
		if f.contracts[i].overlaps(from, to) {
			out = append(out, f.contracts[i])
		}
	}
	slices.SortFunc(out, func(a, b *booked) int { return a.start - b.start })
	return out
}

func TestWholeCompany(t *testing.T) {
	t.Parallel()
	apptest.EachUnlessRaced(t, func(t *testing.T, c *apptest.Company) {
		f, contracts := readFirm(t)
		if len(f.fleet) != 665 || len(f.clients) != 348 || len(contracts) != 2125 {
			t.Errorf("the files have %d cars, %d customers and %d contracts", len(f.fleet), len(f.clients), len(contracts))
		}
		if apptest.Raced() { // make test-faults takes all of them
			contracts = contracts[:500]
		}
		at(t, c, "2026-06-15")
		c.Admin, c.Employee, c.User = c.Nobody.SignIn("amra"), c.Nobody.SignIn("emir"), c.Nobody.SignIn("uma")
		f.enter(t, c, contracts)
		if len(f.refused) == 0 {
			t.Error("no contract is refused")
		}
		t.Logf("%d contracts were made, %d refused for the status of their car", len(f.contracts), len(f.refused))
		apptest.CheckBooks(t, c.Database.Raw(t), "2026-06-15")
		f.checkCalendar(t, c)
		f.checkRevenue(t, c)
		f.checkAvailable(t, c)
		f.checkAvailability(t, c)
		f.checkLists(t, c)
		for _, today := range []string{"2025-12-31", "2026-06-15", "2026-10-11"} {
			at(t, c, today)
			c.Employee = c.Nobody.SignIn("emir")
			f.checkToday(t, c, today)
		}
	})
}

// at sets the clock of c to noon of a day.
func at(t *testing.T, c *apptest.Company, day string) {
	t.Helper()
	noon, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	c.Clock.Move(noon.Add(12 * time.Hour).Sub(c.Clock.Now()))
}

// decode reads the data of an answer that must be a success.
func decode[T any](t *testing.T, res apptest.Response) T {
	t.Helper()
	return decodeAs[T](t, http.StatusOK, res)
}

func decodeAs[T any](t *testing.T, status int, res apptest.Response) T {
	t.Helper()
	var out struct{ Data T }
	if err := json.Unmarshal(res.Body, &out); err != nil || res.Status != status {
		t.Errorf("%s (%v)", res, err)
	}
	return out.Data
}

// listed returns how many records a list says that there are; -1 if it is none.
func listed(res apptest.Response) int {
	out := struct{ Pagination struct{ Total int } }{struct{ Total int }{-1}}
	if err := json.Unmarshal(res.Body, &out); err != nil || res.Status != http.StatusOK {
		return -1
	}
	return out.Pagination.Total
}

// A shown hold is one as the program tells of it.
type shown struct {
	Start, End, Kind         string
	ContractID, CustomerName *string
	CustomerPassportNumber   *string
	TotalAmount              *json.Number
}

func (f *firm) sameHolds(t *testing.T, what string, got []shown, want []*booked) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s has %d holds, want %d", what, len(got), len(want))
		return
	}
	for i, h := range got {
		if dayNumber(h.Start) != want[i].start || dayNumber(h.End) != want[i].end || h.Kind != "contract" {
			t.Errorf("%s: hold %d is %v, want from %s to %s", what, i, h, want[i].first, want[i].last)
		}
		if h.ContractID != nil && *h.ContractID != want[i].id {
			t.Errorf("%s: hold %d is of contract %s, want %s", what, i, *h.ContractID, want[i].id)
		}
	}
}

func (f *firm) checkCalendar(t *testing.T, c *apptest.Company) {
	t.Helper()
	seen := map[string]bool{}
	for from := "2025-05-01"; from < "2027-06-01"; from = plus(t, from, 92) {
		to := plus(t, from, 92)
		cal := decode[struct {
			From, To string
			Cars     []struct {
				LicensePlate, Status string
				Holds                []shown
			}
		}](t, c.Employee.Do("GET", "/api/cars/calendar?from="+from+"&to="+to, nil))
		if len(cal.Cars) != len(f.fleet) || cal.From != from || cal.To != to {
			t.Errorf("the calendar from %s to %s has %d cars from %s to %s", from, to, len(cal.Cars), cal.From, cal.To)
		}
		for _, car := range cal.Cars {
			f.sameHolds(t, "the calendar of "+car.LicensePlate+" from "+from, car.Holds, f.holds(car.LicensePlate, dayNumber(from), dayNumber(to)))
			if car.Status != f.line[car.LicensePlate]["status"] {
				t.Errorf("the calendar shows %s as %s", car.LicensePlate, car.Status)
			}
			for _, h := range car.Holds {
				seen[*h.ContractID] = true
				if h.CustomerName == nil || *h.CustomerName == "" {
					t.Errorf("the calendar does not say who has %s", car.LicensePlate)
				}
			}
		}
	}
	if len(seen) != len(f.contracts) {
		t.Errorf("the calendars showed %d contracts, want %d", len(seen), len(f.contracts))
	}
}

// plus returns the day n days after a day.
func plus(t *testing.T, day string, n int) string {
	t.Helper()
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	return d.AddDate(0, 0, n).Format(time.DateOnly)
}

func (f *firm) checkRevenue(t *testing.T, c *apptest.Company) {
	t.Helper()
	total := 0
	for _, b := range f.contracts {
		total += b.total
	}
	if got := c.Employee.Do("GET", "/api/contracts/revenue/total", nil); cents(got.Text("data.totalRevenue")) != total {
		t.Errorf("all contracts earn %d: %s", total, got)
	}
	revenue := func(from, to string) int {
		res := c.Employee.Do("POST", "/api/contracts/revenue/date-range", apptest.JSON{"startDate": from, "endDate": to})
		want, first := 0, dayNumber(from)
		for _, b := range f.contracts {
			want += b.earned(first, max(dayNumber(to), first+1))
		}
		got := cents(res.Text("data.revenue"))
		if got != want {
			t.Errorf("contracts earn %d from %s to %s: %s", want, from, to, res)
		}
		return got
	}
	for _, step := range []int{31, 92, 365} { // ranges that adjoin add up to all
		sum := 0
		for from := "2025-05-01"; from < "2027-06-01"; from = plus(t, from, step) {
			sum += revenue(from, plus(t, from, step))
		}
		if sum != total {
			t.Errorf("ranges of %d days add up to %d, want %d", step, sum, total)
		}
	}
	revenue("2026-02-28", "2026-02-28")
	revenue("2000-01-01", "2099-12-31")
	revenue("2027-12-01", "2028-01-01")
}

func (f *firm) checkAvailable(t *testing.T, c *apptest.Company) {
	t.Helper()
	for _, days := range [][2]string{
		{"2025-05-24", "2025-05-25"},
		{"2025-10-11", "2025-10-18"},
		{"2026-02-26", "2026-02-26"},
		{"2026-03-28", "2026-03-30"},
		{"2026-06-15", "2026-07-15"},
		{"2026-10-01", "2026-10-11"},
		{"2026-12-31", "2027-01-02"},
		{"2025-05-01", "2027-06-01"},
		{"2030-01-01", "2030-01-02"},
	} {
		from, to := dayNumber(days[0]), max(dayNumber(days[1]), dayNumber(days[0])+1)
		var want []string
		for _, l := range f.fleet {
			if l["status"] == "available" && len(f.holds(l["licensePlate"], from, to)) == 0 {
				want = append(want, l["licensePlate"])
			}
		}
		slices.Sort(want)
		for name, res := range map[string]apptest.Response{
			"available":        c.User.Do("GET", "/api/cars/available?sort=licensePlate&from="+days[0]+"&to="+days[1], nil),
			"available-period": c.User.Do("POST", "/api/cars/available-period?sort=licensePlate", apptest.JSON{"startingDate": days[0], "endingDate": days[1]}),
		} {
			var got []string
			for _, car := range decode[[]struct{ LicensePlate string }](t, res) {
				got = append(got, car.LicensePlate)
			}
			if !slices.Equal(got, want) || listed(res) != len(want) {
				t.Errorf("%s from %s to %s: %d cars, want %d", name, days[0], days[1], len(got), len(want))
			}
		}
	}
}

func (f *firm) checkAvailability(t *testing.T, c *apptest.Company) {
	t.Helper()
	parallel(len(f.fleet)/12, func(i int) {
		plate := f.fleet[12*i]["licensePlate"]
		query := "/availability?from=2025-12-24&to=2026-08-03"
		want := f.holds(plate, dayNumber("2025-12-24"), dayNumber("2026-08-03"))
		got := decode[[]shown](t, c.Employee.Do("GET", "/api/cars/"+url.PathEscape(plate)+query, nil))
		f.sameHolds(t, "the availability of "+plate, got, want)
		for j, h := range got {
			if h.CustomerPassportNumber == nil || h.TotalAmount == nil ||
				*h.CustomerPassportNumber != want[j].passport || cents(h.TotalAmount.String()) != want[j].total {
				t.Errorf("the availability of %s tells %v, want %s for %d", plate, h, want[j].passport, want[j].total)
			}
		}
		got = decode[[]shown](t, c.User.Do("GET", "/api/cars/"+f.carID[plate]+query, nil))
		f.sameHolds(t, "the availability of "+plate+" for a user", got, want)
		for _, h := range got {
			if h.ContractID != nil || h.CustomerName != nil || h.CustomerPassportNumber != nil || h.TotalAmount != nil {
				t.Errorf("a user learns who has %s: %v", plate, h)
			}
		}
		for _, b := range want {
			body := apptest.JSON{"carId": f.carID[plate], "startDate": b.first, "endDate": b.last}
			if res := c.Employee.Do("POST", "/api/contracts/check-availability", body); res.Text("data.available") != "false" || res.Len("data.conflicts") != 1 {
				t.Errorf("%s from %s to %s is held by one contract: %s", plate, b.first, b.last, res)
			}
			body["excludeId"] = b.id
			if res := c.Employee.Do("POST", "/api/contracts/check-availability", body); res.Text("data.available") != "true" {
				t.Errorf("%s from %s to %s is held by nothing else: %s", plate, b.first, b.last, res)
			}
		}
	})
}

// tally counts the lines that have each value in a column.
func tally(lines []line, column string) map[string]int {
	out := map[string]int{}
	for _, l := range lines {
		out[l[column]]++
	}
	return out
}

func (f *firm) checkLists(t *testing.T, c *apptest.Company) {
	t.Helper()
	total := func(path string, want int) {
		t.Helper()
		res := c.Employee.Do("GET", path, nil)
		if listed(res) != want {
			t.Errorf("%s: %d, want %d", path, listed(res), want)
		}
	}
	total("/api/cars?limit=1", len(f.fleet))
	total("/api/customers?limit=1", len(f.clients))
	total("/api/contracts?limit=1", len(f.contracts))
	for column, parameter := range map[string]string{"status": "status", "category": "category", "manufacturer": "manufacturer", "fuelType": "fuelType", "transmission": "transmission"} {
		for value, n := range tally(f.fleet, column) {
			total("/api/cars?limit=1&"+parameter+"="+url.QueryEscape(value), n)
		}
	}
	for column, parameter := range map[string]string{"countryOfOrigin": "country", "cityOfResidence": "city"} {
		for value, n := range tally(f.clients, column) {
			if value != "" {
				total("/api/customers?limit=1&"+parameter+"="+url.QueryEscape(value), n)
			}
		}
	}
	for i := 0; i < len(f.clients); i += 60 {
		passport := f.clients[i]["passportNumber"]
		n := f.count(func(b *booked) bool { return b.passport == passport })
		total("/api/customers/"+f.person[passport]+"/contracts?limit=1", n)
		total("/api/contracts?limit=1&customerId="+f.person[passport], n)
	}
	for i := 0; i < len(f.fleet); i += 120 {
		plate := f.fleet[i]["licensePlate"]
		total("/api/contracts?limit=1&carId="+f.carID[plate], len(f.of[plate]))
		total("/api/contracts?limit=1&q="+url.QueryEscape(plate), len(f.of[plate]))
	}
	for _, days := range [][2]string{{"2025-05-24", "2025-06-01"}, {"2026-02-28", "2026-02-28"}, {"2026-06-15", "2026-09-15"}} {
		from, to := dayNumber(days[0]), max(dayNumber(days[1]), dayNumber(days[0])+1)
		n := f.count(func(b *booked) bool { return b.overlaps(from, to) })
		total("/api/contracts?limit=1&from="+days[0]+"&to="+days[1], n)
		res := c.Employee.Do("POST", "/api/contracts/date-range?limit=1", apptest.JSON{"startDate": days[0], "endDate": days[1]})
		if listed(res) != n {
			t.Errorf("from %s to %s there are %d contracts, want %d", days[0], days[1], listed(res), n)
		}
	}
	f.checkPages(t, c)
}

// checkPages checks that the pages of a list have each contract once, by number and by cursor.
func (f *firm) checkPages(t *testing.T, c *apptest.Company) {
	t.Helper()
	for _, sort := range []string{"startDate", "-totalAmount"} {
		for _, by := range []string{"page", "cursor"} {
			seen, sum, next := map[string]bool{}, 0, "&page=1"
			for page := 2; next != ""; page++ {
				var out struct {
					Data []struct {
						ID          string
						TotalAmount json.Number
					}
					Pagination struct {
						HasNext    bool
						NextCursor string
					}
				}
				res := c.Employee.Do("GET", "/api/contracts?limit=300&sort="+sort+next, nil)
				if err := json.Unmarshal(res.Body, &out); err != nil || res.Status != http.StatusOK {
					t.Fatalf("%s (%v)", res, err)
				}
				for _, k := range out.Data {
					seen[k.ID] = true
					sum += cents(k.TotalAmount.String())
				}
				next = ""
				if out.Pagination.HasNext && by == "page" {
					next = "&page=" + strconv.Itoa(page)
				} else if by == "cursor" && out.Pagination.NextCursor != "" {
					next = "&cursor=" + url.QueryEscape(out.Pagination.NextCursor)
				}
			}
			want := 0
			for _, b := range f.contracts {
				want += b.total
			}
			if len(seen) != len(f.contracts) || sum != want {
				t.Errorf("sorted by %s, by %s, the pages have %d contracts of %d, want %d of %d", sort, by, len(seen), sum, len(f.contracts), want)
			}
		}
	}
}

// checkToday checks what depends on the day that it is.
func (f *firm) checkToday(t *testing.T, c *apptest.Company, today string) {
	t.Helper()
	day := dayNumber(today)
	for _, car := range decode[[]struct {
		LicensePlate, NextFreeOn string
		RentedNow                bool
	}](t, c.Employee.Do("GET", "/api/cars", nil)) {
		free := day
		for len(f.holds(car.LicensePlate, free, free+1)) > 0 {
			free++
		}
		if car.RentedNow != (free > day) || dayNumber(car.NextFreeOn) != free {
			t.Errorf("on %s %s is rented: %t, and next free on %s, want in %d days", today, car.LicensePlate, car.RentedNow, car.NextFreeOn, free-day)
		}
	}
	upcoming := f.count(func(b *booked) bool { return b.start > day })
	active := f.count(func(b *booked) bool { return b.start <= day && day <= dayNumber(b.last) })
	ended := f.count(func(b *booked) bool { return dayNumber(b.last) < day })
	expiring := f.count(func(b *booked) bool { return day <= dayNumber(b.last) && dayNumber(b.last) <= day+7 })
	for path, want := range map[string]int{
		"?status=upcoming&": upcoming, "?status=active&": active, "?status=ended&": ended, "?status=cancelled&": 0,
		"/active?": active, "/expired?": ended, "/expiring?days=7&": expiring, "/pending-notification?": len(f.contracts),
	} {
		if res := c.Employee.Do("GET", "/api/contracts"+path+"limit=1", nil); listed(res) != want {
			t.Errorf("on %s /api/contracts%s: %d, want %d", today, path, listed(res), want)
		}
	}
}
