package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/ident"
	"cartracker/internal/record"
	"cartracker/internal/store"
)

// patience bounds how long a test waits for what it is certain to see.
const patience = 20 * time.Second

// until waits until done.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); !done(); <-again.C {
		if time.Since(began) > patience {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// A following is a feed that is followed, and what it told.
type following struct {
	*store.Feed
	db   *store.DB
	told chan told
	stop func() // ends Run and waits for it
}

type told struct {
	record.Batch
	at time.Time
}

// another opens the database of w once more, as another program does.
func (w *world) another(t *testing.T) *store.DB {
	t.Helper()
	db := must(w.Open(t.Context()))(t)
	t.Cleanup(func() { wantErr(t, "Close", db.Close(), nil) })
	return db
}

// follow follows the feed of db until the test ends.
func follow(t *testing.T, db *store.DB) *following {
	t.Helper()
	f := &following{Feed: store.NewFeed(db), db: db, told: make(chan told, 10_000)}
	f.Follow(func(_ context.Context, b record.Batch) {
		if !b.Past {
			f.told <- told{b, time.Now()}
		}
	})
	f.run(t)
	<-f.Ready()
	return f
}

func (f *following) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		wantErr(t, "Run", f.Run(ctx), nil)
	}()
	f.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(f.stop)
}

// next returns what is told next.
func (f *following) next(t testing.TB) told {
	t.Helper()
	select {
	case b := <-f.told:
		return b
	case <-time.After(patience):
		t.Fatalf("nothing is told within %s", patience)
		return told{}
	}
}

// events returns the next n events.
func (f *following) events(t testing.TB, n int) (all []record.Event) {
	t.Helper()
	for len(all) < n {
		b := f.next(t)
		if b.Missed || len(b.Events) == 0 || len(b.Events) > 1000 {
			t.Fatalf("told of %d changes, missed %t", len(b.Events), b.Missed)
		}
		all = append(all, b.Events...)
	}
	if len(all) > n || len(f.told) > 0 {
		t.Errorf("told of %d changes and %d times more, want %d", len(all), len(f.told), n)
	}
	return all
}

// change changes what has these ids, in one transaction of db.
func (w *world) change(ctx context.Context, db *store.DB, ids ...string) error {
	return db.InTx(ctx, func(ctx context.Context) error { return w.note(ctx, db, ids...) })
}

// note journals a change inside a transaction.
func (w *world) note(ctx context.Context, db *store.DB, ids ...string) error {
	e := record.Entry{Action: record.Update, Resource: "car", Description: "changed"}
	for _, id := range ids {
		e.Changes = append(e.Changes, record.Change{Topic: record.Cars, ID: id, Kind: record.Updated, Version: 7})
	}
	return store.Journal{DB: db, Now: w.now}.Write(ctx, e)
}

// kept returns what the table of changes holds behind seq.
func (w *world) kept(t testing.TB, seq int) (all []record.Event) {
	t.Helper()
	rows, err := w.raw.QueryContext(t.Context(), "SELECT seq, topic, id, kind, version, at FROM changes WHERE seq > $1 ORDER BY seq", seq)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e record.Event
		if err := rows.Scan(&e.Seq, &e.Topic, &e.ID, &e.Kind, &e.Version, &e.At); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// silently commits statements past the program, in a way that wakes nobody.
func (w *world) silently(t testing.TB, statements ...string) {
	t.Helper()
	conn := must(w.raw.Conn(t.Context()))(t)
	defer conn.Close()
	if w.db.Name() == "postgres" {
		statements = append([]string{"SET LOCAL session_replication_role = replica"}, statements...) // no triggers
	}
	tx := must(conn.BeginTx(t.Context(), nil))(t)
	defer tx.Rollback() // does nothing once committed
	for _, s := range statements {
		if _, err := tx.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	wantErr(t, "Commit", tx.Commit(), nil)
}

const (
	countUp = "UPDATE change_counter SET seq = seq + "
	// keepRow adds a row whose number is that of the counter, plus one.
	keepRow = "INSERT INTO changes (seq, topic, id, kind, version, at) SELECT seq + %d, 'cars', 'silent', 'updated', 1, '2026-06-15 10:00:00+00:00' FROM change_counter"
)

// followWriters writes at once from two programs, with transactions that are
// rolled back among them. What is committed is told once and in order by the
// feed, and once by OnCommit of the program that did it.
func followWriters(t *testing.T, w *world) {
	var mu sync.Mutex
	committed := map[string]int{} // by a transaction of this program
	db := w.another(t)
	db.OnCommit(func(_ context.Context, b record.Batch) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range b.Events {
			committed[fmt.Sprint(e.Seq, " ", e.ID)]++
		}
	})
	f := follow(t, db)
	const rounds = 10
	var writers sync.WaitGroup
	for n := range 20 {
		writer, name := db, fmt.Sprint("own ", n)
		if n%2 == 1 {
			writer, name = w.db, fmt.Sprint("other ", n)
		}
		writers.Go(func() {
			for i := range rounds {
				id := fmt.Sprint(name, " ", i)
				wantErr(t, "two changes", w.change(t.Context(), writer, id, id+" too"), nil)
				wantErr(t, "rolled back", writer.InTx(t.Context(), func(ctx context.Context) error {
					return errors.Join(w.note(ctx, writer, id+" rolled back"), errBoom)
				}), errBoom)
			}
		})
	}
	writers.Wait()
	events := f.events(t, 20*rounds*2)
	if !slices.Equal(events, w.kept(t, 0)) {
		t.Error("what is told is not what the feed holds")
	}
	for i, e := range events {
		if e.Seq != int64(i+1) || strings.Contains(e.ID, "rolled back") || e.At != w.now() || e.Version != 7 {
			t.Errorf("event %d is %+v", i+1, e)
		}
		want := 0
		if strings.HasPrefix(e.ID, "own") {
			want = 1
		}
		if n := committed[fmt.Sprint(e.Seq, " ", e.ID)]; n != want {
			t.Errorf("OnCommit told %d times of %s, want %d", n, e.ID, want)
		}
	}
	if len(committed) != len(events)/2 {
		t.Errorf("OnCommit told of %d changes, want %d", len(committed), len(events)/2)
	}
}

// followOthers measures how soon one of two programs is told of what the other has committed.
func followOthers(t *testing.T, w *world) {
	programs := []*following{follow(t, w.another(t)), follow(t, w.another(t))}
	var own, others []time.Duration
	for i := range 60 {
		writer, reader := programs[i%2], programs[1-i%2]
		wantErr(t, "change", w.change(t.Context(), writer.db, fmt.Sprint(i)), nil)
		committed := time.Now()
		for _, f := range programs {
			b := f.next(t)
			if len(b.Events) != 1 || b.Events[0].ID != fmt.Sprint(i) {
				t.Fatalf("told %+v, want the change of %d", b, i)
			}
			late := max(b.at.Sub(committed), 0)
			if f == reader {
				others = append(others, late)
			} else {
				own = append(own, late)
			}
		}
	}
	slices.Sort(own)
	slices.Sort(others)
	t.Logf("from commit to told: own median %s, at most %s; of others median %s, at most %s", own[len(own)/2], own[len(own)-1], others[len(others)/2], others[len(others)-1])
	if median := own[len(own)/2]; median >= 25*time.Millisecond {
		t.Errorf("told of an own change %s after its commit", median)
	}
	if most := max(own[len(own)-1], others[len(others)-1]); most >= time.Second {
		t.Errorf("told of a change %s after its commit", most)
	}
}

// followSilent commits so that nobody is woken, as if the writer had died.
func followSilent(t *testing.T, w *world) {
	f := follow(t, w.another(t))
	for range 3 {
		w.silently(t, fmt.Sprintf(keepRow, 1), countUp+"1")
		committed := time.Now()
		b := f.next(t)
		if late := b.at.Sub(committed); late > 2*time.Second {
			t.Errorf("told %s after the commit", late)
		}
		if len(b.Events) != 1 || b.Events[0].ID != "silent" || b.Missed {
			t.Errorf("told %+v", b)
		}
	}
	began := time.Now()
	for range 10 {
		w.silently(t, fmt.Sprintf(keepRow, 1), countUp+"1")
		f.Wake()
		f.events(t, 1)
	}
	if took := time.Since(began); took > 5*time.Second { // nobody waited for the next look
		t.Errorf("told of 10 changes in %s, though woken each time", took)
	}
}

// followGaps takes rows of the feed away, before anybody has read them.
func followGaps(t *testing.T, w *world) {
	f := follow(t, w.another(t))
	for _, gap := range []struct {
		what   string
		do     []string
		before int // changes that are told nevertheless
	}{
		{"all rows", []string{countUp + "3"}, 0},
		{"the first row", []string{fmt.Sprintf(keepRow, 2), fmt.Sprintf(keepRow, 3), countUp + "3"}, 0},
		{"a row between others", []string{fmt.Sprintf(keepRow, 1), fmt.Sprintf(keepRow, 3), countUp + "3"}, 0},
		{"the last row", []string{fmt.Sprintf(keepRow, 1), fmt.Sprintf(keepRow, 2), countUp + "3"}, 2},
		{"the database, by an earlier one", []string{"DELETE FROM changes", countUp + "-2"}, 0},
		{"the database, by an empty one", []string{"DELETE FROM changes", "UPDATE change_counter SET seq = 0"}, 0},
	} {
		wantErr(t, "change", w.change(t.Context(), w.db, "before"), nil)
		f.events(t, 1)
		w.silently(t, gap.do...)
		if gap.before > 0 {
			if b := f.next(t); len(b.Events) != gap.before || b.Missed {
				t.Errorf("without %s, told %+v", gap.what, b)
			}
		}
		if b := f.next(t); !b.Missed || len(b.Events) != 0 {
			t.Errorf("without %s, told %+v, want that something was missed", gap.what, b)
		}
		wantErr(t, "change", w.change(t.Context(), w.db, "behind "+gap.what), nil)
		if e := f.events(t, 1)[0]; e.ID != "behind "+gap.what || e.Seq != int64(w.count(t, "SELECT seq FROM change_counter")) {
			t.Errorf("then told %+v", e)
		}
	}
}

// followStopped stops following for a while: for less than the feed keeps
// changes, and for more.
func followStopped(t *testing.T, w *world) {
	f := follow(t, w.another(t))
	f.stop()
	wantErr(t, "change", w.change(t.Context(), w.db, "1", "2"), nil)
	f.run(t)
	if events := f.events(t, 2); events[0].ID != "1" || events[1].ID != "2" {
		t.Errorf("told %+v", events)
	}
	f.stop()
	wantErr(t, "change", w.change(t.Context(), w.db, "3"), nil)
	w.pass(store.ChangesLife + time.Second)
	wantErr(t, "Tidy", w.db.Tidy(t.Context(), w.now()), nil)
	wantErr(t, "change", w.change(t.Context(), w.db, "4"), nil)
	f.run(t)
	if b := f.next(t); !b.Missed || len(b.Events) != 0 {
		t.Errorf("told %+v, want that something was missed", b)
	}
	wantErr(t, "change", w.change(t.Context(), w.db, "5"), nil)
	if events := f.events(t, 1); events[0].ID != "5" {
		t.Errorf("then told %+v", events)
	}
}

// followBehind takes the table of the counter away for a while, so that every
// look fails.
func followBehind(t *testing.T, w *world) {
	f := follow(t, w.another(t))
	if never := store.NewFeed(f.db).Behind(); never != math.MaxInt64 {
		t.Errorf("without a look the feed is behind by %s", never)
	}
	last := f.Behind()
	if last > patience {
		t.Errorf("the feed is behind by %s after a look", last)
	}
	until(t, "looks while nothing changes", func() bool {
		now := f.Behind()
		shrinks := now < last
		last = now
		return shrinks
	})

	defer w.raw.ExecContext(context.WithoutCancel(t.Context()), "ALTER TABLE away RENAME TO change_counter") // the next test needs it
	w.exec(t, "ALTER TABLE change_counter RENAME TO away")
	until(t, "falls behind", func() bool { return f.Behind() > 1500*time.Millisecond })
	w.exec(t, "ALTER TABLE away RENAME TO change_counter")
	until(t, "catches up", func() bool { return f.Behind() < time.Second })
	wantErr(t, "change", w.change(t.Context(), w.db, "after"), nil)
	if events := f.events(t, 1); events[0].ID != "after" {
		t.Errorf("told %+v", events)
	}
	f.stop()
	if stopped := f.Behind(); stopped != math.MaxInt64 {
		t.Errorf("a feed that nobody runs is behind by %s", stopped)
	}
}

// followPast begins to follow when much has changed already: the feed first
// tells what it still keeps of that.
func followPast(t *testing.T, w *world) {
	db := w.another(t)
	var ids []string
	for range 2500 {
		ids = append(ids, ident.New[string]())
	}
	wantErr(t, "change", w.change(t.Context(), db, ids...), nil)
	f := store.NewFeed(w.another(t))
	var past []string
	var through int64
	f.Follow(func(_ context.Context, b record.Batch) {
		through = b.Through
		if !b.Past || b.Missed {
			t.Errorf("told of %d changes, past %t, missed %t", len(b.Events), b.Past, b.Missed)
		}
		for _, e := range b.Events {
			past = append(past, e.ID)
			if e.Seq != int64(len(past)) {
				t.Errorf("change %d is told as number %d", e.Seq, len(past))
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	<-f.Ready()
	cancel()
	wantErr(t, "Run", <-done, nil)
	if !slices.Equal(past, ids) || through != int64(len(ids)) {
		t.Errorf("told of %d changes of the past through number %d, want %d", len(past), through, len(ids))
	}
	if counter, err := f.Counter(t.Context()); counter != through || err != nil {
		t.Errorf("the counter is at %d (%v), want %d", counter, err, through)
	}
}

// followBurst changes very much at once. There are several followers, and one
// that is slow keeps the feed from saying that it is up to date.
func followBurst(t *testing.T, w *world) {
	const many = 10_000
	db := w.another(t)
	committed := 0
	db.OnCommit(func(_ context.Context, b record.Batch) { committed += len(b.Events) })
	f := follow(t, db)
	f.stop()
	second, let := 0, make(chan struct{})
	f.Follow(func(ctx context.Context, b record.Batch) {
		select {
		case <-let:
		case <-ctx.Done():
		}
		second += len(b.Events)
	})
	f.run(t)
	until(t, "looks", func() bool { return f.Behind() < time.Second })
	var ids []string
	for range many {
		ids = append(ids, ident.New[string]())
	}
	wantErr(t, "change", w.change(t.Context(), db, ids...), nil)
	if committed != many {
		t.Errorf("OnCommit told of %d changes, want %d", committed, many)
	}
	until(t, "waits for the second", func() bool { return f.Behind() > 1100*time.Millisecond })
	close(let)
	for i, e := range f.events(t, many) {
		if e.Seq != int64(i+1) || e.ID != ids[i] {
			t.Fatalf("event %d is %+v", i+1, e)
		}
	}
	f.stop()
	if second != many {
		t.Errorf("the second follower was told of %d changes, want %d", second, many)
	}
}
