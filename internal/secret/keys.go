package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"time"
)

// Keys are the keys of a running program, one for each use, so that what is
// made for one use is worth nothing for another. They are never shown.
type Keys struct {
	Access  []byte // signs access tokens
	Refresh []byte // chains refresh tokens
	Replay  []byte // tells repeated requests apart
	Cache   []byte // seals what a cache shares with other instances
	Setup   []byte // makes set-up codes
}

// DeriveKeys returns the keys that follow from master, which has 32 bytes or more.
func DeriveKeys(master []byte) Keys {
	return Keys{
		Access:  derive(master, "cartracker access token"),
		Refresh: derive(master, "cartracker refresh token"),
		Replay:  derive(master, "cartracker replayed request"),
		Cache:   derive(master, "cartracker shared cache"),
		Setup:   derive(master, "cartracker set-up code"),
	}
}

func derive(master []byte, use string) []byte {
	key, _ := hkdf.Key(sha256.New, master, nil, use, sha256.Size) // fails only for keys over 8160 bytes
	return key
}

// Successor returns the refresh token that follows token. It is always the
// same one, so that two tabs which refresh at once get the same answer.
func (k Keys) Successor(token string) string {
	return base64.RawURLEncoding.EncodeToString(mac(k.Refresh, token))
}

// SetupCode returns the set-up code that can be used until a moment. It is always
// the same one, so that instances of one company tell the same code.
func (k Keys) SetupCode(until time.Time) string {
	return code(mac(k.Setup, until.UTC().Format(time.RFC3339Nano))[:16])
}

// Fingerprint returns what tells data from other data, in hex. Unlike a bare
// hash it cannot be used to try out what data held, such as a password.
func (k Keys) Fingerprint(data []byte) string {
	return hex.EncodeToString(mac(k.Replay, string(data)))
}

// Seal returns what hides data that others keep for the program and tells
// whether they changed it: AES-256-GCM, with a random nonce in front.
func (k Keys) Seal() cipher.AEAD {
	block, err := aes.NewCipher(k.Cache)
	if err != nil { // only of a key of another length
		panic(err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil { // only of another kind of block
		panic(err)
	}
	return seal
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

const hidden = "[secret]"

func (Keys) String() string { return hidden }

// GoString hides k from %#v.
func (Keys) GoString() string { return hidden }

// LogValue hides k from logs.
func (Keys) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON hides k from JSON.
func (Keys) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }
