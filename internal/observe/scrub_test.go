package observe_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cartracker/internal/observe"
)

// Each text is as it is, and as it is shown.
var scrubbed = []struct{ text, shown string }{
	// Names and values.
	{`password=desk-lamp`, `password=[hidden]`},
	{`"password":"desk \"lamp\" 7","role":"user"`, `"password":"[hidden]","role":"user"`},
	{`\"newPassword\":\"desk lamp\",\"id\":4`, `\"newPassword\":\"[hidden]\",\"id\":4`},
	// Objects.
	{`got {"a":{"b":"} \" {"},"c":[1,{}]} of {x} and { "y": 1 }.`, `got {[hidden]} of {x} and {[hidden]}.`},
	{`body {\"a\":\"x\\\"}\",\"id\":{}} end {\"`, `body {[hidden]} end {[hidden]`},
	{`rows [{"a":1},{"b":"never closed`, `rows [{[hidden]},{[hidden]`},
	{`%7B%22password%22%3A%22x%22`, `%7B%22password%22%3A[hidden]`},
	{`the password "desk lamp" is bad`, `the password "[hidden]" is bad`},
	{`Authorization: Basic dXNlcjpwYXNz, and more`, `Authorization: [hidden]`},
	{"Cookie: refreshToken=a; b=c\nHost: x", "Cookie: [hidden]\nHost: x"},
	{`Key (passport_number)=(AB12) already exists`, `Key (passport_number)=([hidden]) already exists`},
	{`driverLicenseNumber:K-4 idOfPerson=7`, `driverLicenseNumber:[hidden] idOfPerson=[hidden]`},
	{`map[passportNumber:AB1 name:Emir]`, `map[passportNumber:[hidden] name:Emir]`},
	{`access_token => abc, email='a b'`, `access_token => [hidden], email='[hidden]'`},
	{`/set-password?token=abc&x=1`, `/set-password?token=[hidden]&x=1`},
	{`token: Bearer abc next`, `token: [hidden] next`},
	{`password="never closed, and more`, `password="[hidden]`},
	// Addresses.
	{`dial postgres://cartracker:p@ss/w0rd@db.example.com:5432/cars?sslmode=off: refused`, `dial postgres://[hidden]@db.example.com:5432/cars?[hidden] refused`},
	{`redis://:pw@127.0.0.1:6379/0`, `redis://[hidden]@127.0.0.1:6379/0`},
	{`Get "https://example.com/a?q=Emir#x": EOF`, `Get "https://example.com/a?[hidden]": EOF`},
	{`550 <emir+1@Example.com>: unknown`, `550 <[hidden]>: unknown`},
	{`no emir@localhost, no emir%40example.com, no čaršija@šuma.ba`, `no [hidden], no [hidden], no [hidden]`},
	// Shapes.
	{`is eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U bad`, `is [hidden] bad`},
	{`cookie Vd2kQ5n0bS7xW1mZp8cTfG3hJ4rYuLaE6oNiXqRwBtk`, `cookie [hidden]`},
	{`std q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA= end`, `std [hidden] end`},
	{`code 7k2mx-9f3q-w8ta-c4hd-e6zn-5pbr0 typed`, `code [hidden] typed`},
	{`passport A1234567, licence 01AB12345, id 0101990170001, phone +38761123456`, `passport [hidden], licence [hidden], id [hidden], phone +[hidden]`},
	{`strconv.ParseInt: parsing "Emir Hodžić": invalid syntax`, `strconv.ParseInt: parsing "[hidden]": invalid syntax`},
	{`ERROR: invalid input syntax for type integer: "Emir" (SQLSTATE 22P02)`, `ERROR: invalid input syntax for type integer: "[hidden]" (SQLSTATE 22P02)`},
	// What tells something else stays.
	{`import 01a2058b-2335-7748-8db6-c93b7236d40c: not found`, ``},
	{`get car A12-K-345 of 2026-07-01 10:00: context deadline exceeded`, ``},
	{`dial tcp 10.20.30.40:5432: connect: connection refused`, ``},
	{`lookup redis-master-0.redis-headless.production.svc: no such host`, ``},
	{`ERROR: relation "contracts" does not exist (SQLSTATE 42P01)`, ``},
	{`database_away: the database does not answer; try again (dial unix /var/run/postgresql/.s.PGSQL.5432: no such file)`, ``},
	{`sending the mail: 450 try again later`, ``},
	{`cartracker/internal/httpapi.(*API).guard.func1 in endpoint.go:128`, ``},
	{`duplicate key value violates unique constraint "customers_passport_number_key" (SQLSTATE 23505)`, ``},
	{`http: superfluous response.WriteHeader call`, ``},
	{``, ``},
}

func TestScrub(t *testing.T) {
	for _, c := range scrubbed {
		want := c.shown
		if want == "" {
			want = c.text
		}
		got := observe.Scrub(c.text)
		if got != want {
			t.Errorf("%s\n is shown as %s\n not as      %s", c.text, got, want)
		}
		if again := observe.Scrub(got); again != got {
			t.Errorf("%s\n twice is %s", got, again)
		}
	}
}

// The time grows with the length of a text, whatever is in it, and ends with
// what is looked at.
func TestScrubIsLinear(t *testing.T) {
	for _, part := range []string{"a", "@", "a@", "a@b", "%40", "x%40", "\"", "\\", "\\\"", "password=\"", "password=", "password=(", "pass \"", "://", "://@", "://?", "parsing \"", "1", "a1", "a1-", "=", "a b ", "ž", "pass=\\", "{", "{\"", "{ ", "{\"a\":", "{}"} {
		best := time.Hour
		for range 3 {
			began := time.Now()
			observe.Scrub(strings.Repeat(part, 100_000/len(part)))
			best = min(best, time.Since(began))
		}
		if best > 20*time.Millisecond { // the usual is less than one; a square would be seconds
			t.Errorf("%q many times takes %s", part, best)
		}
	}
	if got := observe.Scrub(strings.Repeat("ž ", 100_000)); len(got) > 17<<10 || !strings.HasSuffix(got, " …") && !strings.HasSuffix(got, "ž…") {
		t.Errorf("a long text ends with %q", got[len(got)-10:])
	}
}

// Errors and panics are scrubbed in the log, wherever they stand in a record.
func TestLogScrubs(t *testing.T) {
	const secret = "desk-lamp-Vrbas"
	for _, format := range []string{"json", "text"} {
		log, out, _ := logger(format)
		err := errors.New("wrong: password=" + secret)
		log.Error("failed", "err", err)
		log.With("err", err).WithGroup("g").Error("failed", "err", err)
		log.Error("failed", observe.PanicKey, "password="+secret)
		log.Error("failed", slog.Group("g", "err", err))
		if got := out.String(); strings.Contains(got, secret) || strings.Count(got, "[hidden]") != 5 {
			t.Errorf("%s: %s", format, got)
		}
	}
}

// An error that is scrubbed says less, and is what it was.
func TestScrubbed(t *testing.T) {
	err := fmt.Errorf("open password=x: %w", fs.ErrNotExist)
	if got := observe.Scrubbed(err); got.Error() != "open password=[hidden] file does not exist" || !errors.Is(got, fs.ErrNotExist) {
		t.Errorf("%v", got)
	}
	if got := observe.Scrubbed(nil); got != nil {
		t.Errorf("nothing is %v", got)
	}
}

// BenchmarkScrub measures what hiding costs for an error as most are, and the
// whole line of the log with it.
func BenchmarkScrub(b *testing.B) {
	err := errors.New(`insert a contract: ERROR: relation "contracts" does not exist (SQLSTATE 42P01)`)
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			observe.Scrub(err.Error())
		}
	})
	log := observe.NewLogger(io.Discard, "json", new(slog.LevelVar), nil)
	b.Run("line with an error", func(b *testing.B) {
		for b.Loop() {
			log.Error("request failed", "err", err)
		}
	})
	b.Run("line with a text", func(b *testing.B) {
		for b.Loop() {
			log.Error("request failed", "text", err.Error())
		}
	})
}
