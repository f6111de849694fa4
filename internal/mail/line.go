package mail

import (
	"context"
	"errors"
	"io"
	"net"
	"net/textproto"
	"syscall"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// longestReply is how much a server may say in one step, in bytes.
const longestReply = 64 << 10

// A line is one conversation with a server.
type line struct {
	conn   *bounded
	client *smtp.Client
	span   time.Duration // for each step
	secure bool          // it is encrypted
	dead   bool          // it is of no more use
}

// bounded is a connection over which only so much is taken.
type bounded struct {
	net.Conn
	left int // bytes until the next step
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, textproto.ProtocolError("it says too much")
	}
	n, err := b.Conn.Read(p)
	b.left -= n
	return n, err
}

// step lets do say something and hear the answer, within its time.
func (l *line) step(do func() error) error {
	l.conn.left = longestReply
	if err := l.conn.SetDeadline(time.Now().Add(l.span)); err != nil {
		return err
	}
	return do()
}

// cutBy closes the connection when ctx ends, which ends every step at once.
func (l *line) cutBy(ctx context.Context) (release func() bool) {
	return context.AfterFunc(ctx, l.close)
}

func (l *line) close() { _ = l.conn.Close() } // what was taken, the server has said

// quit says goodbye if the server is quick to answer.
func (l *line) quit(span time.Duration) {
	l.span = span
	_ = l.step(l.client.Quit)
	l.close()
}

func (l *line) offers(extension string) bool {
	ok, _ := l.client.Extension(extension)
	return ok
}

// hand gives p to the server. Afterwards the line is ready for the next mail, or dead.
func (l *line) hand(ctx context.Context, p parcel) error {
	if p.utf8 && !l.offers("SMTPUTF8") {
		return &Refused{"the address has letters before the @ that the mail server does not take (it offers no SMTPUTF8)"}
	}
	l.client.SkipSMTPUTF8(!p.utf8)
	if err := l.envelope(ctx, p); err != nil {
		return err
	}
	return l.content(ctx, p)
}

// envelope says from whom and to whom.
func (l *line) envelope(ctx context.Context, p parcel) error {
	if err := l.step(func() error { return l.client.Mail("<" + p.from + ">") }); err != nil {
		verdict := l.reset(judge(ctx, "MAIL", err), err)
		if t, ok := errors.AsType[*trouble](verdict); ok {
			t.unheard = isClosed(err) && ctx.Err() == nil
		}
		return verdict
	}
	if err := l.step(func() error { return l.client.Rcpt("<" + p.to + ">") }); err != nil {
		return l.reset(judge(ctx, "RCPT", err), err)
	}
	return nil
}

// content hands over the mail itself. Once that has begun nobody but the server
// knows whether it has it, so nothing is sent again here.
func (l *line) content(ctx context.Context, p parcel) error {
	var body io.WriteCloser
	if err := l.step(func() (err error) { body, err = l.client.Data(); return err }); err != nil {
		return l.reset(judge(ctx, "DATA", err), err)
	}
	if err := l.step(func() error { _, err := body.Write(p.data); return err }); err != nil {
		l.dead = true
		return judge(ctx, "the message", err)
	}
	err := l.step(body.Close)
	if !isAnswer(err) {
		l.dead = true
	}
	return judge(ctx, "the message", err)
}

// reset makes the line ready for another mail after err, or gives it up. It
// returns what err means.
func (l *line) reset(verdict, err error) error {
	if !isAnswer(err) || l.step(l.client.Reset) != nil {
		l.dead = true
	}
	return verdict
}

// isAnswer reports whether the server has answered and goes on doing so.
func isAnswer(err error) bool {
	answer, ok := errors.AsType[*textproto.Error](err)
	return err == nil || ok && answer.Code != leaving
}

// isClosed reports whether the server had closed the connection, or closes it now.
func isClosed(err error) bool {
	answer, ok := errors.AsType[*textproto.Error](err)
	return ok && answer.Code == leaving ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
