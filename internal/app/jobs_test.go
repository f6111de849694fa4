package app_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/mail"
	"cartracker/internal/mail/mailtest"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/store/testdb"
)

// soon is how long any mail of these tests may take.
const soon = 20 * time.Second

// work lets a company work its jobs until the test ends, or stop is called.
func work(t *testing.T, c *apptest.Company) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Jobs.Run(ctx) }()
	ended := false
	stop = func() {
		if cancel(); ended {
			return
		}
		ended = true
		if err := errors.Join(<-done, c.Jobs.Sender.Close()); err != nil {
			t.Errorf("working jobs ended with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// hasty lets failures come quickly.
func hasty(c *config.Config) { c.EmailBackoff, c.EmailRate = "1ms", "off" }

// bySMTP lets a company send its mails to a server.
func bySMTP(s *mailtest.Server) func(*config.Config) {
	return func(c *config.Config) { c.EmailHost, c.EmailPort = s.Host(), strconv.Itoa(s.Port()) }
}

func asAdmin(ctx context.Context) context.Context {
	return record.As(ctx, record.Caller{Person: record.Person{Role: record.Admin}})
}

func invite(c *apptest.Company, name string) record.UserID {
	body := apptest.JSON{"username": name, "email": name + "@example.com", "sendCredentials": true}
	return record.UserID(c.Admin.Make("/api/users", body))
}

// queued returns the mails of a company, the oldest first.
func queued(t *testing.T, c *apptest.Company) []mail.Job {
	t.Helper()
	list, err := c.Jobs.List(asAdmin(t.Context()), "", page.Query{Limit: page.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(list.Items)
	return list.Items
}

// until waits until all mails of a company, of which there are n, are in a state.
func until(t *testing.T, c *apptest.Company, n int, s mail.State) []mail.Job {
	t.Helper()
	var all []mail.Job
	apptest.Until(t, fmt.Sprintf("%d mails that are %s", n, s), func() bool {
		all = queued(t, c)
		return len(all) == n && !slices.ContainsFunc(all, func(j mail.Job) bool { return j.State != s })
	})
	return all
}

// token returns the one in the link of a mail.
func token(t *testing.T, m mailtest.Mail) string {
	t.Helper()
	_, rest, ok := strings.Cut(m.Text, "/set-password?token=")
	if !ok {
		t.Fatalf("there is no link in %q", m.Text)
	}
	return strings.Fields(rest)[0]
}

// TestMailWithLink follows a mail from the new user to the password, and looks
// for the link where it must not be.
func TestMailWithLink(t *testing.T) {
	t.Parallel()
	sink := mailtest.Start(t)
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		work(t, c)
		id := invite(c, "nina")
		job := until(t, c, 1, mail.Completed)[0]
		var m mailtest.Mail
		for _, arrived := range sink.Wait(1, soon) {
			if arrived.MessageID == "<"+job.ID+"@localhost>" {
				m = arrived
			}
		}
		link := token(t, m)
		if job.Kind != mail.Credentials || *job.UserID != string(id) || job.Attempts != 1 || job.LastError != nil || !slices.Equal(m.Rcpt, []string{"<nina@example.com>"}) {
			t.Errorf("the job is %+v, the mail is to %q", job, m.Rcpt)
		}
		kept := text(t, c.Database.Raw(t), "SELECT * FROM river_job") + text(t, c.Database.Raw(t), "SELECT * FROM links") + c.Log.String()
		if strings.Contains(kept, link) {
			t.Error("the link is in the database, or in the log")
		}
		if !strings.Contains(c.Log.String(), "user="+string(id)) {
			t.Error("the log does not say to which user a mail was sent")
		}
		res := c.Nobody.Do("POST", "/api/auth/set-password", apptest.JSON{"token": link, "password": "another-Lamp-Neretva-5"})
		if again := login(c.Nobody, "nina", "another-Lamp-Neretva-5"); res.Status != 200 || again.Status != 200 {
			t.Errorf("%s, then %s", res, again)
		}
	}, bySMTP(sink))
}

// TestMailOutbox keeps mails as files where there is no server.
func TestMailOutbox(t *testing.T) {
	t.Parallel()
	var dir string
	c := apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) { dir = c.DataDir })
	work(t, c)
	invite(c, "nina")
	job := until(t, c, 1, mail.Completed)[0]
	files := mailtest.Outbox(t, filepath.Join(dir, "outbox"))
	if len(files) != 1 || files[0].MessageID != "<"+job.ID+"@localhost>" || files[0].To != "<nina@example.com>" {
		t.Errorf("%+v", files)
	}
}

// TestMailRefusedForGood gives a mail up at once that the server refuses, and
// tries it again when somebody asks for it: the same mail with another link.
func TestMailRefusedForGood(t *testing.T) {
	t.Parallel()
	sink := mailtest.Start(t)
	sink.Answer5xx()
	c := apptest.New(t, testdb.EmptySQLite(t), bySMTP(sink), hasty)
	work(t, c)
	invite(c, "nina")
	failed := until(t, c, 1, mail.Failed)[0]
	if failed.Attempts != 1 || failed.LastError == nil || !strings.Contains(*failed.LastError, "5") {
		t.Errorf("%+v", failed)
	}
	sink.Up()
	if res := c.Admin.Do("POST", "/api/email-queue/jobs/"+failed.ID+"/retry", nil); res.Status != 200 {
		t.Fatal(res)
	}
	sent := until(t, c, 1, mail.Completed)[0]
	m := sink.Wait(1, soon)[0]
	if sent.ID != failed.ID || m.MessageID != "<"+failed.ID+"@localhost>" || sent.Attempts != 1 {
		t.Errorf("%+v arrived as %s", sent, m.MessageID)
	}
	res := c.Admin.Do("POST", "/api/email-queue/jobs/"+failed.ID+"/retry", nil)
	checkFailure(t, "a mail that was sent", res, 409)
}

// TestMailAttempts tries a mail as often as is set, and then keeps it as failed.
func TestMailAttempts(t *testing.T) {
	t.Parallel()
	sink := mailtest.Start(t)
	sink.Answer4xx()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		work(t, c)
		invite(c, "nina")
		if j := until(t, c, 1, mail.Failed)[0]; j.Attempts != 3 || j.MaxAttempts != 3 || j.LastError == nil {
			t.Errorf("%+v", j)
		}
		if n, err := c.Jobs.RetryFailed(asAdmin(t.Context())); n != 1 || err != nil {
			t.Errorf("%d mails are tried again, %v", n, err)
		}
		apptest.Until(t, "all attempts once more", func() bool {
			j := queued(t, c)[0]
			return j.State == mail.Failed && j.Attempts == 3
		})
		if res := c.Admin.Do("DELETE", "/api/email-queue/failed", nil); res.Status != 200 || fmt.Sprint(res.At("data.removed")) != "1" || len(queued(t, c)) != 0 {
			t.Errorf("%s, and %d are left", res, len(queued(t, c)))
		}
	}, bySMTP(sink), hasty)
}

// A fickle sender does what it is told with each mail.
type fickle func(ctx context.Context, m mail.Message, taken func() error) error

func (f fickle) Send(ctx context.Context, m mail.Message, taken func() error) error {
	return f(ctx, m, taken)
}
func (fickle) Close() error { return nil }

// TestMailTroubles lets what hands mails over panic, hang and have no turn.
func TestMailTroubles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		send     fickle
		attempts int
		says     string
	}{
		"panic": {func(context.Context, mail.Message, func() error) error { panic("ink is out") }, 3, "ink is out"},
		"hang": {func(ctx context.Context, _ mail.Message, _ func() error) error {
			<-ctx.Done()
			return ctx.Err()
		}, 3, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.Each(t, func(t *testing.T, company *apptest.Company) {
				company.Jobs.Sender = c.send
				work(t, company)
				invite(company, "nina")
				if j := until(t, company, 1, mail.Failed)[0]; j.Attempts != c.attempts || j.LastError == nil || !strings.Contains(*j.LastError, c.says) {
					t.Errorf("%+v, %v", j, *j.LastError)
				}
			}, hasty, func(c *config.Config) { c.EmailTimeout, c.EmailPatience = "1s", "400ms" })
		})
	}
}

// TestMailTurn lets a mail have no turn a few times, which is no attempt.
func TestMailTurn(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		left := 3
		c.Jobs.Sender = fickle(func(_ context.Context, _ mail.Message, taken func() error) error {
			if left--; left >= 0 {
				return mail.ErrNoTurn
			}
			return taken()
		})
		work(t, c)
		invite(c, "nina")
		if j := until(t, c, 1, mail.Completed)[0]; j.Attempts != 1 || left >= 0 {
			t.Errorf("%+v, %d turns to go", j, left)
		}
	}, hasty, func(c *config.Config) { c.EmailConcurrency = "1" })
}

// TestMailPause holds mails back until they may go on.
func TestMailPause(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		stats := func() apptest.Response { return c.Admin.Do("GET", "/api/email-queue/stats", nil) }
		if res := c.Admin.Do("POST", "/api/email-queue/pause", nil); res.Status != 200 || stats().At("data.paused") != true {
			t.Fatalf("%s, then %s", res, stats())
		}
		sent := make(chan string, 10)
		c.Jobs.Sender = fickle(func(_ context.Context, m mail.Message, taken func() error) error {
			sent <- m.ID
			return taken()
		})
		work(t, c)
		invite(c, "nina")
		invite(c, "nora")
		if s := stats(); fmt.Sprint(s.At("data.waiting")) != "2" || s.At("data.healthy") != false || fmt.Sprint(s.At("data.total")) != "2" || len(sent) != 0 {
			t.Errorf("%s, and %d were sent", s, len(sent))
		}
		c.Admin.Do("POST", "/api/email-queue/resume", nil)
		until(t, c, 2, mail.Completed)
		if s := stats(); fmt.Sprint(s.At("data.completed")) != "2" || s.At("data.healthy") != true || len(sent) != 2 {
			t.Errorf("%s, and %d were sent", s, len(sent))
		}
	}, hasty)
}

// TestMailsAreUnique queues one mail for what is asked for several times while
// it waits.
func TestMailsAreUnique(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		for range 3 {
			c.Nobody.Do("POST", "/api/auth/forgot-password", apptest.JSON{"email": "uma@example.com"})
			c.Admin.Do("POST", "/api/users/"+string(c.Employee.ID)+"/reset-password", apptest.JSON{"sendEmail": true})
		}
		c.Nobody.Do("POST", "/api/auth/forgot-password", apptest.JSON{"email": "UMA@example.com"})
		if all := queued(t, c); len(all) != 2 {
			t.Errorf("%d mails, want one for each user: %+v", len(all), all)
		}
	})
}

// TestMailNotNeeded works jobs for which there is nothing to send any more.
func TestMailNotNeeded(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		c.Jobs.Sender = fickle(func(_ context.Context, m mail.Message, _ func() error) error {
			t.Errorf("a mail to %s", m.To.Email)
			return nil
		})
		id := invite(c, "nina")
		c.Admin.Do("PATCH", "/api/users/"+string(id), apptest.JSON{"active": false})
		c.Nobody.Do("POST", "/api/auth/forgot-password", apptest.JSON{"email": "stranger@example.com"})
		work(t, c)
		until(t, c, 2, mail.Completed)
	}, hasty)
}

// TestMailsAreForgotten keeps the last of those that are over.
func TestMailsAreForgotten(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		stop := work(t, c)
		for i := range 8 {
			invite(c, fmt.Sprint("guest", i))
		}
		all := until(t, c, 8, mail.Completed)
		stop()
		work(t, c) // which trims at once
		apptest.Until(t, "the first ones are forgotten", func() bool { return len(queued(t, c)) == 5 })
		var last []string
		for _, j := range queued(t, c) {
			last = append(last, j.ID)
		}
		slices.SortFunc(all, func(a, b mail.Job) int { return a.FinishedAt.Time().Compare(b.FinishedAt.Time()) })
		for _, j := range all[3:] {
			if !slices.Contains(last, j.ID) {
				t.Errorf("%s is forgotten, which was among the last", j.ID)
			}
		}
	}, hasty, func(c *config.Config) { c.EmailKeepCompleted = "5" })
}

// TestMailPages asks for mails page by page, by number and by cursor.
func TestMailPages(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	for i := range 5 {
		invite(c, fmt.Sprint("guest", i))
	}
	var byCursor, byPage []string
	for i, cursor := 1, ""; ; i++ {
		p := c.Admin.Do("GET", "/api/email-queue/jobs?limit=2&cursor="+cursor, nil)
		q := c.Admin.Do("GET", fmt.Sprint("/api/email-queue/jobs?limit=2&state=waiting&page=", i), nil)
		for k := range 2 {
			if id := p.Text(fmt.Sprintf("data.%d.id", k)); id != "" {
				byCursor = append(byCursor, id)
			}
			if id := q.Text(fmt.Sprintf("data.%d.id", k)); id != "" {
				byPage = append(byPage, id)
			}
		}
		if fmt.Sprint(p.At("pagination.total")) != "5" {
			t.Errorf("%s", p)
		}
		if cursor = p.Text("pagination.nextCursor"); cursor == "" {
			break
		}
	}
	slices.Sort(byCursor)
	if len(slices.Compact(byCursor)) != 5 || len(byPage) != 5 {
		t.Errorf("by cursor %v, by page %v", byCursor, byPage)
	}
	for _, deep := range []string{"page=50", "page=10&limit=1000", "limit=3&page=3334", "state=delayed", "state=failed"} {
		if res := c.Admin.Do("GET", "/api/email-queue/jobs?"+deep, nil); res.Status != 200 || fmt.Sprint(res.At("data")) != "[]" {
			t.Errorf("%s: %s", deep, res)
		}
	}
	for _, bad := range []string{"state=sent", "cursor=x", "cursor=1&page=1", "limit=0", "x=1"} {
		checkFailure(t, bad, c.Admin.Do("GET", "/api/email-queue/jobs?"+bad, nil), 400)
	}
	checkFailure(t, "an unknown mail", c.Admin.Do("POST", "/api/email-queue/jobs/"+noImport+"/retry", nil), 404)
	checkFailure(t, "no id", c.Admin.Do("POST", "/api/email-queue/jobs/17/retry", nil), 400)
}

// TestMailsOfTwoInstances lets two instances work one queue: each mail is sent once.
func TestMailsOfTwoInstances(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const n = 60
		for i := range n {
			invite(c, fmt.Sprint("guest", i))
		}
		sent := make(chan string, 2*n)
		send := fickle(func(_ context.Context, m mail.Message, taken func() error) error {
			sent <- m.ID
			return taken()
		})
		other := c.Beside(t, hasty)
		c.Jobs.Sender, other.Jobs.Sender = send, send
		work(t, c)
		work(t, other)
		until(t, c, n, mail.Completed)
		ids := map[string]bool{}
		for range len(sent) {
			ids[<-sent] = true
		}
		if len(ids) != n || len(sent) != 0 {
			t.Errorf("%d mails were sent, of %d", len(ids), n)
		}
	}, hasty)
}

// TestMailIsNotSentTwice lets the database go away for the program between the
// server's answer and the mark: it knows that the mail is sent.
func TestMailIsNotSentTwice(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		var times atomic.Int32
		inTx := c.Jobs.Env.InTx
		c.Jobs.Env.InTx = func(ctx context.Context, do func(context.Context) error) error {
			if times.Load() == 1 { // the mail was taken
				return errors.New("the database is away")
			}
			return inTx(ctx, do)
		}
		c.Jobs.Sender = fickle(func(_ context.Context, _ mail.Message, taken func() error) error {
			times.Add(1)
			err := taken()
			times.Add(1) // it is back
			return err
		})
		work(t, c)
		invite(c, "nina")
		if j := until(t, c, 1, mail.Completed)[0]; times.Load() != 2 || j.State != mail.Completed {
			t.Errorf("%+v, sent %d times", j, times.Load()/2)
		}
	}, hasty, func(c *config.Config) { c.EmailTimeout, c.EmailPatience = "1s", "400ms" })
}

// TestMailsKeepTheirOrder lets a server be away for a while: mails that waited
// for it in vain go out before those that came later.
func TestMailsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const n = 12
		var mu sync.Mutex
		var order []string
		left := 20 // turns that nobody gets
		c.Jobs.Sender = fickle(func(_ context.Context, m mail.Message, taken func() error) error {
			mu.Lock()
			defer mu.Unlock()
			if left--; left >= 0 {
				return mail.ErrNoTurn
			}
			order = append(order, m.To.Email)
			return taken()
		})
		var want []string
		for i := range n {
			name := fmt.Sprintf("guest%02d", i)
			invite(c, name)
			want = append(want, name+"@example.com")
		}
		work(t, c)
		until(t, c, n, mail.Completed)
		for i, email := range order {
			if at := slices.Index(want, email); at-i > 6 || i-at > 6 { // two are on the way, and two more before the first are back in the queue
				t.Fatalf("they went out as %v", order)
			}
		}
	}, hasty, func(c *config.Config) { c.EmailConcurrency = "2" })
}

// TestMailDelayed shows a mail that is to be tried again, and lets an admin do
// that at once. While none arrives the queue is not well.
func TestMailDelayed(t *testing.T) {
	t.Parallel()
	for backoff, name := range map[string]string{"4s": "soon", "1h": "later"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.Each(t, func(t *testing.T, c *apptest.Company) {
				var tries atomic.Int32
				c.Jobs.Sender = fickle(func(_ context.Context, _ mail.Message, taken func() error) error {
					if tries.Add(1) == 1 {
						return errors.New("450 later")
					}
					return taken()
				})
				work(t, c)
				invite(c, "nina")
				j := until(t, c, 1, mail.Delayed)[0]
				if s := c.Admin.Do("GET", "/api/email-queue/stats", nil); fmt.Sprint(s.At("data.delayed")) != "1" || fmt.Sprint(s.At("data.waiting")) != "0" {
					t.Errorf("%s", s)
				}
				if l := c.Admin.Do("GET", "/api/email-queue/jobs?state=delayed", nil); l.Text("data.0.id") != j.ID || !strings.Contains(l.Text("data.0.lastError"), "450 later") {
					t.Errorf("%s", l)
				}
				if res := c.Admin.Do("POST", "/api/email-queue/jobs/"+j.ID+"/retry", nil); res.Status != 200 {
					t.Fatal(res)
				}
				until(t, c, 1, mail.Completed)
			}, func(c *config.Config) { c.EmailBackoff, c.EmailRate = backoff, "off" })
		})
	}
}

// TestMailFailedAndAgain lets a mail fail that is asked for again: the one that
// failed leaves the new one alone, and another can be asked for at once.
func TestMailFailedAndAgain(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		var refuses atomic.Bool
		refuses.Store(true)
		c.Jobs.Sender = fickle(func(_ context.Context, _ mail.Message, taken func() error) error {
			if refuses.Load() {
				return &mail.Refused{Answer: "550 no such user"}
			}
			return taken()
		})
		forgot := func() { c.Nobody.Do("POST", "/api/auth/forgot-password", apptest.JSON{"email": "uma@example.com"}) }
		stop := work(t, c)
		forgot()
		first := until(t, c, 1, mail.Failed)[0]
		if s := c.Admin.Do("GET", "/api/email-queue/stats", nil); s.At("data.healthy") != false {
			t.Errorf("no mail arrives, and %s", s)
		}
		stop()
		forgot()
		checkFailure(t, "a mail in whose place another one waits", c.Admin.Do("POST", "/api/email-queue/jobs/"+first.ID+"/retry", nil), 409)
		if n, err := c.Jobs.RetryFailed(asAdmin(t.Context())); n != 0 || err != nil {
			t.Errorf("%d mails are tried again, %v", n, err)
		}
		refuses.Store(false)
		work(t, c)
		apptest.Until(t, "the second mail", func() bool {
			all := queued(t, c)
			return all[0].State == mail.Failed && all[1].State == mail.Completed
		})
		if log := c.Log.String(); !strings.Contains(log, "user="+string(c.User.ID)) {
			t.Error("the log does not say to whom")
		}
	}, hasty)
}

// TestMailRefusalQuotesLink lets a server quote the link that it does not like:
// the link is told to nobody, and opens nothing any more.
func TestMailRefusalQuotesLink(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		links := make(chan string, 1)
		c.Jobs.Sender = fickle(func(_ context.Context, m mail.Message, _ func() error) error {
			link := token(t, mailtest.Mail{Text: m.Text})
			links <- link
			return &mail.Refused{Answer: "554 5.7.1 blocked URL /set-password?token=" + link}
		})
		work(t, c)
		invite(c, "nina")
		until(t, c, 1, mail.Failed)
		link := <-links
		list := c.Admin.Do("GET", "/api/email-queue/jobs", nil)
		for where, kept := range map[string]string{
			"jobs": text(t, c.Database.Raw(t), "SELECT errors FROM river_job"), "log": c.Log.String(), "API": list.Text("data.0.lastError"),
		} {
			if strings.Contains(kept, link) || where != "log" && !strings.Contains(kept, "blocked") {
				t.Errorf("in the %s is %q", where, kept)
			}
		}
		checkFailure(t, "a link that nobody got", c.Nobody.Do("POST", "/api/auth/set-password", apptest.JSON{"token": link, "password": "another-Lamp-Neretva-5"}), 401)
	}, hasty)
}
