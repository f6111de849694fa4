package app_test

import (
	"cmp"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/mail/mailtest"
	"cartracker/internal/record"
	"cartracker/internal/store/pgtest"
)

// takenOver is how long after the death of its worker a job may lie.
const takenOver = 90 * time.Second

// eachMailSite runs a test on each database with a mail server of its own.
func eachMailSite(t *testing.T, test func(*testing.T, *apptest.Site, *mailtest.Server), settings ...string) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) {
		server := mailtest.Start(t)
		test(t, mailing(s, server, settings...), server)
	})
}

// mailing returns the site whose mails go to a server, and stay in the queue.
func mailing(s *apptest.Site, server *mailtest.Server, settings ...string) *apptest.Site {
	return s.With(append([]string{
		"EMAIL_HOST=" + server.Host(), "EMAIL_PORT=" + strconv.Itoa(server.Port()),
		"EMAIL_KEEP_COMPLETED=1000000", "EMAIL_KEEP_FAILED=1000000", "DB_PLACES=16",
	}, settings...)...)
}

// eventually waits until done returns true, which takes at most so long.
func eventually(t *testing.T, s *apptest.Site, what string, within time.Duration, done func() bool) {
	t.Helper()
	again := time.NewTicker(250 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(within); !done(); <-again.C {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen within %s: %v", what, within, s.MailStates(t))
		}
	}
}

// inState returns how many mails are in one of River's states.
func inState(t *testing.T, s *apptest.Site, states ...string) (n int) {
	t.Helper()
	all := s.MailStates(t)
	for _, state := range states {
		n += all[state]
	}
	return n
}

const kills = 20

// invitations returns how many users are made, each with a mail. MAIL_USERS=5000
// is for the figure; what make test-faults does has to end sooner.
func invitations(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("MAIL_USERS"), "2500"))
	if err != nil || n < kills+1 {
		t.Fatal("MAIL_USERS must be a number above 20")
	}
	return n
}

var unlimited = []string{"EMAIL_RATE=off", "EMAIL_CONCURRENCY=20", "EMAIL_FETCH_EVERY=20ms", "LOG_LEVEL=warn"}

// The program is killed again and again while it makes users and mails them.
func TestFaultMailProgramKilled(t *testing.T) {
	needFaults(t)
	eachMailSite(t, func(t *testing.T, s *apptest.Site, server *mailtest.Server) {
		s.AddUser(t, "amra", record.Admin)
		p := s.Serve(t)
		boss := p.Nobody.SignIn("amra")
		invited := invitations(t)
		all := apptest.NewNewcomers(t, invited)
		for kill := 1; kill <= kills; kill++ {
			all.Make(clerks, kill*invited/(kills+1), p.Kill, boss)
			p = s.Serve(t)
			boss = p.As(boss)
		}
		checkInvited(t, s, server, all, invited, boss)
		if code := p.Terminate(t)(); code != 0 {
			t.Errorf("the program ended with %d:\n%s", code, p.Output())
		}
	}, unlimited...)
}

// The same with the database in place of the program, which lives on.
func TestFaultMailDatabaseKilled(t *testing.T) {
	needFaults(t)
	t.Parallel()
	db, server := pgtest.New(t), mailtest.Start(t)
	s := mailing(apptest.NewSite(t, t.TempDir(), db.URL("cartracker")), server, unlimited...)
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	invited := invitations(t)
	all := apptest.NewNewcomers(t, invited)
	for kill := 1; kill <= kills; kill++ {
		all.Make(clerks, kill*invited/(kills+1), db.Kill, boss)
		db.Start()
		apptest.Until(t, "the program's recovery", func() bool { return boss.Do("GET", "/api/users?limit=1", nil).Status == http.StatusOK })
	}
	checkInvited(t, s, server, all, invited, boss)
	if code := p.Terminate(t)(); code != 0 {
		t.Errorf("the program ended with %d:\n%s", code, p.Output())
	}
}

// checkInvited makes the rest, and checks what became of all.
func checkInvited(t *testing.T, s *apptest.Site, server *mailtest.Server, all *apptest.Newcomers, invited int, boss *apptest.Client) {
	t.Helper()
	for end := time.Now().Add(time.Minute); all.Made() < invited && time.Now().Before(end) && !t.Failed(); {
		all.Make(clerks, invited, nil, boss)
	}
	began := time.Now()
	eventually(t, s, "the end of all mails", takenOver+time.Minute, func() bool { return inState(t, s, "completed", "cancelled", "discarded") == invited })
	over := time.Since(began)
	again := all.Delivered(s, server.Mails(), kills)
	rescued, failed := 0, 0
	for _, j := range s.Jobs(t) {
		rescued += j.Rescues
		failed += max(j.Attempts-1, 0)
	}
	t.Logf("%d users and as many mails, %d kills: %d mails came again, jobs were taken over %d times, %d attempts failed, the last mail went %s after the last user", invited, kills, again, rescued, failed, over.Round(time.Second))
}

// newcomer makes one user and returns once that mail is in the worker's hands.
func newcomer(t *testing.T, s *apptest.Site, boss *apptest.Client) *apptest.Newcomers {
	t.Helper()
	one := apptest.NewNewcomers(t, 1)
	one.Make(1, 1, nil, boss)
	apptest.Until(t, "the beginning of a mail", func() bool { return inState(t, s, "running") == 1 })
	return one
}

// A worker that dies with a mail in its hands costs the mail no attempt.
func TestFaultMailWorkerKilled(t *testing.T) {
	needFaults(t)
	eachMailSite(t, func(t *testing.T, s *apptest.Site, server *mailtest.Server) {
		s.AddUser(t, "amra", record.Admin)
		p := s.Serve(t)
		boss := p.Nobody.SignIn("amra")
		server.Hang()
		one := newcomer(t, s, boss)
		p.Kill()
		killed := time.Now()
		server.Up()
		p = s.Serve(t)
		server.Wait(1, takenOver)
		took := time.Since(killed)
		boss = p.As(boss)
		apptest.Until(t, "the end of the job", func() bool { return boss.Do("GET", "/api/email-queue/jobs?state=completed", nil).Len("data") == 1 })
		if res := boss.Do("GET", "/api/email-queue/jobs", nil); res.Number("data.0.attempts") != 1 {
			t.Errorf("not one attempt: %s", res)
		}
		one.Delivered(s, server.Mails(), 0)
		t.Logf("the mail went %s after its worker was killed", took.Round(time.Second))
	})
}

// A program that is asked to end waits for a mail for 20 s, and then puts it
// back as if nothing had been. Each step of that mail is slow, but none so much
// that it fails.
func TestFaultMailStopped(t *testing.T) {
	needFaults(t)
	eachMailSite(t, func(t *testing.T, s *apptest.Site, server *mailtest.Server) {
		s.AddUser(t, "amra", record.Admin)
		p := s.Serve(t)
		boss := p.Nobody.SignIn("amra")
		server.Slow(13*time.Second, "MAIL", "RCPT")
		one := newcomer(t, s, boss)
		asked := time.Now()
		if code := p.Terminate(t)(); code != 0 {
			t.Errorf("the program ended with %d:\n%s", code, p.Output())
		}
		took := time.Since(asked)
		if took > 25*time.Second || took < 19*time.Second {
			t.Errorf("the program ended after %s", took)
		}
		for _, j := range s.Jobs(t) {
			if j.Mail != "" && (j.State != "available" || j.Attempts != 0) {
				t.Errorf("the mail is %s after %d attempts", j.State, j.Attempts)
			}
		}
		server.Up()
		s.Serve(t)
		apptest.Until(t, "the mail", func() bool { return inState(t, s, "completed") == 1 })
		one.Delivered(s, server.Mails(), 0)
		t.Logf("the program ended after %s", took.Round(100*time.Millisecond))
	})
}

// The database is gone when the mail server says that it has the mail.
func TestFaultMailDatabaseAway(t *testing.T) {
	needFaults(t)
	t.Parallel()
	const away = 20 * time.Second
	db, server := pgtest.New(t), mailtest.Start(t)
	s := mailing(apptest.NewSite(t, t.TempDir(), db.URL("cartracker")), server)
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	server.Slow(2*time.Second, ".") // it has the mail, and takes its time to say so
	one := newcomer(t, s, boss)
	server.Wait(1, takenOver)
	db.Kill()
	<-time.After(away)
	if n := len(server.Mails()); n != 1 {
		t.Errorf("%d mails while the database was away", n)
	}
	db.Start()
	eventually(t, s, "the end of the job", takenOver, func() bool { return inState(t, s, "completed") == 1 })
	one.Delivered(s, server.Mails(), 0)
	if !strings.Contains(p.Output(), "cannot be marked as done") {
		t.Errorf("the database was not away at the right time:\n%s", p.Output())
	}
	if code := p.Terminate(t)(); code != 0 {
		t.Errorf("the program ended with %d:\n%s", code, p.Output())
	}
}

// The mail server is away for a while, with mails waiting.
func TestFaultMailServerAway(t *testing.T) {
	needFaults(t)
	eachMailSite(t, func(t *testing.T, s *apptest.Site, server *mailtest.Server) {
		const waiting, away = 50, 15 * time.Second
		s.AddUser(t, "amra", record.Admin)
		p := s.Serve(t)
		boss := p.Nobody.SignIn("amra")
		server.Down()
		all := apptest.NewNewcomers(t, waiting)
		all.Make(clerks, waiting, nil, boss)
		<-time.After(away)
		used, givenUp := 0, 0
		server.Up()
		up := time.Now()
		eventually(t, s, "the end of all mails", 2*time.Minute, func() bool {
			givenUp = inState(t, s, "cancelled", "discarded")
			return inState(t, s, "completed")+givenUp == waiting
		})
		took := time.Since(up)
		for _, j := range s.Jobs(t) {
			if j.Mail != "" && j.Attempts > 1 {
				used++
			}
		}
		if used < 1 || used > 8 {
			t.Errorf("%d mails used attempts while nobody could take them", used)
		}
		if n := len(server.Mails()); n != waiting-givenUp {
			t.Errorf("%d mails arrived, %d were given up", n, givenUp)
		}
		out, err := s.Run(t, "", "jobs", "retry", "--all")
		if err != nil || !regexp.MustCompile("^"+strconv.Itoa(givenUp)+" mails").MatchString(out) {
			t.Errorf("jobs retry: %v\n%s", err, out)
		}
		eventually(t, s, "the end of those that were given up", time.Minute, func() bool { return inState(t, s, "completed") == waiting })
		all.Delivered(s, server.Mails(), 0)
		t.Logf("of %d mails %d used attempts and %d were given up in %s; the others were there %s later", waiting, used, givenUp, away, took.Round(time.Second))
	})
}
