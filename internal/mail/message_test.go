package mail_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cartracker/internal/mail"
	"cartracker/internal/mail/mailtest"
)

var noon = time.Date(2026, time.May, 1, 12, 0, 0, 0, time.UTC)

// headers are those that every mail has, and no other.
var headers = []string{"Auto-Submitted", "Content-Language", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}

func TestSource(t *testing.T) {
	m := letter()
	raw, err := mail.Source(m, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(msg.Header)); !slices.Equal(got, headers) {
		t.Errorf("headers %q", got)
	}
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "Content-Language": "bs", "Date": "Fri, 01 May 2026 12:00:00 +0000", "MIME-Version": "1.0",
		"From": `"Car Tracker" <desk@rent.example.com>`, "Message-ID": "<" + m.ID + "@rent.example.com>",
	} {
		if got := msg.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	to, err := msg.Header.AddressList("To")
	if err != nil || len(to) != 1 || *to[0] != (netmail.Address{Name: "Amra Šarić", Address: "amra@example.com"}) {
		t.Errorf("to %v %v", to, err)
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"amra@example.com": "amra@example.com", "a.b+c_d-e@x": "a.b+c_d-e@x", "o'brien@example.com": "o'brien@example.com", "{{x}}@example.com": "{{x}}@example.com",
		"amra@BÜCHER.example": "amra@xn--bcher-kva.example", "amra@xn--bcher-kva.example": "amra@xn--bcher-kva.example", "šarić@example.com": "šarić@example.com",
		"a@x, b@y": "", "a@x b@y": "", "<a@x>, b": "", "a@x,b@y": "", "a@x;b@y": "", "<a@x>": "", "Amra <a@x>": "", "a@x,": "", "a@b@c": "", "a@x>,<b@y": "",
		"a@x\r\nBcc: b@y": "", "a@x\nb": "", "a\r@x": "", "a\x00@x": "", "a@x\x00": "", "a\u2028@x": "", "a\u202e@x": "", "a\u00a0b@x": "", " a@x": "", "a@x ": "", "a\xff@x": "",
		`"a b"@x`: "", `"a@x, b"@y`: "", `a\@b@x`: "", "a(comment)@x": "", "a@[127.0.0.1]": "", "a:b@x": "", "group:a@x;": "",
		"": "", "@": "", "a": "", "@x": "", "a@": "", ".a@x": "", "a.@x": "", "a..b@x": "", "a@x..y": "", "a@.x": "", "a@-x": "", "a@x_y": "", "a@x/y": "", "a@x%y": "",
		strings.Repeat("a", 64) + "@x": strings.Repeat("a", 64) + "@x", strings.Repeat("a", 65) + "@x": "", "a@" + strings.Repeat("x", 64): "", "a@" + strings.Repeat("x.", 130) + "y": "",
	} {
		m := letter()
		m.To.Email = address
		raw, err := mail.Source(m, desk, noon)
		if want == "" {
			refused, ok := errors.AsType[*mail.Refused](err)
			if !ok || !strings.HasPrefix(refused.Answer, "the address ") || len(address) > 5 && strings.Contains(refused.Answer, address) {
				t.Errorf("%q: %v", address, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", address, err)
			continue
		}
		got, err := mailtest.Parse(raw)
		if err != nil || !strings.HasSuffix(got.To, "<"+want+">") {
			t.Errorf("%q became %q %v", address, got.To, err)
		}
	}
}

// TestNames: a name or subject is one line, and arrives as it is.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "Amra": "Amra", "{{.Link}}": "{{.Link}}", "<script>alert(1)</script>": "<script>alert(1)</script>", `a"b\c`: `a"b\c`, "a, b": "a, b", "boss@bank.example": "boss@bank.example",
		"a\r\nBcc: b@y": "a Bcc: b@y", "a\nb\rc\x00d\te": "a b c d e", "a\u2028b": "a b", "  a   b ": "a b", "\xff": "\uFFFD", "👩🏽‍🔧 Šarić": "👩🏽‍🔧 Šarić", "=?utf-8?q?x?=": "=?utf-8?q?x?=",
		strings.Repeat("x", 255): strings.Repeat("x", 255), strings.Repeat("👩", 255): strings.Repeat("👩", 255), strings.Repeat("č ", 127): strings.TrimSpace(strings.Repeat("č ", 127)),
	} {
		m := letter()
		m.To.Name, m.Subject = name, name
		raw, err := mail.Source(m, mail.Address{Name: name, Email: desk.Email}, noon)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		got := checkSource(t, raw)
		for field, header := range map[string]string{"To": got.To, "From": got.From} {
			a, err := netmail.ParseAddress(header)
			if err != nil || a.Name != want {
				t.Errorf("%s %q became %q: %v", field, name, header, err)
			}
		}
		if got.Subject != strings.ReplaceAll(want, "=?", "= ?") {
			t.Errorf("the subject %q became %q", name, got.Subject)
		}
	}
}

// checkSource reads a mail and checks what holds for every one.
func checkSource(t *testing.T, raw []byte) mailtest.Mail {
	t.Helper()
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("a line of %d bytes: %q", len(line), line)
		}
	}
	msg, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	for name, all := range msg.Header {
		if len(all) != 1 || !slices.Contains(headers, name) {
			t.Errorf("the header %s: %q", name, all)
		}
	}
	for _, name := range []string{"To", "From"} {
		if list, err := msg.Header.AddressList(name); err != nil || len(list) != 1 {
			t.Errorf("%s is %q: %v", name, msg.Header.Get(name), err)
		}
	}
	if _, err := io.Copy(io.Discard, msg.Body); err != nil {
		t.Error(err)
	}
	got, err := mailtest.Parse(raw)
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	return got
}

// TestBodies: bodies arrive as they are, whatever is in them.
func TestBodies(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb\n": "a\nb\n", "a\r\nb": "a\nb", "a\rb": "a\nb", "a\x00b": "a b", "Šarić 👩 = .\n.\n..\n": "Šarić 👩 = .\n.\n..\n", ".\n": ".\n", "From x\n": "From x\n",
		strings.Repeat("x", 5000): strings.Repeat("x", 5000), "--boundary--\n": "--boundary--\n", "a \t\n": "a \t\n",
	} {
		m := letter()
		m.Text, m.HTML = text, text
		raw, err := mail.Source(m, desk, noon)
		if err != nil {
			t.Fatal(err)
		}
		if got := checkSource(t, raw); got.Text != want || got.HTML != want {
			t.Errorf("%q became %q and %q", text, got.Text, got.HTML)
		}
	}
}

// TestWhole: a mail of which the end is missing is told apart from one that is whole.
func TestWhole(t *testing.T) {
	raw, err := mail.Source(letter(), desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.TrimRight(raw, "\r\n")
	for n := range len(raw) - len("--") { // which the last boundary ends in
		if m, err := mailtest.Parse(raw[:n]); err == nil {
			t.Fatalf("%d of %d bytes were read as %+v", n, len(raw), m)
		}
	}
	if _, err := mailtest.Parse(raw); err != nil {
		t.Error(err)
	}
}

func TestBadSender(t *testing.T) {
	_, err := mail.Source(letter(), mail.Address{Email: "a@x, b@y"}, noon)
	if !temporary(err) || !strings.HasPrefix(err.Error(), "EMAIL_FROM: ") {
		t.Errorf("%v", err)
	}
}

func FuzzSource(f *testing.F) {
	f.Add("Amra Šarić", "amra@example.com", "Nova lozinka", "Dobar dan,\n", "bs")
	f.Add("a\r\nBcc: b@y", "a@x, b@y", "=?utf-8?q?=0D=0A?=", "\r\n.\r\n", "en\r\nX: y")
	f.Add("👩", "šarić@bücher.example", "\x00", "--\n", "")
	f.Fuzz(func(t *testing.T, name, email, subject, text, language string) {
		m := mail.Message{ID: "0197d0c4-6e1f-7c1a-b7a3-3f6f1d2b9a10", To: mail.Address{Name: name, Email: email}, Language: language, Subject: subject, Text: "." + text, HTML: "." + text}
		raw, err := mail.Source(m, mail.Address{Name: name, Email: desk.Email}, noon)
		if err != nil {
			if _, ok := errors.AsType[*mail.Refused](err); !ok {
				t.Errorf("%v", err)
			}
			return
		}
		got := checkSource(t, raw)
		if got.Text != got.HTML || !utf8.ValidString(got.Text) || strings.ContainsAny(got.Subject, "\r\n\x00") {
			t.Errorf("%q became %q and %q, the subject %q", text, got.Text, got.HTML, got.Subject)
		}
	})
}
