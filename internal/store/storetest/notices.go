package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/identity"
	"cartracker/internal/notifications"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// telling returns a world whose services tell the admins what they do, as those
// of the program do.
func (w *world) telling() *world {
	env := w.inboxes.Env
	env.Journal = notifications.Journal{Journal: env.Journal, Announce: w.inboxes.Announce}
	people, cars, clients, contracts := *w.identity, *w.fleet, *w.clients, *w.rental
	people.Env, cars.Env, clients.Env, contracts.Env = env, env, env, env
	return &world{
		Database: w.Database, db: w.db, raw: w.raw, clock: w.clock, users: w.users, logs: w.logs, inboxes: w.inboxes,
		identity: &people, fleet: &cars, clients: &clients, rental: &contracts, admin: w.admin, employee: w.employee, user: w.user,
	}
}

func carDraft(plate string) func(*fleet.Draft) error {
	return func(d *fleet.Draft) error { d.Details = details(plate); return nil }
}

func userDraft(name string, role record.Role) func(*identity.Draft) error {
	return func(d *identity.Draft) error {
		d.Username, d.Email, d.Role, d.Password = name, name+"@example.com", role, identity.NewPassword("long enough")
		return nil
	}
}

func draft(car fleet.CarID, customer customers.CustomerID, from, until int) func(*rental.Draft) error {
	return func(d *rental.Draft) error {
		d.CarID, d.CustomerID, d.StartDate, d.EndDate = car, customer, day(from), day(until)
		return nil
	}
}

// texts returns the one column of a query, past the program.
func (w *world) texts(t testing.TB, query string, args ...any) (out []string) {
	t.Helper()
	rows, err := w.raw.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// operator is who uses the command line.
func operator(t testing.TB) context.Context {
	return record.As(t.Context(), record.Caller{Person: record.Person{Username: "cli:test", Role: record.Admin}})
}

// notices does everything that admins are told of, and wants it told to each of
// them but who did it, with nothing in it that is nobody's business.
func notices(t *testing.T, plain *world) {
	w := plain.telling()
	second := w.user2admin(t)
	w.exec(t, "UPDATE users SET language = 'bs' WHERE username = 'second'")
	w.exec(t, "UPDATE users SET active = FALSE WHERE id = $1", string(w.addUser(t, "gone", record.Admin, nil).ID))
	admin, desk := as(t, w.admin), as(t, w.employee)
	var car fleet.Car
	var ana customers.Customer
	var c rental.Contract
	var u identity.User
	var err error
	amend := func(change func(*identity.Account)) {
		_, err = w.identity.Amend(admin, u.ID, record.AnyVersion, func(a *identity.Account) error { change(a); return nil })
	}
	setup := *w.identity
	setup.RegistrationOpen = true
	for _, step := range []struct {
		what string
		do   func()
		want string // who is told, and what
	}{
		{"add a car", func() { car, err = w.fleet.Add(admin, carDraft("A1")) }, "second: admin car-new Novo vozilo u voznom parku: Volkswagen Golf, A1"},
		{"change it", func() {
			_, err = w.fleet.Amend(admin, fleet.Ref(car.ID), 0, func(d *fleet.Draft) error { d.Mileage = 5; return nil })
		}, ""},
		{"add a customer", func() {
			ana, err = w.clients.Add(desk, func(d *customers.Draft) error { *d = client("Ana"); return nil })
		}, "admin: desk customer-new New customer: Ana; second: desk customer-new Novi klijent: Ana"},
		{
			"rent out", func() { c, err = w.rental.Rent(desk, draft(car.ID, ana.ID, 1, 3)) },
			"admin: desk contract-new New contract CTR-2026-00001: Volkswagen Golf, A1, for Ana, 2 days; " +
				"second: desk contract-new Novi ugovor CTR-2026-00001: Volkswagen Golf, A1, klijent Ana, 2 dana",
		},
		{"rent out in vain", func() {
			_, err = w.rental.Rent(desk, draft(car.ID, ana.ID, 1, 3))
			if errors.Is(err, rental.ErrCarTaken) {
				err = nil
			}
		}, ""},
		{"extend it", func() {
			_, err = w.rental.Amend(admin, c.ID, 0, func(d *rental.Draft) error { d.EndDate = day(4); return nil })
		}, "second: admin contract-updated Izmijenjen je ugovor CTR-2026-00001: Volkswagen Golf, A1, Ana"},
		{"change nothing", func() { _, err = w.rental.Amend(admin, c.ID, 0, func(*rental.Draft) error { return nil }) }, ""},
		{"mark it", func() { _, err = w.rental.MarkNotified(desk, c.ID) }, ""},
		{"cancel it", func() { _, err = w.rental.Cancel(admin, c.ID, 0, "the customer is ill") }, "second: admin contract-updated Otkazan je ugovor CTR-2026-00001: Volkswagen Golf, A1, Ana"},
		{"rent out again", func() { c, err = w.rental.Rent(as(t, second), draft(car.ID, ana.ID, 8, 9)) }, "admin: second contract-new New contract CTR-2026-00002: Volkswagen Golf, A1, for Ana, 1 day"},
		{"delete it", func() { err = w.rental.Remove(as(t, second), c.ID, 0) }, "admin: second contract-updated Contract CTR-2026-00002 was deleted: Volkswagen Golf, A1, Ana"},
		{"make a user", func() { u, err = w.identity.Add(admin, userDraft("new", record.Employee)) }, "second: admin user-new Novi korisnik: new"},
		{"make an admin", func() { _, err = w.identity.Add(admin, userDraft("third", record.Admin)) }, "second: admin user-new Novi korisnik: third"},
		{"take them back", func() { w.exec(t, "UPDATE users SET active = FALSE WHERE username = 'third'") }, ""},
		{"register", func() {
			_, err = setup.Register(t.Context(), func(r *identity.Registration) error {
				r.Username, r.Email, r.Password = "self", "self@example.com", identity.NewPassword("long enough")
				return nil
			})
		}, "admin: nobody user-new self made an account; second: nobody user-new Novi korisnik se registrovao: self"},
		{"change a user", func() { amend(func(a *identity.Account) { a.Name = ptr("New") }) }, "second: admin user-updated Izmijenjeni su podaci korisnika new"},
		{"deactivate them", func() { amend(func(a *identity.Account) { a.Active = false }) }, "second: admin user-updated Deaktiviran je korisnik new"},
		{"activate them", func() { amend(func(a *identity.Account) { a.Active = true }) }, "second: admin user-updated Ponovo je aktivan korisnik new"},
		{"change oneself", func() {
			_, err = w.identity.AmendMe(desk, 0, func(p *identity.Profile) error { p.Name = ptr("Desk"); return nil })
		}, "admin: desk user-updated The user desk was changed; second: desk user-updated Izmijenjeni su podaci korisnika desk"},
		{"set a password", func() { err = w.identity.ResetPassword(admin, u.ID, identity.NewPassword("something else")) }, ""},
		{"delete who left no trace", func() { _, err = w.identity.Remove(admin, u.ID, 0) }, ""},
		{"delete who did", func() { _, err = w.identity.Remove(admin, w.employee.ID, 0) }, "second: admin user-updated Deaktiviran je korisnik desk"},
		{
			"on the command line", func() { _, err = w.fleet.Add(operator(t), carDraft("A2")) },
			"admin: nobody car-new New in the fleet: Volkswagen Golf, A2; second: nobody car-new Novo vozilo u voznom parku: Volkswagen Golf, A2",
		},
		{
			"an admin on the command line", func() { _, err = w.identity.Add(operator(t), userDraft("fourth", record.Admin)) },
			"admin: nobody user-new New user: fourth; second: nobody user-new Novi korisnik: fourth",
		},
		{"an import", func() { err = w.importCar(t, "A3") }, ""},
	} {
		err = nil
		w.exec(t, "DELETE FROM notifications")
		step.do()
		if got := w.told(t); err != nil || got != step.want {
			t.Errorf("%s: %v, told %q, want %q", step.what, err, got, step.want)
		}
		for _, data := range w.texts(t, "SELECT data FROM notifications") {
			for _, secret := range []string{"P-Ana", "L-Ana", "@", "long enough"} {
				if strings.Contains(data, secret) {
					t.Errorf("%s: it tells %s", step.what, data)
				}
			}
		}
	}
}

// importCar takes one row of a file into the fleet.
func (w *world) importCar(t testing.TB, plate string) error {
	return w.db.InTx(as(t, w.admin), func(ctx context.Context) error {
		rows, err := w.fleet.Import(ctx, []func(*fleet.Draft) error{carDraft(plate)}, func(context.Context, []string) (map[string]bool, error) { return nil, nil })
		if err == nil && rows[0].Did != record.Added {
			err = fmt.Errorf("the row was %s", rows[0].Did)
		}
		return err
	})
}

// told returns who is told what by whom, those who can look at it.
func (w *world) told(t testing.TB) string {
	t.Helper()
	var out []string
	for _, name := range w.texts(t, "SELECT username FROM users ORDER BY username") {
		u, _, err := w.users.Named(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range w.inbox(t, u) {
			by := "nobody"
			if n.Sender != nil {
				by = n.Sender.Username
			}
			out = append(out, fmt.Sprintf("%s: %s %s %s", name, by, n.Type, n.Message))
		}
	}
	return strings.Join(out, "; ")
}

// noticesTold looks at what the feed is told of a change and its notices, in
// which order, and that nobody is told of what was rolled back.
func noticesTold(t *testing.T, plain *world) {
	w := plain.telling()
	w.user2admin(t)
	feed, log := w.traces(t, func() { must(w.fleet.Add(as(t, w.employee2admin()), carDraft("A1")))(t) })
	if want := "cars created 1, notifications created 1, notifications created 1"; feed != want || log != "CREATE car success by desk" {
		t.Errorf("told %q and %q, want %q", feed, log, want)
	}
	ids := w.texts(t, "SELECT id FROM notifications ORDER BY id")
	if got := w.texts(t, "SELECT id FROM changes WHERE topic = 'notifications' ORDER BY id"); !slices.Equal(got, ids) {
		t.Errorf("the feed tells of %v, want %v", got, ids)
	}
}

// employee2admin is the employee with the rights of an admin.
func (w *world) employee2admin() identity.User {
	u := w.employee
	u.Role = record.Admin
	return u
}

// noticesUndone rolls changes back, alone and beside others that commit.
func noticesUndone(t *testing.T, plain *world) {
	w := plain.telling()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			err := w.db.InTx(as(t, w.employee), func(ctx context.Context) error {
				_, err := w.clients.Add(ctx, func(d *customers.Draft) error { *d = client(fmt.Sprint("Ana", i)); return nil })
				if i%2 == 1 {
					return errors.Join(err, errBoom)
				}
				return err
			})
			if i%2 == 0 {
				wantErr(t, "Add", err, nil)
			}
		})
	}
	wg.Wait()
	for _, table := range []string{"customers", "notifications", "changes WHERE topic = 'notifications'"} {
		if n := w.count(t, "SELECT COUNT(*) FROM "+table); n != 4 {
			t.Errorf("%d rows in %s, want 4", n, table)
		}
	}
}

// noticesOfGone deletes admins while others are told: nobody's change fails for
// who is gone.
func noticesOfGone(t *testing.T, plain *world) {
	w := plain.telling()
	var wg sync.WaitGroup
	for i := range 6 {
		u := w.addUser(t, fmt.Sprint("short", i), record.Admin, nil)
		wg.Go(func() {
			_, err := w.identity.Remove(as(t, w.admin), u.ID, record.AnyVersion)
			wantErr(t, "Remove", err, nil)
		})
		wg.Go(func() {
			_, err := w.clients.Add(as(t, w.employee), func(d *customers.Draft) error { *d = client(fmt.Sprint("Ana", i)); return nil })
			wantErr(t, "Add", err, nil)
		})
	}
	wg.Wait()
	if n := w.count(t, "SELECT COUNT(*) FROM notifications WHERE recipient_id = $1", string(w.admin.ID)); n != 6 {
		t.Errorf("the admin who stays is told of %d, want 6", n)
	}
}

// send writes messages to whom it may, and to nobody else.
func send(t *testing.T, w *world) {
	second := w.user2admin(t)
	gone := w.addUser(t, "gone", record.Employee, nil)
	w.exec(t, "UPDATE users SET active = FALSE WHERE username = 'gone'")
	for what, c := range map[string]struct {
		from   identity.User
		fill   func(*notifications.Draft)
		wrong  string
		to     []identity.User
		audits string
	}{
		"to a user":   {w.employee, func(d *notifications.Draft) { d.RecipientID = &w.user.ID }, "", []identity.User{w.user}, "sent a message to guest"},
		"to admins":   {w.admin, func(d *notifications.Draft) { d.Role = ptr(record.Admin) }, "", []identity.User{second}, "sent a message to all of role admin"},
		"to the desk": {w.admin, func(d *notifications.Draft) { d.Role = ptr(record.Employee) }, "", []identity.User{w.employee}, "sent a message to all of role employee"},
		"to nobody":   {w.employee, func(d *notifications.Draft) { d.Role = ptr(record.Employee) }, "", nil, "sent a message to all of role employee"},
		"to a ghost":  {w.employee, func(d *notifications.Draft) { d.RecipientID = ptr(record.UserID(nobody)) }, "recipientId", nil, ""},
		"to who left": {w.employee, func(d *notifications.Draft) { d.RecipientID = &gone.ID }, "recipientId", nil, ""},
		"to oneself":  {w.employee, func(d *notifications.Draft) { d.RecipientID = &w.employee.ID }, "recipientId", nil, ""},
	} {
		w.exec(t, "DELETE FROM notifications")
		w.exec(t, "DELETE FROM audit_logs")
		n, err := w.inboxes.Send(as(t, c.from), func(d *notifications.Draft) error {
			d.Message = " hello "
			c.fill(d)
			return nil
		})
		if fields := fault.Of(err).Fields; c.wrong != "" && (len(fields) != 1 || fields[0].Field != c.wrong) || c.wrong == "" && err != nil {
			t.Errorf("%s: %v, want wrong %q", what, err, c.wrong)
		}
		if got := w.count(t, "SELECT COUNT(*) FROM notifications"); n != len(c.to) || got != len(c.to) {
			t.Errorf("%s: %d are sent, %d there; want %d", what, n, got, len(c.to))
		}
		for _, u := range c.to {
			if got := w.inbox(t, u); len(got) != 1 || got[0].Message != "hello" || got[0].Type != record.Message || got[0].Sender.ID != c.from.ID {
				t.Errorf("%s: %s is told %+v", what, u.Username, got)
			}
		}
		if got := strings.Join(w.texts(t, "SELECT description FROM audit_logs"), " "); got != c.audits {
			t.Errorf("%s: the audit log has %q, want %q", what, got, c.audits)
		}
	}
}

// sendMany writes to more than one statement takes.
func sendMany(t *testing.T, w *world) {
	const n = 1203
	w.exec(t, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1202)
		INSERT INTO users (id, version, created_at, updated_at, username, username_key, email, email_key, role, language, active, search)
		SELECT 'id-' || i, 1, u.created_at, u.created_at, 'u' || i, 'u' || i, 'u' || i, 'u' || i, 'user', 'en', TRUE, '' FROM n, users u WHERE u.username = 'guest'`)
	got := must(w.inboxes.Send(as(t, w.admin), func(d *notifications.Draft) error {
		d.Role, d.Message = ptr(record.User), "all of you"
		return nil
	}))(t)
	rows := w.count(t, "SELECT COUNT(DISTINCT recipient_id) FROM notifications")
	if told := w.count(t, "SELECT COUNT(*) FROM changes WHERE topic = 'notifications'"); got != n || rows != n || told != n {
		t.Errorf("sent to %d, %d rows, %d changes; want %d", got, rows, told, n)
	}
}

// active writes that users are active: at most once a minute, and nothing else
// of them, however many instances do.
func active(t *testing.T, w *world) {
	before := must(w.users.Get(t.Context(), w.employee.ID))(t)
	seq := w.count(t, "SELECT seq FROM change_counter")
	for i, step := range []struct {
		after time.Duration
		want  time.Duration // after the begin
	}{{0, 0}, {30 * time.Second, 0}, {30 * time.Second, time.Minute}, {59 * time.Second, time.Minute}, {time.Hour, time.Hour + 119*time.Second}} {
		w.pass(step.after)
		for range 2 { // of each instance
			a := &identity.Activity{InTx: w.db.InTx, Store: w.users, Now: w.now}
			a.Note(w.employee.ID)
			a.Note(nobody)
			wantErr(t, "Flush", a.Flush(t.Context()), nil)
		}
		got := must(w.users.Get(t.Context(), w.employee.ID))(t)
		want := before
		want.LastActiveAt = ptr(before.CreatedAt.Add(step.want))
		if got.LastActiveAt == nil || *got.LastActiveAt != *want.LastActiveAt || got.Version != 1 || got.UpdatedAt != before.UpdatedAt {
			t.Errorf("step %d: %v, want %v", i, got, want)
		}
	}
	if got := must(w.users.Get(t.Context(), w.user.ID))(t); got.LastActiveAt != nil {
		t.Errorf("somebody else is active: %v", got.LastActiveAt)
	}
	if n := w.count(t, "SELECT seq FROM change_counter"); n != seq {
		t.Error("the feed is told")
	}
}

// present are the users who are there.
type present []record.UserID

func (p present) Online(context.Context) ([]record.UserID, error) { return p, nil }

// statuses lists who is there.
func statuses(t *testing.T, w *world) {
	service := *w.identity
	w.exec(t, "UPDATE users SET active = FALSE WHERE id = $1", string(w.addUser(t, "gone", record.User, nil).ID))
	w.tx(t, func(ctx context.Context) error {
		return w.users.SetActive(ctx, []record.UserID{w.user.ID}, w.now(), date.Moment{})
	})
	read := func() (out string) {
		for q := (page.Query{Limit: 2}); ; {
			p := must(service.Statuses(as(t, w.employee), q))(t)
			if p.Total != 3 {
				t.Errorf("the total is %d, want 3", p.Total)
			}
			for _, s := range p.Items {
				out += fmt.Sprintf("%s %t %t, ", s.User.Username, s.IsOnline, s.LastActiveAt != nil)
			}
			if q.Cursor = p.Next; q.Cursor == "" {
				return out
			}
		}
	}
	if got := read(); got != "admin false false, desk false false, guest false true, " {
		t.Errorf("without presence: %s", got)
	}
	if got := must(service.Online(as(t, w.admin)))(t); got == nil || len(got) != 0 {
		t.Errorf("without presence there are %v", got)
	}
	service.Presence = present{w.user.ID, w.admin.ID, w.user.ID, nobody}
	if got := read(); got != "admin true false, desk false false, guest true true, " {
		t.Errorf("with presence: %s", got)
	}
	if got := must(service.Online(as(t, w.admin)))(t); len(got) != 3 || !slices.IsSorted(got) {
		t.Errorf("there are %v", got)
	}
}
