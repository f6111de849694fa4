package httpapi

import (
	"context"
	"net/http"
	"reflect"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/record"
)

// A forgottenBody asks for a link that sets a new password.
type forgottenBody struct {
	Email string `json:"email" maxLength:"254" format:"email"`
}

// A newPasswordBody sets the password that a link is for.
type newPasswordBody struct {
	Token    string            `json:"token" minLength:"1" maxLength:"100" doc:"That of the link in the mail."`
	Password identity.Password `json:"password" minLength:"8" maxLength:"1024"`
}

var (
	forgottenShape   = newShape(reflect.TypeFor[forgottenBody](), nil, true)
	newPasswordShape = newShape(reflect.TypeFor[newPasswordBody](), nil, true)
)

func (a *API) linkRoutes(at func(method, path, summary string, body, answer reflect.Type) route) {
	done := reflect.TypeFor[success[*struct{}]]()
	r := at("POST", "forgot-password", "Ask for a mail with a link that sets a new password", reflect.TypeFor[forgottenBody](), done)
	r.status, r.limiter = http.StatusAccepted, everySign
	register(a, r, a.forgotPassword)
	r = at("POST", "set-password", "Set the password that a link from a mail is for", reflect.TypeFor[newPasswordBody](), done)
	r.errors, r.limiter = []int{http.StatusUnauthorized}, signIns
	register(a, r, a.setPassword)
}

// forgotPassword answers the same, after the same work, whoever is asked for.
func (a *API) forgotPassword(ctx context.Context, _ *struct{}) (reply, error) {
	var in forgottenBody
	if err := forgottenShape.fill(askedOf(ctx).body, "", &in); err != nil {
		return reply{}, err
	}
	if err := a.Identity.Forgot(ctx, in.Email); err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusAccepted, success[*struct{}]{Success: true, Message: "if somebody has this address, a mail is on its way to it"})
}

func (a *API) setPassword(ctx context.Context, _ *struct{}) (reply, error) {
	var in newPasswordBody
	var bad fault.Fields
	filled := newPasswordShape.fill(askedOf(ctx).body, "", &in)
	record.CheckText(&bad, "token", in.Token, 1, 100)
	record.CheckText(&bad, "password", in.Password.Reveal(), 8, 1024)
	if err := fault.All(filled, bad.Err()); err != nil {
		return reply{}, err
	}
	if err := a.setPasswordBy(ctx, in.Token, in.Password); err != nil {
		return reply{}, err
	}
	return nothing("set; sign in with it")
}

// setPasswordBy sets the password that a link is for, unless too many have failed.
func (a *API) setPasswordBy(ctx context.Context, token string, next identity.Password) error {
	return a.attempt(ctx, attempt{failed: unauthenticated, try: func(ctx context.Context) error {
		return a.Identity.SetPasswordBy(ctx, token, next)
	}})
}
