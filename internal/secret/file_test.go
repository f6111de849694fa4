package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestLoadOrMake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access-secret")
	first, made, err := LoadOrMake(path)
	if len(first) != 32 || !made || err != nil {
		t.Fatalf("LoadOrMake = %d bytes, %v, %v", len(first), made, err)
	}
	second, made, err := LoadOrMake(path)
	if !bytes.Equal(first, second) || made || err != nil {
		t.Errorf("again: another secret, %v, %v", made, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
	if names, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
	if names, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestLoadOrMakeRace(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "s")
		var got [8][]byte
		var made [8]bool
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				var err error
				if got[i], made[i], err = LoadOrMake(path); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		makers := 0
		for i := range got {
			if !bytes.Equal(got[i], got[0]) {
				t.Fatal("two processes got different secrets")
			}
			if made[i] {
				makers++
			}
		}
		if makers != 1 {
			t.Fatalf("%d made it", makers)
		}
	}
}

func TestLoad(t *testing.T) {
	secret := bytes.Repeat([]byte{0xfb, 0xff}, 16)
	std, url := base64.StdEncoding, base64.RawURLEncoding
	for name, c := range map[string]struct {
		text    string
		mode    fs.FileMode
		problem string
	}{
		"hex":              {hex.EncodeToString(secret), 0o600, ""},
		"capital hex":      {strings.ToUpper(hex.EncodeToString(secret)), 0o600, ""},
		"base64url":        {url.EncodeToString(secret), 0o600, ""},
		"base64, padded":   {std.EncodeToString(secret), 0o600, ""},
		"white space":      {"\n " + url.EncodeToString(secret) + "\r\n", 0o600, ""},
		"read only":        {url.EncodeToString(secret), 0o400, ""},
		"empty":            {"", 0o600, "too short"},
		"31 bytes":         {hex.EncodeToString(secret[:31]), 0o600, "too short"},
		"31 in base64":     {url.EncodeToString(secret[:31]), 0o600, "too short"},
		"words":            {"correct horse battery staple and more!", 0o600, "hex or base64"},
		"read by group":    {url.EncodeToString(secret), 0o640, "chmod 600"},
		"read by others":   {url.EncodeToString(secret), 0o604, "chmod 600"},
		"written by group": {url.EncodeToString(secret), 0o620, "chmod 600"},
	} {
		path := filepath.Join(t.TempDir(), "s")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		got, made, err := LoadOrMake(path)
		switch {
		case made:
			t.Errorf("%s: made", name)
		case c.problem == "" && (err != nil || !bytes.Equal(got, secret)):
			t.Errorf("%s: %x, %v", name, got, err)
		case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem) || !strings.Contains(err.Error(), path)):
			t.Errorf("%s: %v, want %q and the path", name, err, c.problem)
		case err != nil && c.text != "" && strings.Contains(err.Error(), c.text):
			t.Errorf("%s: the error quotes the secret: %v", name, err)
		}
	}
}

func TestLoadOrMakeElsewhere(t *testing.T) {
	if _, _, err := LoadOrMake(filepath.Join(t.TempDir(), "none", "s")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if _, _, err := LoadOrMake(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("a folder: %v", err)
	}
	dangling := filepath.Join(t.TempDir(), "s")
	if err := os.Symlink("nowhere", dangling); err != nil {
		t.Skip(err)
	}
	if _, made, err := LoadOrMake(dangling); made || err == nil {
		t.Errorf("a link to nothing: %v, %v", made, err)
	}
}
