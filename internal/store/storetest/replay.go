package storetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/record"
	"cartracker/internal/store"
)

// effect adds a car and answers its plate.
func (w *world) effect(t testing.TB, plate string) func(context.Context) (record.Answer, error) {
	return func(ctx context.Context) (record.Answer, error) {
		car := w.newCar(plate)
		err := w.cars.Insert(ctx, &car)
		return record.Answer{Status: 201, Location: "/" + plate, Body: []byte(`{"č":"` + plate + `"}`)}, err
	}
}

func request(name string) record.Replay {
	return record.Replay{Caller: "u1", Route: "POST /api/cars", Name: name, Fingerprint: "body"}
}

// replayRaced sends one request 50 times at once, to two programs: it has its
// effect once, and all get the same answer.
func replayRaced(t *testing.T, w *world) {
	second := must(w.Open(t.Context()))(t)
	defer second.Close()
	programs := []*store.Replays{{DB: w.db, Now: w.now}, {DB: second, Now: w.now}}
	var wg sync.WaitGroup
	var done, again atomic.Int32
	for i := range 50 {
		wg.Go(func() {
			r := programs[i%2]
			a, replayed, err := r.Once(t.Context(), request("k"), func(ctx context.Context) (record.Answer, error) {
				done.Add(1)
				car := w.newCar("A1")
				err := store.NewCars(r.DB).Insert(ctx, &car)
				return record.Answer{Status: 201, Location: "/A1", Body: []byte("x")}, err
			})
			if err != nil || a.Status != 201 || a.Location != "/A1" || string(a.Body) != "x" {
				t.Errorf("answer %+v, %v", a, err)
			}
			if replayed {
				again.Add(1)
			}
		})
	}
	wg.Wait()
	if n := w.count(t, "SELECT COUNT(*) FROM cars"); n != 1 || done.Load() != 1 || again.Load() != 49 {
		t.Errorf("%d cars, done %d times, replayed %d times; want 1, 1, 49", n, done.Load(), again.Load())
	}
}

func replayOtherBody(t *testing.T, w *world) {
	r := &store.Replays{DB: w.db, Now: w.now}
	first, _, err := r.Once(t.Context(), request("k"), w.effect(t, "A1"))
	wantErr(t, "the first", err, nil)
	other := request("k")
	other.Fingerprint = "another body"
	_, _, err = r.Once(t.Context(), other, w.effect(t, "A2"))
	wantErr(t, "another body", err, record.ErrKeyReused)
	again, replayed, err := r.Once(t.Context(), request("k"), w.effect(t, "A3"))
	if err != nil || !replayed || again.Status != first.Status || again.Location != first.Location || string(again.Body) != string(first.Body) {
		t.Errorf("replayed %t %+v, %v; want %+v", replayed, again, err, first)
	}
	for i, change := range []func(*record.Replay){
		func(r *record.Replay) { r.Caller = "u2" }, func(r *record.Replay) { r.Route = "POST /api/users" }, func(r *record.Replay) { r.Name = "K" },
	} {
		v := request("k")
		change(&v)
		if _, replayed, err := r.Once(t.Context(), v, w.effect(t, fmt.Sprint("B", i))); err != nil || replayed {
			t.Errorf("%+v: replayed %t, %v", v, replayed, err)
		}
	}
	if n := w.count(t, "SELECT COUNT(*) FROM cars"); n != 4 {
		t.Errorf("%d cars, want 4", n)
	}
}

// replayFails says that an error, or a panic, leaves no key.
func replayFails(t *testing.T, w *world) {
	r := &store.Replays{DB: w.db, Now: w.now}
	_, _, err := r.Once(t.Context(), request("k"), func(ctx context.Context) (record.Answer, error) {
		a, err := w.effect(t, "A1")(ctx)
		wantErr(t, "effect", err, nil)
		return a, errBoom
	})
	wantErr(t, "Once", err, errBoom)
	func() {
		defer func() { _ = recover() }()
		_, _, _ = r.Once(t.Context(), request("k"), func(context.Context) (record.Answer, error) { panic(errBoom) })
	}()
	if n := w.count(t, "SELECT COUNT(*) FROM idempotency_keys") + w.count(t, "SELECT COUNT(*) FROM cars"); n != 0 {
		t.Errorf("%d rows were kept", n)
	}
	if _, replayed, err := r.Once(t.Context(), request("k"), w.effect(t, "A1")); err != nil || replayed {
		t.Errorf("after an error: replayed %t, %v", replayed, err)
	}
}

// replayInProgress asks again while the first request is under way, in the
// same program and, on PostgreSQL, in another.
func replayInProgress(t *testing.T, w *world) {
	second := must(w.Open(t.Context()))(t)
	defer second.Close()
	first := &store.Replays{DB: w.db, Now: w.now, Wait: 50 * time.Millisecond}
	programs := map[string]*store.Replays{"the same program": first}
	if w.db.Name() == "postgres" {
		programs["another program"] = &store.Replays{DB: second, Now: w.now, Wait: 50 * time.Millisecond}
	}
	begun, end := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _, err := first.Once(t.Context(), request("k"), func(ctx context.Context) (record.Answer, error) {
			a, err := w.effect(t, "A1")(ctx)
			close(begun)
			<-end
			return a, err
		})
		wantErr(t, "the first", err, nil)
	})
	<-begun
	for what, r := range programs {
		_, _, err := r.Once(t.Context(), request("k"), w.effect(t, "A2"))
		wantErr(t, what, err, record.ErrInProgress)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := first.Once(ctx, request("k"), w.effect(t, "A2"))
	wantErr(t, "who does not wait", err, context.Canceled)

	waited := make(chan error)
	patient := &store.Replays{DB: second, Now: w.now}
	wg.Go(func() {
		_, again, err := patient.Once(t.Context(), request("k"), w.effect(t, "A2"))
		if err == nil && !again {
			err = errBoom
		}
		waited <- err
	})
	close(end)
	wantErr(t, "who waits is answered as the first", <-waited, nil)
	wg.Wait()
	if n := w.count(t, "SELECT COUNT(*) FROM cars"); n != 1 {
		t.Errorf("%d cars, want 1", n)
	}
}

func replayExpires(t *testing.T, w *world) {
	r := &store.Replays{DB: w.db, Now: w.now}
	once := func(plate string) bool {
		_, again, err := r.Once(t.Context(), request("k"), w.effect(t, plate))
		wantErr(t, plate, err, nil)
		return again
	}
	once("A1")
	w.pass(store.ReplayLife)
	if !once("A2") {
		t.Error("forgotten too early")
	}
	w.pass(time.Microsecond)
	if once("A2") || !once("A3") {
		t.Error("remembered too long, or the new answer was not kept")
	}
}

// tidy deletes what is over, and nothing else.
func tidy(t *testing.T, w *world) {
	all := []string{"changes", "idempotency_keys", "sessions", "session_tokens", "setup_code", "links"}
	check := func(when string, want ...int) {
		t.Helper()
		wantErr(t, "Tidy", w.db.Tidy(t.Context(), w.now()), nil)
		for i, table := range all {
			if n := w.count(t, "SELECT COUNT(*) FROM "+table); n != want[i] {
				t.Errorf("%s: %d rows in %s, want %d", when, n, table, want[i])
			}
		}
	}
	must(w.login(t, "desk", "password of desk"))(t)
	expectSetup(t, w, "code")
	r := &store.Replays{DB: w.db, Now: w.now}
	_, _, err := r.Once(t.Context(), request("k"), w.effect(t, "A1"))
	wantErr(t, "Once", err, nil)
	must(w.identity.ResetLetter(t.Context(), w.user.ID, "m1"))(t)
	must(w.identity.WelcomeLetter(t.Context(), w.user.ID, "m2"))(t)
	check("at once", 1, 1, 1, 1, 1, 2)
	w.pass(store.ChangesLife)
	check("after an hour", 1, 1, 1, 1, 1, 2)
	w.pass(time.Second)
	check("and a second", 0, 1, 1, 1, 1, 2)
	w.pass(24 * time.Hour)
	check("after a day", 0, 0, 1, 1, 0, 1)
	w.pass(w.identity.RefreshTTL)
	check("after a week", 0, 0, 0, 0, 0, 0)
	logs := w.count(t, "SELECT COUNT(*) FROM audit_logs")
	if cars := w.count(t, "SELECT COUNT(*) FROM cars"); cars != 1 || logs != 1 {
		t.Errorf("%d cars and %d logs are left, want 1 and 1", cars, logs)
	}
}
