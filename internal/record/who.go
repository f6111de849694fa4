package record

import (
	"context"
	"net/netip"
	"strings"

	"cartracker/internal/encode"
	"cartracker/internal/fault"
)

// A Role is what a person may do.
type Role string

// The roles, from most to least.
const (
	Admin    Role = "admin"    // everything
	Employee Role = "employee" // the rental desk
	User     Role = "user"     // sees cars and the own profile
)

// A UserID names one user.
type UserID string

// A Person is what a record tells about a user, and nothing else of them.
type Person struct {
	ID       UserID  `json:"id"`
	Username string  `json:"username"`
	Name     *string `json:"name"`
	Role     Role    `json:"role" enum:"admin,employee,user"`
}

// AppendJSON writes p as JSON behind b.
func (p Person) AppendJSON(b []byte) []byte {
	o := encode.Begin(b)
	o.Text("id", string(p.ID))
	o.Text("username", p.Username)
	o.OptionalText("name", p.Name)
	o.Text("role", string(p.Role))
	return o.End()
}

// A Caller is who asks, and how. The zero Caller is nobody known.
type Caller struct {
	Person
	SessionID string
	IP        string
	UserAgent string
	RequestID string
}

// Network returns what the caller's address is counted as: whoever has one
// address of IPv6 has all of its /64.
func (c Caller) Network() string {
	addr, err := netip.ParseAddr(c.IP)
	if err != nil || addr.Is4() {
		return c.IP
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return c.IP
	}
	return p.String()
}

type callerKey struct{}

// As returns a context in which c asks. What c's client says of itself becomes
// valid UTF-8, for databases refuse anything else.
func As(ctx context.Context, c Caller) context.Context {
	c.UserAgent = strings.ToValidUTF8(c.UserAgent, "?")
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns who asks.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

type freshKey struct{}

// Fresh returns a context in which whatever is read is as the last commit left
// it. Others may read what was there a moment ago, but always find what they
// wrote themselves. What is kept for others, or decides who somebody is, has to
// be read so.
func Fresh(ctx context.Context) context.Context {
	return context.WithValue(ctx, freshKey{}, true)
}

// IsFresh reports whether ctx, or one that it is made of, is from Fresh.
func IsFresh(ctx context.Context) bool {
	fresh, _ := ctx.Value(freshKey{}).(bool)
	return fresh
}

// Errors of callers who may not.
var (
	ErrSignIn    = fault.New(fault.Unauthenticated, "unauthorized", "sign in first")
	ErrForbidden = fault.New(fault.Forbidden, "forbidden", "your role may not do this")
)

// Access is who may do something.
type Access uint8

// The levels of access, each allowing less than the one before.
const (
	Anyone    Access = iota // no sign-in needed
	SignedIn                // every role
	Staff                   // employees and admins
	AdminOnly               // admins
)

func (a Access) String() string {
	return [...]string{"anyone", "user", "employee", "admin"}[a]
}

// Allow returns ErrSignIn or ErrForbidden if c may not.
func (a Access) Allow(c Caller) error {
	switch {
	case a == Anyone:
		return nil
	case c.Role == "":
		return ErrSignIn
	case a == Staff && c.Role != Employee && c.Role != Admin, a == AdminOnly && c.Role != Admin:
		return ErrForbidden
	}
	return nil
}

// Require returns ErrSignIn or ErrForbidden if whoever asks may not.
func Require(ctx context.Context, a Access) error { return a.Allow(CallerOf(ctx)) }

// SeesPeople reports whether whoever asks may see who made and changed records.
func SeesPeople(ctx context.Context) bool { return Staff.Allow(CallerOf(ctx)) == nil }
