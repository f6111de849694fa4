package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"cartracker/internal/config"
	"cartracker/internal/mail"
	"cartracker/internal/page"
)

// Mails are the mails that are on their way.
type Mails interface {
	Stats(context.Context) (mail.Stats, error)
	List(context.Context, mail.State, page.Query) (page.Of[mail.Job], error)
	Retry(ctx context.Context, id string) (mail.Job, error)
	// RetryFailed lets all that failed be tried again, and returns how many.
	RetryFailed(context.Context) (int, error)
	Cancel(ctx context.Context, id string) (mail.Job, error)
	PurgeFailed(context.Context) (int, error)
}

type jobsCommand struct {
	List        jobsList   `cmd:"" help:"List mails, the newest first."`
	Retry       jobsRetry  `cmd:"" help:"Let mails that failed be tried again."`
	Cancel      jobsCancel `cmd:"" help:"Give a mail up that is not sent yet."`
	PurgeFailed jobsPurge  `cmd:"" name:"purge-failed" help:"Forget all mails that failed."`
}

type jobsList struct {
	config.Config `embed:""`

	State string `enum:",waiting,active,delayed,completed,failed" default:"" help:"Only those that are waiting, active, delayed, completed or failed."`
	Limit int    `default:"50" help:"How many, up to 1000."`
}

// Run lists mails.
func (c *jobsList) Run(ctx context.Context, p Program, t Terminal) error {
	if c.Limit < 1 || c.Limit > page.MaxLimit {
		return errors.New("--limit must be from 1 to 1000")
	}
	return withMails(ctx, p, &c.Config, func(ctx context.Context, m Mails) error {
		s, err := m.Stats(ctx)
		if err != nil {
			return err
		}
		found, err := m.List(ctx, mail.State(c.State), page.Query{Limit: c.Limit})
		if err != nil {
			return err
		}
		tellMails(t.Out, s, found.Items)
		return nil
	})
}

func tellMails(w io.Writer, s mail.Stats, list []mail.Job) {
	paused := ""
	if s.Paused {
		paused = "; sending is paused"
	}
	fmt.Fprintf(w, "%d waiting, %d active, %d delayed, %d completed, %d failed%s\n", s.Waiting, s.Active, s.Delayed, s.Completed, s.Failed, paused)
	if len(list) == 0 {
		return
	}
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "ID\tKIND\tUSER\tSTATE\tTRIED\tQUEUED\tLAST ERROR")
	for _, j := range list {
		last, user := "", "-"
		if j.LastError != nil {
			last = strings.Join(strings.Fields(*j.LastError), " ")
		}
		if j.UserID != nil {
			user = *j.UserID
		}
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%d/%d\t%s\t%s\n", j.ID, j.Kind, user, j.State, j.Attempts, j.MaxAttempts, j.CreatedAt.Time().Local().Format(time.DateTime), last)
	}
	tab.Flush()
}

type jobsRetry struct {
	config.Config `embed:""`

	ID  string `arg:"" optional:"" help:"The mail, as jobs list shows it."`
	All bool   `help:"All mails that failed."`
}

// Run lets mails be tried again.
func (c *jobsRetry) Run(ctx context.Context, p Program, t Terminal) error {
	if (c.ID == "") != c.All {
		return errors.New("name one mail, or --all")
	}
	return withMails(ctx, p, &c.Config, func(ctx context.Context, m Mails) error {
		if c.All {
			n, err := m.RetryFailed(ctx)
			if err == nil {
				fmt.Fprintf(t.Out, "%d mails are tried again\n", n)
			}
			return err
		}
		j, err := m.Retry(ctx, c.ID)
		if err == nil {
			fmt.Fprintf(t.Out, "the mail %s is tried again\n", j.ID)
		}
		return err
	})
}

type jobsCancel struct {
	config.Config `embed:""`

	ID string `arg:"" help:"The mail, as jobs list shows it."`
}

// Run gives a mail up.
func (c *jobsCancel) Run(ctx context.Context, p Program, t Terminal) error {
	return withMails(ctx, p, &c.Config, func(ctx context.Context, m Mails) error {
		j, err := m.Cancel(ctx, c.ID)
		if err == nil {
			fmt.Fprintf(t.Out, "the mail %s is given up\n", j.ID)
		}
		return err
	})
}

type jobsPurge struct {
	config.Config `embed:""`
}

// Run forgets the mails that failed.
func (c *jobsPurge) Run(ctx context.Context, p Program, t Terminal) error {
	return withMails(ctx, p, &c.Config, func(ctx context.Context, m Mails) error {
		n, err := m.PurgeFailed(ctx)
		if err == nil {
			fmt.Fprintf(t.Out, "%d mails are forgotten\n", n)
		}
		return err
	})
}

func withMails(ctx context.Context, p Program, c *config.Config, do func(context.Context, Mails) error) error {
	if err := checkExisting(p, c); err != nil {
		return err
	}
	return p.Jobs(ctx, c, func(m Mails) error { return do(asOperator(ctx), m) })
}
