package storetest

import (
	"sync"
	"testing"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/record"
)

// signedIn reports whether a pass still opens anything.
func (w *world) signedIn(t testing.TB, p identity.Pass) bool {
	_, _, err := w.identity.Authenticate(t.Context(), p.Access)
	return err == nil
}

func sessionRotates(t *testing.T, w *world) {
	first := must(w.login(t, "desk", "password of desk"))(t)
	w.pass(time.Hour)
	second := must(w.identity.Renew(t.Context(), first.Refresh))(t)
	if second.Refresh == first.Refresh || second.ExpiresAt != w.now().Add(w.identity.RefreshTTL) || second.Person.ID != w.employee.ID {
		t.Errorf("renewed: %+v", second)
	}
	w.pass(identity.Grace)
	if again := must(w.identity.Renew(t.Context(), first.Refresh))(t); again.Refresh != second.Refresh {
		t.Error("within the grace the same token has another successor")
	}
	if check := must(w.identity.Check(t.Context(), first.Refresh))(t); check.Refresh != first.Refresh || check.ExpiresAt != second.ExpiresAt {
		t.Errorf("checked: %+v", check)
	}
	if _, id, err := w.identity.Recognize(t.Context(), second.Refresh); err != nil || id == "" {
		t.Errorf("recognized %s, %v", id, err)
	}
	third := must(w.identity.Renew(t.Context(), second.Refresh))(t)
	if !w.signedIn(t, first) || !w.signedIn(t, third) {
		t.Error("a rotation signed out")
	}
	if n := w.count(t, "SELECT COUNT(*) FROM session_tokens"); n != 3 {
		t.Errorf("%d tokens, want 3", n)
	}
	_, err := w.identity.Renew(t.Context(), "never made")
	wantErr(t, "a token that was never made", err, record.ErrSignIn)
}

// sessionTheft uses old tokens again: the session is over, and it is told why.
func sessionTheft(t *testing.T, w *world) {
	for what, steal := range map[string]func(first, second identity.Pass) error{
		"the one before the last but one": func(first, second identity.Pass) error {
			must(w.identity.Renew(t.Context(), second.Refresh))(t)
			_, err := w.identity.Renew(t.Context(), first.Refresh)
			return err
		},
		"after the grace": func(first, _ identity.Pass) error {
			w.pass(identity.Grace + time.Microsecond)
			_, err := w.identity.Renew(t.Context(), first.Refresh)
			return err
		},
		"only checked": func(first, _ identity.Pass) error {
			w.pass(identity.Grace + time.Microsecond)
			_, err := w.identity.Check(t.Context(), first.Refresh)
			return err
		},
	} {
		other := must(w.login(t, "desk", "password of desk"))(t)
		first := must(w.login(t, "desk", "password of desk"))(t)
		second := must(w.identity.Renew(t.Context(), first.Refresh))(t)
		logs := w.count(t, "SELECT COUNT(*) FROM audit_logs WHERE action = 'LOGOUT' AND status = 'failure' AND username = 'desk'")
		wantErr(t, what, steal(first, second), record.ErrSignIn)
		_, err := w.identity.Renew(t.Context(), second.Refresh)
		wantErr(t, what+", then the newest", err, record.ErrSignIn)
		if w.signedIn(t, first) || w.signedIn(t, second) || !w.signedIn(t, other) {
			t.Errorf("%s: the session goes on, or another one does not", what)
		}
		if n := w.count(t, "SELECT COUNT(*) FROM audit_logs WHERE action = 'LOGOUT' AND status = 'failure' AND username = 'desk'"); n != logs+1 {
			t.Errorf("%s: the log tells of %d thefts, want 1", what, n-logs)
		}
	}
}

// sessionParallel renews from many tabs at once: all get the same token.
func sessionParallel(t *testing.T, w *world) {
	pass := must(w.login(t, "desk", "password of desk"))(t)
	for range 5 {
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[string]bool{}
		for range 16 {
			wg.Go(func() {
				p, err := w.identity.Renew(t.Context(), pass.Refresh)
				wantErr(t, "Renew", err, nil)
				mu.Lock()
				defer mu.Unlock()
				got[p.Refresh] = true
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Fatalf("one token has %d successors", len(got))
		}
		pass = must(w.identity.Renew(t.Context(), pass.Refresh))(t)
	}
	if n := w.count(t, "SELECT COUNT(*) FROM session_tokens"); n != 6 {
		t.Errorf("%d tokens, want 6", n)
	}
}

func sessionEnds(t *testing.T, w *world) {
	idle := must(w.login(t, "desk", "password of desk"))(t)
	w.pass(w.identity.RefreshTTL - time.Second)
	if !w.signedIn(t, idle) {
		t.Error("expired too early")
	}
	w.pass(time.Second)
	if w.signedIn(t, idle) {
		t.Error("did not expire")
	}
	_, err := w.identity.Renew(t.Context(), idle.Refresh)
	wantErr(t, "after it expired", err, record.ErrSignIn)

	busy, began := must(w.login(t, "desk", "password of desk"))(t), w.now()
	end := began.Add(identity.MaxSession)
	for w.now().Add(6*24*time.Hour).Sub(end) < 0 {
		w.pass(6 * 24 * time.Hour)
		busy = must(w.identity.Renew(t.Context(), busy.Refresh))(t)
	}
	if busy.ExpiresAt != end {
		t.Errorf("expires %s, want the end of the session, %s", busy.ExpiresAt, end)
	}
	w.pass(end.Sub(w.now()))
	_, err = w.identity.Renew(t.Context(), busy.Refresh)
	wantErr(t, "after 30 days", err, record.ErrSignIn)
	if w.signedIn(t, busy) {
		t.Error("a session of 30 days goes on")
	}
}

// sessionRevoked does what ends the sessions of a user, and of nobody else.
func sessionRevoked(t *testing.T, w *world) {
	admin, desk := as(t, w.admin), as(t, w.employee)
	amend := func(change func(*identity.Account)) error {
		_, err := w.identity.Amend(admin, w.employee.ID, record.AnyVersion, func(a *identity.Account) error { change(a); return nil })
		return err
	}
	for _, step := range []struct {
		what string
		do   func(identity.Pass) error
		ends bool
	}{
		{"another name", func(identity.Pass) error { return amend(func(a *identity.Account) { a.Name = ptr("Ana") }) }, false},
		{"another role", func(identity.Pass) error { return amend(func(a *identity.Account) { a.Role = record.Admin }) }, true},
		{"and back", func(identity.Pass) error { return amend(func(a *identity.Account) { a.Role = record.Employee }) }, true},
		{"a reset password", func(identity.Pass) error {
			return w.identity.ResetPassword(admin, w.employee.ID, identity.NewPassword("password of desk"))
		}, true},
		{"an own new password", func(identity.Pass) error {
			p := identity.NewPassword("password of desk")
			return w.identity.ChangePassword(desk, w.employee.ID, p, p)
		}, true},
		{"signed out", func(p identity.Pass) error {
			_, id, err := w.identity.Authenticate(t.Context(), p.Access)
			wantErr(t, "Authenticate", err, nil)
			return w.identity.Logout(record.As(desk, record.Caller{Person: p.Person, SessionID: string(id)}), false)
		}, true},
		{"deactivated", func(identity.Pass) error { return amend(func(a *identity.Account) { a.Active = false }) }, true},
	} {
		guest := must(w.login(t, "guest", "password of guest"))(t)
		pass := must(w.login(t, "desk", "password of desk"))(t)
		wantErr(t, step.what, step.do(pass), nil)
		_, err := w.identity.Renew(t.Context(), pass.Refresh)
		if w.signedIn(t, pass) == step.ends || (err != nil) != step.ends || !w.signedIn(t, guest) {
			t.Errorf("%s: ended %t, want %t; renewed: %v", step.what, !step.ends, step.ends, err)
		}
	}
	one := must(w.login(t, "guest", "password of guest"))(t)
	two := must(w.login(t, "guest", "password of guest"))(t)
	_, id, err := w.identity.Authenticate(t.Context(), one.Access)
	wantErr(t, "Authenticate", err, nil)
	wantErr(t, "Logout", w.identity.Logout(record.As(t.Context(), record.Caller{Person: one.Person, SessionID: string(id)}), true), nil)
	if w.signedIn(t, one) || w.signedIn(t, two) {
		t.Error("signed out everywhere, and still signed in somewhere")
	}
	err = w.identity.ChangePassword(desk, w.employee.ID, identity.NewPassword("wrong"), identity.NewPassword("long enough"))
	if f := fault.Of(err); f.Kind != fault.Invalid || f.Fields[0].Field != "currentPassword" {
		t.Errorf("with a wrong password: %v", err)
	}
	wantErr(t, "another's", w.identity.ChangePassword(desk, w.admin.ID, identity.NewPassword("x"), identity.NewPassword("y")), record.ErrForbidden)
}
