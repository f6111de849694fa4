package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// A sheetOf collects names until it has room for no more, and is handed in at the end.
type sheetOf struct {
	names  []string // written without a lock: one part at a time
	room   int
	handIn func([]string) error
}

func (s *sheetOf) full() bool { return len(s.names) >= s.room }
func (s *sheetOf) end() error { return s.handIn(s.names) }

// A desk hands sheets in and remembers them.
type desk struct {
	*group[*sheetOf]
	room   int
	failed error      // what opening returns
	handed [][]string // read when nobody is at it
	rounds atomic.Int32
	refuse error // what handing in returns
}

func newDesk(room int) *desk {
	d := &desk{room: room}
	d.group = newGroup(func(context.Context) (*sheetOf, error) {
		if d.failed != nil {
			return nil, d.failed
		}
		return &sheetOf{room: d.room, handIn: func(names []string) error {
			d.handed = append(d.handed, names)
			d.rounds.Add(1)
			return d.refuse
		}}, nil
	})
	return d
}

// sign does a part: it writes the name down, and then does what then says.
func (d *desk) sign(ctx context.Context, name string, then func() error) error {
	return d.do(ctx, func(s *sheetOf) error {
		s.names = append(s.names, name)
		return then()
	})
}

func fine() error { return nil }

var errTest = errors.New("test")

// behind lets first do its part, and others come meanwhile in their order. It
// returns when all have gone.
func (d *desk) behind(t *testing.T, first func() error, others ...func()) {
	t.Helper()
	var all sync.WaitGroup
	come := make(chan struct{})
	all.Go(func() {
		defer func() { _ = recover() }() // it may panic
		_ = d.sign(t.Context(), "first", func() error {
			<-come
			return first()
		})
	})
	synctest.Wait()
	for _, o := range others {
		all.Go(o)
		synctest.Wait() // it stands in the queue
	}
	close(come)
	all.Wait()
}

// idle fails the test if somebody still has the turn or waits.
func (d *desk) idle(t *testing.T) {
	t.Helper()
	if len(d.turn) != 0 || len(d.waiting) != 0 {
		t.Errorf("the turn is taken: %d, and %d wait", len(d.turn), len(d.waiting))
	}
	if err := d.sign(t.Context(), "later", fine); !errors.Is(err, d.refuse) {
		t.Errorf("later: %v", err)
	}
}

// Who comes while one is at it takes part in the same round, up to its limit,
// in the order of coming, and goes when it is ended.
func TestGroupShares(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(4)
		var want [][]string
		var others []func()
		for i := range 9 {
			name := fmt.Sprint(i)
			others = append(others, func() {
				var before int32
				err := d.sign(t.Context(), name, func() error { before = d.rounds.Load(); return nil })
				if err != nil || d.rounds.Load() <= before {
					t.Errorf("%s: %v, told before the end", name, err)
				}
			})
		}
		d.behind(t, fine, others...)
		want = [][]string{{"first", "0", "1", "2"}, {"3", "4", "5", "6"}, {"7", "8"}}
		if !slices.EqualFunc(d.handed, want, slices.Equal) {
			t.Errorf("handed in %q, want %q", d.handed, want)
		}
		d.idle(t)
	})
}

// The end is the answer to all, whatever their parts came to. The error of a
// part is the answer to that one only.
func TestGroupAnswers(t *testing.T) {
	t.Parallel()
	for _, refuse := range []error{nil, errors.New("refused")} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(10)
			d.refuse = refuse
			signer := func(name string, own error) func() {
				want := own
				if refuse != nil {
					want = refuse
				}
				return func() {
					if err := d.sign(t.Context(), name, func() error { return own }); err != want {
						t.Errorf("%s: got %v, want %v", name, err, want)
					}
				}
			}
			d.behind(t, fine, signer("a", nil), signer("b", errTest), signer("c", nil))
			if len(d.handed) != 1 {
				t.Errorf("%d rounds, want 1", len(d.handed))
			}
			d.idle(t)
		})
	}
}

// A part that panics, or ends its goroutine, is nobody else's business,
// wherever in the round it is.
func TestGroupParts(t *testing.T) {
	t.Parallel()
	ends := map[string]func() error{
		"fails":   func() error { return errTest },
		"panics":  func() error { panic(errTest) },
		"exits":   func() error { runtime.Goexit(); return nil },
		"is fine": fine,
	}
	for first, begin := range ends {
		for how, end := range ends {
			t.Run(first+", "+how, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					d := newDesk(10)
					var good atomic.Int32
					fellow := func() {
						if err := d.sign(t.Context(), "good", fine); err != nil {
							t.Error(err)
						}
						good.Add(1)
					}
					bad := func() {
						defer func() {
							if v := recover(); (v != nil) != (how == "panics") || v != nil && v != errTest {
								t.Errorf("recovered %v", v)
							}
						}()
						if err := d.sign(t.Context(), "bad", end); (err == nil) != (how == "is fine") {
							t.Error(err)
						}
					}
					d.behind(t, begin, bad, fellow, bad, bad, fellow, bad)
					if good.Load() != 2 || len(d.handed) != 1 || len(d.handed[0]) != 7 {
						t.Errorf("%d were told that all is well, rounds %q", good.Load(), d.handed)
					}
					var alone sync.WaitGroup
					alone.Go(bad)
					alone.Wait()
					d.idle(t)
				})
			})
		}
	}
}

// Where a panic came from is seen where it is recovered.
func TestGroupStack(t *testing.T) {
	t.Parallel()
	d := newDesk(2)
	defer func() {
		stack := make([]byte, 1<<16)
		stack = stack[:runtime.Stack(stack, false)]
		if v := recover(); v != errTest || !strings.Contains(string(stack), "store.explode") {
			t.Errorf("recovered %v at\n%s", v, stack)
		}
		d.idle(t)
	}()
	_ = d.sign(t.Context(), "x", explode)
}

func explode() error { panic(errTest) }

// Who goes before the part began does not do it, and holds nobody up.
func TestGroupLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(10)
		ctx, cancel := context.WithCancel(t.Context())
		leaver := func() {
			err := d.sign(ctx, "gone", fine)
			if !errors.Is(err, context.Canceled) || d.rounds.Load() != 0 {
				t.Errorf("got %v after %d rounds", err, d.rounds.Load())
			}
		}
		late, cancelLate := context.WithCancel(t.Context())
		d.behind(t, func() error {
			cancel()
			synctest.Wait() // they have left
			cancelLate()    // whether the next one leaves or is called is chance
			return nil
		}, leaver, leaver, func() {
			if err := d.sign(late, "late", fine); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}, func() {
			if err := d.sign(t.Context(), "stays", fine); err != nil {
				t.Error(err)
			}
		})
		if want := []string{"first", "stays"}; !slices.EqualFunc(d.handed, [][]string{want}, slices.Equal) {
			t.Errorf("handed in %q, want %q once", d.handed, want)
		}
		if err := d.sign(ctx, "gone before", fine); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		d.idle(t)
	})
}

// If nothing can be opened, all who wait are told so at once.
func TestGroupOpens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opening, tries := make(chan error), 0
		g := newGroup(func(context.Context) (*sheetOf, error) {
			tries++
			return nil, <-opening
		})
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if err := g.do(t.Context(), func(*sheetOf) error { t.Error("did a part of nothing"); return nil }); err != errTest {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		opening <- errTest
		all.Wait()
		if tries != 1 || len(g.turn) != 0 {
			t.Errorf("tried %d times, the turn is taken: %d", tries, len(g.turn))
		}
	})
}

// An end that panics does so for the one whose turn it was, and is an error to the others.
func TestGroupEndPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fails := true
		g := newGroup(func(context.Context) (*sheetOf, error) {
			return &sheetOf{room: 2, handIn: func([]string) error {
				if fails {
					panic(errTest)
				}
				return nil
			}}, nil
		})
		d := &desk{group: g}
		var told, panicked atomic.Int32
		sign := func() {
			defer func() {
				if recover() != nil {
					panicked.Add(1)
				}
			}()
			if err := d.sign(t.Context(), "x", fine); errors.Is(err, errCutShort) {
				told.Add(1)
			}
		}
		d.behind(t, func() error { told.Add(1); return nil }, sign)
		if told.Load() != 1 || panicked.Load() != 1 {
			t.Errorf("%d told, %d panicked", told.Load(), panicked.Load())
		}
		fails = false
		d.idle(t)
	})
}

// What is alone waits for the round that is open, and others wait for it.
func TestGroupAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(10)
		lone := func() {
			err := d.alone(t.Context(), func() error {
				d.handed = append(d.handed, nil)
				return errTest
			})
			if err != errTest {
				t.Error(err)
			}
		}
		sign := func(name string) func() { return func() { _ = d.sign(t.Context(), name, fine) } }
		d.behind(t, fine, sign("a"), lone, sign("b"))
		if want := [][]string{{"first", "a", "b"}, nil}; !slices.EqualFunc(d.handed, want, slices.Equal) {
			t.Errorf("handed in %q, want %q", d.handed, want)
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		err := d.alone(t.Context(), func() error { return d.alone(done, fine) })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("nobody waits for ever: %v", err)
		}
		d.idle(t)
		var none *group[*sheetOf]
		if err := none.alone(t.Context(), func() error { return errTest }); err != errTest {
			t.Errorf("no group: %v", err)
		}
	})
}
