package mail_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cartracker/internal/mail"
)

const token = "q7-XyZ_0123456789abcdefGHIJKLMNOPQrstuvwx_-"

func TestRedact(t *testing.T) {
	var percent, twice strings.Builder
	for _, c := range []byte(token) {
		fmt.Fprintf(&percent, "%%%02X", c)
		fmt.Fprintf(&twice, "%%25%02x", c)
	}
	for _, tt := range []struct{ text, want string }{
		{"550 blocked URL https://x.com/set-password?token=" + token + " here", "550 blocked URL https://x.com/set-password?token=… here"},
		{token, "…"},
		{token + token, "……"},
		{"a " + token + " b " + token, "a … b …"},
		{"550 " + percent.String() + "!", "550 …!"},
		{"550 " + twice.String() + "!", "550 …!"},
		{"550 " + strings.ReplaceAll(strings.ReplaceAll(token, "-", "%2d"), "_", "%5F") + "!", "550 …!"},
		{"550 " + strings.ToUpper(token) + "!", "550 …!"},
		{"550 " + strings.ToLower(token) + "!", "550 …!"},
		{"550 " + token[:15] + "\r\n" + token[15:] + "!", "550 …!"},
		{"550 " + token[:15] + " " + token[15:] + "!", "550 …!"},
		{"550 " + token[:15] + "=\r\n" + token[15:] + "!", "550 …!"},
		{"550 " + token[:21] + "\n5.7.1 " + token[21:] + "!", "550 …\n5.7.1 …!"},
		{"550 " + token[:30] + "(cut)", "550 …(cut)"},
		{"550 " + token[23:] + "!", "550 …!"},
		{"550 " + token[:19] + "!", "550 " + token[:19] + "!"}, // too short to be of use
		{"550 100% of it %zz %", "550 100% of it %zz %"},
		{"550 šarić %C5%A1", "550 šarić %C5%A1"},
		{"", ""},
	} {
		got := mail.Redact(&mail.Refused{Answer: tt.text}, token)
		refused, ok := errors.AsType[*mail.Refused](got)
		if !ok || refused.Answer != tt.want || got.Error() != "the mail is refused: "+tt.want {
			t.Errorf("%q became %q %v", tt.text, got, refused)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %s", got, got, refused.Answer), token) {
			t.Errorf("%q is printed with the secret", tt.text)
		}
	}
}

// TestRedactKinds: whoever asks what kind of an error it is gets the same answer.
func TestRedactKinds(t *testing.T) {
	if mail.Redact(nil, token) != nil {
		t.Error("an error came out of none")
	}
	plain := errors.New("550 no")
	if mail.Redact(plain, token) != plain || mail.Redact(plain, "") != plain {
		t.Error("an error without the secret is another one")
	}
	if got := mail.Redact(errors.New("pin 1234 is wrong"), "1234"); got.Error() != "pin … is wrong" {
		t.Errorf("a short secret: %v", got)
	}
	for _, kind := range []error{mail.ErrNoTurn, context.DeadlineExceeded, context.Canceled} {
		got := mail.Redact(fmt.Errorf("%w: at %s", kind, token), token)
		if !errors.Is(got, kind) || strings.Contains(got.Error(), token) || !strings.HasSuffix(got.Error(), ": at …") {
			t.Errorf("%v", got)
		}
		if _, ok := errors.AsType[*mail.Refused](got); ok {
			t.Errorf("%v is a refusal", got)
		}
	}
	got := mail.Redact(fmt.Errorf("job: %w", fmt.Errorf("%w %w", &mail.Refused{Answer: "550 " + token}, context.Canceled)), token)
	refused, ok := errors.AsType[*mail.Refused](got)
	if !ok || refused.Answer != "550 …" || !errors.Is(got, context.Canceled) || got.Error() != "job: the mail is refused: 550 … context canceled" {
		t.Errorf("%v, %v", got, refused)
	}
}
