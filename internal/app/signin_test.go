package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/date"
	"cartracker/internal/store/testdb"
)

func login(c *apptest.Client, name, password string, headers ...string) apptest.Response {
	return c.Do("POST", "/api/auth/login", apptest.JSON{"username": name, "password": password}, headers...)
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		for _, name := range []string{"amra", "AMRA", "Amra@Example.com", "amra@example.com", "ａｍｒａ"} {
			res := login(c.Nobody, name, apptest.Password)
			if res.Status != 200 {
				t.Fatalf("sign-in as %s: %s", name, res)
			}
			for _, field := range []string{"id", "username", "email", "role", "accessToken"} {
				if v := res.Text(field); v == "" || v != res.Text("data."+field) {
					t.Errorf("%s is %q, inside data %q", field, v, res.Text("data."+field))
				}
			}
			if data, _ := res.At("data").(map[string]any); len(data) != 6 || res.At("success") != true {
				t.Errorf("the answer is %s", res)
			}
			if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("ETag") != "" {
				t.Errorf("headers of a token: %v", res.Header)
			}
		}
		if c.Admin.Do("GET", "/api/users/me", nil).Text("data.lastLogin") == "" {
			t.Error("lastLogin is not told")
		}
		audit := c.Admin.Do("GET", "/api/audit-logs?action=LOGIN&limit=1", nil)
		if audit.Text("data.0.username") != "amra" || audit.Text("data.0.status") != "success" || audit.Text("data.0.resource") != "session" {
			t.Errorf("the audit log of a sign-in: %s", audit)
		}
	})
}

// TestRefusedSignIn: unknown, inactive and wrong are one answer, which takes
// its time, and nothing that was typed is kept but an account's name.
func TestRefusedSignIn(t *testing.T) {
	t.Parallel()
	const typed = "my-secret-Typed-as-name"
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		inactive := c.Admin.Make("/api/users", apptest.JSON{"username": "gone", "email": "gone@example.com", "password": apptest.Password})
		c.Admin.Do("PATCH", "/api/users/"+inactive, apptest.JSON{"active": false})
		var first string
		for _, in := range [][2]string{{typed, apptest.Password}, {"gone", apptest.Password}, {"uma", typed}, {"uma@example.com", typed + "2"}, {"'; --", "x"}} {
			began := time.Now()
			res := login(c.Nobody, in[0], in[1])
			if took := time.Since(began); took < 250*time.Millisecond {
				t.Errorf("refused after %s", took)
			}
			checkFailure(t, "sign-in as "+in[0], res, 401)
			told := strings.ReplaceAll(string(res.Body), res.Text("requestId"), "")
			if first == "" {
				first = told
			}
			if told != first || res.Text("code") != "invalid_credentials" || res.Header.Get("Set-Cookie") != "" {
				t.Errorf("refused otherwise: %s, not %s", told, first)
			}
		}
		audit := c.Admin.Do("GET", "/api/audit-logs?action=LOGIN_FAILED&sort=createdAt", nil)
		if audit.Len("data") != 5 || strings.Contains(string(audit.Body), typed) {
			t.Errorf("the audit log: %s", audit)
		}
		names := map[string]int{}
		for i := range audit.Len("data") {
			at := "data." + string(rune('0'+i))
			if names[audit.Text(at+".username")]++; audit.Text(at+".status") != "failure" || audit.At(at+".userId") != nil {
				t.Errorf("entry: %s", audit)
			}
		}
		if names[""] != 2 || names["gone"] != 1 || names["uma"] != 2 {
			t.Errorf("the names kept are %v", names)
		}
		if strings.Contains(c.Log.String(), typed) {
			t.Error("the log has what was typed")
		}
	})
}

func TestRefreshCookie(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		base, app string
		want      []string
		not       []string
	}{
		"http": {"", "", []string{"refreshToken=", "Path=/", "HttpOnly", "SameSite=Lax", "Expires="}, []string{"Secure", "Partitioned", "Domain"}},
		"https": {
			"https://desk.example.com", "",
			[]string{"__Host-refreshToken=", "Path=/", "HttpOnly", "SameSite=Lax", "Secure"},
			[]string{"Partitioned", "Domain"},
		},
		"https, same site":    {"https://api.example.com", "https://app.example.com", []string{"__Host-refreshToken=", "SameSite=Lax", "Secure"}, []string{"Partitioned"}},
		"https, another site": {"https://api.example.com", "https://app.example.org", []string{"__Host-refreshToken=", "SameSite=None", "Secure", "Partitioned"}, []string{"Lax", "Domain"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) { c.BaseURL, c.AppURL = tc.base, tc.app })
			set := login(c.Nobody, "amra", apptest.Password).Header.Get("Set-Cookie")
			for _, want := range tc.want {
				if !strings.Contains(set, want) {
					t.Errorf("the cookie %s lacks %s", set, want)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(set, not) {
					t.Errorf("the cookie %s has %s", set, not)
				}
			}
			cookie, _, _ := strings.Cut(set, ";")
			res := c.Nobody.Do("POST", "/api/auth/refresh", nil, "Cookie: "+cookie)
			if res.Status != 200 {
				t.Errorf("refresh: %s", res)
			}
			gone := c.Nobody.Do("POST", "/api/auth/logout", nil, "Cookie: "+cookie).Header.Get("Set-Cookie")
			if name, _, _ := strings.Cut(cookie, "="); !strings.HasPrefix(gone, name+"=;") || !strings.Contains(gone, "Max-Age=0") || strings.Contains(set, "Secure") != strings.Contains(gone, "Secure") {
				t.Errorf("signing out sets %s", gone)
			}
		})
	}
}

func TestRegistration(t *testing.T) {
	t.Parallel()
	newcomer := apptest.JSON{"username": "nina", "email": "nina@example.com", "password": apptest.Password}
	t.Run("closed", func(t *testing.T) {
		apptest.Each(t, func(t *testing.T, c *apptest.Company) {
			res := c.Nobody.Do("POST", "/api/auth/register", newcomer)
			if checkFailure(t, "closed", res, 403); res.Text("code") != "registration_closed" {
				t.Errorf("closed: %s", res)
			}
		})
	})
	t.Run("open", func(t *testing.T) {
		apptest.Each(t, func(t *testing.T, c *apptest.Company) {
			res := c.Nobody.Do("POST", "/api/auth/register", newcomer)
			if res.Status != 201 || res.Text("data.role") != "user" || res.Text("data.active") != "true" || res.Header.Get("Location") != "/api/users/"+res.Text("data.id") {
				t.Errorf("open: %s %v", res, res.Header)
			}
			checkFailure(t, "role", c.Nobody.Do("POST", "/api/auth/register", apptest.JSON{"username": "nino", "email": "nino@example.com", "password": apptest.Password, "role": "admin"}), 422)
			for code, name := range map[string]apptest.JSON{
				"username_taken": {"username": "NINA", "email": "other@example.com", "password": apptest.Password},
				"email_taken":    {"username": "other", "email": "Nina@example.COM", "password": apptest.Password},
			} {
				res := c.Nobody.Do("POST", "/api/auth/register", name)
				if checkFailure(t, code, res, 409); res.Text("code") != code {
					t.Errorf("%s: %s", code, res)
				}
			}
			if res := login(c.Nobody, "nina", apptest.Password); res.Text("role") != "user" {
				t.Errorf("sign-in: %s", res)
			}
		}, open)
	})
}

func TestSetUp(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const path, code = "/api/auth/setup", "7k2mx-9f3q-w8ta-c4hd-e6zn-5pbr0"
		first := apptest.JSON{"code": code, "username": "first", "email": "first@example.com", "password": apptest.Password}
		checkFailure(t, "GET where there is an admin", c.Nobody.Do("GET", path, nil), 404)
		checkFailure(t, "POST where there is an admin", c.Nobody.Do("POST", path, first), 404)

		w := newWorld(t, c)
		noAdmin(t, w)
		if res := c.Nobody.Do("GET", path, nil); res.Status != 200 || res.At("data.needed") != true {
			t.Errorf("GET: %s", res)
		}
		checkFailure(t, "no code was made", c.Nobody.Do("POST", path, first), 401)
		if _, err := c.Identity.AgreeOnSetup(t.Context(), func(date.Moment) string { return code }); err != nil {
			t.Fatal(err)
		}
		before := w.state(t)
		checkFailure(t, "no JSON", c.Nobody.Do("POST", path, "{"), 400)
		fields := checkFailure(t, "nothing", c.Nobody.Do("POST", path, "{}"), 422)
		if len(fields) != 4 {
			t.Errorf("nothing: errors tell of %v", fields)
		}
		fields = checkFailure(t, "wrong fields", c.Nobody.Do("POST", path, apptest.JSON{"code": code, "username": "x", "email": "x", "password": "x", "more": 1}), 422)
		if len(fields) != 4 {
			t.Errorf("wrong fields: errors tell of %v", fields)
		}
		first["code"] = "7k2mx-9f3q-w8ta-c4hd-e6zn-5pbr1"
		checkFailure(t, "another code", c.Nobody.Do("POST", path, first), 401)
		w.unchanged(t, before, "refused set-ups")
		c.Clock.Move(24*time.Hour + time.Second)
		first["code"] = code
		checkFailure(t, "an old code", c.Nobody.Do("POST", path, first), 401)
		c.Clock.Move(-24 * time.Hour)
		first["code"] = " 7K2MX 9F3QW8TA–c4hd-e6zn-5pbrO" // as people type
		res := c.Nobody.Do("POST", path, first)
		if res.Status != 201 || res.Text("data.role") != "admin" || res.Header.Get("Location") != "/api/users/"+res.Text("data.id") {
			t.Errorf("set-up: %s", res)
		}
		checkFailure(t, "once more", c.Nobody.Do("POST", path, first), 404)
		checkFailure(t, "GET afterwards", c.Nobody.Do("GET", path, nil), 404)
		if res := login(c.Nobody, "first", apptest.Password); res.Text("role") != "admin" {
			t.Errorf("sign-in: %s", res)
		}
	})
}

// noAdmin takes every admin away, past the rule that one must stay.
func noAdmin(t *testing.T, w *world) {
	t.Helper()
	statements := []string{"UPDATE users SET role = 'user' WHERE role = 'admin'"}
	if strings.HasPrefix(w.Database.URL, "sqlite") {
		statements = append(dropTriggers(t, w), statements...)
	} else {
		statements = append([]string{"SET session_replication_role = replica"}, statements...)
	}
	w.raw.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := w.raw.Exec(s); err != nil {
			t.Fatal(s, err)
		}
	}
}

func dropTriggers(t *testing.T, w *world) (out []string) {
	t.Helper()
	rows, err := w.raw.Query("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'users'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		out = append(out, "DROP TRIGGER "+name)
	}
	return out
}

func TestPasswordPolicy(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	for _, bad := range []string{"", "1234567", "password", "Password1", "12345678", "qwertyuiop", "nova-novak", "novak@example.com", "Car Tracker", "cartracker1", strings.Repeat("a", 1025)} {
		res := c.Admin.Do("POST", "/api/users", apptest.JSON{"username": "nova-novak", "email": "novak@example.com", "password": bad})
		if fields := checkFailure(t, "password", res, 422); len(fields) != 1 || fields[0] != "password" {
			t.Errorf("%.20q: errors tell of %v", bad, fields)
		}
	}
	long := strings.Repeat("šuma kiša ", 102) + "abcd" // 1024 characters
	c.Admin.Make("/api/users", apptest.JSON{"username": "nova-novak", "email": "novak@example.com", "password": long})
	if res := login(c.Nobody, "nova-novak", long); res.Status != http.StatusOK {
		t.Errorf("sign-in with a long password: %s", res)
	}
}
