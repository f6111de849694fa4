package bench

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/mail/mailtest"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/testdb"
)

// mailPart divides the number of mails, to try this out.
func mailPart(b *testing.B, mails int) int {
	b.Helper()
	part, err := strconv.Atoi(cmp.Or(os.Getenv("MAIL_PART"), "1"))
	if err != nil {
		b.Fatal("MAIL_PART must be a whole number")
	}
	return mails / part
}

// A mailer is the program at a site of its own, which sends mails to a server of
// its own.
type mailer struct {
	*apptest.Site
	server *mailtest.Server
}

// BenchmarkMail is what `make bench-mail` runs.
func BenchmarkMail(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			b.Run("answers", func(b *testing.B) { answersWithMail(b, e.empty) })
			b.Run("backlog", func(b *testing.B) { newPost(b, e.empty(b)).backlog(b, mailPart(b, 1000), 1) })
			b.Run("full speed", func(b *testing.B) {
				newPost(b, e.empty(b), "EMAIL_RATE=off", "EMAIL_CONCURRENCY=50", "EMAIL_FETCH_EVERY=50ms").backlog(b, mailPart(b, 3000), 1)
			})
			b.Run("two instances", func(b *testing.B) {
				newPost(b, e.empty(b), "EMAIL_RATE=off", "LOG_LEVEL=info").shared(b, mailPart(b, 2000))
			})
		})
	}
	b.Run("two workers and Redis", func(b *testing.B) {
		redis := redistest.New(b, redistest.Options{})
		newPost(b, testdb.EmptyPostgres(b), "REDIS_URL="+redis.URL()).backlog(b, mailPart(b, 1000), 2)
	})
}

func newPost(b *testing.B, d testdb.Database, settings ...string) *mailer {
	b.Helper()
	p := &mailer{server: mailtest.Start(b)}
	url := ""
	if d.Driver == "pgx" {
		url = d.URL
	}
	p.Site = apptest.NewSite(b, b.TempDir(), url, append([]string{
		"EMAIL_HOST=" + p.server.Host(), "EMAIL_PORT=" + strconv.Itoa(p.server.Port()), "EMAIL_KEEP_COMPLETED=1000000", "LOG_LEVEL=warn",
		"DB_POOL_MIN=20", "DB_POOL_SIZE=50", "DB_POOL_MAX=60", // the usual, as far as the server has so many
	}, settings...)...)
	p.AddUser(b, "amra", record.Admin)
	return p
}

// answersWithMail measures how long it takes to be answered that a user is made
// who gets a mail, with a mail server that works, one that is down and one that
// hangs. They take turns, and a ratio is that of the medians of one turn.
func answersWithMail(b *testing.B, empty testdb.Empty) {
	names := []string{"healthy", "down", "hanging"}
	var next []func(int, int) request
	for i, name := range names {
		p := newPost(b, empty(b))
		boss := p.Serve(b).Nobody.SignIn("amra")
		switch name {
		case "down":
			p.server.Down()
		case "hanging":
			p.server.Hang()
		}
		n := 0
		next = append(next, func(int, int) request {
			n++
			body := fmt.Sprintf(`{"username": "new%d", "email": "new%[1]d@example.com", "sendCredentials": true}`, n)
			return post(boss.URL(), "/api/users", body, http.StatusCreated, "Authorization: Bearer "+boss.Token)
		})
		run(b, 1, time.Second, 0, next[i]) // warms up
	}
	times, ratios := make([][]float64, len(names)), make([][]float64, len(names))
	for range rounds {
		for i := range names {
			times[i] = append(times[i], ms(run(b, 1, roundSpan, 0, next[i]).percentile(.5)))
			ratios[i] = append(ratios[i], times[i][len(times[i])-1]/times[0][len(times[0])-1])
		}
	}
	for i, name := range names {
		b.ReportMetric(median(times[i]), name+"-ms")
		if i > 0 {
			b.ReportMetric(median(ratios[i]), name+"-of-healthy")
		}
	}
	b.ReportMetric(0, "ns/op")
}

// backlog queues mails while nobody works them, and measures how fast workers
// that begin then are, and in which order they go.
func (p *mailer) backlog(b *testing.B, mails, workers int) {
	p.server.Up()
	boss := p.Serve(b, "--no-workers").Nobody.SignIn("amra")
	all := apptest.NewNewcomers(b, mails)
	all.Make(1, mails, nil, boss) // so that there is no doubt who came first
	began := time.Now()
	for range workers {
		p.Work(b)
	}
	sent := p.all(b, mails)
	all.Delivered(p.Site, p.server.Mails(), 0)
	first, last := sent[0].Finalized, sent[0].Finalized
	for _, j := range sent {
		if j.Finalized.Before(first) {
			first = j.Finalized
		}
		if j.Finalized.After(last) {
			last = j.Finalized
		}
	}
	b.ReportMetric(float64(mails-1)/last.Sub(first).Seconds(), "mails/s")
	b.ReportMetric(ms(first.Sub(began)), "first-after-ms")
	b.ReportMetric(float64(displaced(sent)), "places-from-order")
	b.ReportMetric(0, "ns/op")
}

// all waits until so many mails are sent, and returns their jobs by age.
func (p *mailer) all(b *testing.B, mails int) (sent []apptest.Job) {
	b.Helper()
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(5 * time.Minute); p.MailStates(b)["completed"] < mails; <-look.C {
		if time.Now().After(end) {
			b.Fatalf("not all of %d mails are sent: %v", mails, p.MailStates(b))
		}
	}
	for _, j := range p.Jobs(b) {
		if j.Mail != "" {
			sent = append(sent, j)
		}
	}
	return sent
}

// displaced returns how far the job that is farthest from it was sent from its
// place by age.
func displaced(byAge []apptest.Job) (most int) {
	age := map[int64]int{}
	for i, j := range byAge {
		age[j.ID] = i
	}
	sent := slices.SortedStableFunc(slices.Values(byAge), func(a, b apptest.Job) int { return a.Finalized.Compare(b.Finalized) })
	for i, j := range sent {
		most = max(most, i-age[j.ID], age[j.ID]-i)
	}
	return most
}

// shared lets two instances of the program work on one database, and counts
// what was done twice.
func (p *mailer) shared(b *testing.B, mails int) {
	one, other := p.Serve(b), p.Serve(b)
	boss := one.Nobody.SignIn("amra")
	all := apptest.NewNewcomers(b, mails)
	began := time.Now()
	all.Make(connections, mails, nil, boss, other.As(boss))
	p.all(b, mails)
	span := time.Since(began)
	again := all.Delivered(p.Site, p.server.Mails(), 0)
	due := map[string]int{}
	for _, j := range p.Jobs(b) {
		if j.Occasion == "" {
			continue
		}
		due[j.Kind+" "+j.Occasion]++
		if j.Attempts != 1 || j.State != "completed" {
			b.Errorf("%s of %s is %s after %d attempts", j.Kind, j.Occasion, j.State, j.Attempts)
		}
	}
	twice := 0
	for occasion, n := range due {
		if n > 1 {
			b.Errorf("%s was due %d times", occasion, n)
			twice++
		}
	}
	by := float64(strings.Count(one.Output(), "a mail was sent"))
	b.ReportMetric(float64(again), "mails-twice")
	b.ReportMetric(float64(twice), "schedules-twice")
	b.ReportMetric(float64(len(due)), "occasions")
	b.ReportMetric(100*by/float64(mails), "%-by-one")
	b.ReportMetric(float64(mails)/span.Seconds(), "made-and-mailed/s")
	b.ReportMetric(0, "ns/op")
}
