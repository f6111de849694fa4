package httpapi

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/record"
)

type ownPasswordBody struct {
	CurrentPassword identity.Password `json:"currentPassword" minLength:"1" maxLength:"1024"`
	NewPassword     identity.Password `json:"newPassword" minLength:"8" maxLength:"1024"`
}

type resetPasswordBody struct {
	SendEmail   bool              `json:"sendEmail" default:"false" doc:"Send the user a mail with a link that sets a new password. It can be used once, for 24 hours; the old password is good until then."`
	NewPassword identity.Password `json:"newPassword" required:"false" nullable:"true" minLength:"8" maxLength:"1024" doc:"Set this one. Either this or sendEmail is required, and not both."`
}

var (
	ownPasswordShape   = newShape(reflect.TypeFor[ownPasswordBody](), nil, true)
	resetPasswordShape = newShape(reflect.TypeFor[resetPasswordBody](), nil, true)
)

func (a *API) userRoutes() {
	s := a.Identity
	at := func(path, summary string, access record.Access) route {
		return route{path: "/api/users" + path, tag: "Users", summary: summary, access: access}
	}
	list(a, at("", "List users", record.AdminOnly), s.List)
	createIn2(a, at("", "Make a user", record.AdminOnly), func(u identity.User) string { return string(u.ID) }, s.Prepare)
	r := at("/me", "Show the own profile", record.SignedIn)
	r.method, r.answer = http.MethodGet, reflect.TypeFor[success[identity.User]]()
	register(a, r, func(ctx context.Context, _ *struct{}) (reply, error) { return one(s.Me(ctx)) })
	amend(a, at("/me", "Change the own profile", record.SignedIn), me,
		func(ctx context.Context, _ string, version int, change func(*identity.Profile) error) (identity.User, error) {
			return s.AmendMe(ctx, version, change)
		})
	show[IDPath](a, at("/{id}", "Show a user", record.AdminOnly), func(ctx context.Context, id string) (identity.User, error) {
		return s.Get(ctx, record.UserID(id))
	})
	amend(a, at("/{id}", "Change a user", record.AdminOnly), byID,
		func(ctx context.Context, id string, version int, change func(*identity.Account) error) (identity.User, error) {
			return s.Amend(ctx, record.UserID(id), version, change)
		})
	remove[IDPath](a, at("/{id}", "Delete a user, or deactivate one who has history", record.AdminOnly), a.removeUser)

	r = at("/{id}/password", "Change the own password", record.SignedIn)
	r.errors, r.apart = []int{http.StatusForbidden}, true
	r.method, r.body, r.answer = http.MethodPut, reflect.TypeFor[ownPasswordBody](), reflect.TypeFor[success[*struct{}]]()
	register(a, r, a.changePassword)
	r = at("/{id}/reset-password", "Set the password of a user, or send them a link that does", record.AdminOnly)
	r.apart, r.errors = true, []int{http.StatusConflict}
	r.method, r.body, r.answer = http.MethodPost, reflect.TypeFor[resetPasswordBody](), reflect.TypeFor[success[*struct{}]]()
	register(a, r, a.resetPassword)
}

// me resolves the path of the own profile.
func me(ctx context.Context, _ struct{}) (string, error) {
	return string(record.CallerOf(ctx).ID), nil
}

func (a *API) removeUser(ctx context.Context, id string, version int) (string, error) {
	deleted, err := a.Identity.Remove(ctx, record.UserID(id), version)
	if deleted {
		return "deleted", err
	}
	return "deactivated, for the user has history", err
}

func (a *API) changePassword(ctx context.Context, p *IDPath) (reply, error) {
	id, err := p.ref()
	if err != nil {
		return reply{}, err
	}
	var in ownPasswordBody
	var bad fault.Fields
	filled := ownPasswordShape.fill(askedOf(ctx).body, "", &in)
	record.CheckText(&bad, "currentPassword", in.CurrentPassword.Reveal(), 1, 1024)
	if err := fault.All(filled, bad.Err()); err != nil {
		return reply{}, err
	}
	err = a.attempt(ctx, attempt{
		account: func(context.Context) (string, error) { return id, nil },
		failed:  func(err error) bool { return errors.Is(err, identity.ErrWrongPassword) },
		try: func(ctx context.Context) error {
			return a.Identity.ChangePassword(ctx, record.UserID(id), in.CurrentPassword, in.NewPassword)
		},
	})
	if err != nil {
		return reply{}, err
	}
	return nothing("changed; sign in again")
}

func (a *API) resetPassword(ctx context.Context, p *IDPath) (reply, error) {
	id, err := p.ref()
	if err != nil {
		return reply{}, err
	}
	var in resetPasswordBody
	if err := resetPasswordShape.fill(askedOf(ctx).body, "", &in); err != nil {
		return reply{}, err
	}
	if err := in.check(); err != nil {
		return reply{}, err
	}
	if in.SendEmail {
		if err := a.Identity.SendReset(ctx, record.UserID(id)); err != nil {
			return reply{}, err
		}
		return nothing("a mail is on its way; the user is signed out everywhere")
	}
	if err := a.Identity.ResetPassword(ctx, record.UserID(id), in.NewPassword); err != nil {
		return reply{}, err
	}
	return nothing("reset; the user is signed out everywhere")
}

// check refuses both ways to reset a password, and neither.
func (in resetPasswordBody) check() error {
	var bad fault.Fields
	given := in.NewPassword.Reveal() != ""
	bad.Check(given || in.SendEmail, "newPassword", "is required unless sendEmail is true")
	bad.Check(!given || !in.SendEmail, "newPassword", "must not be given together with sendEmail")
	return bad.Err()
}
