package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/record"
	"cartracker/internal/store/testdb"
)

// lastAdmin tries what would leave nobody in charge.
func lastAdmin(t *testing.T, w *world) {
	admin := as(t, w.admin)
	amend := func(change func(*identity.Account)) error {
		_, err := w.identity.Amend(admin, w.admin.ID, record.AnyVersion, func(a *identity.Account) error { change(a); return nil })
		return err
	}
	demote := func(a *identity.Account) { a.Role = record.Employee }
	wantErr(t, "demoted", amend(demote), identity.ErrLastAdmin)
	wantErr(t, "deactivated", amend(func(a *identity.Account) { a.Active = false }), identity.ErrLastAdmin)
	_, err := w.identity.Remove(admin, w.admin.ID, record.AnyVersion)
	wantErr(t, "deleted", err, identity.ErrLastAdmin)
	wantErr(t, "renamed", amend(func(a *identity.Account) { a.Username = "boss" }), nil)
	second := w.addUser(t, "second", record.Admin, nil)
	wantErr(t, "demoted beside another", amend(demote), nil)
	if got := must(w.users.Get(admin, second.ID))(t); got.Role != record.Admin || !got.Active {
		t.Errorf("the other admin is %+v", got)
	}
}

// lastAdminRaced lets two admins take each other away, in every way there is.
func lastAdminRaced(t *testing.T, w *world) {
	ways := []func(ctx context.Context, id record.UserID) error{
		func(ctx context.Context, id record.UserID) error {
			_, err := w.identity.Amend(ctx, id, record.AnyVersion, func(a *identity.Account) error { a.Role = record.User; return nil })
			return err
		},
		func(ctx context.Context, id record.UserID) error {
			_, err := w.identity.Amend(ctx, id, record.AnyVersion, func(a *identity.Account) error { a.Active = false; return nil })
			return err
		},
		func(ctx context.Context, id record.UserID) error {
			_, err := w.identity.Remove(ctx, id, record.AnyVersion)
			return err
		},
	}
	for round := range 9 {
		w.exec(t, "UPDATE users SET role = 'admin', active = TRUE WHERE username = 'admin'")
		w.exec(t, "UPDATE users SET role = 'user' WHERE username <> 'admin'")
		other := w.addUser(t, "other"+string(rune('a'+round)), record.Admin, nil)
		both := barrier(2)
		var kept atomic.Int32
		take := func(by, away identity.User, way int) {
			both()
			switch err := ways[way](as(t, by), away.ID); {
			case err == nil:
				kept.Add(1)
			default:
				wantErr(t, "take away", err, identity.ErrLastAdmin)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { take(w.admin, other, round%3) })
		wg.Go(func() { take(other, w.admin, round/3) })
		wg.Wait()
		if n := w.count(t, "SELECT COUNT(*) FROM users WHERE role = 'admin' AND active"); n != 1 || kept.Load() != 1 {
			t.Errorf("round %d leaves %d admins, %d were taken away; want 1 and 1", round, n, kept.Load())
		}
	}
}

// lastAdminSQL goes past the program: the database refuses by itself.
func lastAdminSQL(t *testing.T, w *world) {
	w.addUser(t, "second", record.Admin, nil)
	for _, statement := range []string{
		"UPDATE users SET role = 'user'", "UPDATE users SET active = FALSE", "DELETE FROM users", "DELETE FROM users WHERE role = 'admin'",
	} {
		if _, err := w.raw.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("done: %s", statement)
		}
	}
	both := barrier(2)
	var refused atomic.Int32
	var wg sync.WaitGroup
	for _, name := range []string{"admin", "second"} {
		wg.Go(func() {
			both()
			if _, err := w.raw.ExecContext(t.Context(), "UPDATE users SET active = FALSE WHERE username = $1", name); err != nil {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if n := w.count(t, "SELECT COUNT(*) FROM users WHERE role = 'admin' AND active"); n != 1 || refused.Load() != 1 {
		t.Errorf("%d admins are left, %d statements were refused; want 1 and 1", n, refused.Load())
	}
}

// userRemoved deletes who left no trace, and deactivates who did.
func userRemoved(t *testing.T, w *world) {
	admin := as(t, w.admin)
	u := must(w.identity.Add(admin, func(d *identity.Draft) error {
		d.Username, d.Email, d.Password = "new", "new@example.com", identity.NewPassword("long enough")
		return nil
	}))(t)
	if deleted, err := w.identity.Remove(admin, u.ID, 2); deleted || !errors.Is(err, record.ErrStale) {
		t.Errorf("of another version: %t, %v", deleted, err)
	}
	if deleted, err := w.identity.Remove(admin, u.ID, 1); !deleted || err != nil {
		t.Errorf("who left no trace: %t, %v", deleted, err)
	}
	_, err := w.users.Get(admin, u.ID)
	wantErr(t, "Get", err, identity.ErrNoUser)
	w.mustRent(t, w.addCar(t, "A1").ID, w.addCustomer(t, "Ana").ID, 0, 1)
	if deleted, err := w.identity.Remove(admin, w.employee.ID, record.AnyVersion); deleted || err != nil {
		t.Errorf("who rented a car out: %t, %v", deleted, err)
	}
	version := must(w.users.Get(t.Context(), w.employee.ID))(t).Version
	if deleted, err := w.identity.Remove(admin, w.employee.ID, version); deleted || err != nil {
		t.Errorf("deactivated again: deleted %t, %v", deleted, err)
	}
	if again := must(w.users.Get(t.Context(), w.employee.ID))(t).Version; again != version {
		t.Errorf("who is deactivated once more has version %d, want %d", again, version)
	}
	if got := must(w.users.Get(admin, w.employee.ID))(t); got.Active {
		t.Error("is still active")
	}
}

func (w *world) login(t testing.TB, name, password string) (identity.Pass, error) {
	ctx := record.As(t.Context(), record.Caller{IP: "192.0.2.9", UserAgent: "phone \xff", RequestID: "r"})
	return w.identity.Login(ctx, name, identity.NewPassword(password))
}

func signIn(t *testing.T, w *world) {
	for _, login := range []string{"desk", "DESK", "Desk@Example.com"} {
		pass := must(w.login(t, login, "password of desk"))(t)
		p, session, err := w.identity.Authenticate(t.Context(), pass.Access)
		if err != nil || p.ID != w.employee.ID || p.Role != record.Employee || *p.Name != *w.employee.Name || session == "" {
			t.Errorf("signed in as %+v, %v", p, err)
		}
	}
	if u := must(w.users.Get(t.Context(), w.employee.ID))(t); u.LastLogin == nil || *u.LastLogin != w.now() || u.Version != 1 {
		t.Errorf("after a sign-in: %+v", u)
	}
	w.exec(t, "UPDATE users SET active = FALSE WHERE username = 'guest'")
	for _, c := range [][2]string{{"desk", "wrong"}, {"nobody", "password of desk"}, {"guest", "password of guest"}, {"", ""}, {"desk", ""}} {
		_, err := w.login(t, c[0], c[1])
		wantErr(t, c[0], err, identity.ErrCredentials)
	}
	_, _, err := w.identity.Authenticate(t.Context(), "x")
	wantErr(t, "no token", err, record.ErrSignIn)
	_, _, err = w.identity.Authenticate(t.Context(), string(w.employee.ID)+"|desk|admin|"+nobody)
	wantErr(t, "no session", err, record.ErrSignIn)

	w.exec(t, "UPDATE users SET password_hash = 'old:' || password_hash WHERE username = 'desk'")
	must(w.login(t, "desk", "password of desk"))(t)
	if hash := must(w.users.PasswordHash(t.Context(), w.employee.ID))(t); hash != hashed("password of desk") {
		t.Errorf("an outdated hash was not replaced: %s", hash)
	}
}

// A slow hasher lets something happen while it verifies a password.
type slow struct {
	hasher
	meanwhile func()
}

func (h slow) Verify(ctx context.Context, hash, password string) (ok, outdated bool, err error) {
	h.meanwhile()
	return h.hasher.Verify(ctx, hash, password)
}

// signInRaced takes away what a sign-in rests on while the password is checked:
// no session may come of it.
func signInRaced(t *testing.T, w *world) {
	admin := as(t, w.admin)
	for what, meanwhile := range map[string]func(){
		"another password": func() {
			wantErr(t, "ResetPassword", w.identity.ResetPassword(admin, w.employee.ID, identity.NewPassword("a new password")), nil)
		},
		"deactivated": func() {
			_, err := w.identity.Amend(admin, w.employee.ID, record.AnyVersion, func(a *identity.Account) error { a.Active = false; return nil })
			wantErr(t, "Amend", err, nil)
		},
		"deleted": func() { w.exec(t, "DELETE FROM users WHERE username = 'desk'") },
	} {
		w.exec(t, "DELETE FROM users WHERE username = 'desk'")
		w.employee = w.addUser(t, "desk", record.Employee, nil)
		w.exec(t, "UPDATE users SET password_hash = 'old:' || password_hash WHERE username = 'desk'")
		service := *w.identity
		service.Hasher = slow{meanwhile: meanwhile}
		_, err := service.Login(t.Context(), "desk", identity.NewPassword("password of desk"))
		wantErr(t, what, err, identity.ErrCredentials)
		if n := w.count(t, "SELECT COUNT(*) FROM sessions"); n != 0 {
			t.Errorf("%s: %d sessions", what, n)
		}
		if n := w.count(t, "SELECT COUNT(*) FROM users WHERE password_hash = $1", hashed("password of desk")); n != 0 {
			t.Errorf("%s: the old password is back", what)
		}
	}
}

// expectSetup makes code the one with which the first admin can be made.
func expectSetup(t *testing.T, w *world, code string) {
	t.Helper()
	must(w.identity.AgreeOnSetup(t.Context(), func(date.Moment) string { return code }))(t)
}

// agreeOnSetup lets several that start together agree on a code, until its time is over.
func agreeOnSetup(t *testing.T, w *world) {
	codeOf := func(until date.Moment) string { return "until " + until.String() }
	agree := func() string {
		codes := make([]string, 8)
		var wg sync.WaitGroup
		for i := range codes {
			wg.Go(func() { codes[i], _ = w.identity.AgreeOnSetup(t.Context(), codeOf) })
		}
		wg.Wait()
		for _, code := range codes {
			if code == "" || code != codes[0] || !must(w.identity.SetupExpected(t.Context(), code))(t) {
				t.Errorf("they agree on %q", codes)
			}
		}
		return codes[0]
	}
	first := agree()
	if again := agree(); again != first {
		t.Errorf("later they agree on %q, and not on %q", again, first)
	}
	w.pass(identity.SetupLife)
	if next := agree(); next == first {
		t.Errorf("they agree on %q, which is too old", next)
	}
	w.pass(-identity.SetupLife)
}

// setupOnce makes the first admin. It needs a world of its own, without the
// triggers that keep the last one.
func setupOnce(t *testing.T, d testdb.Database) {
	w := newWorld(t, d)
	w.reset(t)
	w.exec(t, "DROP TRIGGER IF EXISTS users_last_admin_delete"+map[string]string{"postgres": " ON users"}[w.db.Name()])
	w.exec(t, "DROP TRIGGER IF EXISTS "+map[string]string{"postgres": "users_last_admin ON users", "sqlite": "users_last_admin_update"}[w.db.Name()])
	w.exec(t, "DELETE FROM users")
	fill := func(name string) func(*identity.Registration) error {
		return func(r *identity.Registration) error {
			r.Username, r.Email, r.Password = name, name+"@example.com", identity.NewPassword("long enough")
			return nil
		}
	}
	expectSetup(t, w, "first code")
	expectSetup(t, w, "code")
	for code, want := range map[string]bool{"code": true, "first code": false, "": false} {
		if got := must(w.identity.SetupExpected(t.Context(), code))(t); got != want {
			t.Errorf("SetupExpected(%s) = %t", code, got)
		}
	}
	_, err := w.identity.SetUp(t.Context(), "first code", fill("boss"))
	wantErr(t, "a code that was replaced", err, identity.ErrSetupCode)
	_, err = w.identity.SetUp(t.Context(), "code", fill("x"))
	if fault.Of(err).Kind != fault.Invalid {
		t.Errorf("a bad name: %v", err)
	}
	w.pass(identity.SetupLife)
	_, err = w.identity.SetUp(t.Context(), "code", fill("boss"))
	wantErr(t, "a code that is too old", err, identity.ErrSetupCode)
	w.pass(-identity.SetupLife)

	agreeOnSetup(t, w)
	expectSetup(t, w, "code")

	var wg sync.WaitGroup
	var made atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			switch u, err := w.identity.SetUp(t.Context(), "code", fill("boss"+string(rune('a'+i)))); {
			case err == nil:
				made.Add(1)
				if u.Role != record.Admin || !u.Active {
					t.Errorf("made %+v", u)
				}
			case !errors.Is(err, identity.ErrSetupCode):
				wantErr(t, "SetUp", err, identity.ErrNoSetup)
			}
		})
	}
	wg.Wait()
	if n := w.count(t, "SELECT COUNT(*) FROM users"); n != 1 || made.Load() != 1 {
		t.Errorf("one code made %d admins", n)
	}
	if needed := must(w.identity.SetupNeeded(t.Context()))(t); needed {
		t.Error("is still needed")
	}
}
