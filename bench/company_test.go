// Package bench measures the program. `make bench` prints the figures; what it
// printed last is in RESULTS.md.
package bench

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/store/testdb"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(bareVariable); file != "" {
		if err := serveBare(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	if database := os.Getenv(handVariable); database != "" {
		fmt.Fprintln(os.Stderr, serveByHand(database))
		os.Exit(1)
	}
	if os.Getenv(audienceVariable) != "" {
		if err := beAudience(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(apptest.Main(m))
}

const (
	cars      = 665
	customers = 348
	every     = 24 // days from one contract of a car to its next
	lasts     = 7  // days
)

// engines are the databases that everything is measured on.
var engines = []struct {
	name  string
	empty testdb.Empty
}{{"SQLite", testdb.EmptySQLite}, {"PostgreSQL", testdb.EmptyPostgres}}

// filled returns the address of a database with a company whose contracts are
// spread evenly over its cars: the more there are, the longer its history. The
// last 30 days of it are to come.
func filled(b *testing.B, empty testdb.Empty, contracts int) string {
	b.Helper()
	d := empty(b)
	c := apptest.New(b, d)
	raw := d.Raw(b)
	tx, err := raw.Begin()
	if err != nil {
		b.Fatal(err)
	}
	f := filler{b: b, tx: tx, numbered: strings.HasPrefix(d.URL, "postgres"), now: time.Now().UTC().Truncate(time.Second), by: string(c.Admin.ID)}
	f.people()
	f.contracts(contracts)
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	if f.numbered {
		if _, err := raw.ExecContext(context.Background(), "VACUUM ANALYZE"); err != nil {
			b.Fatal(err)
		}
	}
	return d.URL
}

// A filler writes rows past the program.
type filler struct {
	b        *testing.B
	tx       *sql.Tx
	numbered bool // placeholders are $1, $2 …
	now      time.Time
	by       string // who made the rows
}

// insert writes rows of one table, many with each statement.
func (f filler) insert(table, cols string, rows [][]any) {
	width := len(rows[0])
	for len(rows) > 0 {
		n := min(len(rows), 20_000/width)
		var q strings.Builder
		var args []any
		fmt.Fprintf(&q, "INSERT INTO %s (%s) VALUES ", table, cols)
		for i, row := range rows[:n] {
			for j := range row {
				q.WriteString(map[bool]string{true: "(", false: ", "}[j == 0])
				if f.numbered {
					fmt.Fprintf(&q, "$%d", i*width+j+1)
				} else {
					q.WriteByte('?')
				}
			}
			q.WriteString(map[bool]string{true: ")", false: "), "}[i == n-1])
			args = append(args, row...)
		}
		if _, err := f.tx.Exec(q.String(), args...); err != nil {
			f.b.Fatal(err)
		}
		rows = rows[n:]
	}
}

func carID(i int) string      { return fmt.Sprintf("00000000-0000-7000-8000-%012d", i) }
func customerID(i int) string { return fmt.Sprintf("00000000-0000-7000-9000-%012d", i) }

func (f filler) people() {
	var rows [][]any
	for i := range cars {
		plate := fmt.Sprintf("A%02d-K-%03d", i/100, i%1000)
		key := strings.ReplaceAll(plate, "-", "")
		rows = append(rows, []any{
			carID(i), 1, f.now, f.now, "Škoda", "skoda", "Octavia", "octavia", 2020, plate, key,
			strings.ToLower(plate + "\n" + key + "\n"), "diesel", "manual", 5550, "family", map[bool]string{true: "maintenance", false: "available"}[i%7 == 0],
			"silver", 5, 5, 1000 * i, 110, "Zenica", false, f.by, f.by, strings.ToLower(plate + "\n" + key + "\nskoda\noctavia\n"),
		})
	}
	f.insert("cars", "id, version, created_at, updated_at, manufacturer, manufacturer_fold, model, model_fold, year, license_plate, plate_key, "+
		"plate_fold, fuel_type, transmission, price_per_day, category, status, color, seats, doors, mileage, engine_power, current_location, is_archived, created_by, updated_by, search", rows)
	rows = nil
	for i := range customers {
		papers := fmt.Sprintf("B%07d", i)
		rows = append(rows, []any{
			customerID(i), 1, f.now, f.now, "Ana Jurić", "ana juric", "DL" + papers, "DL" + papers, papers, papers,
			"Bosnia and Herzegovina", "bosnia and herzegovina", "", "ana juric\n" + strings.ToLower(papers) + "\n",
		})
	}
	f.insert("customers", "id, version, created_at, updated_at, name, name_fold, driver_license_number, license_key, passport_number, passport_key, "+
		"country_of_origin, country_fold, city_fold, search", rows)
}

// numberOf spreads the contracts over years that no new one is made in.
func numberOf(i int) string { return fmt.Sprintf("CTR-%d-%05d", 2001+i%10, i/10+1) }

func (f filler) contracts(n int) {
	var rows, holds [][]any
	last := f.now.AddDate(0, 0, 30)
	for i := range n {
		id := fmt.Sprintf("00000000-0000-7000-a000-%012d", i)
		start := last.AddDate(0, 0, -every*(i/cars)-i%every)
		from, to := start.Format(time.DateOnly), start.AddDate(0, 0, lasts).Format(time.DateOnly)
		number := numberOf(i)
		made := start.AddDate(0, 0, -3)
		rows = append(rows, []any{id, 1, made, made, number, strings.ToLower(number), customerID(i % customers), carID(i % cars), from, to, lasts, 5550, lasts * 5550, false, false, f.by, f.by})
		holds = append(holds, []any{id, carID(i % cars), customerID(i % customers), from, to, "contract", id})
	}
	f.insert("contracts", "id, version, created_at, updated_at, number, number_fold, customer_id, car_id, start_date, end_date, days, daily_rate, total_amount, price_agreed, notification_sent, created_by, updated_by", rows)
	f.insert("holds", "id, car_id, customer_id, starts, ends, kind, contract_id", holds)
}
