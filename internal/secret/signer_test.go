package secret

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"cartracker/internal/fault"
)

var (
	testKey = []byte("0123456789abcdef0123456789abcdef")
	noon    = time.Date(2026, 5, 31, 12, 0, 0, 0, time.UTC)
	amir    = Claims{UserID: "0197-a", Username: "amir", Role: "admin", SessionID: "0197-s"}
)

func signerAt(now time.Time) *Signer {
	return NewSigner(testKey, "cartracker", "api", 15*time.Minute, func() time.Time { return now })
}

func TestSignAndParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.StringN(1, 40, -1)
		want := Claims{
			UserID: some.Draw(t, "user"), Username: rapid.String().Draw(t, "name"),
			Role: some.Draw(t, "role"), SessionID: some.Draw(t, "session"),
		}
		token, err := signerAt(noon).Sign(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := signerAt(noon).Parse(token)
		if !got.Expires.Equal(noon.Add(15 * time.Minute)) {
			t.Fatalf("Expires = %v", got.Expires)
		}
		got.Expires = time.Time{}
		if got != want || err != nil {
			t.Fatalf("Parse = %+v, %v, want %+v", got, err, want)
		}
	})
}

func TestTokenClaims(t *testing.T) {
	token, err := signerAt(noon).Sign(amir)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"sub": "0197-a", "username": "amir", "role": "admin", "sid": "0197-s",
		"iss": "cartracker", "aud": []any{"api"}, "iat": 1780228800.0, "exp": 1780229700.0,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("claims %v, want %v", got, want)
	}
}

func TestExpiry(t *testing.T) {
	token, _ := signerAt(noon).Sign(amir)
	for after, want := range map[time.Duration]error{
		0:                            nil,
		15 * time.Minute:             nil,
		16*time.Minute - time.Second: nil,
		16*time.Minute + time.Second: ErrTokenExpired,
		24 * 365 * time.Hour:         ErrTokenExpired,
	} {
		if _, err := signerAt(noon.Add(after)).Parse(token); !errors.Is(err, want) {
			t.Errorf("after %v: %v, want %v", after, err, want)
		}
	}
	if errors.Is(ErrTokenExpired, ErrToken) || ErrTokenExpired.Kind != fault.Unauthenticated || ErrToken.Code != "unauthorized" {
		t.Error("an expired token is not told apart")
	}
}

// forge signs claims in any way.
func forge(t *testing.T, method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
	t.Helper()
	c := jwt.MapClaims{
		"sub": "0197-a", "username": "amir", "role": "admin", "sid": "0197-s",
		"iss": "cartracker", "aud": "api", "iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix(),
	}
	if change != nil {
		change(c)
	}
	s, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseRefuses(t *testing.T) {
	hs := jwt.SigningMethodHS256
	set := func(name string, value any) string {
		return forge(t, hs, testKey, func(c jwt.MapClaims) { c[name] = value })
	}
	without := func(name string) string {
		return forge(t, hs, testKey, func(c jwt.MapClaims) { delete(c, name) })
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := forge(t, hs, testKey, nil)
	if _, err := signerAt(noon).Parse(good); err != nil {
		t.Fatalf("the token that the others differ from: %v", err)
	}
	part := strings.Split(good, ".")
	old := noon.Add(-time.Hour).Unix()
	for name, token := range map[string]string{
		"empty":            "",
		"words":            "not a token",
		"bearer":           "Bearer " + good,
		"two parts":        part[0] + "." + part[1],
		"no signature":     part[0] + "." + part[1] + ".",
		"four parts":       good + ".x",
		"padding":          good + "=",
		"other payload":    part[0] + "." + part[1] + "x." + part[2],
		"other key":        forge(t, hs, bytes.Repeat([]byte{1}, 32), nil),
		"none":             forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"HS384":            forge(t, jwt.SigningMethodHS384, testKey, nil),
		"HS512":            forge(t, jwt.SigningMethodHS512, testKey, nil),
		"RS256":            forge(t, jwt.SigningMethodRS256, rsaKey, nil),
		"other issuer":     set("iss", "someone"),
		"no issuer":        without("iss"),
		"other audience":   set("aud", "web"),
		"no audience":      without("aud"),
		"never expires":    without("exp"),
		"null exp":         set("exp", nil),
		"exp as text":      set("exp", "tomorrow"),
		"not yet":          set("nbf", noon.Add(time.Hour).Unix()),
		"no user":          without("sub"),
		"no role":          without("role"),
		"no session":       set("sid", ""),
		"role of a number": set("role", 1),
		"too long":         set("username", strings.Repeat("x", maxToken)),
		"expired, forged":  forge(t, hs, []byte("another"), func(c jwt.MapClaims) { c["exp"] = old }),
		"expired, not ours": forge(t, hs, testKey, func(c jwt.MapClaims) {
			c["exp"], c["iss"] = old, "someone"
		}),
		"expired, for others": forge(t, hs, testKey, func(c jwt.MapClaims) {
			c["exp"], c["aud"] = old, "web"
		}),
	} {
		got, err := signerAt(noon).Parse(token)
		if !errors.Is(err, ErrToken) || got != (Claims{}) {
			t.Errorf("%s: Parse = %+v, %v", name, got, err)
		}
	}
}

// The last bits of base64 that carry nothing must be zero, or one token could
// be written in several ways.
func TestParseIsStrict(t *testing.T) {
	token, _ := signerAt(noon).Sign(amir)
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range len(token) {
		for _, d := range digits {
			other := token[:i] + string(d) + token[i+1:]
			if _, err := signerAt(noon).Parse(other); err == nil && other != token {
				t.Fatalf("%s is taken for %s", other, token)
			}
		}
	}
}

func TestSignerIsNeverShown(t *testing.T) {
	if s := fmt.Sprintf("%+v %#v", signerAt(noon), *signerAt(noon)); strings.Contains(s, "48 49 50") || strings.Contains(s, "0x30, 0x31") || strings.Contains(s, string(testKey)) {
		t.Errorf("a signer shows its key: %s", s)
	}
}

func FuzzParseToken(f *testing.F) {
	good, _ := signerAt(noon).Sign(amir)
	for _, s := range []string{good, "", "..", "a.b.c", good[:40], "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := signerAt(noon).Parse(s)
		if err == nil && s != good {
			t.Errorf("Parse(%q) = %+v", s, c)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	s := signerAt(noon)
	token, _ := s.Sign(amir)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Parse(token); err != nil {
			b.Fatal(err)
		}
	}
}
