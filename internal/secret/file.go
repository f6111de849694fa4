package secret

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	secretSize = 32   // bytes that a kept secret has at least
	maxFile    = 4096 // bytes of its file
)

// LoadOrMake returns the secret that is kept in the file path, in hex or
// base64, and makes one if there is no such file. It reports whether it did:
// of processes that race, one does and all get the same. It refuses a file
// that others can read or that holds less than 32 bytes.
func LoadOrMake(path string) (secret []byte, made bool, err error) {
	secret, err = load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, false, err
	}
	err = keep(path, base64.RawURLEncoding.EncodeToString(random(secretSize))+"\n")
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, false, err
	}
	made = err == nil
	secret, err = load(path)
	return secret, made && err == nil, err
}

func load(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if err := private(f); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, err
	}
	secret, err := decode(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return secret, nil
}

// private returns an error unless f is a file that only its owner can read.
func private(f *os.File) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", f.Name())
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0: // Windows has no such bits
		return fmt.Errorf("%s holds a secret that others can read: run chmod 600 %[1]s, or replace it", f.Name())
	}
	return nil
}

// decode reads hex or else base64, either alphabet, padded or not.
func decode(s string) ([]byte, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
		b, err = base64.RawURLEncoding.DecodeString(s)
	}
	if err != nil {
		return nil, errors.New("must hold a secret in hex or base64")
	}
	if len(b) < secretSize {
		return nil, fmt.Errorf("is too short: a secret has at least %d bytes", secretSize)
	}
	return b, nil
}

// keep writes text to the file path, wholly or not at all. It fails with
// fs.ErrExist if there is one already, however late it came.
func keep(path, text string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".secret-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	syncDir(dir)
	return nil
}

// syncDir makes a new name in dir outlive a power cut, where the system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
