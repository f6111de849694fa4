package mail

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/textproto"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

// connect opens a line on which mails can be sent: greeted, encrypted as far as
// it is to be, and logged in. Its errors are about the server and never about a
// mail: a wrong password is mended by who runs the program, and then all mails go.
func (s *SMTP) connect(ctx context.Context) (*line, error) {
	dialer := net.Dialer{Timeout: s.spans.connect}
	conn, err := dialer.DialContext(ctx, "tcp", s.address())
	if err != nil {
		return nil, s.unreachable(ctx, err)
	}
	l := &line{conn: &bounded{Conn: conn}, span: s.spans.answer}
	release := l.cutBy(ctx)
	err = s.open(ctx, l)
	if cut := !release(); cut && err == nil {
		err = lost(ctx, "the connection", net.ErrClosed)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (s *SMTP) unreachable(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return lost(ctx, "connecting", err)
	}
	return &trouble{text: "the mail server at " + s.address() + " cannot be reached: " + short(err.Error()), cause: ctx.Err(), away: true}
}

// about makes of an error before the first mail what it means: the server is as
// good as away, whatever it answered.
func about(ctx context.Context, step string, err error) error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return &trouble{text: "the mail server answered to " + step + ": " + told(answer), away: true}
	}
	t := lost(ctx, step, err)
	t.away = !errors.Is(ctx.Err(), context.Canceled)
	return t
}

func (s *SMTP) open(ctx context.Context, l *line) error {
	if err := s.greet(ctx, l); err != nil {
		return err
	}
	if !s.tls {
		if err := s.encrypt(ctx, l); err != nil {
			return err
		}
	}
	if s.config.User == "" {
		return nil
	}
	return s.login(ctx, l)
}

func (s *SMTP) greet(ctx context.Context, l *line) error {
	var conn net.Conn = l.conn
	if s.tls {
		encrypted := tls.Client(l.conn, s.encryption(true))
		if err := l.step(func() error { return encrypted.HandshakeContext(ctx) }); err != nil {
			return unsafe(ctx, err)
		}
		conn, l.secure = encrypted, true
	}
	err := l.step(func() (err error) { l.client, err = smtp.NewClient(conn, s.config.Host); return err })
	if err != nil {
		return about(ctx, "the connection", err)
	}
	if err := l.step(func() error { return l.client.Hello(s.called()) }); err != nil {
		return about(ctx, "EHLO", err)
	}
	return nil
}

// called is the name by which the program greets: that of the mails' domain.
func (s *SMTP) called() string {
	from, err := parseMailbox(s.config.From.Email)
	if err != nil {
		return "localhost"
	}
	return from.domain()
}

// encrypt goes on in TLS if the server offers it.
func (s *SMTP) encrypt(ctx context.Context, l *line) error {
	if !l.offers("STARTTLS") {
		if s.config.TLS == TLSRequired {
			return &trouble{text: "the mail server does not offer STARTTLS, which EMAIL_TLS=required asks for: nothing was sent", away: true}
		}
		return nil
	}
	if err := l.step(func() error { return l.client.StartTLS(s.encryption(s.strict(l))) }); err != nil {
		return unsafe(ctx, err)
	}
	l.secure = true
	return nil
}

// strict reports whether the server has to prove who it is. Where TLS is not
// required, encryption with a stranger is better than none at all; but a
// password is given to no stranger.
func (s *SMTP) strict(l *line) bool {
	return s.config.TLS == TLSRequired || s.config.User != "" && !isLoopback(l.conn)
}

func (s *SMTP) encryption(strict bool) *tls.Config {
	return &tls.Config{ServerName: s.config.Host, RootCAs: s.config.Roots, MinVersion: tls.VersionTLS12, InsecureSkipVerify: !strict}
}

// unsafe is an error of the encryption.
func unsafe(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &trouble{text: "the certificate of the mail server is not to be trusted: " + short(err.Error()), away: true}
	}
	return about(ctx, "TLS", err)
}

func isLoopback(conn net.Conn) bool {
	a, ok := conn.RemoteAddr().(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}

// login proves who sends, never where others could read the password.
func (s *SMTP) login(ctx context.Context, l *line) error {
	if !l.secure && !isLoopback(l.conn) {
		return &trouble{text: "the mail server offers no TLS, and EMAIL_PASSWORD is not sent in clear text: nothing was sent", away: true}
	}
	password := ""
	if s.config.Password != nil {
		password = s.config.Password.Reveal()
	}
	auth := s.auth(l, password)
	if auth == nil {
		return &trouble{text: "the mail server offers no login by PLAIN or LOGIN, as EMAIL_USER needs: nothing was sent", away: true}
	}
	if err := l.step(func() error { return l.client.Auth(auth) }); err != nil {
		return hide(about(ctx, "the login", err), s.config.User, password)
	}
	return nil
}

// auth returns the way to log in, nil if the server knows none of ours.
func (s *SMTP) auth(l *line, password string) smtp.Auth {
	_, ways := l.client.Extension("AUTH")
	for _, way := range strings.Fields(strings.ToUpper(ways)) {
		switch way {
		case "PLAIN":
			return smtp.PlainAuth("", s.config.User, password, s.config.Host, true)
		case "LOGIN":
			return smtp.LoginAuth(s.config.User, password, s.config.Host, true)
		}
	}
	return nil
}

// hide returns err without its text if that repeats the password, as it was
// sent or as it is.
func hide(err error, user, password string) error {
	text := err.Error()
	for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))} {
		if secret != "" && strings.Contains(text, secret) {
			return &trouble{text: "the mail server refuses the login; its answer repeats the password and is not shown", away: true}
		}
	}
	return err
}
