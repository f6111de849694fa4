package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/ident"
	"cartracker/internal/identity"
	"cartracker/internal/money"
	"cartracker/internal/notifications"
	"cartracker/internal/record"
	"cartracker/internal/rental"
	"cartracker/internal/store"
	"cartracker/internal/store/testdb"
)

// A world is a migrated database with the services on top of it, a clock that
// tests move, an admin, an employee and a user.
type world struct {
	testdb.Database
	db  *store.DB
	raw *sql.DB
	*clock

	users     store.Users
	cars      store.Cars
	customers store.Customers
	contracts store.Contracts
	ledger    store.Ledger
	logs      store.AuditLogs

	identity *identity.Service
	fleet    *fleet.Service
	clients  *customers.Service
	rental   *rental.Service
	audit    *audit.Service
	inboxes  *notifications.Service
	mails    mails

	admin, employee, user identity.User
}

// A clock says what time it is in a world.
type clock struct {
	mu sync.Mutex
	at date.Moment
}

func (c *clock) now() date.Moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// day returns the n-th day after the one on which each world begins.
func day(n int) date.Date { return date.New(2026, time.June, 15).Add(n) }

func span(from, to int) date.Span { return date.Span{Start: day(from), End: day(to)} }

func newWorld(t *testing.T, d testdb.Database) *world {
	t.Helper()
	db := d.Migrated(t)
	w := &world{
		Database: d, db: db, raw: d.Raw(t), clock: &clock{},
		users: store.NewUsers(db), cars: store.NewCars(db), customers: store.NewCustomers(db),
		contracts: store.NewContracts(db), ledger: store.Ledger{DB: db}, logs: store.NewAuditLogs(db),
	}
	env := record.Env{InTx: db.InTx, Journal: store.Journal{DB: db, Now: w.now}, Now: w.now, Zone: time.UTC}
	w.identity = &identity.Service{
		Env: env, Users: w.users, Sessions: store.Sessions{DB: db}, Setup: store.Setup{DB: db},
		Links: store.Links{DB: db}, Mailer: &w.mails,
		Hasher: hasher{}, Access: signer{}, Refresh: chain{},
		Judge:         func(string, ...string) string { return "" },
		Normalize:     func(s string) string { return s },
		NormalizeCode: func(s string) string { return s },
		RefreshTTL:    7 * 24 * time.Hour, Language: identity.English, AppName: "Car Tracker",
	}
	w.fleet = &fleet.Service{Env: env, Store: w.cars}
	w.clients = &customers.Service{Env: env, Store: w.customers}
	w.rental = &rental.Service{Env: env, Store: w.contracts, Ledger: w.ledger, Cars: w.cars, Customers: w.customers}
	w.audit = &audit.Service{Env: env, Store: w.logs}
	w.inboxes = &notifications.Service{Env: env, Store: store.NewNotifications(db)}
	return w
}

// reset puts a world back to where each begins.
func (w *world) reset(t testing.TB) {
	t.Helper()
	w.clock.at = date.At(time.Date(2026, time.June, 15, 10, 0, 0, 123456000, time.UTC))
	for _, table := range []string{
		"links", "imports", "holds", "contracts", "contract_numbers", "cars", "customers", "session_tokens", "sessions", "setup_code",
		"audit_logs", "changes", "idempotency_keys", "notifications",
	} {
		w.exec(t, "DELETE FROM "+table)
	}
	w.mails.forget()
	w.exec(t, "UPDATE change_counter SET seq = 0")
	w.exec(t, "DELETE FROM users WHERE role <> 'admin' OR NOT active")
	w.exec(t, "UPDATE users SET id = 'before', username_key = 'before', email_key = 'before' WHERE id = (SELECT MIN(id) FROM users)")
	w.admin = w.addUser(t, "admin", record.Admin, nil)
	w.exec(t, "DELETE FROM users WHERE username <> 'admin' OR id = 'before'") // the last admin cannot be deleted, so not earlier
	w.employee = w.addUser(t, "desk", record.Employee, ptr("Ana Marija  Šarić"))
	w.user = w.addUser(t, "guest", record.User, ptr("Guest"))
}

// tx runs do in a transaction.
func (w *world) tx(t testing.TB, do func(context.Context) error) {
	t.Helper()
	if err := w.db.InTx(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

// as returns a context in which u asks.
func as(t testing.TB, u identity.User) context.Context {
	return record.As(t.Context(), record.Caller{Person: u.Person(), IP: "192.0.2.1", UserAgent: "test", RequestID: "request-1"})
}

func (w *world) addUser(t testing.TB, name string, role record.Role, full *string) identity.User {
	t.Helper()
	u := identity.User{Meta: newMeta[record.UserID](w.now()), Account: identity.Account{
		Profile: identity.Profile{Username: name, Email: name + "@example.com", Name: full, Language: identity.English},
		Role:    role, Active: true,
	}}
	w.tx(t, func(ctx context.Context) error { return w.users.Insert(ctx, &u, hashed("password of "+name)) })
	return u
}

func newMeta[ID ~string](at date.Moment) record.Meta[ID] {
	return record.Meta[ID]{ID: ident.New[ID](), Version: 1, CreatedAt: at, UpdatedAt: at}
}

// details returns a car that nothing is wrong with.
func details(plate string) fleet.Details {
	return fleet.Details{
		Manufacturer: "Volkswagen", Model: "Golf", Year: 2020, LicensePlate: plate, FuelType: "diesel", Transmission: "manual",
		PricePerDay: money.Minor(45_00), Category: "compact", Status: fleet.Available,
	}
}

func (w *world) addCar(t testing.TB, plate string) fleet.Car {
	t.Helper()
	c := fleet.Car{Meta: newMeta[fleet.CarID](w.now()), Details: details(plate), NextFreeOn: day(0)}
	w.tx(t, func(ctx context.Context) error { return w.cars.Insert(ctx, &c) })
	return c
}

func client(name string) customers.Draft {
	return customers.Draft{
		Name: name, DriverLicenseNumber: "L-" + name, PassportNumber: "P-" + name, CountryOfOrigin: "Bosna i Hercegovina",
	}
}

func (w *world) addCustomer(t testing.TB, name string) customers.Customer {
	t.Helper()
	c := customers.Customer{Meta: newMeta[customers.CustomerID](w.now()), Draft: client(name)}
	w.tx(t, func(ctx context.Context) error { return w.customers.Insert(ctx, &c) })
	return c
}

// rent rents a car out from one day up to another.
func (w *world) rent(t testing.TB, car fleet.CarID, to customers.CustomerID, from, until int) (rental.Contract, error) {
	return w.rental.Rent(as(t, w.employee), func(d *rental.Draft) error {
		d.CarID, d.CustomerID, d.StartDate, d.EndDate = car, to, day(from), day(until)
		return nil
	})
}

func (w *world) mustRent(t testing.TB, car fleet.CarID, to customers.CustomerID, from, until int) rental.Contract {
	t.Helper()
	return must(w.rent(t, car, to, from, until))(t)
}

// count returns what a query that counts returns, past the program.
func (w *world) count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	if err := w.raw.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// exec runs a statement past the program.
func (w *world) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := w.raw.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// noOverlap asks the database, without the program, whether holds of a car overlap.
func (w *world) noOverlap(t testing.TB) {
	t.Helper()
	n := w.count(t, "SELECT COUNT(*) FROM holds a JOIN holds b ON a.car_id = b.car_id AND a.id < b.id AND a.starts < b.ends AND b.starts < a.ends")
	if n != 0 {
		t.Errorf("%d pairs of holds overlap", n)
	}
}

// A hasher is quick, which passwords must not be hashed with.
type hasher struct{}

func hashed(password string) string {
	sum := sha256.Sum256([]byte(password))
	return "quick:" + hex.EncodeToString(sum[:])
}

func (hasher) Hash(_ context.Context, password string) (string, error) { return hashed(password), nil }

func (hasher) Verify(_ context.Context, hash, password string) (ok, outdated bool, err error) {
	bare, outdated := strings.CutPrefix(hash, "old:")
	return hashed(password) == bare, outdated, nil
}

// A signer writes claims down.
type signer struct{}

func (signer) Sign(c identity.Claims) (string, error) {
	return strings.Join([]string{c.UserID, c.Username, c.Role, c.SessionID}, "|"), nil
}

func (signer) Parse(token string) (identity.Claims, error) {
	p := strings.Split(token, "|")
	if len(p) != 4 {
		return identity.Claims{}, record.ErrSignIn
	}
	return identity.Claims{UserID: p[0], Username: p[1], Role: p[2], SessionID: p[3]}, nil
}

// A chain makes refresh tokens.
type chain struct{}

func (chain) First() string                 { return rand.Text() }
func (chain) Successor(token string) string { return sum("successor of " + token) }
func (chain) Digest(token string) string    { return sum("digest of " + token) }

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%x", h)
}
