package cache

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func (g *generations) text(tags ...string) string { return string(g.append(nil, tags)) }

// What concerned a tag is remembered for as long as something older may be
// kept, and then no longer.
func TestForgetsOldGenerations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGenerations()
		fresh := g.text("car:1", "cars", "users")
		g.raise(10, []string{"car:1"})
		g.raiseKind(11, "car")
		g.clear("user")
		for _, step := range []struct {
			after time.Duration
			same  bool
		}{{0, false}, {2*MaxLife + time.Minute, false}, {remembered - 2*MaxLife - 2*time.Minute, false}, {remembered / 8, true}} {
			time.Sleep(step.after)
			g.raise(12, []string{"contracts"}) // any change sweeps
			if got := g.text("car:1", "cars", "users"); (got == fresh) != step.same {
				t.Errorf("after %s: %q, at first %q", step.after, got, fresh)
			}
		}
	})
}

// Of very many tags each kind is remembered as one, and no tag is taken for older.
func TestFlattens(t *testing.T) {
	g := newGenerations()
	for i := range maxTags + 2 {
		g.raise(int64(i+1), []string{fmt.Sprint("car:", i)})
	}
	if len(g.tags) > maxTags {
		t.Errorf("%d tags are remembered", len(g.tags))
	}
	if got := g.text("car:5"); got == newGenerations().text("car:5") || got == g.text("customer:5") {
		t.Errorf("the tag of a car has %q", got)
	}
	if got, want := g.text("contracts"), newGenerations().text("contracts"); got != want {
		t.Errorf("a tag of another kind has %q, want %q", got, want)
	}
}
