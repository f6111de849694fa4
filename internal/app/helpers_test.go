package app_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/mail"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// A world is a company with something of each kind in it.
type world struct {
	*apptest.Company
	raw                                            *sql.DB
	car, plate, customer, contract, spare, auditID string
	asset, link, mail, notification                string
}

func newWorld(t *testing.T, c *apptest.Company) *world {
	t.Helper()
	w := &world{Company: c, raw: c.Database.Raw(t), plate: "A12-K-345"}
	w.car = c.Admin.Make("/api/cars", apptest.Car(w.plate))
	w.customer = c.Employee.Make("/api/customers", apptest.Customer("1234567"))
	w.contract = c.Employee.Make("/api/contracts", apptest.Contract(w.car, w.customer, "2026-08-01", "2026-08-10"))
	w.spare = c.Admin.Make("/api/users", apptest.JSON{"username": "spare", "email": "spare@example.com", "password": apptest.Password})
	w.link = c.Link(record.UserID(w.spare))
	w.mail = failedMail(t, c, record.UserID(w.spare))
	w.asset = path.Base(assetsOf(t, c.Nobody)[0])
	w.notification = c.Admin.Do("GET", "/api/notifications?limit=1", nil).Text("data.0.id")
	w.auditID = c.Admin.Do("GET", "/api/audit-logs?limit=1", nil).Text("data.0.id")
	return w
}

// failedMail queues a mail that somebody then cancels, and returns its id.
func failedMail(t *testing.T, c *apptest.Company, to record.UserID) string {
	t.Helper()
	admin := record.As(t.Context(), record.Caller{Person: record.Person{Role: record.Admin}})
	err := c.Identity.InTx(admin, func(ctx context.Context) error { return c.Jobs.PasswordReset(ctx, to) })
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.Jobs.List(admin, mail.Waiting, page.Query{})
	if err != nil || len(list.Items) == 0 {
		t.Fatal(list, err)
	}
	if _, err := c.Jobs.Cancel(admin, list.Items[0].ID); err != nil {
		t.Fatal(err)
	}
	return list.Items[0].ID
}

// noImport names an import that never was.
const noImport = "01a2058b-2335-7748-8db6-c93b7236d40c"

// fill puts the records of the world into the path of a route.
func (w *world) fill(path string) string {
	ids := map[string]string{"users": w.spare, "customers": w.customer, "contracts": w.contract, "audit-logs": w.auditID, "imports": noImport, "email-queue": w.mail, "notifications": w.notification}
	parts := strings.Split(path, "/")
	id := ""
	if len(parts) > 2 {
		id = ids[parts[2]]
	}
	if strings.HasSuffix(path, "}/password") {
		id = string(w.Admin.ID) // nobody else's
	}
	return strings.NewReplacer("{car}", w.car, "{id}", id, "{file}", w.asset, "{kind}", "cars").Replace(path)
}

// body returns a body that a route takes, nil if there is none.
func (w *world) body(t *testing.T, method, path string) apptest.JSON {
	t.Helper()
	b, ok := map[string]apptest.JSON{
		"POST /api/auth/login":                   {"username": "amra", "password": apptest.Password},
		"POST /api/auth/logout":                  {},
		"POST /api/auth/register":                {"username": "newcomer", "email": "newcomer@example.com", "password": apptest.Password},
		"POST /api/auth/forgot-password":         {"email": "spare@example.com"},
		"POST /api/auth/set-password":            {"token": w.link, "password": "another-Lamp-Neretva-5"},
		"POST /api/auth/setup":                   {"code": "1", "username": "first", "email": "first@example.com", "password": apptest.Password},
		"POST /api/users":                        {"username": "novak", "email": "novak@example.com", "password": apptest.Password},
		"PUT /api/users/{id}/password":           {"currentPassword": apptest.Password, "newPassword": "another-Lamp-Neretva-5"},
		"POST /api/users/{id}/reset-password":    {"newPassword": "another-Lamp-Neretva-5"},
		"POST /api/cars":                         apptest.Car("B77-T-001"),
		"PUT /api/log-level":                     {"level": "info"},
		"PATCH /api/cars/{car}/mileage":          {"mileage": 10},
		"POST /api/cars/available-period":        {"startingDate": "2026-09-01", "endingDate": "2026-09-02"},
		"POST /api/customers":                    apptest.Customer("7654321"),
		"POST /api/contracts":                    apptest.Contract(w.car, w.customer, "2026-09-01", "2026-09-03"),
		"POST /api/contracts/{id}/cancel":        {"reason": "the customer is ill"},
		"POST /api/contracts/check-availability": {"carId": w.car, "startDate": "2026-09-01", "endDate": "2026-09-03"},
		"POST /api/contracts/date-range":         {"startDate": "2026-09-01", "endDate": "2026-09-03"},
		"POST /api/notifications":                {"recipientId": w.spare, "message": "the keys are in the drawer"},
		"POST /api/contracts/revenue/date-range": {"startDate": "2026-09-01", "endDate": "2026-09-03"},
	}[method+" "+path]
	amends := slices.Contains([]string{"/api/users/me", "/api/users/{id}", "/api/cars/{car}", "/api/customers/{id}", "/api/contracts/{id}"}, path)
	if !ok && !amends {
		t.Fatalf("%s %s takes a body that this test does not know", method, path)
	}
	return maps.Clone(b)
}

// query returns the parameters that a route cannot do without.
func query(op operation) string {
	var must []string
	for _, p := range op.Parameters {
		if p.In == "query" && p.Required {
			must = append(must, p.Name+"="+map[string]string{"from": "2026-09-01", "to": "2026-09-03"}[p.Name])
		}
	}
	if must == nil {
		return "?"
	}
	return "?" + strings.Join(must, "&") + "&"
}

var tables = []string{"users", "sessions", "session_tokens", "setup_code", "links", "cars", "customers", "contracts", "contract_numbers", "holds", "audit_logs", "changes", "idempotency_keys", "notifications"}

// state returns what every table holds, for comparison.
func (w *world) state(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, table := range tables {
		out[table] = dump(t, w.raw, "SELECT * FROM "+table)
	}
	return out
}

func dump(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	all := text(t, db, query)
	return fmt.Sprintf("%d rows, %x", strings.Count(all, "\n"), sha256.Sum256([]byte(all)))
}

// text returns what a query finds, a line for each row.
func text(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values, into := make([]any, len(cols)), make([]any, len(cols))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				values[i] = string(b)
			}
		}
		lines = append(lines, fmt.Sprintln(values...))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}

// unchanged fails if a table is not what it was, except those named.
func (w *world) unchanged(t *testing.T, before map[string]string, what string, but ...string) {
	t.Helper()
	for table, now := range w.state(t) {
		if before[table] != now && !slices.Contains(but, table) {
			t.Errorf("%s: the table %s changed: %s, then %s", what, table, before[table], now)
		}
	}
}

// checkFailure fails unless res is a failure of this status in the one
// envelope, and returns the fields that it tells of.
func checkFailure(t *testing.T, what string, res apptest.Response, status int) []string {
	t.Helper()
	if res.Status != status {
		t.Errorf("%s: got %.300s, want %d", what, res, status)
		return nil
	}
	var f struct {
		Success       *bool
		Code, Message string
		Errors        []struct{ Field, Message string }
		RequestID     string
		RetryAfter    int
		Authenticated *bool
	}
	d := json.NewDecoder(strings.NewReader(string(res.Body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil || f.Success == nil || *f.Success || f.Code == "" || f.Message == "" {
		t.Errorf("%s: not the envelope (%v): %.300s", what, err, res)
	}
	if f.RequestID == "" || f.RequestID != res.Header.Get("X-Request-Id") {
		t.Errorf("%s: requestId is %q, the header %q", what, f.RequestID, res.Header.Get("X-Request-Id"))
	}
	if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		t.Errorf("%s: the content type is %q", what, kind)
	}
	var fields []string
	for _, e := range f.Errors {
		if e.Field == "" || e.Message == "" || slices.Contains(fields, e.Field) {
			t.Errorf("%s: an error without field or message, or twice: %.300s", what, res)
		}
		fields = append(fields, e.Field)
	}
	if status != 422 && fields != nil {
		t.Errorf("%s: errors with a %d: %.300s", what, status, res)
	}
	return fields
}

func open(c *config.Config) { c.Registration = "open" }
