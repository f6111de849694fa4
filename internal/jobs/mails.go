package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"cartracker/internal/date"
	"cartracker/internal/ident"
	"cartracker/internal/identity"
	"cartracker/internal/mail"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// A mailJob is what the database keeps of a mail that is to be sent: for whom
// it is and why. What stands in it is found out when it is sent; no secret is
// ever here. Two jobs of a kind that agree in what is unique are one.
type mailJob struct {
	ID       string            `json:"id"` // of the mail, the same for every attempt
	User     record.UserID     `json:"userId,omitempty" river:"unique"`
	Email    string            `json:"email,omitempty" river:"unique"` // typed by somebody, to be looked up
	Contract rental.ContractID `json:"contractId,omitempty" river:"unique"`
	End      string            `json:"end,omitempty" river:"unique"` // day on which the contract ends, of which is told
}

// The kinds of mails. (River does not see what is unique in a type that is embedded.)
type (
	credentials      mailJob
	passwordReset    mailJob
	contractExpiring mailJob
	contractExpired  mailJob
)

func (credentials) Kind() string      { return mail.Credentials }
func (passwordReset) Kind() string    { return mail.PasswordReset }
func (contractExpiring) Kind() string { return mail.ContractExpiring }
func (contractExpired) Kind() string  { return mail.ContractExpired }

func (j credentials) args() mailJob      { return mailJob(j) }
func (j passwordReset) args() mailJob    { return mailJob(j) }
func (j contractExpiring) args() mailJob { return mailJob(j) }
func (j contractExpired) args() mailJob  { return mailJob(j) }

// unfinished are the states of jobs that are still to be done.
var unfinished = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
}

// manyAttempts is as many as River counts: how many there are we count
// ourselves, without those that a crash has cut off.
const manyAttempts = 30_000

func (q *Queue) mail(ctx context.Context, args river.JobArgs) error {
	return q.insert(ctx, args, &river.InsertOpts{
		Queue: mailQueue, MaxAttempts: manyAttempts,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished},
	})
}

var _ identity.Mailer = (*Queue)(nil)

// Credentials queues the mail with which a new user chooses a password, in the
// transaction of ctx.
func (q *Queue) Credentials(ctx context.Context, id record.UserID) error {
	return q.mail(ctx, credentials{ID: ident.New[string](), User: id})
}

// PasswordReset queues the mail with which a user chooses another password, in
// the transaction of ctx.
func (q *Queue) PasswordReset(ctx context.Context, id record.UserID) error {
	return q.mail(ctx, passwordReset{ID: ident.New[string](), User: id})
}

// Forgotten queues the same for whoever has this address, if anybody has.
func (q *Queue) Forgotten(ctx context.Context, email string) error {
	return q.mail(ctx, passwordReset{ID: ident.New[string](), Email: strings.ToLower(strings.TrimSpace(email))})
}

// errNothing tells that a mail is not needed any more, and why.
var errNothing = errors.New("there is nothing to send")

// A letter is what stands in a mail.
type letter struct {
	mail.Letter
	user  record.UserID // for whom it is
	token string        // in its link, which nobody else may see; "" without
}

// letter finds out what stands in a mail, and for whom it is.
func (w *mailWorker) letter(ctx context.Context, kind string, j mailJob) (letter, error) {
	switch {
	case kind == mail.Credentials:
		return w.withLink(w.Identity.WelcomeLetter(ctx, j.User, j.ID))
	case kind == mail.PasswordReset && j.Email != "":
		return w.withLink(w.Identity.ForgottenLetter(ctx, j.Email, j.ID))
	case kind == mail.PasswordReset:
		return w.withLink(w.Identity.ResetLetter(ctx, j.User, j.ID))
	}
	return w.notice(ctx, j)
}

func (w *mailWorker) withLink(l identity.Letter, err error) (letter, error) {
	if err != nil {
		return letter{}, err
	}
	out := w.to(l.User)
	out.token = l.Token
	out.Link, out.Until = w.Links.SetPassword(l.Token), l.Until.Time()
	return out, nil
}

// notice is the letter that tells an admin of a contract, unless that has
// changed meanwhile so that there is nothing to tell.
func (w *mailWorker) notice(ctx context.Context, j mailJob) (letter, error) {
	ctx = asProgram(record.Fresh(ctx))
	u, err := w.Identity.Get(ctx, j.User)
	if errors.Is(err, identity.ErrNoUser) || err == nil && (!u.Active || u.Role != record.Admin) {
		return letter{}, errNothing
	}
	if err != nil {
		return letter{}, err
	}
	c, err := w.Rental.Get(ctx, j.Contract)
	if errors.Is(err, rental.ErrNoContract) || err == nil && (c.CancelledAt != nil || c.EndDate.String() != j.End) {
		return letter{}, errNothing
	}
	if err != nil {
		return letter{}, err
	}
	out := w.to(u)
	out.Contract = contractOf(c)
	return out, nil
}

func (w *mailWorker) to(u identity.User) letter {
	to := mail.Address{Email: u.Email}
	if u.Name != nil {
		to.Name = *u.Name
	}
	return letter{user: u.ID, Letter: mail.Letter{
		To: to, Language: string(u.Language), App: w.AppName, Username: u.Username, SignIn: w.Links.SignIn(), Zone: w.Env.Zone,
	}}
}

func contractOf(c rental.Contract) mail.Contract {
	out := mail.Contract{
		Number: c.Number, Car: c.Car.Manufacturer + " " + c.Car.Model, Plate: c.Car.LicensePlate, Customer: c.Customer.Name,
		Start: written(c.StartDate), End: written(c.EndDate),
	}
	if c.Customer.PhoneNumber != nil {
		out.Phone = *c.Customer.PhoneNumber
	}
	return out
}

func written(d date.Date) string { return d.String() }

// asProgram returns a context in which the program itself asks, as an admin
// whom no record names.
func asProgram(ctx context.Context) context.Context {
	return record.As(ctx, record.Caller{Person: record.Person{Role: record.Admin}})
}

// mailOf reads the arguments of a job.
func mailOf(row *rivertype.JobRow) (j mailJob) {
	_ = json.Unmarshal(row.EncodedArgs, &j) // what cannot be read was not written by us, and says nothing
	return j
}
