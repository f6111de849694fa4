package mail

import (
	"context"
	"errors"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"unicode/utf8"
)

// longestAnswer is how many characters of an answer are told.
const longestAnswer = 500

// A trouble is why a mail was not taken this time. Another try may fare better.
type trouble struct {
	text     string
	cause    error
	away     bool // it is about the server: other mails would fare no better now
	answered bool // the server said so itself, and goes on talking
	unheard  bool // the connection was closed before the server had heard of the mail
}

func (t *trouble) Error() string { return t.text }
func (t *trouble) Unwrap() error { return t.cause }

// judge makes of an error in a step of the conversation what it means for the mail.
func judge(ctx context.Context, step string, err error) error {
	answer, ok := errors.AsType[*textproto.Error](err)
	switch {
	case err == nil:
		return nil
	case ok && answer.Code == leaving:
		return &trouble{text: "the mail server closes the connection: " + told(answer), away: true}
	case ok && answer.Code >= 500:
		return &Refused{told(answer)}
	case ok:
		return &trouble{text: "the mail server answered to " + step + ": " + told(answer), answered: true}
	}
	return lost(ctx, step, err)
}

// leaving is the answer of a server that ends the conversation, at any step.
const leaving = 421

// lost makes of an error that is no answer what it means.
func lost(ctx context.Context, step string, err error) *trouble {
	var timeout net.Error
	garbage, isGarbage := errors.AsType[textproto.ProtocolError](err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return &trouble{text: "given up at " + step, cause: ctx.Err()}
	case ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout():
		return &trouble{text: "the mail server does not answer to " + step, cause: ctx.Err(), away: true}
	case isGarbage:
		return &trouble{text: "the mail server does not speak SMTP: " + short(garbage.Error())}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return &trouble{text: "the mail server closed the connection at " + step}
	}
	return &trouble{text: "the connection to the mail server was lost at " + step + ": " + short(err.Error())}
}

// told is an answer on one line.
func told(answer *textproto.Error) string { return short(strconv.Itoa(answer.Code) + " " + answer.Msg) }

// short returns what may be told of a text that comes from elsewhere.
func short(text string) string {
	text = oneLine(text)
	if utf8.RuneCountInString(text) > longestAnswer {
		text = string([]rune(text)[:longestAnswer])
	}
	return text
}
