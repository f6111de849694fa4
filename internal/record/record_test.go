package record_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/record"
)

func TestAccess(t *testing.T) {
	const in, no = 1, 2                                 // signs in, may not
	for access, want := range map[record.Access][4]int{ // nobody, user, employee, admin
		record.Anyone:    {0, 0, 0, 0},
		record.SignedIn:  {in, 0, 0, 0},
		record.Staff:     {in, no, 0, 0},
		record.AdminOnly: {in, no, no, 0},
	} {
		for i, role := range []record.Role{"", record.User, record.Employee, record.Admin} {
			err := access.Allow(record.Caller{Person: record.Person{Role: role}})
			if !errors.Is(err, [...]error{nil, record.ErrSignIn, record.ErrForbidden}[want[i]]) {
				t.Errorf("%s allows %q: %v", access, role, err)
			}
		}
		if err := access.Allow(record.Caller{Person: record.Person{Role: "owner"}}); access > record.SignedIn && err == nil {
			t.Errorf("%s allows a role that there is not", access)
		}
	}
}

func TestCaller(t *testing.T) {
	if c := record.CallerOf(t.Context()); c.ID != "" || record.Author(t.Context()) != nil || record.SeesPeople(t.Context()) {
		t.Errorf("nobody is %+v", c)
	}
	ctx := record.As(t.Context(), record.Caller{Person: record.Person{ID: "u1", Role: record.Employee}, UserAgent: "a\xffb"})
	if c := record.CallerOf(ctx); c.ID != "u1" || c.UserAgent != "a?b" {
		t.Errorf("asks as %+v", c)
	}
	if a := record.Author(ctx); a == nil || a.ID != "u1" || !record.SeesPeople(ctx) {
		t.Errorf("author %+v", a)
	}
}

func TestMeta(t *testing.T) {
	at := date.At(time.Date(2026, time.June, 1, 23, 30, 0, 0, time.UTC))
	e := record.Env{Now: func() date.Moment { return at }, Zone: time.FixedZone("", 3600)}
	m := record.NewMeta[string](e)
	if m.ID == "" || m.Version != 1 || m.CreatedAt != at || m.UpdatedAt != at {
		t.Errorf("made %+v", m)
	}
	if today := e.Today(); today != date.New(2026, time.June, 2) {
		t.Errorf("today is %s, want the day in the business's zone", today)
	}
	m.Touch(at.Add(time.Second))
	if m.Version != 2 || m.CreatedAt != at || m.UpdatedAt != at.Add(time.Second) {
		t.Errorf("touched %+v", m)
	}
	for version, want := range map[int]error{record.AnyVersion: nil, 2: nil, 1: record.ErrStale, 3: record.ErrStale} {
		if err := m.Expect(version); !errors.Is(err, want) {
			t.Errorf("Expect(%d) = %v", version, err)
		}
	}
}

// A journal keeps what is written to it.
type journal []record.Entry

func (j *journal) Write(_ context.Context, entries ...record.Entry) error {
	*j = append(*j, entries...)
	return nil
}

func (j *journal) Tell(context.Context, ...record.Change) error { return nil }

func (j *journal) Refused(_ context.Context, e record.Entry) error {
	*j = append(*j, e)
	return nil
}

func TestRefuse(t *testing.T) {
	var j journal
	e := record.Env{Journal: &j}
	taken := fault.New(fault.Conflict, "taken", "it is taken")
	for _, err := range []error{nil, errors.New("boom"), fault.New(fault.NotFound, "none", "")} {
		if got := e.Refuse(t.Context(), err, record.Entry{}); got != err || len(j) != 0 {
			t.Errorf("Refuse(%v) = %v with %d entries, want the same and none", err, got, len(j))
		}
	}
	if err := e.Refuse(t.Context(), taken, record.Entry{Description: "refused"}); !errors.Is(err, taken) {
		t.Errorf("Refuse = %v, want %v", err, taken)
	}
	if len(j) != 1 || !j[0].Failed || j[0].Description != "refused: it is taken" {
		t.Errorf("journal %+v, want one failure that says why", j)
	}
}

func TestDo(t *testing.T) {
	var j journal
	e := record.Env{Journal: &j, InTx: func(ctx context.Context, do func(context.Context) error) error { return do(ctx) }}
	boom := errors.New("boom")
	for _, c := range []struct {
		entry   record.Entry
		err     error
		written int
	}{
		{record.Entry{Action: record.Create}, nil, 1},
		{record.Entry{}, nil, 1}, // nothing changed
		{record.Entry{Action: record.Create}, boom, 1},
		{record.Entry{Action: record.Delete}, nil, 2},
	} {
		err := e.Do(t.Context(), func(context.Context) (record.Entry, error) { return c.entry, c.err })
		if !errors.Is(err, c.err) || len(j) != c.written {
			t.Errorf("%+v: %v, %d entries; want %d", c, err, len(j), c.written)
		}
	}
}

func TestNetwork(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "": "", "nowhere": "nowhere",
	} {
		if got := (record.Caller{IP: ip}).Network(); got != want {
			t.Errorf("%q is counted as %q, want %q", ip, got, want)
		}
	}
}
