package mail_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/idna"

	"cartracker/internal/fault"
	"cartracker/internal/mail"
	"cartracker/internal/record"
)

// kept reports whether a record may have an address.
func kept(address string) bool {
	var bad fault.Fields
	record.CheckEmail(&bad, "email", address)
	return bad.Err() == nil
}

// TestAgreed: what a record may have can be sent to, and what it may not have
// cannot.
func TestAgreed(t *testing.T) {
	for address, want := range map[string]bool{
		"a@x.com": true, "A@X.Com": true, "a@localhost": true, "a@x-y.com": true, "a@1x.com": true, "a@x.1": true, "o'neil_1/2@x.ba": true, "{{.Link}}@x.com": true, "šarić@x.com": true,
		strings.Repeat("a", 64) + "@x.com": true, strings.Repeat("a", 65) + "@x.com": false, strings.Repeat("a", 70) + "@x.com": false, strings.Repeat("š", 33) + "@x.com": false,
		"a@ab--cd.com": false, "a@a--b.com": true, "a@abc--d.com": true, "a@1.2.3.4": false, "a@1234": false, "a@127.0.0.1": false, "a@[127.0.0.1]": false, "a@1.2.3.4x": true,
		"a@šarić.ba": true, "a@ŠARIĆ.BA": true, "a@пример.срб": true, "a@例え.テスト": true, "a@उदाहरण.परीक्षा": true, "a@ตัวอย่าง.ไทย": true,
		"a@\u0301x.com": false, "a@e\u0301x.com": true, "a@\u093ex.com": false, "a@x.\u0301": false,
		"a@אב.com": true, "a@1א.com": false, "a@א1.com": true, "a@xא.com": false, "a@אx.com": false, "a@1.אב": false, "a@مثال.إختبار": true, "a@x1.אב": true,
		"a@xn--ari-spa06b.ba": true, "a@XN--ari-spa06b.ba": true, "a@xn--zzzzzz99999.com": false, "a@xn--.com": false, "a@xn--a.com": false, "a@xn--abc-.com": false, "a@xn--ss--.com": false,
		"a@xn--x1-zza.com": false, "a@xn--4db.com": true, "a@xn--1-0hc.com": false,
		"a@" + strings.Repeat("жњ", 30) + ".com": false, "a@" + strings.Repeat("ж", 20) + ".com": true, "a@" + strings.Repeat("x", 63) + ".com": true, "a@" + strings.Repeat("x", 64) + ".com": false,
		"a@x_y.com": false, "a@-x.com": false, "a@x-.com": false, "a@x..com": false, "a@x.com.": false, "a b@x.com": false, "a@x.com, b@x.com": false, "": false,
	} {
		refusal := mail.Refusal(address)
		if kept(address) != want || (refusal == nil) != want {
			t.Errorf("%q: kept %t, want %t; %v", address, kept(address), want, refusal)
		}
	}
}

// TestKeptCanBeSent: whatever letters the domain is made of, no address is kept
// to which nothing can be sent. Some to which mails could be are not kept.
func TestKeptCanBeSent(t *testing.T) {
	var good []rune
	for r := rune(0x80); r < 0x20000; r++ {
		for _, label := range []string{string(r), "a" + string(r), "א" + string(r)} {
			mustBeSent(t, "a@"+label+".com")
		}
		if coded, err := idna.Punycode.ToASCII("a" + string(r)); err == nil {
			mustBeSent(t, "a@"+coded+".com")
		}
		if kept("a@a" + string(r)) {
			good = append(good, r)
		}
	}
	if len(good) < 60_000 {
		t.Errorf("only %d letters are kept", len(good))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		var label strings.Builder
		near := good[random.IntN(len(good))]
		for range 1 + random.IntN(20) {
			switch random.IntN(4) {
			case 0:
				label.WriteByte("ax01-"[random.IntN(5)])
			case 1:
				label.WriteRune(good[random.IntN(len(good))])
			default:
				label.WriteRune(near + rune(random.IntN(32)))
			}
		}
		mustBeSent(t, "a@"+label.String()+".com")
		if coded, err := idna.Punycode.ToASCII(label.String()); err == nil {
			mustBeSent(t, "a@"+coded+".com")
		}
	}
}

func mustBeSent(t *testing.T, address string) {
	t.Helper()
	if kept(address) {
		if err := mail.Refusal(address); err != nil {
			t.Errorf("%+q is kept, and %v", address, err)
		}
	}
}
