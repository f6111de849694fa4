package app

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"cartracker/internal/config"
	"cartracker/internal/jobs"
	"cartracker/internal/mail"
	"cartracker/internal/ratelimit"
	"cartracker/internal/redis"
	"cartracker/internal/store"
	"cartracker/internal/store/postgres"
	"cartracker/internal/store/sqlite"
)

// openJobs returns the queue of jobs in db; nil if db keeps none.
func openJobs(db *store.DB, t jobs.Tools) (*jobs.Queue, error) {
	switch kept := db.Jobs().(type) {
	case sqlite.Jobs:
		return jobs.Open(kept.Driver(), kept.Reader(), within(db, kept.Within), t)
	case postgres.Jobs:
		return jobs.Open(kept.Driver(), kept.Reader(), within(db, kept.Within), t)
	}
	return nil, nil
}

func within[T any](db *store.DB, do func(context.Context, *store.DB, func(T) error) error) func(context.Context, func(T) error) error {
	return func(ctx context.Context, what func(T) error) error { return do(ctx, db, what) }
}

// takeJobs queues in one database, in the transaction of ctx, what is not
// finished in another.
func takeJobs(ctx context.Context, from, to *store.DB) (n, failed int, err error) {
	source, err := openJobs(from, jobs.Tools{Log: store.Jobs{DB: from}}) // nothing is worked here
	if err != nil {
		return 0, 0, err
	}
	target, err := openJobs(to, jobs.Tools{Log: store.Jobs{DB: to}})
	if err != nil {
		return 0, 0, err
	}
	return target.Take(ctx, source)
}

// links are the addresses that stand in mails. Where the program can be reached
// may be known only once it listens.
type links struct{ *config.Config }

func (l links) SetPassword(token string) string { return l.BaseURL + "/set-password?token=" + token }

func (l links) SignIn() string {
	if l.AppURL != l.BaseURL {
		return l.AppURL
	}
	return l.BaseURL + "/sign-in"
}

// newPace returns how fast mails may be sent by all instances together; nil for
// as fast as they can be.
func newPace(perSecond int, link *redis.Link) ratelimit.Pace {
	if perSecond <= 0 {
		return nil
	}
	local := ratelimit.NewMemoryPace(time.Second/time.Duration(perSecond), time.Now)
	if link == nil {
		return local
	}
	return ratelimit.NewRedisPace(link, "mail", local)
}

// openJobs gives the office its queue, and mails somewhere to go.
func (o *Office) openJobs(c *config.Config, link *redis.Link) (err error) {
	var templates *mail.Templates
	templates, o.badTemplates = mail.LoadTemplates(filepath.Join(c.DataDir, "templates"))
	o.sender = timedSender{newSender(c), o.Metrics.Mailed}
	o.Jobs, err = openJobs(o.DB, jobs.Tools{
		Settings:  jobSettings(c.Email),
		Env:       o.Identity.Env,
		Identity:  o.Identity,
		Rental:    o.Transfer.Rental,
		Log:       store.Jobs{DB: o.DB},
		Templates: templates,
		Sender:    o.sender,
		Pace:      newPace(c.Email.Rate, link),
		Links:     links{c},
		Announce:  o.API.Notifications.Announce,
		AppName:   c.AppName,
		Worked:    o.Metrics.Worked,
		Broke:     o.broke,
	})
	if err != nil || o.Jobs == nil {
		return err
	}
	o.Identity.Mailer, o.API.Mails = o.Jobs, o.Jobs
	return nil
}

func jobSettings(e config.Email) jobs.Settings {
	return jobs.Settings{
		Attempts: e.Attempts, Backoff: e.Backoff, Concurrency: e.Concurrency, Patience: e.Patience, Timeout: e.Timeout,
		FetchEvery: e.FetchEvery, KeepCompleted: e.KeepCompleted, KeepCompletedFor: e.KeepCompletedFor, KeepFailed: e.KeepFailed,
	}
}

// newSender returns what mails are handed to: an SMTP server, or a folder if
// none is set.
func newSender(c *config.Config) mail.Sender {
	e := c.Email
	from := mail.Address{Name: e.FromName, Email: e.From}
	if e.Host == "" {
		return mail.NewOutbox(outboxDir(c), from)
	}
	return mail.NewSMTP(mail.SMTPConfig{
		Host: e.Host, Port: e.Port, User: e.User, Password: e.Password, From: from, TLS: e.TLS, Patience: e.Patience,
	})
}

func outboxDir(c *config.Config) string { return filepath.Join(c.DataDir, "outbox") }

// tellMail says where mails go, and what is odd about them and is no error.
func (o *Office) tellMail(c *config.Config) {
	for _, err := range o.badTemplates {
		what := "a template of mails cannot be used; the built-in one is"
		if e, ok := errors.AsType[*mail.TemplateError](err); ok && e.Unused {
			what = "a file among the templates of mails is not used"
		}
		slog.Warn(what, "err", err)
	}
	if c.Email.Host == "" {
		slog.Info("EMAIL_HOST is not set: mails are kept as files", "folder", outboxDir(c))
		return
	}
	slog.Info("mails are handed to a server", "EMAIL_HOST", c.Email.Host, "EMAIL_PORT", c.Email.Port)
	if u, err := url.Parse(c.BaseURL); err == nil && isLoopback(strings.ToLower(u.Hostname())) {
		slog.Warn("mails are sent, but links in them lead to this machine only: set BASE_URL to the address that people use", "BASE_URL", c.BaseURL)
	}
}
