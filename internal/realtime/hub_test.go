package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/notifications"
	"cartracker/internal/observe"
	"cartracker/internal/record"
	"cartracker/internal/socketio"
)

func TestTokenOf(t *testing.T) {
	for auth, want := range map[string]string{
		``: "", `{}`: "", `{"token":null}`: "", `{"token":""}`: "", `{"token":"abc","id":7}`: "abc",
		`null`: "", `[]`: "refused", `7`: "refused", `{"token":7}`: "refused", `{"token":["a"]}`: "refused",
	} {
		var raw json.RawMessage
		if auth != "" {
			raw = json.RawMessage(auth)
		}
		got, err := tokenOf(raw)
		if errors.Is(err, record.ErrSignIn) {
			got = "refused"
		}
		if got != want {
			t.Errorf("%s: %q (%v), want %q", auth, got, err, want)
		}
	}
}

func TestRefusal(t *testing.T) {
	for _, c := range []struct {
		err           error
		message, code string
		later         bool
	}{
		{record.ErrSignIn, "unauthorized", "unauthorized", false},
		{fault.New(fault.Unauthenticated, "token_expired", ""), "unauthorized", "token_expired", false},
		{record.ErrForbidden, "unauthorized", "forbidden", false},
		{fault.New(fault.Unavailable, "database_away", ""), "unavailable", "database_away", true},
		{fmt.Errorf("boom"), "unavailable", "internal_error", true},
		{fault.New(fault.Exhausted, "rate_limited", ""), "unavailable", "rate_limited", false},
	} {
		r, ok := errors.AsType[*socketio.Refusal](refusal(t.Context(), c.err))
		if !ok || r.Message != c.message || r.Data.(map[string]string)["code"] != c.code || r.Later != c.later {
			t.Errorf("%v is told as %+v", c.err, r)
		}
	}
}

// Only what nobody has caused who connects is reported.
func TestRefuseReports(t *testing.T) {
	var told []error
	h := &Hub{Config: Config{Report: func(_ context.Context, trouble observe.Trouble) { told = append(told, trouble.Err) }}}
	boom := errors.New("boom")
	for _, err := range []error{record.ErrSignIn, fault.New(fault.Unavailable, "database_away", ""), context.Canceled, boom, fault.New(fault.Exhausted, "rate_limited", "")} {
		if _, ok := errors.AsType[*socketio.Refusal](h.refuse(t.Context(), err)); !ok {
			t.Errorf("%v is no refusal", err)
		}
	}
	if len(told) != 1 || told[0] != boom {
		t.Errorf("reported %v", told)
	}
}

func TestRoomsOf(t *testing.T) {
	for role, want := range map[record.Role][]string{
		record.User:     {"user:u", "session:s"},
		record.Employee: {"user:u", "session:s", "staff"},
		record.Admin:    {"user:u", "session:s", "staff"},
	} {
		c := record.Caller{Person: record.Person{ID: "u", Role: role}, SessionID: "s"}
		if got := roomsOf(c); !slices.Equal(got, want) {
			t.Errorf("%s is in %v, want %v", role, got, want)
		}
	}
}

func TestNotificationOf(t *testing.T) {
	const id = "01a2058b-2335-7748-8db6-c93b7236d40c"
	for args, want := range map[string]notifications.ID{
		`["` + id + `"]`: id,
		`["01A2058B-2335-7748-8DB6-C93B7236D40C"]`:         id,
		`[{"id":"` + id + `"}]`:                            id,
		`[{"notificationId":"` + id + `"}]`:                id,
		`[{"id":"` + id + `","userId":"another"}, "more"]`: id,
		`[]`: "", `[null]`: "", `[7]`: "", `[""]`: "", `[{}]`: "", `[["` + id + `"]]`: "", `["1; DROP TABLE"]`: "", `[{"id":7}]`: "",
	} {
		got, err := notificationOf(event(t, args))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q (%v), want %q", args, got, err, want)
		}
	}
}

func TestTopicOf(t *testing.T) {
	for _, c := range []struct {
		role record.Role
		args string
		want string // the code; "" if it may
	}{
		{record.User, `[{"topic":"cars"}]`, ""},
		{record.User, `[{"topic":"cars","since":0}]`, ""},
		{record.User, `[{"topic":"cars","since":null}]`, ""},
		{record.User, `[{"topic":"contracts"}]`, "forbidden"},
		{record.User, `[{"topic":"customers"}]`, "forbidden"},
		{record.Employee, `[{"topic":"contracts","since":17}]`, ""},
		{record.Admin, `[{"topic":"customers"}]`, ""},
		{record.Admin, `[{"topic":"users"}]`, "bad_request"},
		{record.Admin, `[{"topic":"sessions"}]`, "bad_request"},
		{record.Admin, `[{"topic":"cars","since":-1}]`, "bad_request"},
		{record.Admin, `[{"topic":"cars","since":1.5}]`, "bad_request"},
		{record.Admin, `[{"topic":"cars","since":"1"}]`, "bad_request"},
		{record.Admin, `[{"topic":"cars","since":1e99}]`, "bad_request"},
		{record.Admin, `[{}]`, "bad_request"},
		{record.Admin, `["cars"]`, "bad_request"},
		{record.Admin, `[null]`, "bad_request"},
		{record.Admin, `[]`, "bad_request"},
	} {
		_, err := topicOf(&client{Caller: record.Caller{Person: record.Person{ID: "u", Role: c.role}}}, event(t, c.args))
		code := ""
		if err != nil {
			code = fault.Of(err).Code
		}
		if code != c.want {
			t.Errorf("%s subscribes with %s: %v, want %q", c.role, c.args, err, c.want)
		}
	}
}

// event returns an event with these arguments.
func event(t *testing.T, args string) *socketio.Event {
	t.Helper()
	e := &socketio.Event{}
	if err := json.Unmarshal([]byte(args), &e.Args); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestLapses(t *testing.T) {
	now := date.At(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	l := newLapses()
	l.watch("a", now.Add(time.Minute))
	l.watch("b", now.Add(time.Hour))
	if due := l.due(now); len(due) != 0 {
		t.Errorf("due too soon: %v", due)
	}
	now = now.Add(time.Minute)
	if due := l.due(now); !slices.Equal(due, []string{"a"}) {
		t.Errorf("due: %v", due)
	}
	l.watch("a", now.Add(time.Minute)) // it was refreshed
	l.forget("a", now)
	l.forget("b", now.Add(time.Hour))
	if due := l.due(now.Add(time.Hour)); !slices.Equal(due, []string{"a"}) {
		t.Errorf("due: %v", due)
	}
}

func TestMailbag(t *testing.T) {
	now := time.Now()
	some := []record.Event{
		{Seq: 1, Change: record.Change{Topic: record.Cars}},
		{Seq: 2, Change: record.Change{Topic: record.Notifications, Kind: record.Created}},
		{Seq: 3, Change: record.Change{Topic: record.Notifications, Kind: record.Deleted}},
		{Seq: 4, Change: record.Change{Topic: record.Inboxes, Kind: record.Updated}},
	}
	m := newMailbag()
	if m.add(some); len(m.take()) != 0 {
		t.Error("something waits for nobody")
	}
	m.open()
	m.add(some)
	m.close(now) // who was lost may come back
	m.add(some[:2])
	m.close(now.Add(-time.Hour))
	var got []int64
	for _, e := range m.take() {
		got = append(got, e.Seq)
	}
	if want := []int64{2, 4, 2}; !slices.Equal(got, want) {
		t.Errorf("waiting: %v, want %v", got, want)
	}
	select {
	case <-m.filled:
	default:
		t.Error("nobody is told that something waits")
	}
	m.open()
	for range maxMail / 2 {
		if !m.add(some) {
			t.Fatal("less is forgotten than can wait")
		}
	}
	total := 0
	for all := m.take(); len(all) > 0; all = m.take() {
		if total += len(all); len(all) > mailTogether {
			t.Fatalf("%d are taken at a time", len(all))
		}
	}
	if total != maxMail {
		t.Errorf("%d wait, want %d", total, maxMail)
	}
	for range maxMail / 2 {
		m.add(some)
	}
	if m.add(some) || len(m.take()) != 0 {
		t.Error("more waits than can be told")
	}
}
