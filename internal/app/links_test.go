package app_test

import (
	"fmt"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/ident"
	"cartracker/internal/record"
)

func setPassword(c *apptest.Client, token, password string) apptest.Response {
	return c.Do("POST", "/api/auth/set-password", apptest.JSON{"token": token, "password": password})
}

const another = "another-Lamp-Neretva-5"

// TestUserWithoutPassword makes a user who is sent a link, and lets them in by it.
func TestUserWithoutPassword(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		draft := apptest.JSON{"username": "nina", "email": "nina@example.com", "language": "bs", "sendCredentials": true, "password": nil}
		first := c.Admin.Do("POST", "/api/users", draft, "Idempotency-Key: nina")
		again := c.Admin.Do("POST", "/api/users", draft, "Idempotency-Key: nina")
		nina := record.UserID(first.Text("data.id"))
		if first.Status != 201 || again.Status != 201 || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Fatalf("made: %s, again: %s", first, again)
		}
		if mails := c.Mails(); len(mails) != 1 || mails[0] != (apptest.Mail{Kind: "credentials", To: nina}) {
			t.Errorf("mails: %v", mails)
		}
		checkFailure(t, "before there is a password", login(c.Nobody, "nina", apptest.Password), 401)
		l, err := c.Identity.WelcomeLetter(t.Context(), nina, ident.New[string]())
		if err != nil || l.User.Email != "nina@example.com" || l.User.Language != "bs" {
			t.Fatalf("the letter: %+v, %v", l, err)
		}
		for _, weak := range []string{"password1", "nina-nina", "Car Tracker"} {
			if fields := checkFailure(t, weak, setPassword(c.Nobody, l.Token, weak), 422); len(fields) != 1 || fields[0] != "password" {
				t.Errorf("%s: fields %v", weak, fields)
			}
		}
		res := setPassword(c.Nobody, l.Token, another)
		if res.Status != 200 || res.At("data") != nil || res.Header.Get("Set-Cookie") != "" {
			t.Errorf("set: %s", res)
		}
		used := setPassword(c.Nobody, l.Token, another)
		if checkFailure(t, "used", used, 401); used.Text("code") != "invalid_link" {
			t.Errorf("used: %s", used)
		}
		if res := login(c.Nobody, "nina", another); res.Status != 200 {
			t.Errorf("after it was set: %s", res)
		}
		audit := c.Admin.Do("GET", "/api/audit-logs?resource=user&limit=1", nil)
		if audit.Text("data.0.username") != "nina" || audit.Text("data.0.resourceId") != string(nina) || audit.Text("data.0.changes.after.password") != "[secret]" {
			t.Errorf("the audit log: %s", audit)
		}
		nowhere(t, c, l.Token, another)
	})
}

// nowhere fails if the log or the database has one of these texts.
func nowhere(t *testing.T, c *apptest.Company, secrets ...string) {
	t.Helper()
	raw, log := c.Database.Raw(t), c.Log.String()
	for _, table := range tables {
		log += text(t, raw, "SELECT * FROM "+table)
	}
	for i, s := range secrets {
		if strings.Contains(log, s) {
			t.Errorf("secret %d shows", i)
		}
	}
}

// TestWaysIn makes users with and without each way to get in.
func TestWaysIn(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		before := w.state(t)
		for _, more := range []apptest.JSON{{}, {"password": nil}, {"sendCredentials": false}, {"sendCredentials": false, "password": nil}, {"password": ""}} {
			more["username"], more["email"] = "nina", "nina@example.com"
			if fields := checkFailure(t, "no way in", c.Admin.Do("POST", "/api/users", more), 422); fmt.Sprint(fields) != "[password]" {
				t.Errorf("%v: fields %v", more, fields)
			}
		}
		path := "/api/users/" + string(w.spare) + "/reset-password"
		for _, body := range []apptest.JSON{{}, {"sendEmail": false}, {"newPassword": nil}, {"sendEmail": true, "newPassword": another}} {
			if fields := checkFailure(t, "reset", c.Admin.Do("POST", path, body), 422); fmt.Sprint(fields) != "[newPassword]" {
				t.Errorf("%v: fields %v", body, fields)
			}
		}
		if n := len(c.Mails()); n != 0 {
			t.Errorf("%d mails", n)
		}
		w.unchanged(t, before, "no way in")
		res := c.Admin.Do("POST", "/api/users", apptest.JSON{"username": "both", "email": "both@example.com", "password": another, "sendCredentials": true})
		if res.Status != 201 || len(c.Mails()) != 1 || login(c.Nobody, "both", another).Status != 200 {
			t.Errorf("both: %s, mails %v", res, c.Mails())
		}
	})
}

// TestResetByMail signs a user out and leaves the old password until the link is used.
func TestResetByMail(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		path := "/api/users/" + string(c.User.ID) + "/reset-password"
		if res := c.Admin.Do("POST", path, apptest.JSON{"sendEmail": true}); res.Status != 200 {
			t.Fatalf("reset: %s", res)
		}
		if mails := c.Mails(); len(mails) != 1 || mails[0] != (apptest.Mail{Kind: "password-reset", To: c.User.ID}) {
			t.Errorf("mails: %v", mails)
		}
		if alive(t, c.User) {
			t.Error("the session goes on")
		}
		uma := c.Nobody.SignIn("uma")
		token := c.Link(c.User.ID)
		if res := setPassword(c.Nobody, token, another); res.Status != 200 {
			t.Errorf("set: %s", res)
		}
		if alive(t, uma) {
			t.Error("the session goes on after the password was set")
		}
		checkFailure(t, "the old password", login(c.Nobody, "uma", apptest.Password), 401)
		if res := login(c.Nobody, "uma", another); res.Status != 200 {
			t.Errorf("the new password: %s", res)
		}
		c.Admin.Do("PATCH", "/api/users/"+string(c.User.ID), apptest.JSON{"active": false})
		res := c.Admin.Do("POST", path, apptest.JSON{"sendEmail": true})
		if checkFailure(t, "of an inactive user", res, 409); res.Text("code") != "user_inactive" {
			t.Errorf("of an inactive user: %s", res)
		}
	})
}

// TestForgotPassword: whoever is asked for, the answer and what is done are the same.
func TestForgotPassword(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		inactive := c.Admin.Make("/api/users", apptest.JSON{"username": "gone", "email": "gone@example.com", "password": apptest.Password})
		c.Admin.Do("PATCH", "/api/users/"+inactive, apptest.JSON{"active": false})
		var first string
		for i, email := range []string{"uma@example.com", "UMA@example.com ", "gone@example.com", "stranger@example.com", "x@šarić.example"} {
			res := c.Nobody.Do("POST", "/api/auth/forgot-password", apptest.JSON{"email": email})
			if first == "" {
				first = string(res.Body)
			}
			if res.Status != 202 || string(res.Body) != first || res.At("success") != true || len(c.Mails()) != max(i, 1) { // the second is the first, once more
				t.Errorf("%s: %s, not %s; %d mails", email, res, first, len(c.Mails()))
			}
		}
		for _, m := range c.Mails() {
			if m.Kind != "password-reset" || m.To != "" || strings.TrimSpace(m.Email) != m.Email {
				t.Errorf("a mail: %+v", m)
			}
		}
		before := len(c.Mails())
		for _, email := range badAddresses {
			if fields := checkFailure(t, email, c.Nobody.Do("POST", "/api/auth/forgot-password", apptest.JSON{"email": email}), 422); fmt.Sprint(fields) != "[email]" {
				t.Errorf("%q: fields %v", email, fields)
			}
		}
		if n := len(c.Mails()); n != before {
			t.Errorf("%d mails to addresses that are none", n-before)
		}
	})
}

// badAddresses are none, or more than one, or such as nobody has.
var badAddresses = []string{
	"", "uma", "@example.com", "a@", "a@b@example.com", "a@x.com,b@x.com", "a@x.com;b@x.com", "a@x.com b@x.com", "<a@x.com>", "Ana <a@x.com>",
	"a@x.com\r\nBcc: b@x.com", "a\r\n@x.com", "a@x.com\x01", "a\x7f@x.com", "a\u200b@x.com", "a\u2028@x.com", `"a b"@x.com`, `"a"@x.com`, "a@[192.0.2.1]", "a@x_y.com", "a@-x.com",
}

// TestAddresses gives users addresses that no mail could be sent to, and odd ones.
func TestAddresses(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		for i, email := range badAddresses {
			res := c.Admin.Do("POST", "/api/users", apptest.JSON{"username": fmt.Sprint("user", i), "email": email, "password": apptest.Password})
			if fields := checkFailure(t, email, res, 422); fmt.Sprint(fields) != "[email]" {
				t.Errorf("%q: fields %v", email, fields)
			}
		}
		for i, email := range []string{"ana@šarić.example", "žana@example.com", "пошта@пример.срб", "o'neil+desk@sub.example.com", "root@localhost"} {
			res := c.Admin.Do("POST", "/api/users", apptest.JSON{"username": fmt.Sprint("odd", i), "email": email, "password": apptest.Password})
			if res.Status != 201 || res.Text("data.email") != email {
				t.Errorf("%s: %s", email, res)
			}
		}
	})
}

// TestLinkLimits: asking for links counts as failed sign-ins do, and so do
// links that do not work.
func TestLinkLimits(t *testing.T) {
	t.Parallel()
	eachLimiter(t, func(t *testing.T, c *apptest.Company) {
		from := func(ip string) string { return "X-Forwarded-For: " + ip }
		for i := range 7 {
			asked := c.Nobody.Do("POST", "/api/auth/forgot-password", apptest.JSON{"email": fmt.Sprintf("x%d@example.com", i)}, from("10.0.0.1"))
			tried := c.Nobody.Do("POST", "/api/auth/set-password", apptest.JSON{"token": fmt.Sprint("x", i), "password": another}, from("10.0.0.2"))
			want := [2]int{202, 401}
			if i >= 5 {
				want = [2]int{429, 429}
			}
			if got := [2]int{asked.Status, tried.Status}; got != want {
				t.Errorf("call %d: %d, want %d", i+1, got, want)
			}
			if i >= 5 && (asked.Header.Get("Retry-After") == "" || tried.Header.Get("Retry-After") == "") {
				t.Errorf("call %d: %v %v", i+1, asked.Header, tried.Header)
			}
		}
		if n := len(c.Mails()); n != 5 {
			t.Errorf("%d mails, want 5", n)
		}
		for _, ip := range []string{"10.0.0.1", "10.0.0.2"} {
			checkFailure(t, "a sign-in from "+ip, login(c.Nobody, "uma", "wrong", from(ip)), 429)
		}
		token := c.Link(c.User.ID)
		if res := c.Nobody.Do("POST", "/api/auth/set-password", apptest.JSON{"token": token, "password": another}, from("10.0.0.3")); res.Status != 200 {
			t.Errorf("from elsewhere: %s", res)
		}
	}, behindProxy)
}
