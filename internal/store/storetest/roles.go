package storetest

import (
	"context"
	"errors"
	"testing"

	"cartracker/internal/audit"
	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/identity"
	"cartracker/internal/notifications"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// roles calls everything as everybody. Whoever may not is refused before
// anything is looked at; whoever may finds nothing, or is told what is wrong.
func roles(t *testing.T, w *world) {
	id := func(*identity.Account) error { return errBoom }
	car := func(*fleet.Draft) error { return errBoom }
	customer := func(*customers.Draft) error { return errBoom }
	contract := func(*rental.Draft) error { return errBoom }
	p := identity.NewPassword("long enough")
	none := func(_ any, err error) error { return err }
	calls := map[string]struct {
		who record.Access
		do  func(ctx context.Context) error
	}{
		"users: list": {record.AdminOnly, func(ctx context.Context) error { return none(w.identity.List(ctx, identity.Filter{})) }},
		"users: get":  {record.AdminOnly, func(ctx context.Context) error { return none(w.identity.Get(ctx, nobody)) }},
		"users: me":   {record.SignedIn, func(ctx context.Context) error { return none(w.identity.Me(ctx)) }},
		"users: add": {record.AdminOnly, func(ctx context.Context) error {
			return none(w.identity.Add(ctx, func(*identity.Draft) error { return errBoom }))
		}},
		"users: amend": {record.AdminOnly, func(ctx context.Context) error { return none(w.identity.Amend(ctx, nobody, 0, id)) }},
		"users: amend me": {record.SignedIn, func(ctx context.Context) error {
			return none(w.identity.AmendMe(ctx, 0, func(*identity.Profile) error { return errBoom }))
		}},
		"users: remove":        {record.AdminOnly, func(ctx context.Context) error { return none(w.identity.Remove(ctx, nobody, 0)) }},
		"users: reset":         {record.AdminOnly, func(ctx context.Context) error { return w.identity.ResetPassword(ctx, nobody, p) }},
		"cars: list":           {record.SignedIn, func(ctx context.Context) error { return none(w.fleet.List(ctx, fleet.Filter{})) }},
		"cars: available":      {record.SignedIn, func(ctx context.Context) error { return none(w.fleet.Available(ctx, span(0, 1), fleet.Filter{})) }},
		"cars: get":            {record.SignedIn, func(ctx context.Context) error { return none(w.fleet.Get(ctx, nobody)) }},
		"cars: add":            {record.AdminOnly, func(ctx context.Context) error { return none(w.fleet.Add(ctx, car)) }},
		"cars: amend":          {record.Staff, func(ctx context.Context) error { return none(w.fleet.Amend(ctx, nobody, 0, car)) }},
		"cars: archive":        {record.AdminOnly, func(ctx context.Context) error { return none(w.fleet.Archive(ctx, nobody, true)) }},
		"cars: remove":         {record.AdminOnly, func(ctx context.Context) error { return w.fleet.Remove(ctx, nobody, 0) }},
		"cars: availability":   {record.SignedIn, func(ctx context.Context) error { return none(w.rental.Availability(ctx, nobody, span(0, 1))) }},
		"cars: calendar":       {record.Staff, func(ctx context.Context) error { return none(w.rental.Calendar(ctx, span(0, 1))) }},
		"customers: list":      {record.Staff, func(ctx context.Context) error { return none(w.clients.List(ctx, customers.Filter{})) }},
		"customers: get":       {record.Staff, func(ctx context.Context) error { return none(w.clients.Get(ctx, nobody)) }},
		"customers: add":       {record.Staff, func(ctx context.Context) error { return none(w.clients.Add(ctx, customer)) }},
		"customers: amend":     {record.Staff, func(ctx context.Context) error { return none(w.clients.Amend(ctx, nobody, 0, customer)) }},
		"customers: remove":    {record.AdminOnly, func(ctx context.Context) error { return w.clients.Remove(ctx, nobody, 0) }},
		"customers: contracts": {record.Staff, func(ctx context.Context) error { return none(w.rental.Of(ctx, nobody, rental.Filter{})) }},
		"contracts: list":      {record.Staff, func(ctx context.Context) error { return none(w.rental.List(ctx, rental.Filter{})) }},
		"contracts: expiring":  {record.Staff, func(ctx context.Context) error { return none(w.rental.Expiring(ctx, 7, rental.Filter{})) }},
		"contracts: get":       {record.Staff, func(ctx context.Context) error { return none(w.rental.Get(ctx, nobody)) }},
		"contracts: rent":      {record.Staff, func(ctx context.Context) error { return none(w.rental.Rent(ctx, contract)) }},
		"contracts: amend":     {record.Staff, func(ctx context.Context) error { return none(w.rental.Amend(ctx, nobody, 0, contract)) }},
		"contracts: cancel":    {record.Staff, func(ctx context.Context) error { return none(w.rental.Cancel(ctx, nobody, 0, "")) }},
		"contracts: notified":  {record.Staff, func(ctx context.Context) error { return none(w.rental.MarkNotified(ctx, nobody)) }},
		"contracts: remove":    {record.AdminOnly, func(ctx context.Context) error { return w.rental.Remove(ctx, nobody, 0) }},
		"contracts: conflicts": {record.Staff, func(ctx context.Context) error { return none(w.rental.Conflicts(ctx, nobody, span(0, 1), "")) }},
		"contracts: revenue":   {record.Staff, func(ctx context.Context) error { return none(w.rental.Revenue(ctx, date.Date{}, date.Date{})) }},
		"the audit log: list":  {record.AdminOnly, func(ctx context.Context) error { return none(w.audit.List(ctx, audit.Filter{})) }},
		"the audit log: count": {record.AdminOnly, func(ctx context.Context) error { return none(w.audit.Statistics(ctx, audit.Selection{})) }},
		"the audit log: get":   {record.AdminOnly, func(ctx context.Context) error { return none(w.audit.Get(ctx, nobody)) }},
		"inbox: list":          {record.SignedIn, func(ctx context.Context) error { return none(w.inboxes.List(ctx, notifications.Filter{})) }},
		"inbox: unread":        {record.SignedIn, func(ctx context.Context) error { return none(w.inboxes.Unread(ctx, notifications.Filter{})) }},
		"inbox: count":         {record.SignedIn, func(ctx context.Context) error { return none(w.inboxes.UnreadCount(ctx)) }},
		"inbox: recent":        {record.SignedIn, func(ctx context.Context) error { return none(w.inboxes.Recent(ctx, 7, notifications.Filter{})) }},
		"inbox: seen":          {record.SignedIn, func(ctx context.Context) error { return none(w.inboxes.Seen(ctx, nobody)) }},
		"inbox: all seen":      {record.SignedIn, func(ctx context.Context) error { return none(w.inboxes.MarkAllSeen(ctx)) }},
		"inbox: delete":        {record.SignedIn, func(ctx context.Context) error { return w.inboxes.Delete(ctx, nobody) }},
		"inbox: send": {record.Staff, func(ctx context.Context) error {
			return none(w.inboxes.Send(ctx, func(*notifications.Draft) error { return errBoom }))
		}},
		"who is there":           {record.Staff, func(ctx context.Context) error { return none(w.identity.Online(ctx)) }},
		"who was there":          {record.Staff, func(ctx context.Context) error { return none(w.identity.Statuses(ctx, page.Query{})) }},
		"the own password":       {record.SignedIn, func(ctx context.Context) error { return w.identity.ChangePassword(ctx, record.CallerOf(ctx).ID, p, p) }},
		"the password of others": {record.AdminOnly, func(ctx context.Context) error { return w.identity.ResetPasswordOf(ctx, "guest", identity.Password{}) }},
	}
	for name, call := range calls {
		for role, ctx := range map[string]context.Context{"anonymous": t.Context(), "user": as(t, w.user), "employee": as(t, w.employee), "admin": as(t, w.admin)} {
			err, want := call.do(ctx), call.who.Allow(record.CallerOf(ctx))
			refused := errors.Is(err, record.ErrSignIn) || errors.Is(err, record.ErrForbidden)
			if refused != (want != nil) || refused && !errors.Is(err, want) {
				t.Errorf("%s as %s: %v, want %v", name, role, err, want)
			}
		}
	}
}

// deskLimits is what employees change of cars, and what users see of people.
func deskLimits(t *testing.T, w *world) {
	admin, desk, guest := as(t, w.admin), as(t, w.employee), as(t, w.user)
	car := must(w.fleet.Add(admin, func(d *fleet.Draft) error { d.Details = details("A1"); d.Mileage = 100; return nil }))(t)
	ref := fleet.Ref(car.ID)
	amend := func(ctx context.Context, change func(*fleet.Draft)) (fleet.Car, error) {
		return w.fleet.Amend(ctx, ref, record.AnyVersion, func(d *fleet.Draft) error { change(d); return nil })
	}
	_, err := amend(desk, func(d *fleet.Draft) { d.Status, d.Mileage, d.CurrentLocation = fleet.Maintenance, 120, ptr("Ilidža") })
	wantErr(t, "what the desk changes", err, nil)
	_, err = amend(desk, func(d *fleet.Draft) { d.Status, d.PricePerDay = fleet.Available, fleet.MaxPrice })
	wantErr(t, "and a price", err, record.ErrForbidden)
	_, err = amend(desk, func(d *fleet.Draft) { d.Mileage = 119 })
	if f := fault.Of(err); f.Kind != fault.Invalid || f.Fields[0].Field != "mileage" {
		t.Errorf("a mileage that goes down: %v", err)
	}
	got := must(amend(desk, func(d *fleet.Draft) { d.Mileage, d.MileageCorrection = 110, ptr("misread") }))(t)
	if got.Mileage != 110 || got.Status != fleet.Maintenance || got.PricePerDay != car.PricePerDay || got.UpdatedBy.Username != "desk" {
		t.Errorf("changed to %+v", got)
	}
	logs := must(w.audit.List(admin, audit.Filter{Selection: audit.Selection{Q: "misread"}}))(t)
	if logs.Total != 1 {
		t.Errorf("%d entries tell why the mileage went down, want 1", logs.Total)
	}
	for who, ctx := range map[string]context.Context{"a user": guest, "an employee": desk} {
		one := must(w.fleet.Get(ctx, ref))(t)
		all := must(w.fleet.List(ctx, fleet.Filter{}))(t).Items[0]
		for _, c := range []fleet.Car{one, all} {
			if (c.CreatedBy != nil) != (who == "an employee") || (c.UpdatedBy != nil) != (who == "an employee") {
				t.Errorf("%s sees %+v and %+v behind a car", who, c.CreatedBy, c.UpdatedBy)
			}
		}
	}
	must(amend(admin, func(d *fleet.Draft) { d.Status = fleet.Available }))(t)
	ana := w.addCustomer(t, "Ana")
	c := w.mustRent(t, car.ID, ana.ID, 1, 3)
	seen := must(w.rental.Availability(guest, ref, span(0, 9)))(t)
	if len(seen) != 1 || seen[0].Span != span(1, 3) || seen[0].ContractID != nil || seen[0].CustomerName != nil || seen[0].CustomerPassportNumber != nil || seen[0].TotalAmount != nil {
		t.Errorf("a user sees %+v", seen)
	}
	if seen := must(w.rental.Conflicts(desk, car.ID, span(0, 9), ""))(t); len(seen) != 1 || *seen[0].CustomerPassportNumber != ana.PassportNumber {
		t.Errorf("an employee sees %+v", seen)
	}
	if seen := must(w.rental.Conflicts(desk, car.ID, span(0, 9), c.ID))(t); len(seen) != 0 {
		t.Errorf("a contract conflicts with itself: %+v", seen)
	}
	_, err = w.rental.Conflicts(desk, nobody, span(0, 9), "")
	if f := fault.Of(err); f.Kind != fault.Invalid || f.Fields[0].Field != "carId" {
		t.Errorf("conflicts of no car: %v", err)
	}
	_, err = w.rental.Calendar(desk, span(0, rental.MaxCalendarDays+1))
	wantErr(t, "a long calendar", err, fault.New(fault.Malformed, "bad_request", ""))
	if p := must(w.rental.Of(desk, ana.ID, rental.Filter{}))(t); p.Total != 1 {
		t.Errorf("a customer has %d contracts, want 1", p.Total)
	}
	if p := must(w.rental.Expiring(desk, 3, rental.Filter{}))(t); p.Total != 1 {
		t.Errorf("%d contracts end within 3 days, want 1", p.Total)
	}
	if p := must(w.rental.Expiring(desk, 2, rental.Filter{}))(t); p.Total != 0 {
		t.Errorf("%d contracts end within 2 days, want 0", p.Total)
	}
	_, err = w.fleet.Available(guest, span(0, 9), fleet.Filter{Status: fleet.Maintenance})
	wantErr(t, "available in maintenance", err, fault.New(fault.Malformed, "bad_request", ""))
	for _, ref := range []fleet.Ref{"", "a/b", "--"} {
		_, err = w.fleet.Get(guest, ref)
		wantErr(t, "a bad reference", err, fleet.ErrBadRef)
	}
}

// registration is open only where it was opened, and makes users only.
func registration(t *testing.T, w *world) {
	service := *w.identity
	register := func(email string) (identity.User, error) {
		return service.Register(t.Context(), func(r *identity.Registration) error {
			r.Username, r.Email, r.Password = "new", email, identity.NewPassword("long enough")
			return nil
		})
	}
	_, err := register("new@example.com")
	wantErr(t, "closed", err, identity.ErrRegistrationClosed)
	service.RegistrationOpen = true
	if u := must(register("new@example.com"))(t); u.Role != record.User || !u.Active || u.Language != identity.English {
		t.Errorf("made %+v", u)
	}
	_, err = register("other@example.com")
	wantErr(t, "again", err, identity.ErrUsernameTaken)
	must(w.login(t, "new", "long enough"))(t)
	wantErr(t, "ResetPasswordOf", w.identity.ResetPasswordOf(as(t, w.admin), "NEW@example.com", identity.NewPassword("another one")), nil)
	must(w.login(t, "new", "another one"))(t)
	me := must(w.identity.Me(as(t, w.user)))(t)
	if me.ID != w.user.ID {
		t.Errorf("a user is %+v", me)
	}
	me = must(w.identity.AmendMe(as(t, w.user), 1, func(p *identity.Profile) error { p.Phone = ptr("061 123 456"); return nil }))(t)
	if *me.Phone != "061 123 456" || me.Role != record.User {
		t.Errorf("changed to %+v", me)
	}
}
