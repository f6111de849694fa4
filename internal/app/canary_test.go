package app_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"cartracker/internal/app"
	"cartracker/internal/app/apptest"
	"cartracker/internal/mail"
	"cartracker/internal/mail/mailtest"
	"cartracker/internal/observe/report/reporttest"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/testdb"
)

// A planted secret is one that is looked for wherever nobody may find it.
type planted struct {
	name, text string
	// kept is where it stands for good reason, and is not looked for: an audit log
	// has what was recorded about whom, a job for whoever forgot a password the
	// address that was typed, a mail the address that it goes to. For the same
	// reason the bodies of mails are not searched, which have the link, nor the
	// tables of users and customers.
	kept []string
}

// The canaries that the test makes. Others are tokens that the program makes.
const (
	adminPassword = "canary-Sljivovik-81-lampa"
	deskPassword  = "canary-Trebinje-47-stolica"
	wrongPassword = "canary-Neum-15-prozor"
	madeUpCookie  = "canaryCookieWxq81nfh"
	basicAuth     = "Y2FuYXJ5OmJhc2ljLXBhc3M5"
	smtpPassword  = "canary-smtp-Foca-63"
	redisPassword = "canary-redis-Olovo-29"
	master        = "canary-master-Kupres-5521-pe0xv-aa81f"
	passport      = "BC7310462"
	licence       = "LK4419076"
	nationalID    = "0307985150026"
	phone         = "+38761748392"
	notes         = "canary notes: owes Hasan a favour"
	cell          = "canary cell Zvornik"
	adminMail     = "canary.amra@firm.example"
	deskMail      = "canary.emir@firm.example"
	customerMail  = "canary.client@home.example"
	typedMail     = "canary.typed@away.example"
)

// A saboteur lets things go wrong in the program, with errors that tell all they know.
type saboteur struct {
	mode atomic.Value // a string: what goes wrong
	says atomic.Value // a string: what errors say
	mail mail.Sender  // that works

	replays interface {
		Once(context.Context, record.Replay, func(context.Context) (record.Answer, error)) (record.Answer, bool, error)
	}
}

func (s *saboteur) is(mode string) bool { return s.mode.Load() == mode }

// enter puts s where the program will find it.
func (s *saboteur) enter(o *app.Office) {
	fingerprint := o.API.Fingerprint
	o.API.Fingerprint = func(body []byte) string {
		if s.is("panic") {
			panic(fmt.Errorf("no fingerprint of %s: %s", body, s.says.Load()))
		}
		return fingerprint(body)
	}
	s.replays, o.API.Replays = o.API.Replays, s
	o.Jobs.Sender = s
}

// Once is for what has an Idempotency-Key.
func (s *saboteur) Once(ctx context.Context, r record.Replay, do func(context.Context) (record.Answer, error)) (record.Answer, bool, error) {
	if s.is("error") {
		return record.Answer{}, false, fmt.Errorf("cannot keep: %s", s.says.Load())
	}
	return s.replays.Once(ctx, r, do)
}

// Send sends a mail.
func (s *saboteur) Send(ctx context.Context, m mail.Message, taken func() error) error {
	switch {
	case s.is("refuse"):
		return &mail.Refused{Answer: fmt.Sprintf("550 <%s> may not have %s%s", m.To.Email, m.Text, s.says.Load())}
	case s.is("fail"):
		return fmt.Errorf("to %s: %s%s", m.To.Email, m.HTML, s.says.Load())
	case s.is("panic"):
		panic(fmt.Sprintf("to %s: %s%s", m.To.Email, m.Text, s.says.Load()))
	}
	return s.mail.Send(ctx, m, taken)
}

// Close closes nothing.
func (*saboteur) Close() error { return nil }

// TestCanaries lets everybody use the program, lets everything go wrong with
// errors that tell more than they should, and looks for twenty and more secrets in
// all that it wrote or sent.
func TestCanaries(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { findCanaries(t, "") })
	t.Run("PostgreSQL", func(t *testing.T) {
		findCanaries(t, testdb.EmptyPostgres(t).URL)
	})
}

func findCanaries(t *testing.T, database string) {
	dir, sink := t.TempDir(), reporttest.New(t)
	redis := redistest.New(t, redistest.Options{Password: redisPassword})
	for name, value := range map[string]string{
		"SENTRY_DSN": sink.DSN, "SENTRY_ENVIRONMENT": "test", "TRACES_SAMPLE_RATE": "1", "ACCESS_TOKEN_SECRET": master, "REDIS_URL": redis.URL(), "DATABASE_URL": database,
		"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": "1", "EMAIL_USER": "desk", "EMAIL_PASSWORD": smtpPassword, "EMAIL_ATTEMPTS": "1",
		"DB_POOL_MIN": "2", "DB_POOL_SIZE": "8", "DB_POOL_MAX": "16", "RATE_LIMIT_API": "off", "RATE_LIMIT_AUTH": "off",
	} {
		t.Setenv(name, value)
	}
	site := apptest.NewSite(t, dir, database)
	s := &saboteur{mail: mail.NewOutbox(filepath.Join(dir, "outbox"), mail.Address{Email: "desk@firm.example"})}
	now := make(chan struct{})
	p := app.Program{Version: "v1.2.3"}.Opened(s.enter)
	p = p.Besides("odd", func(context.Context) error { <-now; return errors.New("odd: " + fmt.Sprint(s.says.Load())) })
	l := liveIn(t, dir, p, "serve", "--log-level", "debug")
	defer l.stop()
	defer func() {
		if t.Failed() {
			t.Log(l.log.String())
		}
	}()
	listens := l.until(t, `http://127\.0\.0\.1:\d+`)
	b := &burglar{t: t, nobody: apptest.At(t, listens), dir: dir, saboteur: s, site: site, database: database, sink: sink, redis: redis.URL()}
	b.work()
	close(now)
	if code := l.end(t); code != 1 {
		t.Errorf("ended with %d", code)
	}
	b.search("log", l.log.String())
	b.search("reports", string(sink.Raw()))
	b.checkReports()
	site.Look(t, func(raw *sql.DB) {
		b.search("audit", text(t, raw, "SELECT * FROM audit_logs"))
		jobs := text(t, raw, map[bool]string{
			true:  "SELECT kind, json(args), json(errors), json(metadata) FROM river_job",
			false: "SELECT kind, CAST(args AS TEXT), CAST(errors AS TEXT), CAST(metadata AS TEXT) FROM river_job",
		}[database == ""])
		if strings.Count(jobs, "[hidden]") < 3 {
			t.Errorf("the queue does not have the failures:\n%s", jobs)
		}
		b.search("jobs", jobs)
	})
	mails := mailtest.Outbox(t, filepath.Join(dir, "outbox"))
	if len(mails) == 0 {
		t.Error("there is no mail in the outbox")
	}
	for _, m := range mails {
		b.search("headers", fmt.Sprint(m.Header))
	}
}

// A burglar uses the program, knows the secrets, and looks for them.
type burglar struct {
	*saboteur
	t                    *testing.T
	nobody, admin        *apptest.Client
	dir, database, redis string
	site                 *apptest.Site
	sink                 *reporttest.Sink
	all                  []planted
}

func (b *burglar) knows(name, text string, kept ...string) {
	b.t.Helper()
	if len(text) < 8 {
		b.t.Fatalf("%s is %q", name, text)
	}
	b.all = append(b.all, planted{name, text, kept})
}

// ask sends a request, and wants it to end with a status.
func (b *burglar) ask(c *apptest.Client, want int, method, path string, body any, headers ...string) apptest.Response {
	b.t.Helper()
	res := c.Do(method, path, body, headers...)
	if res.Status != want {
		b.t.Errorf("%s %s: %s, want %d", method, path, res, want)
	}
	return res
}

// sqlDo changes the database past the program.
func (b *burglar) sqlDo(query string) {
	b.site.Look(b.t, func(raw *sql.DB) {
		if _, err := raw.Exec(query); err != nil {
			b.t.Fatal(err)
		}
	})
}

func (b *burglar) work() {
	b.know()
	b.people()
	b.records()
	b.mode.Store("panic")
	b.says.Store(b.everything())
	b.ask(b.admin, 500, "POST", "/api/customers", b.customer(), "Idempotency-Key: canary-2", "Cookie: refreshToken="+madeUpCookie)
	b.sendMail()
	b.mode.Store("error")
	b.ask(b.admin, 500, "POST", "/api/customers", b.customer(), "Idempotency-Key: canary-3", "Authorization: Bearer "+b.admin.Token)
	for _, mode := range []string{"refuse", "fail"} {
		b.mode.Store(mode)
		b.sendMail()
	}
	b.mode.Store("")
	b.sqlDo("ALTER TABLE customers RENAME TO gone")
	b.ask(b.admin, 500, "GET", "/api/customers?q="+passport, nil)
	b.ask(b.admin, 500, "POST", "/api/customers", b.customer())
	b.ask(b.admin, 500, "POST", "/api/import/customers", "name,passportNumber\n"+cell+","+passport+"\n", "Content-Type: text/csv")
	b.sqlDo("ALTER TABLE gone RENAME TO customers")
	b.sink.Wait(8)
}

// know takes note of the secrets that there are before the program is used.
func (b *burglar) know() {
	code, err := os.ReadFile(filepath.Join(b.dir, "setup-code"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.knows("the set-up code", strings.TrimSpace(string(code)))
	b.knows("the admin's password", adminPassword)
	b.knows("the employee's password", deskPassword)
	b.knows("a wrong password", wrongPassword)
	b.knows("a cookie", madeUpCookie)
	b.knows("an authorization header", basicAuth)
	b.knows("the password of SMTP", smtpPassword)
	b.knows("the password of Redis", redisPassword)
	if b.database != "" {
		u, err := url.Parse(b.database)
		if err != nil {
			b.t.Fatal(err)
		}
		password, _ := u.User.Password()
		b.knows("the password of PostgreSQL", password)
	}
	b.knows("the master secret", master)
	b.knows("the key of the DSN", reporttest.Key)
	b.knows("the secret of the DSN", reporttest.Secret)
	b.knows("a passport number", passport)
	b.knows("a licence number", licence)
	b.knows("a national id", nationalID)
	b.knows("a phone number", phone, "audit")
	b.knows("the notes in a body", notes, "audit")
	b.knows("a cell of a file", cell)
	b.knows("the admin's address", adminMail, "audit", "headers")
	b.knows("the employee's address", deskMail, "audit", "headers")
	b.knows("a customer's address", customerMail, "audit")
	b.knows("a typed address", typedMail, "jobs")
}

func (b *burglar) customer() apptest.JSON {
	return apptest.JSON{
		"name": "Šaćir Đurić", "driverLicenseNumber": licence, "passportNumber": passport, "countryOfOrigin": "Bosnia and Herzegovina",
		"email": customerMail, "idOfPerson": nationalID, "phoneNumber": phone, "notes": notes,
	}
}

var linkToken = regexp.MustCompile(`set-password\?token=([\w-]+)`)

// people come in, by all the ways that there are.
func (b *burglar) people() {
	code := b.all[0].text
	b.ask(b.nobody, 201, "POST", "/api/auth/setup", apptest.JSON{"code": code, "username": "amra", "email": adminMail, "password": adminPassword})
	b.ask(b.nobody, 401, "POST", "/api/auth/login", apptest.JSON{"username": "amra", "password": wrongPassword})
	in := b.ask(b.nobody, 200, "POST", "/api/auth/login", apptest.JSON{"username": "amra", "password": adminPassword})
	admin := *b.nobody
	admin.Token, admin.Cookie, admin.ID = in.Text("accessToken"), in.Cookie("refreshToken"), record.UserID(in.Text("id"))
	b.admin = &admin
	b.knows("an access token", admin.Token)
	b.knows("a refresh token", admin.Cookie)
	next := b.ask(b.nobody, 200, "POST", "/api/auth/refresh", nil, "Cookie: refreshToken="+admin.Cookie)
	b.knows("its successor", next.Cookie("refreshToken"))
	b.ask(b.nobody, 401, "POST", "/api/auth/refresh", nil, "Cookie: refreshToken="+madeUpCookie)
	b.ask(b.nobody, 401, "GET", "/api/users/me", nil, "Authorization: Basic "+basicAuth)
	b.ask(b.nobody, 401, "GET", "/api/users/me", nil, "Authorization: Bearer "+admin.Token+"x")
	b.ask(b.admin, 201, "POST", "/api/users", apptest.JSON{"username": "emir", "email": deskMail, "role": "employee", "sendCredentials": true})
	var token string
	apptest.Until(b.t, "the mail to the employee", func() bool {
		for _, m := range mailtest.Outbox(b.t, filepath.Join(b.dir, "outbox")) {
			if found := linkToken.FindStringSubmatch(m.Text); found != nil {
				token = found[1]
			}
		}
		return token != ""
	})
	b.knows("the token of a link", token)
	b.ask(b.nobody, 200, "GET", "/set-password?token="+token, nil)
	b.ask(b.nobody, 200, "POST", "/api/auth/set-password", apptest.JSON{"token": token, "password": deskPassword})
	b.ask(b.nobody, 202, "POST", "/api/auth/forgot-password", apptest.JSON{"email": typedMail})
}

// records come in, and some of them are refused.
func (b *burglar) records() {
	b.ask(b.admin, 201, "POST", "/api/customers", b.customer(), "Idempotency-Key: canary-1")
	b.ask(b.admin, 409, "POST", "/api/customers", b.customer(), "Idempotency-Key: canary-1b")
	bad := b.customer()
	bad["email"], bad["passportNumber"] = customerMail+"@", strings.Repeat(passport, 9)
	b.ask(b.admin, 422, "POST", "/api/customers", bad)
	b.ask(b.admin, 400, "POST", "/api/customers", `{"passportNumber":"`+passport+`","notes":"`+notes)
	b.ask(b.admin, 200, "POST", "/api/import/customers", "name,driverLicenseNumber,passportNumber,countryOfOrigin,email\n"+cell+","+licence+","+passport+",x,"+customerMail+"@\n", "Content-Type: text/csv")
}

// sendMail lets a mail be sent, and returns once that has failed.
func (b *burglar) sendMail() {
	b.t.Helper()
	failed := func() int {
		n := 0
		for _, j := range b.site.Jobs(b.t) {
			if j.State == "cancelled" || j.State == "discarded" {
				n++
			}
		}
		return n
	}
	before := failed()
	users := b.ask(b.admin, 200, "GET", "/api/users?limit=50", nil)
	for i := range users.Len("data") {
		if users.Text(fmt.Sprintf("data.%d.username", i)) == "emir" {
			b.ask(b.admin, 200, "POST", "/api/users/"+users.Text(fmt.Sprintf("data.%d.id", i))+"/reset-password", apptest.JSON{"sendEmail": true})
		}
	}
	apptest.Until(b.t, "the end of a mail", func() bool { return failed() > before })
}

// everything is what a careless error says: all secrets, under the names that
// they have in programs, or in their usual shapes.
func (b *burglar) everything() string {
	of := map[string]string{}
	for _, c := range b.all {
		of[c.name] = c.text
	}
	body, err := json.Marshal(b.customer())
	if err != nil {
		b.t.Fatal(err)
	}
	quoted, err := json.Marshal(string(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.Join([]string{
		"setup " + of["the set-up code"],
		"password=" + adminPassword, `with "newPassword":"` + deskPassword + `"`, fmt.Sprintf("password %q", wrongPassword),
		"smtp: EMAIL_PASSWORD=" + smtpPassword, "dial " + b.redis + "/0", "dial " + b.database, "DB_PASSWORD: " + of["the password of PostgreSQL"],
		"ACCESS_TOKEN_SECRET=" + master, "SENTRY_DSN " + b.sink.DSN,
		"access " + of["an access token"], "refresh " + of["a refresh token"] + ", then " + of["its successor"],
		"get /set-password?token=" + of["the token of a link"], url.QueryEscape("token=" + of["the token of a link"]),
		"Key (passport_number)=(" + passport + ") exists", "licence " + licence, "id " + nationalID + ", phone " + phone,
		"body " + string(body) + " or " + string(quoted), `strconv.ParseInt: parsing "` + cell + `": invalid syntax`,
		"to <" + deskMail + ">, " + customerMail + " and " + url.QueryEscape(typedMail) + " from " + adminMail,
		"basic " + base64.StdEncoding.EncodeToString([]byte("emir:"+deskPassword+deskPassword)),
		"Authorization: Basic " + basicAuth, "\nCookie: theme=dark; refreshToken=" + madeUpCookie,
	}, "; ")
}

// search looks for all canaries in what stands at a place.
func (b *burglar) search(place, text string) {
	b.t.Helper()
	if text == "" {
		b.t.Errorf("%s is empty", place)
	}
	for _, c := range b.all {
		if slices.Contains(c.kept, place) {
			continue
		}
		for how, form := range forms(c.text) {
			if at := strings.Index(text, form); at >= 0 {
				b.t.Errorf("%s has %s (%s): …%s…", place, c.name, how, text[max(0, at-200):min(len(text), at+200)])
				break
			}
		}
	}
}

// forms returns a text as it is, and as it may stand inside of others.
func forms(text string) map[string]string {
	quoted, _ := json.Marshal(text)
	all := map[string]string{
		"plain": text, "for a URL": url.QueryEscape(text), "for a path": url.PathEscape(text), "in JSON": strings.Trim(string(quoted), `"`),
		"in hex": hex.EncodeToString([]byte(text)),
	}
	for shift := range 3 { // within something longer, base64 depends on where it begins
		for name, coding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			part := text[shift:]
			all[fmt.Sprint(name, shift)] = coding.EncodeToString([]byte(part[:len(part)/3*3]))
		}
	}
	return all
}

// checkReports looks whether all of what went wrong was reported.
func (b *burglar) checkReports() {
	b.t.Helper()
	var got []string
	for _, e := range b.sink.Events() {
		x := e.Exception[0]
		got = append(got, e.Transaction+" "+strings.SplitN(x.Type, ":", 2)[0]+" "+e.User.Username+" "+e.User.Data.Role+" "+e.Level)
		if (e.Tags.Kind == "request") != (e.Tags.RequestID != "") || e.Release != "v1.2.3" || e.Environment != "test" || len(x.Stacktrace.Frames) == 0 {
			b.t.Errorf("%+v", e)
		}
	}
	for _, want := range []string{
		"POST /api/customers panic amra admin error", "POST /api/customers *errors.errorString amra admin error", "GET /api/customers ", "POST /api/import/{kind} ",
		"password-reset panic   error", "password-reset *mail.redactedError   error", " *errors.errorString   fatal",
	} {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, want) }) {
			b.t.Errorf("%q was not reported, but\n%s", want, strings.Join(got, "\n"))
		}
	}
}
