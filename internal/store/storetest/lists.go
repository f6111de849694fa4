package storetest

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/identity"
	"cartracker/internal/money"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/rental"
	"cartracker/internal/text"
)

// A listing says how to test one list: how it is asked for, and by what text,
// compared byte by byte, each of its sorts puts a row in its place.
type listing[T any] struct {
	list  func(ctx context.Context, sort string, q page.Query) (page.Of[T], error)
	id    func(T) string
	sorts map[string]func(T) string
	fill  func(n int) // keeps the n-th of many; some are alike
	rows  int         // what there is before that
}

func listsAll(t *testing.T, ready worlds) {
	t.Run("Cars", func(t *testing.T) { lists(t, ready, carListing) })
	t.Run("Customers", func(t *testing.T) { lists(t, ready, customerListing) })
	t.Run("Contracts", func(t *testing.T) { lists(t, ready, contractListing) })
	t.Run("Users", func(t *testing.T) { lists(t, ready, userListing) })
	t.Run("AuditLogs", func(t *testing.T) { lists(t, ready, logListing) })
}

// lists walks through a list in every order, by page and by cursor, and wants
// to meet each row once, in order.
func lists[T any](t *testing.T, ready worlds, in func(*testing.T, *world) listing[T]) {
	t.Parallel()
	w := ready.take(t)
	l := in(t, w)
	const rows = 40
	for n := range rows {
		l.fill(n)
	}
	for name, key := range l.sorts {
		all := must(l.list(t.Context(), name, page.Query{Limit: page.MaxLimit}))(t)
		if len(all.Items) != rows+l.rows || all.Total != len(all.Items) || all.AtLeast || all.More || all.Next != "" {
			t.Fatalf("sort %s: the whole list is %d of %d, %+v", name, len(all.Items), all.Total, all.More)
		}
		want := slices.Clone(all.Items)
		slices.SortFunc(want, func(a, b T) int {
			return strings.Compare(key(a)+"\x00"+l.id(a), key(b)+"\x00"+l.id(b))
		})
		for _, sort := range []string{name, "-" + name} {
			same(t, l, sort+" by page", byPage(t, l, sort), want)
			same(t, l, sort+" by cursor", byCursor(t, l, sort), want)
			slices.Reverse(want)
		}
	}
}

func same[T any](t *testing.T, l listing[T], what string, got, want []T) {
	t.Helper()
	ids := func(all []T) (out []string) {
		for _, v := range all {
			out = append(out, l.id(v))
		}
		return out
	}
	if g, w := ids(got), ids(want); !slices.Equal(g, w) {
		t.Errorf("%s:\n got %d %v\nwant %d %v", what, len(g), g, len(w), w)
	}
}

func byPage[T any](t *testing.T, l listing[T], sort string) (out []T) {
	t.Helper()
	for n := 1; ; n++ {
		p := must(l.list(t.Context(), sort, page.Query{Page: n, Limit: 7}))(t)
		out = append(out, p.Items...)
		if p.Page != n || p.Limit != 7 || p.Total < 40 || p.AtLeast {
			t.Errorf("page %d says %+v of %d", p.Page, p.Limit, p.Total)
		}
		if !p.More {
			return out
		}
	}
}

func byCursor[T any](t *testing.T, l listing[T], sort string) (out []T) {
	t.Helper()
	cursor := ""
	for {
		p := must(l.list(t.Context(), sort, page.Query{Cursor: cursor, Limit: 7}))(t)
		out = append(out, p.Items...)
		if p.Total < 40 || p.More != (p.Next != "") || cursor != "" && p.Page != 0 {
			t.Errorf("behind a cursor: page %d, %d rows, next %q", p.Page, p.Total, p.Next)
		}
		if cursor = p.Next; !p.More {
			return out
		}
	}
}

func number(n int) string          { return fmt.Sprintf("%020d", n) }
func amount(a money.Amount) string { return fmt.Sprintf("%020d", a.Minor()) }
func moment(m date.Moment) string  { return m.Time().Format("2006-01-02T15:04:05.000000") }

// names have what people sort differently: accents, case, digraphs, and letters beyond them.
var names = []string{
	"Šarić", "Sarac", "sarac", "Đurić", "Dz", "Džeko", "Zec", "Žužul", "Ćosić", "Čolić", "Colic", "Ødegård", "łuk", "straße",
	"Strasse", "O’Hara", "O'Hara", "Ilić-Babić", "Ilić Babić", "IlićBabić", "Émile", "ab", "a b", "a-b", "a_b", "Ab", "ÀB", "Ωmega", "日本", "😀",
}

func name(n int) string { return names[n%len(names)] }

func carListing(t *testing.T, w *world) listing[fleet.Car] {
	return listing[fleet.Car]{
		list: func(ctx context.Context, sort string, q page.Query) (page.Of[fleet.Car], error) {
			return w.cars.List(ctx, fleet.Filter{Sort: sort, Query: q}, day(0))
		},
		id: func(c fleet.Car) string { return string(c.ID) },
		sorts: map[string]func(fleet.Car) string{
			"createdAt":    func(c fleet.Car) string { return moment(c.CreatedAt) },
			"manufacturer": func(c fleet.Car) string { return text.Fold(c.Manufacturer) },
			"pricePerDay":  func(c fleet.Car) string { return amount(c.PricePerDay) },
			"year":         func(c fleet.Car) string { return number(c.Year) },
			"mileage":      func(c fleet.Car) string { return number(c.Mileage) },
			"licensePlate": func(c fleet.Car) string { return c.LicensePlate },
		},
		fill: func(n int) {
			c := fleet.Car{Meta: newMeta[fleet.CarID](later(w, n%5)), Details: details(fmt.Sprintf("%s-%02d", []string{"Č1", "c2", "C3", "đ4"}[n%4], n))}
			c.Manufacturer, c.PricePerDay, c.Year, c.Mileage = name(n%9), money.Minor(int64(n%3)), 2000+n%2, n%4*1000
			w.tx(t, func(ctx context.Context) error { return w.cars.Insert(ctx, &c) })
		},
	}
}

func customerListing(t *testing.T, w *world) listing[customers.Customer] {
	return listing[customers.Customer]{
		list: func(ctx context.Context, sort string, q page.Query) (page.Of[customers.Customer], error) {
			return w.customers.List(ctx, customers.Filter{Sort: sort, Query: q})
		},
		id: func(c customers.Customer) string { return string(c.ID) },
		sorts: map[string]func(customers.Customer) string{
			"name":      func(c customers.Customer) string { return text.Fold(c.Name) },
			"createdAt": func(c customers.Customer) string { return moment(c.CreatedAt) },
		},
		fill: func(n int) {
			c := customers.Customer{Meta: newMeta[customers.CustomerID](later(w, n%5)), Draft: client(fmt.Sprint(n))}
			c.Name = name(n)
			w.tx(t, func(ctx context.Context) error { return w.customers.Insert(ctx, &c) })
		},
	}
}

func contractListing(t *testing.T, w *world) listing[rental.Contract] {
	car, customer := w.addCar(t, "A11-A-111"), w.addCustomer(t, "Ana")
	return listing[rental.Contract]{
		list: func(ctx context.Context, sort string, q page.Query) (page.Of[rental.Contract], error) {
			return w.contracts.List(ctx, rental.Filter{Sort: sort, Query: q}, day(0))
		},
		id: func(c rental.Contract) string { return string(c.ID) },
		sorts: map[string]func(rental.Contract) string{
			"createdAt":   func(c rental.Contract) string { return moment(c.CreatedAt) },
			"startDate":   func(c rental.Contract) string { return c.StartDate.String() },
			"endDate":     func(c rental.Contract) string { return c.EndDate.String() },
			"totalAmount": func(c rental.Contract) string { return amount(c.TotalAmount) },
		},
		fill: func(n int) {
			c := rental.Contract{
				Meta: newMeta[rental.ContractID](later(w, n%5)), CustomerID: customer.ID, CarID: car.ID,
				StartDate: day(n % 6), EndDate: day(n%6 + n%4), Days: 1, TotalAmount: money.Minor(int64(n % 3)),
			}
			w.tx(t, func(ctx context.Context) error { return w.contracts.Insert(ctx, &c, 2026) })
		},
	}
}

func userListing(t *testing.T, w *world) listing[identity.User] {
	return listing[identity.User]{
		list: func(ctx context.Context, sort string, q page.Query) (page.Of[identity.User], error) {
			return w.users.List(ctx, identity.Filter{Sort: sort, Query: q})
		},
		id:   func(u identity.User) string { return string(u.ID) },
		rows: 3,
		sorts: map[string]func(identity.User) string{
			"username":  func(u identity.User) string { return strings.ToLower(u.Username) },
			"createdAt": func(u identity.User) string { return moment(u.CreatedAt) },
			"lastActiveAt": func(u identity.User) string {
				if u.LastActiveAt == nil {
					return ""
				}
				return moment(*u.LastActiveAt)
			},
		},
		fill: func(n int) {
			u := w.addUser(t, fmt.Sprintf("%s%d", []string{"Šaban", "saban", "Zz", "đ"}[n%4], n), record.User, nil)
			w.tx(t, func(ctx context.Context) error {
				_, err := w.users.Update(ctx, u.ID, func(u *identity.User) error {
					if n%3 > 0 {
						u.LastActiveAt = ptr(later(w, n%3))
					}
					return nil
				})
				return err
			})
		},
	}
}

func logListing(t *testing.T, w *world) listing[audit.Log] {
	return listing[audit.Log]{
		list: func(ctx context.Context, sort string, q page.Query) (page.Of[audit.Log], error) {
			return w.logs.List(ctx, audit.Filter{Sort: sort, Query: q})
		},
		id:    func(l audit.Log) string { return string(l.ID) },
		sorts: map[string]func(audit.Log) string{"createdAt": func(l audit.Log) string { return moment(l.CreatedAt) }},
		fill:  func(n int) { w.addLog(t, audit.Log{Description: "x", CreatedAt: later(w, n%5)}) },
	}
}

func (w *world) addLog(t testing.TB, l audit.Log) audit.Log {
	t.Helper()
	l.ID = newMeta[audit.LogID](w.now()).ID
	if l.Action == "" {
		l.Action, l.Resource, l.Status = record.Create, "car", audit.Success
	}
	w.tx(t, func(ctx context.Context) error { return w.logs.Insert(ctx, &l) })
	return l
}

// listDefaults checks what a list does that is asked for nothing.
func listDefaults(t *testing.T, w *world) {
	for n := range 3 {
		w.pass(time.Hour)
		w.addCar(t, fmt.Sprintf("B-%d", 3-n))
		w.addCustomer(t, []string{"Žana", "ana", "Čedo"}[n])
		w.addLog(t, audit.Log{Description: fmt.Sprint(n), CreatedAt: w.now()})
	}
	cars := must(w.cars.List(t.Context(), fleet.Filter{}, day(0)))(t)
	if cars.Items[0].LicensePlate != "B-3" || cars.Limit != 1000 {
		t.Errorf("cars begin with %s, %d on a page; want the oldest of 1000", cars.Items[0].LicensePlate, cars.Limit)
	}
	clients := must(w.customers.List(t.Context(), customers.Filter{}))(t)
	if clients.Items[0].Name != "ana" || clients.Limit != 1000 {
		t.Errorf("customers begin with %s, %d on a page; want the first name of 1000", clients.Items[0].Name, clients.Limit)
	}
	users := must(w.users.List(t.Context(), identity.Filter{}))(t)
	if users.Items[0].Username != "admin" || users.Limit != 1000 {
		t.Errorf("users begin with %s, %d on a page; want the first name of 1000", users.Items[0].Username, users.Limit)
	}
	logs := must(w.logs.List(t.Context(), audit.Filter{}))(t)
	if logs.Items[0].Description != "2" || logs.Limit != 200 {
		t.Errorf("the log begins with %s, %d on a page; want the newest of 200", logs.Items[0].Description, logs.Limit)
	}
	for n := range 2 {
		w.pass(time.Hour)
		w.mustRent(t, cars.Items[0].ID, clients.Items[0].ID, n, n+1)
	}
	contracts := must(w.contracts.List(t.Context(), rental.Filter{}, day(0)))(t)
	if contracts.Items[0].StartDate != day(1) || contracts.Limit != 200 {
		t.Errorf("contracts begin with %s, %d on a page; want the newest of 200", contracts.Items[0].StartDate, contracts.Limit)
	}
}

// listBadCursors hands in what no list gave, or gave for another order.
func listBadCursors(t *testing.T, w *world) {
	for n := range 3 {
		w.addCar(t, fmt.Sprintf("B-%d", n))
	}
	first := must(w.cars.List(t.Context(), fleet.Filter{Sort: "year", Query: page.Query{Limit: 1}}, day(0)))(t)
	raw := must(base64.RawURLEncoding.DecodeString(first.Next))(t)
	b64 := base64.RawURLEncoding.EncodeToString
	for what, f := range map[string]fleet.Filter{
		"another sort":       {Sort: "mileage", Query: page.Query{Cursor: first.Next}},
		"the other way":      {Sort: "-year", Query: page.Query{Cursor: first.Next}},
		"the usual sort":     {Query: page.Query{Cursor: first.Next}},
		"no base64":          {Sort: "year", Query: page.Query{Cursor: "!!"}},
		"no JSON":            {Sort: "year", Query: page.Query{Cursor: b64([]byte("x"))}},
		"cut off":            {Sort: "year", Query: page.Query{Cursor: first.Next[:len(first.Next)-3]}},
		"text for a number":  {Sort: "year", Query: page.Query{Cursor: b64([]byte(strings.Replace(string(raw), "2020", `"x"`, 1)))}},
		"a huge number":      {Sort: "year", Query: page.Query{Cursor: b64([]byte(strings.Replace(string(raw), "2020", "1e30", 1)))}},
		"no value":           {Sort: "year", Query: page.Query{Cursor: b64([]byte(`{"s":"year","i":"x"}`))}},
		"null":               {Sort: "year", Query: page.Query{Cursor: b64([]byte(`{"s":"year","v":null,"i":"x"}`))}},
		"NUL in the id":      {Sort: "year", Query: page.Query{Cursor: b64([]byte(`{"s":"year","v":1,"i":"\u0000"}`))}},
		"NUL in a text":      {Sort: "licensePlate", Query: page.Query{Cursor: b64([]byte(`{"s":"licensePlate","v":"\u0000","i":"x"}`))}},
		"no moment":          {Sort: "createdAt", Query: page.Query{Cursor: b64([]byte(`{"s":"createdAt","v":"x","i":"x"}`))}},
		"no sort":            {Sort: "id"},
		"SQL for a sort":     {Sort: "year; DROP TABLE cars"},
		"a page too deep":    {Query: page.Query{Page: 11, Limit: 1000}},
		"a cursor and page":  {Sort: "year", Query: page.Query{Cursor: first.Next, Page: 2}},
		"two minus signs":    {Sort: "--year"},
		"a minus sign":       {Sort: "-"},
		"with capitals":      {Sort: "Year"},
		"a column's name":    {Sort: "license_plate"},
		"a cursor of spaces": {Query: page.Query{Cursor: " "}},
	} {
		_, err := w.cars.List(t.Context(), f, day(0))
		if wantErr(t, what, err, page.ErrQuery); fault.Of(err).Kind != fault.Malformed {
			t.Errorf("%s: kind %d, want malformed", what, fault.Of(err).Kind)
		}
	}
	injected := b64([]byte(`{"s":"year","v":0,"i":"' OR 1=1 --"}`))
	if got := must(w.cars.List(t.Context(), fleet.Filter{Sort: "year", Query: page.Query{Cursor: injected}}, day(0)))(t); len(got.Items) != 3 {
		t.Errorf("%d behind an id with quotes, want 3", len(got.Items))
	}
}

// listTotals fills a table beyond what is counted.
func listTotals(t *testing.T, w *world) {
	fill := func(from, to int) {
		w.exec(t, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO audit_logs (id, action, resource, description, changes, status, created_at, search)
			SELECT 'log-' || CAST(100000 + i AS TEXT), 'CREATE', 'car', '', '{}', 'success', '2026-06-01 12:00:00+00:00', '' FROM n`, from, to))
	}
	check := func(what string, q page.Query, total int, atLeast bool) {
		t.Helper()
		got := must(w.logs.List(t.Context(), audit.Filter{Query: q}))(t)
		if got.Total != total || got.AtLeast != atLeast {
			t.Errorf("%s: %d, at least %t; want %d, %t", what, got.Total, got.AtLeast, total, atLeast)
		}
	}
	fill(1, 9_999)
	check("9,999 rows", page.Query{Limit: 1}, 9_999, false)
	check("their last page", page.Query{Page: 100, Limit: 100}, 9_999, false)
	fill(10_000, 10_000)
	check("10,000 rows", page.Query{Limit: 1}, 10_000, false)
	check("their last page", page.Query{Page: 100, Limit: 100}, 10_000, false)
	fill(10_001, 10_100)
	check("a last page across the limit", page.Query{Page: 34, Limit: 300}, 10_000, true)
	fill(10_101, 12_345)
	check("12,345 rows", page.Query{Limit: 1}, 10_000, true)
	check("a page across the limit", page.Query{Page: 34, Limit: 300}, 10_000, true)

	_, err := w.logs.List(t.Context(), audit.Filter{Query: page.Query{Page: 101, Limit: 100}})
	wantErr(t, "beyond row 10,000", err, page.ErrQuery)
	if got := must(w.logs.List(t.Context(), audit.Filter{Selection: audit.Selection{Resource: "none"}, Query: page.Query{Page: 5}}))(t); got.Total != 0 || got.Items == nil {
		t.Errorf("page 5 of nothing: %d, %v", got.Total, got.Items)
	}
	q, seen := page.Query{Page: 100, Limit: 100}, 9_900
	for more := true; more; {
		got := must(w.logs.List(t.Context(), audit.Filter{Query: q}))(t)
		seen, more = seen+len(got.Items), got.More
		q = page.Query{Cursor: got.Next, Limit: 1000}
	}
	if seen != 12_345 {
		t.Errorf("cursors reached %d rows, want 12,345", seen)
	}
}
