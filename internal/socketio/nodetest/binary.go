package nodetest

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Binary is an argument that goes to Node as bytes and comes back as bytes,
// also deep inside of others.
type Binary []byte

type marked struct {
	Bytes *[]byte `json:"$binary"`
}

// MarshalJSON writes the bytes with their mark.
func (b Binary) MarshalJSON() ([]byte, error) {
	raw := []byte(b)
	if raw == nil {
		raw = []byte{}
	}
	return json.Marshal(marked{Bytes: &raw})
}

// UnmarshalJSON reads bytes with their mark, and refuses what is no binary.
func (b *Binary) UnmarshalJSON(text []byte) error {
	var m marked
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return err
	}
	if m.Bytes == nil {
		return fmt.Errorf("%.100s is no binary", text)
	}
	*b = *m.Bytes
	return nil
}
