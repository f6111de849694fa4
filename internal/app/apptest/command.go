package apptest

import (
	"bufio"
	"strings"
	"testing"
)

// With returns the site with settings besides its own, which they replace.
func (s *Site) With(settings ...string) *Site {
	other := *s
	other.env = append(append([]string{}, s.env...), settings...)
	return &other
}

// KillAt runs a command and kills it, as kill -9 does, as soon as it has
// printed words on stderr. It reports whether it came so far.
func (s *Site) KillAt(t testing.TB, words, in string, args ...string) (came bool) {
	t.Helper()
	cmd := s.command(t, args...)
	cmd.Stdin = strings.NewReader(in)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if strings.Contains(lines.Text(), words) && !came {
			came = true
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	return came
}
