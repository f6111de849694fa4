package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"cartracker/internal/observe"
)

// What EMAIL_TLS may be. On port 465 the conversation is encrypted from its
// first byte, whatever is said here.
const (
	TLSAuto     = "auto"     // encrypt if the server offers it
	TLSRequired = "required" // send nothing to a server that does not offer it
)

const implicitTLS = 465 // the port

// A Password is one that printing does not show.
type Password interface{ Reveal() string }

// An SMTPConfig names a server and tells how to talk to it.
type SMTPConfig struct {
	Host     string
	Port     int
	User     string   // "" for no login
	Password Password // nil for none
	From     Address
	TLS      string         // TLSAuto or TLSRequired
	Roots    *x509.CertPool // who vouches for the server; nil: whom the machine trusts
	Patience time.Duration  // how long a Send waits for its turn; 0 for 10 s
}

// spans are the times that an SMTP goes by.
type spans struct {
	connect time.Duration // to be connected
	answer  time.Duration // to each step of the conversation
	idle    time.Duration // after the last mail the connection is closed
	quit    time.Duration // to say goodbye
	turn    time.Duration // to get a turn
	pause   time.Duration // after a failure, doubled with each in a row
	longest time.Duration // of the pauses
}

// An SMTP is a Sender that hands mails to a server. All of them go over one
// connection, which stays open for a while after the last.
type SMTP struct {
	config SMTPConfig
	spans  spans
	now    func() time.Time
	tls    bool // from the first byte

	turn chan struct{} // has one in it while somebody has the turn, to whom the rest belongs
	line *line         // nil: not connected
	away outage
	idle *time.Timer // closes the line
	done bool        // Close was called

	closers sync.WaitGroup // timers that may be closing the line
}

// NewSMTP returns the Sender for a server. It connects when there is something to send.
func NewSMTP(c SMTPConfig) *SMTP {
	s := &SMTP{config: c, now: time.Now, tls: c.Port == implicitTLS, turn: make(chan struct{}, 1)}
	s.spans = spans{
		connect: 5 * time.Second, answer: 15 * time.Second, idle: 10 * time.Second, quit: 2 * time.Second,
		turn: 10 * time.Second, pause: 2 * time.Second, longest: time.Minute,
	}
	if c.Patience > 0 {
		s.spans.turn = c.Patience
	}
	s.away = outage{least: s.spans.pause, most: s.spans.longest}
	return s
}

func (s *SMTP) address() string { return net.JoinHostPort(s.config.Host, strconv.Itoa(s.config.Port)) }

// Send hands m to the server.
func (s *SMTP) Send(ctx context.Context, m Message, taken func() error) error {
	p, err := pack(m, s.config.From, s.now())
	if err != nil {
		return err
	}
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.giveTurn()
	if err := s.talk(ctx, p); err != nil {
		return err
	}
	return taken()
}

// talk is deliver as a part of what ctx belongs to.
func (s *SMTP) talk(ctx context.Context, p parcel) (err error) {
	ctx, span := observe.Start(ctx, observe.Client, "SMTP")
	span.Text("server.address", s.config.Host)
	span.Number("server.port", s.config.Port)
	defer func() { span.End(err) }()
	return s.deliver(ctx, p)
}

// takeTurn waits until nobody else talks to the server, and until there is no
// pause. Who has the turn waits for the end of the pause and then finds out how
// the server is; the others stay in the order in which they came.
func (s *SMTP) takeTurn(ctx context.Context) error {
	if ctx.Err() != nil {
		return noTurn(ctx)
	}
	patience := time.NewTimer(s.spans.turn)
	defer patience.Stop()
	select {
	case s.turn <- struct{}{}:
	case <-patience.C:
		return ErrNoTurn
	case <-ctx.Done():
		return noTurn(ctx)
	}
	err := s.waitForPause(ctx, patience.C)
	if s.done {
		err = fmt.Errorf("%w: closed", ErrNoTurn)
	}
	if err != nil {
		<-s.turn
		return err
	}
	s.stay()
	return nil
}

func (s *SMTP) waitForPause(ctx context.Context, patience <-chan time.Time) error {
	left := s.away.left(s.now())
	if left <= 0 {
		return nil
	}
	pause := time.NewTimer(left)
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-patience:
		return ErrNoTurn
	case <-ctx.Done():
		return noTurn(ctx)
	}
}

// giveTurn lets the next one talk to the server, and if nobody does, closes the
// line after a while.
func (s *SMTP) giveTurn() {
	if s.line != nil {
		s.closers.Add(1)
		s.idle = time.AfterFunc(s.spans.idle, s.leave)
	}
	<-s.turn
}

// stay keeps the line open that a timer would close.
func (s *SMTP) stay() {
	if s.idle != nil && s.idle.Stop() {
		s.closers.Done()
	}
	s.idle = nil
}

// leave closes a line that nobody uses.
func (s *SMTP) leave() {
	defer s.closers.Done()
	select {
	case s.turn <- struct{}{}:
		s.hangUp()
		<-s.turn
	default: // somebody does
	}
}

func (s *SMTP) hangUp() {
	if s.line != nil {
		s.line.quit(s.spans.quit)
		s.line = nil
	}
}

// Close waits for the mail under way, and leaves the server. Sends that come
// later get ErrNoTurn.
func (s *SMTP) Close() error {
	s.turn <- struct{}{}
	s.stay()
	s.hangUp()
	s.done = true
	<-s.turn
	s.closers.Wait()
	return nil
}

// deliver hands p over on the line that is open, or on a new one. A line that
// the server has closed since the last mail is found out by the first command,
// before it has got anything of this one, and replaced once.
func (s *SMTP) deliver(ctx context.Context, p parcel) error {
	used := s.line != nil
	err := s.try(ctx, p)
	t, _ := errors.AsType[*trouble](err)
	if used && t != nil && t.unheard {
		err = s.try(ctx, p)
		t, _ = errors.AsType[*trouble](err)
	}
	s.note(ctx, t)
	return err
}

// note keeps in mind whether the server is away, and says so once.
func (s *SMTP) note(ctx context.Context, t *trouble) {
	switch {
	case t == nil || t.answered:
		if away := s.away.over(s.now()); away > 0 {
			slog.InfoContext(ctx, "the mail server takes mails again", "server", s.address(), "away", away.Round(time.Second).String())
		}
	case t.away:
		if s.away.failed(s.now()) {
			slog.WarnContext(ctx, "the mail server is away; mails wait until it is back", "server", s.address(), "err", t.text)
		}
	}
}

func (s *SMTP) try(ctx context.Context, p parcel) error {
	if s.line == nil {
		l, err := s.connect(ctx)
		if err != nil {
			return err
		}
		s.line = l
	}
	release := s.line.cutBy(ctx)
	err := s.line.hand(ctx, p)
	if cut := !release(); cut || s.line.dead {
		s.line.close()
		s.line = nil
	}
	return err
}
