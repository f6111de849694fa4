package secret

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const goodHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestParseArgon(t *testing.T) {
	if a, err := parseArgon(goodHash); err != nil || a.weak() || a.String() != goodHash {
		t.Errorf("parseArgon = %v, %v", a, err)
	}
	for name, bad := range map[string]string{
		"plain text":      "hunter2",
		"no start":        goodHash[1:],
		"another kind":    strings.Replace(goodHash, "argon2id", "argon2i", 1),
		"another version": strings.Replace(goodHash, "v=19", "v=16", 1),
		"no version":      strings.Replace(goodHash, "v=19$", "", 1),
		"too much memory": strings.Replace(goodHash, "19456", "65537", 1),
		"memory overflow": strings.Replace(goodHash, "19456", "4294967296", 1),
		"no memory":       strings.Replace(goodHash, "m=19456", "m=7", 1),
		"too many passes": strings.Replace(goodHash, "t=2", "t=11", 1),
		"no passes":       strings.Replace(goodHash, "t=2", "t=0", 1),
		"too wide":        strings.Replace(goodHash, "p=1", "p=5", 1),
		"no threads":      strings.Replace(goodHash, "p=1", "p=0", 1),
		"negative":        strings.Replace(goodHash, "t=2", "t=-2", 1),
		"another order":   strings.Replace(goodHash, "m=19456,t=2,p=1", "t=2,m=19456,p=1", 1),
		"more settings":   strings.Replace(goodHash, "p=1", "p=1,data=AAAA", 1),
		"space":           strings.Replace(goodHash, "t=2", "t= 2", 1),
		"line break":      goodHash[:len(goodHash)-4] + "\r" + goodHash[len(goodHash)-4:],
		"leading zero":    strings.Replace(goodHash, "t=2", "t=02", 1),
		"padding":         goodHash + "=",
		"loose bits":      goodHash[:len(goodHash)-1] + "B",
		"short key":       goodHash[:len(goodHash)-23],
		"short salt":      strings.Replace(goodHash, "$AAAAAAAAAAAAAAAAAAAAAA$", "$AAAA$", 1),
		"long":            goodHash + strings.Repeat("A", 1000),
		"more parts":      goodHash + "$",
	} {
		if a, err := parseArgon(bad); err == nil {
			t.Errorf("%s: parseArgon(%q) = %v", name, bad, a)
		}
	}
}

func TestArgonWeak(t *testing.T) {
	good := argonHash{usual, make([]byte, 16), make([]byte, 32)}
	for name, c := range map[string]struct {
		a    argonHash
		want bool
	}{
		"usual":       {good, false},
		"longer salt": {argonHash{usual, make([]byte, 32), good.key}, false},
		"shorter key": {argonHash{usual, good.salt, make([]byte, 16)}, true},
		"cheaper":     {argonHash{cost{4096, 2, 1}, good.salt, good.key}, true},
		"dearer":      {argonHash{cost{65536, 3, 4}, good.salt, good.key}, true},
	} {
		if got := c.a.weak(); got != c.want {
			t.Errorf("%s: weak = %v", name, got)
		}
	}
}

// The reference program of Argon2 gives this hash:
// echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1.
func TestArgonAgainstTheReference(t *testing.T) {
	a := argonHash{cost: cost{65536, 2, 1}, salt: []byte("somesalt")}
	const want = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
	if got := hex.EncodeToString(a.of("password", 32)); got != want {
		t.Errorf("argon2id = %s, want %s", got, want)
	}
}

func TestArgonRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		threads := rapid.Uint8Range(1, highest.threads).Draw(t, "threads")
		want := argonHash{
			cost{rapid.Uint32Range(8*uint32(threads), highest.memory).Draw(t, "memory"), rapid.Uint32Range(1, highest.time).Draw(t, "time"), threads},
			rapid.SliceOfN(rapid.Byte(), 8, 64).Draw(t, "salt"),
			rapid.SliceOfN(rapid.Byte(), 16, 64).Draw(t, "key"),
		}
		got, err := parseArgon(want.String())
		if err != nil || got.cost != want.cost || !bytes.Equal(got.salt, want.salt) || !bytes.Equal(got.key, want.key) {
			t.Fatalf("parseArgon(%s) = %v, %v", want, got, err)
		}
	})
}

func FuzzParseArgon(f *testing.F) {
	for _, s := range []string{goodHash, "", "$$$$$", "$argon2id$v=19$m=4294967295,t=4294967295,p=255$$", "$2a$10$x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseArgon(s)
		if err != nil {
			return
		}
		if a.String() != s {
			t.Errorf("parseArgon(%q) writes %q", s, a)
		}
		if a.memory > highest.memory || a.time > highest.time || a.threads > highest.threads || a.time == 0 || a.threads == 0 {
			t.Errorf("parseArgon(%q) takes %+v", s, a.cost)
		}
	})
}
