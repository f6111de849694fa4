package storetest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"cartracker/internal/audit"
	"cartracker/internal/customers"
	"cartracker/internal/fleet"
	"cartracker/internal/identity"
	"cartracker/internal/money"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

func (w *world) newCar(plate string) fleet.Car {
	return fleet.Car{Meta: newMeta[fleet.CarID](w.now()), Details: details(plate)}
}

// feedOrder writes at once, with transactions that are rolled back among them,
// while somebody follows the feed: who reads up to a number has missed nothing before it.
func feedOrder(t *testing.T, w *world) {
	var cars []fleet.Car
	for i := range 4 {
		cars = append(cars, w.addCar(t, fmt.Sprint("A", i)))
	}
	done := make(chan struct{})
	var reader, writers sync.WaitGroup
	reader.Go(func() {
		last := 0
		for follow := true; follow; {
			select {
			case <-done:
				follow = false // once more, to the end
			default:
			}
			rows, err := w.raw.QueryContext(t.Context(), "SELECT seq FROM changes WHERE seq > $1 ORDER BY seq", last)
			if err != nil {
				t.Error(err)
				return
			}
			for rows.Next() {
				var seq int
				if err := rows.Scan(&seq); err != nil || seq != last+1 {
					t.Errorf("%d follows %d in the feed, %v", seq, last, err)
				}
				last = seq
			}
			rows.Close()
		}
		if last != 80 { // 4 writers tell of 10 changes, and 5 times of two
			t.Errorf("the feed ends at %d, want 80", last)
		}
	})
	for i := range 4 {
		writers.Go(func() {
			for round := range 10 {
				amend := func(ctx context.Context, n int) error {
					_, err := w.fleet.Amend(ctx, fleet.Ref(cars[i].ID), record.AnyVersion, func(d *fleet.Draft) error { d.Mileage += n; return nil })
					return err
				}
				wantErr(t, "Amend", amend(as(t, w.admin), 1), nil)
				err := w.db.InTx(as(t, w.admin), func(ctx context.Context) error {
					if err := amend(ctx, 1); err != nil {
						return err
					}
					return errBoom
				})
				wantErr(t, "rolled back", err, errBoom)
				if round%2 == 0 {
					err = w.db.InTx(as(t, w.admin), func(ctx context.Context) error {
						if err := amend(ctx, 1); err != nil {
							return err
						}
						return amend(ctx, 1)
					})
					wantErr(t, "two in one", err, nil)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	reader.Wait()
	if n := w.count(t, "SELECT seq FROM change_counter"); n != 80 {
		t.Errorf("the counter is at %d, want 80", n)
	}
}

// traces runs do and returns what it left in the feed and in the log.
func (w *world) traces(t testing.TB, do func()) (feed, log string) {
	t.Helper()
	last := w.count(t, "SELECT seq FROM change_counter")
	logs := map[string]bool{}
	for _, l := range must(w.logs.List(t.Context(), audit.Filter{}))(t).Items {
		logs[string(l.ID)] = true
	}
	do()
	rows, err := w.raw.QueryContext(t.Context(), "SELECT topic, kind, version FROM changes WHERE seq > $1 ORDER BY seq", last)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var topic, kind string
		var version int
		if err := rows.Scan(&topic, &kind, &version); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %s %d", topic, kind, version))
	}
	var told []string
	for _, l := range must(w.logs.List(t.Context(), audit.Filter{Sort: "createdAt"}))(t).Items {
		if !logs[string(l.ID)] {
			told = append(told, fmt.Sprintf("%s %s %s by %s", l.Action, l.Resource, l.Status, *l.Username))
		}
	}
	return strings.Join(out, ", "), strings.Join(told, ", ")
}

// feedRows does everything that writes, and wants it told in feed and log.
func feedRows(t *testing.T, w *world) {
	admin, desk := as(t, w.admin), as(t, w.employee)
	var car, other fleet.Car
	var ana customers.Customer
	var c rental.Contract
	var u identity.User
	var err error
	amendCar := func(change func(*fleet.Draft)) {
		_, err = w.fleet.Amend(admin, fleet.Ref(car.ID), record.AnyVersion, func(d *fleet.Draft) error { change(d); return nil })
	}
	amend := func(change func(*rental.Draft)) {
		_, err = w.rental.Amend(desk, c.ID, record.AnyVersion, func(d *rental.Draft) error { change(d); return nil })
	}
	amendUser := func(change func(*identity.Account)) {
		_, err = w.identity.Amend(admin, u.ID, record.AnyVersion, func(a *identity.Account) error { change(a); return nil })
	}
	for _, step := range []struct {
		what      string
		do        func()
		feed, log string
	}{
		{"add a car", func() {
			car, err = w.fleet.Add(admin, func(d *fleet.Draft) error { d.Details = details("A1"); return nil })
		}, "cars created 1", "CREATE car success by admin"},
		{"change it", func() { amendCar(func(d *fleet.Draft) { d.Mileage = 5 }) }, "cars updated 2", "UPDATE car success by admin"},
		{"change nothing", func() { amendCar(func(*fleet.Draft) {}) }, "", ""},
		{"archive it", func() { _, err = w.fleet.Archive(admin, "A1", true) }, "cars updated 3", "UPDATE car success by admin"},
		{"archive it again", func() { _, err = w.fleet.Archive(admin, "A1", true) }, "", ""},
		{"put it back", func() { _, err = w.fleet.Archive(admin, "A1", false) }, "cars updated 4", "UPDATE car success by admin"},
		{"add another", func() {
			other, err = w.fleet.Add(admin, func(d *fleet.Draft) error { d.Details = details("A2"); return nil })
		}, "cars created 1", "CREATE car success by admin"},
		{"add a customer", func() {
			ana, err = w.clients.Add(desk, func(d *customers.Draft) error { *d = client("Ana"); return nil })
		}, "customers created 1", "CREATE customer success by desk"},
		{"change her", func() {
			_, err = w.clients.Amend(desk, ana.ID, 1, func(d *customers.Draft) error { d.Name = "Anna"; return nil })
		}, "customers updated 2", "UPDATE customer success by desk"},
		{"rent", func() { c, err = w.rent(t, car.ID, ana.ID, 3, 5) }, "contracts created 1, cars updated 0", "CREATE contract success by desk"},
		{"extend", func() { amend(func(d *rental.Draft) { d.EndDate = day(6) }) }, "contracts updated 2, cars updated 0", "UPDATE contract success by desk"},
		{"change the car", func() { amend(func(d *rental.Draft) { d.CarID = other.ID }) }, "contracts updated 3, cars updated 0, cars updated 0", "UPDATE contract success by desk"},
		{"notify", func() { _, err = w.rental.MarkNotified(desk, c.ID) }, "contracts updated 4, cars updated 0", "UPDATE contract success by desk"},
		{"cancel", func() { _, err = w.rental.Cancel(desk, c.ID, 4, "changed their mind") }, "contracts updated 5, cars updated 0", "UPDATE contract success by desk"},
		{"delete it", func() { err = w.rental.Remove(admin, c.ID, 5) }, "contracts deleted 6, cars updated 0", "DELETE contract success by admin"},
		{"delete her", func() { err = w.clients.Remove(admin, ana.ID, 2) }, "customers deleted 3", "DELETE customer success by admin"},
		{"delete the car", func() { err = w.fleet.Remove(admin, fleet.Ref(car.ID), 4) }, "cars deleted 5", "DELETE car success by admin"},
		{"add a user", func() {
			u, err = w.identity.Add(admin, func(d *identity.Draft) error {
				d.Username, d.Email, d.Password = "new", "new@example.com", identity.NewPassword("long enough")
				return nil
			})
		}, "users created 1", "CREATE user success by admin"},
		{"rename", func() { amendUser(func(a *identity.Account) { a.Name = ptr("New") }) }, "users updated 2", "UPDATE user success by admin"},
		{"promote", func() { amendUser(func(a *identity.Account) { a.Role = record.Employee }) }, "users updated 3, sessions deleted 0", "UPDATE user success by admin"},
		{"reset a password", func() {
			err = w.identity.ResetPassword(admin, u.ID, identity.NewPassword("long enough"))
		}, "users updated 3, sessions deleted 0", "UPDATE user success by admin"},
		{"delete the user", func() { _, err = w.identity.Remove(admin, u.ID, 3) }, "users deleted 4, sessions deleted 0", "DELETE user success by admin"},
		{"sign in", func() { _, err = w.login(t, "guest", "password of guest") }, "sessions created 1", "LOGIN session success by guest"},
		{"sign out", func() {
			err = w.identity.Logout(record.As(desk, record.Caller{Person: w.user.Person(), SessionID: nobody}), false)
		}, "sessions deleted 0", "LOGOUT session success by guest"},
	} {
		err = nil
		feed, log := w.traces(t, step.do)
		if err != nil || feed != step.feed || log != step.log {
			t.Errorf("%s: %v\n feed %q, want %q\n log  %q, want %q", step.what, err, feed, step.feed, log, step.log)
		}
	}
}

// refusals says that who is refused for what is recorded is told of in the
// log, once, whatever becomes of the transaction, and in the feed never.
func refusals(t *testing.T, w *world) {
	car, ana := w.addCar(t, "A1"), w.addCustomer(t, "Ana")
	c := w.mustRent(t, car.ID, ana.ID, 10, 12)
	w.mustRent(t, car.ID, ana.ID, 0, 2)
	rent := func(ctx context.Context, from int) error {
		_, err := w.rental.Rent(ctx, func(d *rental.Draft) error {
			d.CarID, d.CustomerID, d.StartDate, d.EndDate = car.ID, ana.ID, day(from), day(from+2)
			return nil
		})
		return err
	}
	for what, do := range map[string]func(ctx context.Context) error{
		"by itself": func(ctx context.Context) error { return rent(ctx, 1) },
		"in a transaction that fails": func(ctx context.Context) error {
			return w.db.InTx(ctx, func(ctx context.Context) error { return rent(ctx, 1) })
		},
		"in one that goes on, and fails": func(ctx context.Context) error {
			var refused error
			err := w.db.InTx(ctx, func(ctx context.Context) error {
				refused = rent(ctx, 1)
				return errors.Join(refused, rent(ctx, 30), errBoom)
			})
			wantErr(t, "InTx", err, errBoom)
			return refused
		},
		"and the client leaves": func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			return w.db.InTx(ctx, func(ctx context.Context) error {
				defer cancel()
				return rent(ctx, 1)
			})
		},
	} {
		feed, log := w.traces(t, func() { wantErr(t, what, do(as(t, w.employee)), rental.ErrCarTaken) })
		if feed != "" || log != "CREATE contract failure by desk" {
			t.Errorf("%s: feed %q, log %q", what, feed, log)
		}
	}
	feed, log := w.traces(t, func() {
		_, err := w.rental.Amend(as(t, w.employee), c.ID, record.AnyVersion, func(d *rental.Draft) error { d.StartDate = day(1); return nil })
		wantErr(t, "Amend", err, rental.ErrCarTaken)
	})
	if feed != "" || log != "UPDATE contract failure by desk" {
		t.Errorf("moved: feed %q, log %q", feed, log)
	}
	feed, log = w.traces(t, func() { _ = rent(as(t, w.user), 1); _, _ = w.rent(t, car.ID, ana.ID, 5, 4) })
	if feed != "" || log != "" {
		t.Errorf("who may not, or asks for nonsense, is told of: feed %q, log %q", feed, log)
	}
}

// auditRows reads entries back, and rolls one back with what it tells of.
func auditRows(t *testing.T, w *world) {
	admin := as(t, w.admin)
	car := must(w.fleet.Add(admin, func(d *fleet.Draft) error { d.Details = details("A1"); return nil }))(t)
	must(w.fleet.Amend(admin, fleet.Ref(car.ID), 1, func(d *fleet.Draft) error {
		d.PricePerDay, d.Color = money.Minor(55_50), ptr("plava")
		return nil
	}))(t)
	logs := must(w.audit.List(admin, audit.Filter{Selection: audit.Selection{ResourceID: string(car.ID), Action: record.Update}, Sort: "createdAt"}))(t)
	got := must(w.audit.Get(admin, logs.Items[0].ID))(t)
	changes := string(must(json.Marshal(got.Changes))(t))
	if want := `{"before":{"color":null,"pricePerDay":45},"after":{"color":"plava","pricePerDay":55.5}}`; changes != want {
		t.Errorf("changes %s, want %s", changes, want)
	}
	if *got.UserID != w.admin.ID || *got.Username != "admin" || *got.UserRole != record.Admin || *got.IPAddress != "192.0.2.1" ||
		*got.UserAgent != "test" || *got.RequestID != "request-1" || got.CreatedAt != w.now() {
		t.Errorf("got %+v", got)
	}
	before := w.count(t, "SELECT COUNT(*) FROM audit_logs")
	err := w.db.InTx(admin, func(ctx context.Context) error {
		must(w.fleet.Add(ctx, func(d *fleet.Draft) error { d.Details = details("A2"); return nil }))(t)
		return errBoom
	})
	wantErr(t, "rolled back", err, errBoom)
	_, err = w.fleet.Add(admin, func(d *fleet.Draft) error { d.Details = details("a-1"); return nil })
	wantErr(t, "refused", err, fleet.ErrPlateTaken)
	if n := w.count(t, "SELECT COUNT(*) FROM audit_logs"); n != before {
		t.Errorf("%d entries tell of what was rolled back", n-before)
	}
	_, err = w.audit.List(as(t, w.employee), audit.Filter{})
	wantErr(t, "read by an employee", err, record.ErrForbidden)
	_, err = w.audit.Get(as(t, w.employee), got.ID)
	wantErr(t, "read by an employee", err, record.ErrForbidden)
}

func auditMasks(t *testing.T, w *world) {
	desk := as(t, w.employee)
	c := must(w.clients.Add(desk, func(d *customers.Draft) error {
		*d = client("Ana")
		d.PassportNumber, d.DriverLicenseNumber, d.IDOfPerson = "PASSPORT-A12345", "LICENSE-B67890", ptr("PERSON-C24680")
		return nil
	}))(t)
	must(w.clients.Amend(desk, c.ID, 1, func(d *customers.Draft) error { d.PassportNumber = "PASSPORT-X99999"; return nil }))(t)
	must(w.identity.AmendMe(desk, 1, func(p *identity.Profile) error { p.CitizenshipID = ptr("CITIZEN-D13579"); return nil }))(t)
	car := w.addCar(t, "A1")
	w.mustRent(t, car.ID, c.ID, 0, 1)
	wantErr(t, "Remove", w.clients.Remove(as(t, w.admin), w.addCustomer(t, "Berina").ID, 1), nil)
	for _, canary := range []string{"A12345", "B67890", "C24680", "X99999", "D13579"} {
		if n := w.count(t, "SELECT COUNT(*) FROM audit_logs WHERE changes LIKE $1 OR description LIKE $1", "%"+canary[1:]+"%"); n != 0 {
			t.Errorf("the log holds %s in %d entries", canary, n)
		}
		if n := w.count(t, "SELECT COUNT(*) FROM audit_logs WHERE changes LIKE $1", "%"+canary[3:]+"%"); n == 0 {
			t.Errorf("the log does not hold the end of %s", canary)
		}
	}
}

// secretsHidden signs in, fails to, and changes passwords, then looks for them
// in every text of the database.
func secretsHidden(t *testing.T, w *world) {
	admin := as(t, w.admin)
	canaries := []string{"canary-one", "canary-two", "canary-three", "canary-four"}
	password := func(n int) identity.Password { return identity.NewPassword(canaries[n]) }
	u := must(w.identity.Add(admin, func(d *identity.Draft) error {
		d.Username, d.Email, d.Password = "yellow", "yellow@example.com", password(0)
		return nil
	}))(t)
	pass := must(w.login(t, "yellow", canaries[0]))(t)
	renewed := must(w.identity.Renew(t.Context(), pass.Refresh))(t)
	_, err := w.login(t, "yellow", canaries[1])
	wantErr(t, "a wrong password", err, identity.ErrCredentials)
	_, err = w.login(t, canaries[1], canaries[1])
	wantErr(t, "a password for a name", err, identity.ErrCredentials)
	wantErr(t, "ChangePassword", w.identity.ChangePassword(as(t, u), u.ID, password(0), password(2)), nil)
	wantErr(t, "ResetPassword", w.identity.ResetPassword(admin, u.ID, password(3)), nil)
	expectSetup(t, w, "canary-code")
	must(w.login(t, "yellow", canaries[3]))(t)

	all := w.everything(t)
	if !strings.Contains(all, "yellow@example.com") || !strings.Contains(all, "signed in") {
		t.Fatal("the search does not find what is there")
	}
	for _, secret := range append(canaries, pass.Refresh, renewed.Refresh, pass.Access, "canary") {
		if strings.Contains(all, secret) {
			t.Errorf("the database holds %s", secret)
		}
	}
}

// everything returns all that the database holds, as text.
func (w *world) everything(t testing.TB) string {
	t.Helper()
	var out strings.Builder
	for _, table := range tables(t, w.raw, w.db.Name()) {
		rows, err := w.raw.QueryContext(t.Context(), "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		cols := must(rows.Columns())(t)
		for rows.Next() {
			values := make([]sql.NullString, len(cols))
			targets := make([]any, len(cols))
			for i := range values {
				targets[i] = &values[i]
			}
			if err := rows.Scan(targets...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&out, table, values)
		}
		rows.Close()
	}
	return out.String()
}
