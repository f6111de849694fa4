package app_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
)

// told returns what is in somebody's inbox, the newest first: the sender, the
// type and the message of each.
func told(t *testing.T, of *apptest.Client, path string) (out []string) {
	t.Helper()
	res := of.Do("GET", path, nil)
	if res.Status != http.StatusOK {
		t.Fatalf("GET %s: %s", path, res)
	}
	for i := range res.Len("data") {
		at := fmt.Sprint("data.", i, ".")
		by := "nobody"
		if res.At(at+"sender") != nil {
			by = res.Text(at + "sender.username")
		}
		out = append(out, by+" "+res.Text(at+"type")+": "+res.Text(at+"message"))
	}
	return out
}

// TestInbox is a day of an admin and of those who work with her.
func TestInbox(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		boss := c.SignUp(t, "boss", "admin")
		boss.Do("PATCH", "/api/users/me", apptest.JSON{"language": "bs"})
		for _, who := range []*apptest.Client{c.Admin, boss, c.Employee, c.User} {
			who.Do("PATCH", "/api/notifications/mark-all-seen", nil)
		}
		c.Clock.Move(10 * 24 * time.Hour)
		c.Admin, c.Employee, c.User = c.Nobody.SignIn("amra"), c.Nobody.SignIn("emir"), c.Nobody.SignIn("uma") // a session does not last as long
		boss = c.Nobody.SignIn("boss")
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		customer := c.Employee.Make("/api/customers", apptest.Customer("1234567"))
		contract := c.Employee.Make("/api/contracts", apptest.Contract(car, customer, "2026-08-01", "2026-08-10"))
		number := c.Employee.Do("GET", "/api/contracts/"+contract, nil).Text("data.number")
		c.Clock.Move(time.Minute)
		boss.Do("PATCH", "/api/contracts/"+contract, apptest.JSON{"endDate": "2026-08-12"})

		model := c.Admin.Do("GET", "/api/cars/"+car, nil)
		name := model.Text("data.manufacturer") + " " + model.Text("data.model") + ", A12-K-345"
		want := map[*apptest.Client][]string{
			c.Admin: {
				"boss contract-updated: Contract " + number + " was changed: " + name + ", Šaćir Đurić",
				"emir contract-new: New contract " + number + ": " + name + ", for Šaćir Đurić, 9 days",
				"emir customer-new: New customer: Šaćir Đurić",
			},
			boss: {
				"emir contract-new: Novi ugovor " + number + ": " + name + ", klijent Šaćir Đurić, 9 dana",
				"emir customer-new: Novi klijent: Šaćir Đurić",
				"amra car-new: Novo vozilo u voznom parku: " + name,
			},
			c.Employee: nil, c.User: nil,
		}
		for who, want := range want {
			for _, path := range []string{"/api/notifications/unread", "/api/notifications/recent", "/api/notifications/recent?days=9", "/api/notifications/unread?limit=1000"} {
				if got := told(t, who, path); !sameInAnyOrder(got, want) {
					t.Errorf("%s of %s: told\n%s\nwant\n%s", path, who.ID, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			if n := who.Do("GET", "/api/notifications/unread/count", nil).Number("data.count"); int(n) != len(want) {
				t.Errorf("%s has %v unread, want %d", who.ID, n, len(want))
			}
		}
		if first := told(t, c.Admin, "/api/notifications?limit=1"); first[0] != want[c.Admin][0] {
			t.Errorf("the newest is %s", first)
		}
		if all := c.Admin.Do("GET", "/api/notifications/recent?days=90&limit=1", nil); all.Number("pagination.total") != 7 || all.Text("pagination.nextCursor") == "" {
			t.Errorf("of 90 days: %s", all)
		}
		if data := c.Admin.Do("GET", "/api/notifications", nil); data.Text("data.0.data.contractId") != contract || data.Text("data.0.data.change") != "amended" || data.Text("data.0.recipientId") != string(c.Admin.ID) {
			t.Errorf("the data is %s", data)
		}
		inboxOneByOne(t, c)
		checkInboxQueries(t, c)
	})
}

func sameInAnyOrder(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// inboxOneByOne sees and deletes notifications, the own and another's.
func inboxOneByOne(t *testing.T, c *apptest.Company) {
	t.Helper()
	list := c.Admin.Do("GET", "/api/notifications/unread", nil)
	first, second := "/api/notifications/"+list.Text("data.0.id"), "/api/notifications/"+list.Text("data.1.id")
	again := c.Admin.Do("GET", "/api/notifications/unread", nil, "If-None-Match: "+list.Header.Get("ETag"))
	if again.Status != http.StatusNotModified {
		t.Errorf("the list as it was: %s", again)
	}
	for range 2 {
		res := c.Admin.Do("PATCH", first+"/seen", nil)
		if res.Status != 200 || res.Text("data.status") != "seen" || res.Header.Get("ETag") == "" || "/api/notifications/"+res.Text("data.id") != first {
			t.Errorf("seen: %s", res)
		}
	}
	for _, who := range []*apptest.Client{c.Employee, c.User} {
		checkFailure(t, "another's is seen", who.Do("PATCH", second+"/seen", nil), 404)
		checkFailure(t, "another's is deleted", who.Do("DELETE", second, nil), 404)
	}
	checkFailure(t, "nobody's", c.Nobody.Do("GET", "/api/notifications", nil), 401)
	if res := c.Admin.Do("DELETE", second, nil); res.Status != 200 || res.At("data") != nil {
		t.Errorf("deleted: %s", res)
	}
	checkFailure(t, "deleted again", c.Admin.Do("DELETE", second, nil), 404)
	checkFailure(t, "a bad id", c.Admin.Do("DELETE", "/api/notifications/7", nil), 400)
	if n := c.Admin.Do("GET", "/api/notifications/unread/count", nil).Number("data.count"); n != 1 {
		t.Errorf("%v are unread, want 1", n)
	}
	for _, want := range []float64{1, 0} {
		if res := c.Admin.Do("PATCH", "/api/notifications/mark-all-seen", nil); res.Status != 200 || res.Number("data.affected") != want {
			t.Errorf("marked all: %s, want %v", res, want)
		}
	}
}

func checkInboxQueries(t *testing.T, c *apptest.Company) {
	t.Helper()
	for _, bad := range []string{"/recent?days=0", "/recent?days=91", "/recent?days=x", "?days=7", "?sort=type", "?status=new", "?cursor=x", "?recipientId=" + string(c.User.ID), "/unread/count?page=1"} {
		checkFailure(t, bad, c.Admin.Do("GET", "/api/notifications"+bad, nil), 400)
	}
	checkFailure(t, "another method", c.Admin.Do("PUT", "/api/notifications/mark-all-seen", nil), 405)
}

// TestMessages sends messages to users and to roles.
func TestMessages(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		second := c.SignUp(t, "second", "employee")
		gone := c.SignUp(t, "gone", "employee")
		c.Admin.Do("PATCH", "/api/users/"+string(gone.ID), apptest.JSON{"active": false})
		send := func(who *apptest.Client, body apptest.JSON, headers ...string) apptest.Response {
			return who.Do("POST", "/api/notifications", body, headers...)
		}
		for _, m := range []struct {
			who  *apptest.Client
			body apptest.JSON
			sent float64
		}{
			{c.Employee, apptest.JSON{"recipientId": strings.ToUpper(string(c.User.ID)), "message": " The car is ready. "}, 1},
			{c.Employee, apptest.JSON{"role": "employee", "message": "Ko ima ključeve?"}, 1},
			{c.Admin, apptest.JSON{"role": "employee", "recipientId": nil, "message": "Thank you"}, 2},
			{c.Admin, apptest.JSON{"role": "admin", "message": "Is anybody here?"}, 0},
		} {
			res := send(m.who, m.body)
			if res.Status != 201 || res.Number("data.sent") != m.sent || res.Header.Get("Location") != "/api/notifications" {
				t.Errorf("send %v: %s %v", m.body, res, res.Header)
			}
			c.Clock.Move(time.Second)
		}
		for who, want := range map[*apptest.Client][]string{
			c.User:     {"emir message: The car is ready."},
			c.Employee: {"amra message: Thank you"},
			second:     {"amra message: Thank you", "emir message: Ko ima ključeve?"},
		} {
			if got := told(t, who, "/api/notifications"); !slices.Equal(got, want) {
				t.Errorf("%s is told %q, want %q", who.ID, got, want)
			}
		}
		audit := c.Admin.Do("GET", "/api/audit-logs?resource=notification&sort=createdAt", nil)
		if audit.Len("data") != 4 || audit.Text("data.0.description") != "sent a message to uma" || audit.Text("data.1.description") != "sent a message to all of role employee" || strings.Contains(string(audit.Body), "ready") {
			t.Errorf("the audit log has %s", audit)
		}
		text := apptest.JSON{"recipientId": c.User.ID, "message": "once"}
		for i := range 3 {
			res := send(c.Employee, text, "Idempotency-Key: k")
			if res.Status != 201 || res.Number("data.sent") != 1 || (res.Header.Get("Idempotency-Replayed") == "true") != (i > 0) || res.Header.Get("Location") != "/api/notifications" {
				t.Errorf("the same key: %s %v", res, res.Header)
			}
		}
		if got := told(t, c.User, "/api/notifications/unread"); len(got) != 2 {
			t.Errorf("after three times once: %q", got)
		}
		for field, bad := range map[string]apptest.JSON{
			"message":               {"recipientId": c.User.ID, "message": strings.Repeat("š", 1001)},
			"message, and nothing":  {"recipientId": c.User.ID, "message": " "},
			"message left out":      {"recipientId": c.User.ID},
			"recipientId of none":   {"message": "x"},
			"recipientId and role":  {"recipientId": c.User.ID, "role": "user", "message": "x"},
			"recipientId, oneself":  {"recipientId": c.Employee.ID, "message": "x"},
			"recipientId, unknown":  {"recipientId": unknownID, "message": "x"},
			"recipientId, inactive": {"recipientId": gone.ID, "message": "x"},
			"recipientId, a name":   {"recipientId": "uma", "message": "x"},
			"role":                  {"role": "owner", "message": "x"},
			"sender":                {"role": "user", "message": "x", "sender": c.Admin.ID},
		} {
			word, _, _ := strings.Cut(strings.ReplaceAll(field, ",", " "), " ")
			if got := checkFailure(t, field, send(c.Employee, bad), 422); !slices.Equal(got, []string{word}) {
				t.Errorf("%s: errors tell of %v", field, got)
			}
		}
		checkFailure(t, "a user writes", send(c.User, apptest.JSON{"role": "admin", "message": "x"}), 403)
	})
}

// TestInboxNotKept makes sure that what is told of takes no room in the cache.
func TestInboxNotKept(t *testing.T) {
	t.Parallel()
	onSQLite(t, func(t *testing.T, c *apptest.Company) {
		tags := func() int { return int(c.Admin.Do("GET", "/api/cache/stats", nil).Number("data.tags")) }
		before := tags()
		for range 20 {
			res := c.Admin.Do("POST", "/api/notifications", apptest.JSON{"recipientId": c.Employee.ID, "message": "x"})
			c.Employee.Do("PATCH", "/api/notifications/mark-all-seen", nil)
			if res.Status != 201 {
				t.Fatal(res)
			}
		}
		if after := tags(); after != before {
			t.Errorf("%d tags were raised", after-before)
		}
	})
}

// online are the users who are there.
type online []record.UserID

func (o online) Online(context.Context) ([]record.UserID, error) { return o, nil }

// TestActivity shows who is there, and who was there last.
func TestActivity(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		flush := func() {
			if err := c.Activity.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		c.Employee.Do("GET", "/api/cars", nil)
		flush()
		version := c.Admin.Do("GET", "/api/users/"+string(c.Employee.ID), nil)
		if version.Text("data.lastActiveAt") != "2026-07-01T10:00:00.000Z" || version.Number("data.version") != 1 {
			t.Errorf("who asked for cars is %s", version)
		}
		c.Clock.Move(30 * time.Second)
		c.Employee.Do("GET", "/api/cars", nil)
		flush()
		other := c.Beside(t)
		c.Clock.Move(29 * time.Second)
		other.Employee.Do("GET", "/api/cars", nil)
		if err := other.Activity.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		res := c.Employee.Do("GET", "/api/activity/users-status", nil)
		want := []string{"amra admin false 2026-07-01T10:00:30.000Z", "emir employee false 2026-07-01T10:00:00.000Z", "uma user false <nil>"}
		if got := statusesIn(res); !slices.Equal(got, want) || res.Number("pagination.total") != 3 {
			t.Errorf("the statuses are %q, want %q", got, want)
		}
		c.Clock.Move(time.Minute)
		other.Employee.Do("GET", "/api/cars", nil)
		if err := other.Activity.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Identity.Presence = online{c.User.ID, c.Admin.ID}
		res = c.Admin.Do("GET", "/api/activity/users-status?limit=2", nil)
		want = []string{"amra admin true 2026-07-01T10:00:30.000Z", "emir employee false 2026-07-01T10:01:59.000Z"}
		if got := statusesIn(res); !slices.Equal(got, want) || res.Text("pagination.nextCursor") == "" {
			t.Errorf("the statuses are %q, want %q", got, want)
		}
		ids := c.Employee.Do("GET", "/api/activity/online", nil)
		if got := fmt.Sprint(ids.At("data")); !strings.Contains(got, string(c.User.ID)) || !strings.Contains(got, string(c.Admin.ID)) || ids.Len("data") != 2 {
			t.Errorf("online are %s", ids)
		}
		for _, path := range []string{"/users-status", "/online"} {
			checkFailure(t, "a user asks", c.User.Do("GET", "/api/activity"+path, nil), 403)
			checkFailure(t, "an unknown parameter", c.Admin.Do("GET", "/api/activity"+path+"?q=a", nil), 400)
		}
	})
}

func statusesIn(res apptest.Response) (out []string) {
	for i := range res.Len("data") {
		at := fmt.Sprint("data.", i, ".")
		out = append(out, fmt.Sprint(res.Text(at+"user.username"), " ", res.Text(at+"user.role"), " ", res.At(at+"isOnline"), " ", res.At(at+"lastActiveAt")))
	}
	return out
}

// TestActivityLeft writes what is left when the program ends.
func TestActivityLeft(t *testing.T) {
	t.Parallel()
	onSQLite(t, func(t *testing.T, c *apptest.Company) {
		c.User.Do("GET", "/api/cars", nil)
		raw := c.Database.Raw(t)
		query := "SELECT COUNT(*) FROM users WHERE username = 'uma' AND last_active_at IS NOT NULL"
		if n := strings.TrimSpace(text(t, raw, query)); n != "0" {
			t.Errorf("written at once: %s", n)
		}
		c.StopFeed()
		if n := strings.TrimSpace(text(t, raw, query)); n != "1" {
			t.Errorf("nothing is written at the end: %s", n)
		}
	})
}

// TestImportTellsNobody brings records in by files, and takes them back.
func TestImportTellsNobody(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		second := c.SignUp(t, "second", "admin")
		var imports []string
		for _, f := range []struct{ kind, file, did string }{
			{"cars", "licensePlate,manufacturer,model,year,fuelType,transmission,category,pricePerDay\nA1-A-111,VW,Golf,2020,diesel,manual,compact,45\n", "added"},
			{"customers", "name,passportNumber,driverLicenseNumber,countryOfOrigin\nAna,P1,L1,BiH\n", "added"},
			{"contracts", "licensePlate,passportNumber,startDate,endDate\nA1-A-111,P1,2026-08-01,2026-08-05\n", "added"},
			{"contracts", "licensePlate,passportNumber,startDate,endDate\nA1-A-111,P1,2026-08-01,2026-08-06\n", "changed"},
		} {
			res := c.Admin.Do("POST", "/api/import/"+f.kind, f.file, "Content-Type: text/csv")
			if res.Status != 200 || res.Number("data."+f.did) != 1 {
				t.Fatal(res)
			}
			imports = append(imports, res.Text("data.importId"))
		}
		slices.Reverse(imports)
		for _, id := range imports {
			u, err := c.Transfer.Undo(asAdmin(t.Context()), record.ImportID(id), func(int, int) {})
			if err != nil || u.TakenBack != 1 {
				t.Errorf("undone: %+v, %v", u, err)
			}
		}
		if got := told(t, second, "/api/notifications"); len(got) != 0 {
			t.Errorf("told %q", got)
		}
	})
}
