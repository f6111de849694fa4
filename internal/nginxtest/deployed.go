package nginxtest

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Deployed returns what deploy/nginx/cartracker.conf says, for two instances of
// the program at one and two, a host and a port each. The changes, old and new
// in turns, are made to its text; each old one has to be there.
func Deployed(t testing.TB, one, two string, changes ...string) HTTP {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	text := read(t, filepath.Join(filepath.Dir(here), "../../deploy/nginx/cartracker.conf"))
	replace := func(text string, pairs ...string) string {
		t.Helper()
		for i := 0; i+1 < len(pairs); i += 2 {
			if !strings.Contains(text, pairs[i]) {
				t.Fatalf("deploy/nginx/cartracker.conf has no %q", pairs[i])
			}
			text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
		}
		return text
	}
	text = replace(text, changes...)
	return func(addr, dir string) string {
		return replace(text, "127.0.0.1:5001", one, "127.0.0.1:5002", two, "listen 80; # plain", "listen "+addr+";", "/var/log/nginx", dir)
	}
}
