package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/record"
)

// mails keeps what users are to be sent.
type mails struct {
	mu   sync.Mutex
	sent []string
	fail error // instead of keeping anything
}

func (m *mails) Credentials(_ context.Context, id record.UserID) error {
	return m.keep("credentials " + string(id))
}

func (m *mails) PasswordReset(_ context.Context, id record.UserID) error {
	return m.keep("reset " + string(id))
}

func (m *mails) Forgotten(_ context.Context, email string) error { return m.keep("forgotten " + email) }

func (m *mails) keep(mail string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		m.sent = append(m.sent, mail)
	}
	return m.fail
}

func (m *mails) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent, m.fail = nil, nil
}

// all returns what was kept.
func (m *mails) all() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.sent, "\n")
}

// linkLives uses a link of each purpose until the last moment at which it can be.
func linkLives(t *testing.T, w *world) {
	for p, c := range map[identity.Purpose]struct {
		life   time.Duration
		letter func(context.Context, record.UserID, string) (identity.Letter, error)
	}{
		identity.Welcome: {72 * time.Hour, w.identity.WelcomeLetter},
		identity.Reset:   {24 * time.Hour, w.identity.ResetLetter},
	} {
		l := must(c.letter(t.Context(), w.employee.ID, "mail"))(t)
		if l.User.Username != "desk" || l.Until != w.now().Add(c.life) || len(l.Token) < 20 {
			t.Errorf("%s: the letter is %+v", p, l)
		}
		if n := w.count(t, "SELECT COUNT(*) FROM links WHERE digest = $1 OR user_id = $1 OR mail_id = $1", l.Token); n != 0 {
			t.Errorf("%s: the token itself is kept", p)
		}
		w.pass(c.life - time.Microsecond)
		for range 3 { // asking uses nothing up
			u, purpose, err := w.identity.LinkOwner(t.Context(), l.Token)
			if err != nil || u.ID != w.employee.ID || purpose != p {
				t.Errorf("%s: it is that of %s for %s, %v", p, u.Username, purpose, err)
			}
		}
		w.pass(time.Microsecond)
		_, _, err := w.identity.LinkOwner(t.Context(), l.Token)
		wantErr(t, string(p)+", too old", err, identity.ErrLink)
		wantErr(t, string(p)+", used too late", w.identity.SetPasswordBy(t.Context(), l.Token, identity.NewPassword("long enough")), identity.ErrLink)

		pass := must(w.login(t, "desk", "password of desk"))(t)
		l = must(c.letter(t.Context(), w.employee.ID, "mail"))(t)
		w.pass(c.life - time.Microsecond)
		wantErr(t, string(p), w.identity.SetPasswordBy(t.Context(), l.Token, identity.NewPassword("new of "+string(p))), nil)
		wantErr(t, string(p)+", again", w.identity.SetPasswordBy(t.Context(), l.Token, identity.NewPassword("long enough")), identity.ErrLink)
		must(w.login(t, "desk", "new of "+string(p)))(t)
		if _, err := w.login(t, "desk", "password of desk"); err == nil || w.signedIn(t, pass) {
			t.Errorf("%s: the old password or session still opens something (%v)", p, err)
		}
		w.exec(t, "UPDATE users SET password_hash = $1 WHERE username = 'desk'", hashed("password of desk"))
	}
	if n := w.count(t, "SELECT COUNT(*) FROM audit_logs WHERE username = 'desk' AND action = 'UPDATE' AND resource = 'user' AND resource_id = user_id"); n != 2 {
		t.Errorf("the log tells of %d passwords that were set by a link, want 2", n)
	}
}

// linkReplaced makes new links: the earlier ones of that purpose end.
func linkReplaced(t *testing.T, w *world) {
	works := func(what string, l identity.Letter, want bool) {
		t.Helper()
		_, _, err := w.identity.LinkOwner(t.Context(), l.Token)
		if (err == nil) != want {
			t.Errorf("%s: works %t, want %t (%v)", what, err == nil, want, err)
		}
	}
	first := must(w.identity.ResetLetter(t.Context(), w.user.ID, "m1"))(t)
	welcome := must(w.identity.WelcomeLetter(t.Context(), w.user.ID, "m2"))(t)
	other := must(w.identity.ResetLetter(t.Context(), w.employee.ID, "m3"))(t)
	works("the first", first, true)
	again := must(w.identity.ResetLetter(t.Context(), w.user.ID, "m1"))(t)
	works("the first, after a retry", first, false)
	second := must(w.identity.ResetLetter(t.Context(), w.user.ID, "m4"))(t)
	works("the retry, after another mail", again, false)
	works("the second", second, true)
	works("one of another purpose", welcome, true)
	wantErr(t, "SetPasswordBy", w.identity.SetPasswordBy(t.Context(), second.Token, identity.NewPassword("long enough")), nil)
	works("one of another purpose, after a password was set", welcome, false)
	works("another user's", other, true)
}

// linkRaced uses one link many times at once: it works once.
func linkRaced(t *testing.T, w *world) {
	for round := range 3 {
		l := must(w.identity.ResetLetter(t.Context(), w.user.ID, "mail"))(t)
		var wg sync.WaitGroup
		var won atomic.Int32
		all := barrier(20)
		for i := range 20 {
			wg.Go(func() {
				all()
				err := w.identity.SetPasswordBy(t.Context(), l.Token, identity.NewPassword(fmt.Sprint("password ", i)))
				if err == nil {
					won.Add(int32(i) + 1000)
					return
				}
				wantErr(t, "SetPasswordBy", err, identity.ErrLink)
			})
		}
		wg.Wait()
		if won.Load()/1000 != 1 {
			t.Fatalf("round %d: %d of 20 could use one link", round, won.Load()/1000)
		}
		must(w.login(t, "guest", fmt.Sprint("password ", won.Load()%1000)))(t)
		if n := w.count(t, "SELECT COUNT(*) FROM audit_logs WHERE username = 'guest' AND action = 'UPDATE'"); n != round+1 {
			t.Errorf("the log tells of %d passwords, want %d", n, round+1)
		}
	}
}

// slowToHash lets something happen while a password is hashed.
type slowToHash struct {
	hasher
	meanwhile func()
}

func (h slowToHash) Hash(ctx context.Context, password string) (string, error) {
	h.meanwhile()
	return h.hasher.Hash(ctx, password)
}

// linkRefused tries links that do not work, and passwords that do not.
func linkRefused(t *testing.T, w *world) {
	next := identity.NewPassword("long enough")
	for _, token := range []string{"", "x", strings.Repeat("x", 100_000), "\x00", "' OR 1=1 --"} {
		_, _, err := w.identity.LinkOwner(t.Context(), token)
		wantErr(t, "LinkOwner", err, identity.ErrLink)
		wantErr(t, "SetPasswordBy", w.identity.SetPasswordBy(t.Context(), token, next), identity.ErrLink)
	}
	l := must(w.identity.ResetLetter(t.Context(), w.user.ID, "mail"))(t)
	if err := w.identity.SetPasswordBy(t.Context(), l.Token, identity.NewPassword("")); fault.Of(err).Kind != fault.Invalid || fault.Of(err).Fields[0].Field != "password" {
		t.Errorf("no password: %v", err)
	}
	w.exec(t, "UPDATE users SET active = FALSE WHERE username = 'guest'")
	_, _, err := w.identity.LinkOwner(t.Context(), l.Token)
	wantErr(t, "of an inactive user", err, identity.ErrLink)
	wantErr(t, "of an inactive user", w.identity.SetPasswordBy(t.Context(), l.Token, next), identity.ErrLink)
	w.exec(t, "UPDATE users SET active = TRUE WHERE username = 'guest'")

	for what, meanwhile := range map[string]func(){
		"deactivated": func() { w.exec(t, "UPDATE users SET active = FALSE WHERE username = 'guest'") },
		"too late":    func() { w.pass(identity.ResetLife) },
		"deleted":     func() { w.exec(t, "DELETE FROM users WHERE username = 'guest'") },
	} {
		w.exec(t, "DELETE FROM users WHERE username = 'guest'")
		w.user = w.addUser(t, "guest", record.User, nil)
		l := must(w.identity.ResetLetter(t.Context(), w.user.ID, "mail"))(t)
		service := *w.identity
		service.Hasher = slowToHash{meanwhile: meanwhile}
		wantErr(t, what+" meanwhile", service.SetPasswordBy(t.Context(), l.Token, next), identity.ErrLink)
		if n := w.count(t, "SELECT COUNT(*) FROM users WHERE password_hash = $1", hashed("long enough")); n != 0 {
			t.Errorf("%s meanwhile: the password was set", what)
		}
	}
}

// linkEnded does what ends a link, and what does not.
func linkEnded(t *testing.T, w *world) {
	admin, desk := as(t, w.admin), as(t, w.employee)
	amend := func(change func(*identity.Account)) error {
		_, err := w.identity.Amend(admin, w.employee.ID, record.AnyVersion, func(a *identity.Account) error { change(a); return nil })
		return err
	}
	own := identity.NewPassword("password of desk")
	for _, step := range []struct {
		what string
		do   func() error
		ends bool
	}{
		{"another name", func() error { return amend(func(a *identity.Account) { a.Name = ptr("Ana") }) }, false},
		{"another role", func() error { return amend(func(a *identity.Account) { a.Role = record.User }) }, false},
		{"a sign-in", func() error { _, err := w.login(t, "desk", own.Reveal()); return err }, false},
		{"another address", func() error { return amend(func(a *identity.Account) { a.Email = "ana@example.com" }) }, true},
		{"the own new password", func() error { return w.identity.ChangePassword(desk, w.employee.ID, own, own) }, true},
		{"an admin's new password", func() error { return w.identity.ResetPassword(admin, w.employee.ID, own) }, true},
		{"the command line's", func() error { return w.identity.ResetPasswordOf(admin, "desk", own) }, true},
		{"a mail that is still to be sent", func() error { return w.identity.SendReset(admin, w.employee.ID) }, false},
		{"deactivated, and activated again", func() error {
			return errors.Join(amend(func(a *identity.Account) { a.Active = false }), amend(func(a *identity.Account) { a.Active = true }))
		}, true},
		{"deleted", func() error { _, err := w.identity.Remove(admin, w.employee.ID, record.AnyVersion); return err }, true},
	} {
		links := []identity.Letter{
			must(w.identity.WelcomeLetter(t.Context(), w.employee.ID, "m1"))(t), must(w.identity.ResetLetter(t.Context(), w.employee.ID, "m2"))(t),
		}
		wantErr(t, step.what, step.do(), nil)
		for _, l := range links {
			if _, purpose, err := w.identity.LinkOwner(t.Context(), l.Token); (err != nil) != step.ends {
				t.Errorf("%s: the link ended %t, want %t (%s, %v)", step.what, err != nil, step.ends, purpose, err)
			}
		}
	}
	if n := w.count(t, "SELECT COUNT(*) FROM links"); n != 0 {
		t.Errorf("%d links of somebody who is gone", n)
	}
}

// lettersKept says to whom no letter goes, and why.
func lettersKept(t *testing.T, w *world) {
	why := func(what string, err error, words string) {
		t.Helper()
		if wantErr(t, what, err, identity.ErrNoLetter); err != nil && !strings.Contains(err.Error(), words) || strings.Contains(fmt.Sprint(err), "example.com") {
			t.Errorf("%s: %v", what, err)
		}
	}
	forgotten := func(email, mailID string) error {
		_, err := w.identity.ForgottenLetter(t.Context(), email, mailID)
		return err
	}
	why("an unknown address", forgotten("nobody@example.com", "m"), "nobody has this address")
	_, err := w.identity.WelcomeLetter(t.Context(), nobody, "m")
	why("an unknown user", err, "no such user")
	w.exec(t, "UPDATE users SET active = FALSE WHERE username = 'guest'")
	why("an inactive user", forgotten("guest@example.com", "m"), "not active")
	for _, letter := range []func(context.Context, record.UserID, string) (identity.Letter, error){w.identity.WelcomeLetter, w.identity.ResetLetter} {
		_, err := letter(t.Context(), w.user.ID, "m")
		why("an inactive user", err, "not active")
	}
	if n := w.count(t, "SELECT COUNT(*) FROM links"); n != 0 {
		t.Errorf("%d links for nobody", n)
	}

	wantErr(t, "the first", forgotten("Desk@Example.com", "m1"), nil)
	wantErr(t, "its retry", forgotten("desk@example.com", "m1"), nil)
	w.pass(identity.ForgottenPause - time.Microsecond)
	why("another too soon", forgotten("desk@example.com", "m2"), "five minutes")
	w.pass(time.Microsecond)
	wantErr(t, "another", forgotten("desk@example.com", "m2"), nil)
	why("the retry of the first, after another", forgotten("desk@example.com", "m1"), "five minutes")
	must(w.identity.ResetLetter(t.Context(), w.employee.ID, "m3"))(t) // an admin need not wait
	must(w.identity.WelcomeLetter(t.Context(), w.employee.ID, "m4"))(t)
	why("just after an admin's", forgotten("desk@example.com", "m5"), "five minutes")
	wantErr(t, "another user's", forgotten("admin@example.com", "m6"), nil)
}

// lettersRaced asks for one user many times at once: one mail is sent.
func lettersRaced(t *testing.T, w *world) {
	var wg sync.WaitGroup
	var sent atomic.Int32
	all := barrier(20)
	for i := range 20 {
		wg.Go(func() {
			all()
			if _, err := w.identity.ForgottenLetter(t.Context(), "guest@example.com", fmt.Sprint("mail ", i)); err == nil {
				sent.Add(1)
			} else {
				wantErr(t, "ForgottenLetter", err, identity.ErrNoLetter)
			}
		})
	}
	wg.Wait()
	if n := w.count(t, "SELECT COUNT(*) FROM links"); n != 1 || sent.Load() != 1 {
		t.Errorf("%d letters and %d links, want 1 and 1", sent.Load(), n)
	}
}

// noPassword makes users who are sent a link, with and without a password.
func noPassword(t *testing.T, w *world) {
	admin := as(t, w.admin)
	add := func(name, password string, send bool) (identity.User, error) {
		return w.identity.Add(admin, func(d *identity.Draft) error {
			d.Username, d.Email, d.Password, d.SendCredentials = name, name+"@example.com", identity.NewPassword(password), send
			return nil
		})
	}
	_, err := add("none", "", false)
	if f := fault.Of(err); f.Kind != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Field != "password" {
		t.Errorf("no way in: %v", err)
	}
	u := must(add("linked", "", true))(t)
	both := must(add("both", "password of both", true))(t)
	must(add("typed", "password of typed", false))(t)
	if want := "credentials " + string(u.ID) + "\ncredentials " + string(both.ID); w.mails.all() != want {
		t.Errorf("mails: %s, want %s", w.mails.all(), want)
	}
	must(w.login(t, "both", "password of both"))(t)
	if hash := must(w.users.PasswordHash(t.Context(), u.ID))(t); hash != "" {
		t.Errorf("the hash of no password is %q", hash)
	}
	for _, p := range []string{"", " ", "quick:", "long enough"} {
		_, err := w.login(t, "linked", p)
		wantErr(t, "without a password", err, identity.ErrCredentials)
	}
	l := must(w.identity.WelcomeLetter(t.Context(), u.ID, "m"))(t)
	wantErr(t, "SetPasswordBy", w.identity.SetPasswordBy(t.Context(), l.Token, identity.NewPassword("long enough")), nil)
	must(w.login(t, "linked", "long enough"))(t)

	w.mails.fail = errors.New("no queue")
	_, err = add("unsent", "", true)
	wantErr(t, "a mail that cannot be kept", err, w.mails.fail)
	if n := w.count(t, "SELECT COUNT(*) FROM users WHERE username = 'unsent'") + w.count(t, "SELECT COUNT(*) FROM audit_logs WHERE description LIKE '%unsent%'"); n != 0 {
		t.Error("there is a user whose mail there is not")
	}
	service := *w.identity
	service.Mailer = nil
	_, err = service.Add(admin, func(d *identity.Draft) error {
		d.Username, d.Email, d.SendCredentials = "mailless", "mailless@example.com", true
		return nil
	})
	if f := fault.Of(err); f.Kind != fault.Invalid || f.Fields[0].Field != "sendCredentials" {
		t.Errorf("where no mail is sent: %v", err)
	}
}

// resetByMail lets an admin, and whoever forgot a password, ask for a link.
func resetByMail(t *testing.T, w *world) {
	admin := as(t, w.admin)
	pass := must(w.login(t, "desk", "password of desk"))(t)
	wantErr(t, "SendReset", w.identity.SendReset(admin, w.employee.ID), nil)
	if w.signedIn(t, pass) {
		t.Error("the session goes on")
	}
	must(w.login(t, "desk", "password of desk"))(t) // until the link is used
	wantErr(t, "of nobody", w.identity.SendReset(admin, nobody), identity.ErrNoUser)
	wantErr(t, "by staff", w.identity.SendReset(as(t, w.employee), w.user.ID), record.ErrForbidden)
	w.exec(t, "UPDATE users SET active = FALSE WHERE username = 'guest'")
	wantErr(t, "of an inactive user", w.identity.SendReset(admin, w.user.ID), identity.ErrInactive)
	blind := *w.identity
	blind.Users, blind.Links = nil, nil // it cannot look whether there is such a user
	for _, email := range []string{"desk@example.com", "stranger@example.com"} {
		wantErr(t, "Forgot", blind.Forgot(t.Context(), email), nil)
	}
	for _, email := range []string{"", "desk", "desk@example.com,admin@example.com", "desk@example.com\nBcc: x@example.com"} {
		if err := w.identity.Forgot(t.Context(), email); fault.Of(err).Kind != fault.Invalid {
			t.Errorf("Forgot(%q): %v", email, err)
		}
	}
	want := "reset " + string(w.employee.ID) + "\nforgotten desk@example.com\nforgotten stranger@example.com"
	if w.mails.all() != want {
		t.Errorf("mails: %s, want %s", w.mails.all(), want)
	}
	w.mails.fail = errors.New("no queue")
	pass = must(w.login(t, "desk", "password of desk"))(t)
	wantErr(t, "a mail that cannot be kept", w.identity.SendReset(admin, w.employee.ID), w.mails.fail)
	if !w.signedIn(t, pass) {
		t.Error("signed out for a mail that there is not")
	}
}
