// Package overload keeps more requests from working on the database at the
// same time than it has use for. A few more wait; the rest are refused at once,
// the least important first, so that those who are let in are served as fast
// as ever.
package overload

import "context"

// A Class says how important a request is to those who wait at the counter.
type Class int

// The classes, in the order in which they are refused.
const (
	None   Class = iota // does not come to the database, or is there already
	Report              // reports, exports and imports, which may take minutes
	Read
	Write
	SignIn

	classes = iota
)

func (c Class) String() string {
	return [classes]string{"none", "report", "read", "write", "sign-in"}[c]
}

type classKey struct{}

// As returns a context in which requests of a class are made.
func As(ctx context.Context, c Class) context.Context {
	return context.WithValue(ctx, classKey{}, c)
}

// ClassOf returns the class of a context, None if nobody has said.
func ClassOf(ctx context.Context) Class {
	c, _ := ctx.Value(classKey{}).(Class)
	return c
}
