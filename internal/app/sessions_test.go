package app_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/secret"
	"cartracker/internal/store/testdb"
)

func refresh(c *apptest.Client, cookie string, headers ...string) apptest.Response {
	return c.Do("POST", "/api/auth/refresh", nil, append(headers, "Cookie: refreshToken="+cookie)...)
}

func check(c *apptest.Client, cookie string, headers ...string) apptest.Response {
	return c.Do("GET", "/api/auth/session-check", nil, append(headers, "Cookie: refreshToken="+cookie)...)
}

// alive reports whether the access token of a client still opens anything.
func alive(t *testing.T, c *apptest.Client) bool {
	t.Helper()
	res := c.Do("GET", "/api/users/me", nil)
	if res.Status != 200 {
		checkFailure(t, "an ended session", res, 401)
	}
	return res.Status == 200
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		t.Run("each use gives a new token", func(t *testing.T) { rotation(t, c) })
		t.Run("an old token is theft", func(t *testing.T) { theft(t, c) })
		t.Run("sessions end", func(t *testing.T) { lifetimes(t, c) })
		t.Run("session-check", func(t *testing.T) { sessionCheck(t, c) })
		t.Run("foreign sites", func(t *testing.T) { foreignSites(t, c) })
		t.Run("cookies open nothing else", func(t *testing.T) { onlyBearer(t, c) })
	})
}

func rotation(t *testing.T, c *apptest.Company) {
	uma := c.Nobody.SignIn("uma")
	first := refresh(c.Nobody, uma.Cookie)
	second := first.Cookie("refreshToken")
	if first.Status != 200 || second == "" || second == uma.Cookie || first.Text("accessToken") == "" || first.Text("data.id") != string(uma.ID) {
		t.Fatalf("refresh: %s", first)
	}
	if first.Header.Get("Cache-Control") != "no-store" || first.Header.Get("ETag") != "" {
		t.Errorf("headers of a refresh: %v", first.Header)
	}
	c.Clock.Move(30 * time.Second)
	if again := refresh(c.Nobody, uma.Cookie); again.Status != 200 || again.Cookie("refreshToken") != second {
		t.Errorf("a parallel tab got %s and another token", again)
	}
	if res := refresh(c.Nobody, second); res.Status != 200 || res.Cookie("refreshToken") == second {
		t.Errorf("the successor: %s", res)
	}
	// Now uma.Cookie is older than the direct predecessor, within the 30 s or not.
	if res := refresh(c.Nobody, uma.Cookie); res.Status != 401 {
		t.Errorf("the predecessor's predecessor: %s", res)
	}
}

func theft(t *testing.T, c *apptest.Company) {
	for name, use := range map[string]func(*apptest.Client, string, ...string) apptest.Response{"refresh": refresh, "session-check": check} {
		uma, other := c.Nobody.SignIn("uma"), c.Nobody.SignIn("uma")
		next := refresh(c.Nobody, uma.Cookie).Cookie("refreshToken")
		c.Clock.Move(31 * time.Second)
		res := use(c.Nobody, uma.Cookie)
		checkFailure(t, name+" with an old token", res, 401)
		if name == "refresh" && !strings.Contains(res.Header.Get("Set-Cookie"), "Max-Age=0") {
			t.Errorf("the useless cookie stays: %v", res.Header)
		}
		checkFailure(t, "the thief's token", refresh(c.Nobody, next), 401)
		if alive(t, uma) || !alive(t, other) {
			t.Error("theft must end this session, and no other")
		}
		audit := c.Admin.SignIn("amra").Do("GET", "/api/audit-logs?limit=10&action=LOGOUT&status=failure", nil)
		if audit.Text("data.0.username") != "uma" || !strings.Contains(audit.Text("data.0.description"), "used again") {
			t.Errorf("theft in the audit log: %s", audit)
		}
		if !strings.Contains(c.Log.String(), "a refresh token was used again") {
			t.Error("theft is not logged")
		}
	}
}

func lifetimes(t *testing.T, c *apptest.Company) {
	began, cookie := c.Clock.Now(), c.Nobody.SignIn("uma").Cookie
	for range 4 { // refreshed every week, 30 days are the end of it
		c.Clock.Move(7*24*time.Hour - time.Minute)
		res := refresh(c.Nobody, cookie)
		if res.Status != 200 {
			t.Fatalf("after %s: %s", c.Clock.Now().Sub(began), res)
		}
		cookie = res.Cookie("refreshToken")
	}
	c.Clock.Move(30*24*time.Hour - c.Clock.Now().Sub(began) + time.Second)
	checkFailure(t, "after 30 days", refresh(c.Nobody, cookie), 401)
	cookie = c.Nobody.SignIn("uma").Cookie
	c.Clock.Move(7*24*time.Hour + time.Second)
	checkFailure(t, "after 7 days unused", refresh(c.Nobody, cookie), 401)
	checkFailure(t, "no token of ours", refresh(c.Nobody, "x"), 401)
	checkFailure(t, "no cookie", c.Nobody.Do("POST", "/api/auth/refresh", nil), 401)
}

func sessionCheck(t *testing.T, c *apptest.Company) {
	uma := c.Nobody.SignIn("uma")
	res := uma.Do("GET", "/api/auth/session-check", nil)
	if res.Status != 200 || res.At("authenticated") != true || res.Text("username") != "uma" || res.Text("email") != "uma@example.com" ||
		res.Text("role") != "user" || res.Text("id") != string(uma.ID) || res.At("accessToken") != nil || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("by bearer: %s", res)
	}
	emir := c.Nobody.SignIn("emir")
	if res := check(uma, emir.Cookie); res.Text("username") != "uma" {
		t.Errorf("a valid bearer wins: %s", res)
	}
	for range 3 { // does not rotate
		res := check(c.Nobody, emir.Cookie)
		if res.Status != 200 || res.Text("username") != "emir" || res.Text("accessToken") == "" || res.Header.Get("Set-Cookie") != "" {
			t.Errorf("by cookie: %s", res)
		}
	}
	c.Clock.Move(17 * time.Minute)
	if res := check(uma, emir.Cookie); res.Text("username") != "emir" {
		t.Errorf("an expired bearer with a cookie: %s", res)
	}
	res = uma.Do("GET", "/api/auth/session-check", nil)
	if checkFailure(t, "expired", res, 401); res.Text("code") != "token_expired" || res.At("authenticated") != false {
		t.Errorf("an expired bearer alone: %s", res)
	}
	for _, res := range []apptest.Response{c.Nobody.Do("GET", "/api/auth/session-check", nil), check(c.Nobody, "x")} {
		if checkFailure(t, "nobody", res, 401); res.At("authenticated") != false {
			t.Errorf("nobody: %s", res)
		}
	}
}

func foreignSites(t *testing.T, c *apptest.Company) {
	cookie := c.Nobody.SignIn("uma").Cookie
	for _, h := range []string{"Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: " + c.URL + ".evil.example"} {
		checkFailure(t, "refresh with "+h, refresh(c.Nobody, cookie, h), 403)
		checkFailure(t, "session-check with "+h, check(c.Nobody, cookie, h), 403)
		res := c.Nobody.Do("POST", "/api/auth/logout", nil, h, "Cookie: refreshToken="+cookie)
		if checkFailure(t, "logout with "+h, res, 403); res.Header.Get("Set-Cookie") != "" {
			t.Errorf("logout with %s takes the cookie away", h)
		}
	}
	for _, h := range []string{"Origin: " + c.URL, "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none"} {
		if res := check(c.Nobody, cookie, h); res.Status != 200 {
			t.Errorf("session-check with %s: %s", h, res)
		}
	}
}

func onlyBearer(t *testing.T, c *apptest.Company) {
	amra := c.Nobody.SignIn("amra")
	for _, r := range c.API.Routes() {
		if r.Role != "anyone" {
			res := c.Nobody.Do(r.Method, r.Path, nil, "Cookie: refreshToken="+amra.Cookie+"; __Host-refreshToken="+amra.Cookie+"; accessToken="+amra.Token)
			checkFailure(t, r.Method+" "+r.Path+" with a cookie only", res, 401)
		}
	}
	for _, h := range []string{"Basic " + amra.Token, amra.Token, "Bearer", "Bearer ", "Bearer " + amra.Cookie, "Token " + amra.Token} {
		checkFailure(t, "Authorization", c.Nobody.Do("GET", "/api/users/me", nil, "Authorization: "+h), 401)
	}
	if res := c.Nobody.Do("GET", "/api/users/me", nil, "Authorization: bearer "+amra.Token); res.Status != 200 {
		t.Errorf("a scheme in lower case: %s", res)
	}
	checkFailure(t, "a token in the query", c.Nobody.Do("GET", "/api/users/me?access_token="+amra.Token, nil), 401)
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		out := func(c *apptest.Client, body any, headers ...string) {
			t.Helper()
			res := c.Do("POST", "/api/auth/logout", body, headers...)
			if res.Status != 200 || !strings.Contains(res.Header.Get("Set-Cookie"), "refreshToken=;") {
				t.Errorf("sign-out: %s %v", res, res.Header)
			}
		}
		one, two, three := c.Nobody.SignIn("uma"), c.Nobody.SignIn("uma"), c.Nobody.SignIn("uma")
		out(one, nil)
		if alive(t, one) || !alive(t, two) || refresh(c.Nobody, one.Cookie).Status != 401 {
			t.Error("signing out by token ends this session only")
		}
		out(c.Nobody, apptest.JSON{"everywhere": false}, "Cookie: refreshToken="+two.Cookie)
		if alive(t, two) || !alive(t, three) {
			t.Error("signing out by cookie ends this session only")
		}
		four := c.Nobody.SignIn("uma")
		out(c.Nobody, apptest.JSON{"everywhere": true}, "Cookie: refreshToken="+four.Cookie)
		if alive(t, three) || alive(t, four) || alive(t, c.User) || !alive(t, c.Employee) {
			t.Error("signing out everywhere ends all sessions of the user")
		}
		out(c.Nobody, nil) // who is out can sign out
		out(four, nil, "Content-Type: text/plain")
		if n := c.Admin.Do("GET", "/api/audit-logs?action=LOGOUT", nil).Len("data"); n != 3 {
			t.Errorf("%d sign-outs in the audit log", n)
		}
	})
}

// TestSessionsEndAtOnce: what a token says counts only while it is still so.
func TestSessionsEndAtOnce(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		uma := string(c.User.ID)
		user := c.User
		ends := func(what string, res apptest.Response) {
			t.Helper()
			if res.Status != 200 || alive(t, user) || refresh(c.Nobody, user.Cookie).Status != 401 {
				t.Errorf("%s does not end the session: %s", what, res)
			}
		}
		ends("another role", c.Admin.Do("PATCH", "/api/users/"+uma, apptest.JSON{"role": "employee"}))
		if user = c.Nobody.SignIn("uma"); user.Do("GET", "/api/customers", nil).Status != 200 {
			t.Error("the new role is not in force")
		}
		if c.Admin.Do("PATCH", "/api/users/"+uma, apptest.JSON{"name": "Uma"}); !alive(t, user) {
			t.Error("another name ends the session")
		}
		ends("deactivation", c.Admin.Do("PATCH", "/api/users/"+uma, apptest.JSON{"active": false}))
		checkFailure(t, "sign-in of an inactive user", login(c.Nobody, "uma", apptest.Password), 401)
		c.Admin.Do("PATCH", "/api/users/"+uma, apptest.JSON{"active": true})
		user = c.Nobody.SignIn("uma")
		ends("a reset", c.Admin.Do("POST", "/api/users/"+uma+"/reset-password", apptest.JSON{"newPassword": "brand-new-Lamp-1"}))
		checkFailure(t, "the old password", login(c.Nobody, "uma", apptest.Password), 401)
		in := login(c.Nobody, "uma", "brand-new-Lamp-1")
		other := *c.Nobody
		other.Token, other.Cookie = in.Text("accessToken"), in.Cookie("refreshToken")
		user = &other
		wrong := user.Do("PUT", "/api/users/"+uma+"/password", apptest.JSON{"currentPassword": "x", "newPassword": "short"})
		if fields := checkFailure(t, "a wrong current password", wrong, 422); !slices.Equal(fields, []string{"currentPassword", "newPassword"}) || !alive(t, user) {
			t.Errorf("a wrong current password: %s", wrong)
		}
		ends("a password change", user.Do("PUT", "/api/users/"+uma+"/password", apptest.JSON{"currentPassword": "brand-new-Lamp-1", "newPassword": apptest.Password}))
		user = c.Nobody.SignIn("uma")
		ends("deletion", c.Admin.Do("DELETE", "/api/users/"+uma, nil))
	})
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	parts := strings.Split(c.Admin.Token, ".")
	segment := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
	for _, claim := range []string{"sub", "username", "role", "sid", "iss", "aud", "iat", "exp"} {
		if !strings.Contains(string(raw), `"`+claim+`"`) {
			t.Errorf("the token %s lacks %s", raw, claim)
		}
	}
	key := secret.DeriveKeys([]byte(strings.Repeat("s", 32))).Access
	var claims jwt.MapClaims
	if _, err := jwt.ParseWithClaims(c.Admin.Token, &claims, func(*jwt.Token) (any, error) { return key, nil }, jwt.WithoutClaimsValidation()); err != nil {
		t.Fatal(err)
	}
	sign := func(m jwt.SigningMethod, key any, change jwt.MapClaims) string {
		all := jwt.MapClaims{}
		for k, v := range claims {
			all[k] = v
		}
		for k, v := range change {
			all[k] = v
		}
		s, err := jwt.NewWithClaims(m, all).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if me := c.Nobody.Do("GET", "/api/users/me", nil, "Authorization: Bearer "+sign(jwt.SigningMethodHS256, key, nil)); me.Status != 200 {
		t.Fatalf("the key of this test is not the program's: %s", me)
	}
	for name, token := range map[string]string{
		"none":              segment(`{"alg":"none","typ":"JWT"}`) + "." + parts[1] + ".",
		"None":              segment(`{"alg":"None"}`) + "." + parts[1] + "." + parts[2],
		"HS512":             sign(jwt.SigningMethodHS512, key, nil),
		"another key":       sign(jwt.SigningMethodHS256, []byte(strings.Repeat("s", 32)), nil),
		"other claims":      parts[0] + "." + segment(strings.Replace(string(raw), "admin", "admiN", 1)) + "." + parts[2],
		"other signature":   parts[0] + "." + parts[1] + "." + segment("x"),
		"another issuer":    sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"iss": "x"}),
		"another audience":  sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"aud": "x"}),
		"no end":            sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"exp": nil}),
		"another session":   sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"sid": unknownID}),
		"another's session": sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"sub": string(c.User.ID)}),
		"9 KiB":             c.Admin.Token + strings.Repeat("a", 9<<10),
		"9 KiB of claims":   sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"x": strings.Repeat("a", 8<<10)}),
		"nothing":           "..",
	} {
		res := c.Nobody.Do("GET", "/api/users/me", nil, "Authorization: Bearer "+token)
		if checkFailure(t, name, res, 401); res.Text("code") != "unauthorized" || res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %s", name, res)
		}
	}
	c.Clock.Move(15*time.Minute + 59*time.Second)
	if !alive(t, c.Admin) {
		t.Error("the leeway is 60 s")
	}
	c.Clock.Move(2 * time.Second)
	if res := c.Admin.Do("GET", "/api/users/me", nil); res.Text("code") != "token_expired" {
		t.Errorf("an expired token: %s", res)
	}
}

// TestSecretsStaySecret drives the program with passwords and tokens that can be
// told apart, and looks for them wherever somebody could read them.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const one, two, three, wrong = "canary-Vrelo-Bosne-1", "canary-Una-Slap-22", "canary-Neretva-333", "canary-wrong-4444"
		var told strings.Builder
		do := func(client *apptest.Client, method, path string, body any, headers ...string) apptest.Response {
			res := client.Do(method, path, body, headers...)
			told.Write(res.Body)
			return res
		}
		id := do(c.Admin, "POST", "/api/users", apptest.JSON{"username": "kenan", "email": "kenan@example.com", "password": one}, "Idempotency-Key: secret-1").Text("data.id")
		do(c.Admin, "POST", "/api/users", apptest.JSON{"username": "kenan", "email": "kenan@example.com", "password": one, "role": wrong, wrong + "x": 1})
		in := login(c.Nobody, "kenan", one)
		do(c.Nobody, "POST", "/api/auth/login", apptest.JSON{"username": "kenan", "password": wrong})
		do(c.Nobody, "POST", "/api/auth/login", apptest.JSON{"username": wrong, "password": wrong})
		do(c.Nobody, "POST", "/api/auth/register", apptest.JSON{"username": "novi", "email": "novi@example.com", "password": two})
		kenan := *c.Nobody
		kenan.Token = in.Text("accessToken")
		cookie := in.Cookie("refreshToken")
		do(&kenan, "PUT", "/api/users/"+id+"/password", apptest.JSON{"currentPassword": wrong, "newPassword": two})
		next := refresh(c.Nobody, cookie)
		do(&kenan, "PUT", "/api/users/"+id+"/password", apptest.JSON{"currentPassword": one, "newPassword": two})
		do(c.Admin, "POST", "/api/users/"+id+"/reset-password", apptest.JSON{"newPassword": three})
		do(&kenan, "GET", "/api/users/me", nil)
		for _, path := range []string{"/api/users", "/api/users/" + id, "/api/audit-logs?limit=1000", "/api/auth/session-check", "/routes", "/health"} {
			do(c.Admin, "GET", path, nil)
		}
		raw := c.Database.Raw(t)
		places := map[string]string{"the answers": told.String(), "the log": c.Log.String()}
		for _, table := range tables {
			places["the table "+table] = text(t, raw, "SELECT * FROM "+table)
		}
		for place, all := range places {
			for _, s := range []string{one, two, three, wrong, kenan.Token, cookie, next.Cookie("refreshToken"), next.Text("accessToken"), strings.Split(kenan.Token, ".")[2]} {
				if s == "" || strings.Contains(strings.ReplaceAll(all, wrong+"x", ""), s) {
					t.Errorf("%s has the secret %.14s…", place, s)
				}
			}
			if strings.Contains(place, "answers") && strings.Contains(all, "$argon2") {
				t.Errorf("%s have a hash", place)
			}
		}
	}, open)
}

// TestPlainOriginUnderHTTPS: where clients come by https, a page that came
// otherwise is another site.
func TestPlainOriginUnderHTTPS(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) { c.BaseURL = "https://desk.example.com" })
	cookie, _, _ := strings.Cut(login(c.Nobody, "uma", apptest.Password).Header.Get("Set-Cookie"), ";")
	for origin, status := range map[string]int{"https://desk.example.com": 200, "http://desk.example.com": 403, c.URL: 403, strings.Replace(c.URL, "http", "https", 1): 200} {
		res := c.Nobody.Do("GET", "/api/auth/session-check", nil, "Cookie: "+cookie, "Origin: "+origin)
		if res.Status != status {
			t.Errorf("from %s: %s, want %d", origin, res, status)
		}
	}
}
