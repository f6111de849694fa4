package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func testKeys() Keys { return DeriveKeys(bytes.Repeat([]byte{7}, 32)) }

func TestDeriveKeys(t *testing.T) {
	k, again, other := testKeys(), testKeys(), DeriveKeys(bytes.Repeat([]byte{8}, 32))
	seen := map[string]bool{}
	for _, key := range [][]byte{k.Access, k.Refresh, k.Replay, k.Cache, k.Setup, other.Access, other.Refresh, other.Replay} {
		if len(key) != 32 || seen[string(key)] {
			t.Errorf("a key of %d bytes, or the same key twice", len(key))
		}
		seen[string(key)] = true
	}
	if !bytes.Equal(k.Access, again.Access) || !bytes.Equal(k.Refresh, again.Refresh) || !bytes.Equal(k.Replay, again.Replay) {
		t.Error("the same master gives other keys the second time")
	}
}

func TestKeysAreNeverShown(t *testing.T) {
	k := Keys{Access: []byte("AAAA"), Refresh: []byte("AAAA"), Replay: []byte("AAAA")}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb+"\n", k)
		fmt.Fprintf(&out, verb+"\n", &k)
		fmt.Fprintf(&out, verb+"\n", struct{ K Keys }{k})
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("start", "keys", k, "in", struct{ K Keys }{k})
	}
	if err := json.NewEncoder(&out).Encode(map[string]any{"keys": k, "in": struct{ K *Keys }{&k}}); err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"AAAA", "41414141", "65 65", "QUFB", "0x41"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is shown in:\n%s", leak, &out)
		}
	}
}

func TestSuccessor(t *testing.T) {
	k, other := testKeys(), DeriveKeys(bytes.Repeat([]byte{8}, 32))
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		next := k.Successor(a)
		if next != k.Successor(a) {
			t.Fatal("a token has two successors")
		}
		if (next == k.Successor(b)) != (a == b) {
			t.Fatal("two tokens have one successor")
		}
		if len(next) != 43 || next == a || next == other.Successor(a) {
			t.Fatalf("Successor(%q) = %q", a, next)
		}
	})
}

func TestSetupCode(t *testing.T) {
	k, other, until := testKeys(), DeriveKeys(bytes.Repeat([]byte{8}, 32)), time.Date(2026, 7, 1, 10, 0, 0, 1000, time.UTC)
	code := k.SetupCode(until)
	if len(code) != len(NewCode()) || code != k.SetupCode(until.In(time.FixedZone("", 7200))) {
		t.Errorf("SetupCode = %q, then %q", code, k.SetupCode(until))
	}
	for what, another := range map[string]string{"another company": other.SetupCode(until), "another time": k.SetupCode(until.Add(time.Microsecond))} {
		if another == code {
			t.Errorf("%s has the same code", what)
		}
	}
}

func TestFingerprint(t *testing.T) {
	k, other := testKeys(), DeriveKeys(bytes.Repeat([]byte{8}, 32))
	body := []byte(`{"password":"hunter2"}`)
	got := k.Fingerprint(body)
	switch {
	case len(got) != 64, got != k.Fingerprint(bytes.Clone(body)):
		t.Errorf("Fingerprint = %q, then %q", got, k.Fingerprint(body))
	case got == k.Fingerprint(append(body, ' ')):
		t.Error("other bodies have the same fingerprint")
	case got == other.Fingerprint(body), got == Digest(string(body)):
		t.Error("a fingerprint does not depend on the key")
	}
}
