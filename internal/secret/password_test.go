package secret

import (
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

const (
	short   = "must have at least 8 characters"
	long    = "must have at most 1024 characters"
	own     = "must be more than the user name, the e-mail address or the name of this program"
	tooEasy = "is too common or too easy to guess; several unrelated words make a good one"
)

func TestCheckPassword(t *testing.T) {
	hints := []string{"amir.hadzic", "amir.hadzic@example.com", "Car Tracker", "4711x", "86420975310"}
	for password, want := range map[string]string{
		"":                          short,
		"Xk3!pq9":                   short,
		"žćčđšŽĆ":                   short,
		strings.Repeat("Xk3!", 257): long,

		"amir.hadzic":              own,
		"AMIR.HADZIC":              own,
		"amir_hadzic":              own,
		"Hadzic.Amir1984!":         own,
		"amir1984":                 own,
		"amir.hadzic@example.com":  own,
		"amirhadzic@example.com1":  own,
		"amiramir":                 own,
		"CarTracker":               own,
		"car-tracker-2026":         own,
		"2026!Tracker":             own,
		"86420975310":              own,
		"amir hadzic car tracker!": own,

		"password":                tooEasy,
		"P@ssw0rd1":               tooEasy,
		"12345678":                tooEasy,
		"qwertyuiop":              tooEasy,
		"letmein123":              tooEasy,
		"aaaaaaaaaaaaaaaaaaaa":    tooEasy,
		"        ":                tooEasy,
		"žžžžžžžžžžžž":            tooEasy,
		"lozinka123":              tooEasy,
		"Sarajevo1":               tooEasy,
		"hadzic12a":               tooEasy,
		strings.Repeat("ab", 500): tooEasy,

		"correct horse battery":                            "",
		"kJ8#mm2Lq":                                        "",
		"86420975311 47118642x":                            "",
		"zeleni tramvaj do Ilidže":                         "",
		"Hadžić vozi plavi golf":                           "",
		"\u4f60\u597d\u4e16\u754c\u5929\u5730\u4eba\u5fc3": "",
		strings.Repeat("plavi golf i zeleni tramvaj ", 36): "",
	} {
		if got := CheckPassword(password, hints...); got != want {
			t.Errorf("CheckPassword(%q) = %q, want %q", password, got, want)
		}
	}
}

func TestCheckPasswordWithoutHints(t *testing.T) {
	for _, hints := range [][]string{nil, {""}, {"", " ", "12", "1", "x", "a.x"}} {
		for password, want := range map[string]string{
			"amir.hadzic.travnik": "", "9x8x71x6x5a": "", "password1": tooEasy, "1!1!2!1!": tooEasy,
		} {
			if got := CheckPassword(password, hints...); got != want {
				t.Errorf("CheckPassword(%q, %q) = %q, want %q", password, hints, got, want)
			}
		}
	}
}

// Neither wrong bytes nor letters of several bytes may upset the scoring, and
// no answer quotes what was typed.
func TestCheckPasswordOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringN(8, 60, -1), rapid.StringOfN(rapid.RuneFrom([]rune(leet+"aİıẞžK")), 8, 40, -1)).Draw(t, "s") +
			rapid.SampledFrom([]string{"", "\xff", "\xc5"}).Draw(t, "tail")
		problem := CheckPassword(s, s[:len(s)/2], "amir")
		if utf8.RuneCountInString(s) < MinPassword && problem != short {
			t.Fatalf("CheckPassword(%q) = %q", s, problem)
		}
		if len(s) >= MinPassword && strings.Contains(problem, s) {
			t.Fatalf("CheckPassword(%q) says it: %q", s, problem)
		}
	})
}

// The password that takes longest takes about 25 ms; a bound far above that
// catches a product of possibilities without failing on a busy machine.
func TestCheckPasswordIsBounded(t *testing.T) {
	for _, s := range []string{
		strings.Repeat(leet, 50), strings.Repeat("1.1.1991", 125), strings.Repeat("((b<5(5|$|<|(|<|$5<$5baa", 40),
		"((b<5(5|$|<|(|<|$5<$5baa11<b1|1|<$1a<|((", strings.Repeat("password1", 110),
	} {
		began := time.Now()
		CheckPassword(s, strings.Repeat("a.", 100)+"@example.com")
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("CheckPassword(%.40q) of %d bytes takes %v", s, len(s), took)
		}
	}
}

func TestCheckPasswordInParallel(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if CheckPassword("P@ssw0rd1", "amir") == "" || CheckPassword("correct horse battery", "amir") != "" {
				t.Error("the answer depends on who else asks")
			}
		})
	}
	wg.Wait()
}

func BenchmarkCheckPassword(b *testing.B) {
	for _, s := range []string{"kJ8#mm2Lq", "zeleni tramvaj do grada", strings.Repeat("plavi golf ", 90)} {
		b.Run(s[:9], func(b *testing.B) {
			for b.Loop() {
				CheckPassword(s, "amir", "amir@example.com", "Car Tracker")
			}
		})
	}
}
