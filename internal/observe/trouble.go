package observe

import "context"

// The sources of trouble, by what was being done.
const (
	InRequest Source = "request"
	InJob     Source = "job"
	InSocket  Source = "socket"
	InProgram Source = "program" // which has to stop because of it
)

// Source says in what something went wrong.
type Source string

// A Trouble is something that went wrong inside, and that whoever looks after
// the program should hear of.
type Trouble struct {
	Source Source
	Place  string // the pattern of a route, or the kind of a job
	Method string // of a request
	User   User   // who asked; empty if that is not known
	Err    error  // a *part.Panic if something panicked
	// Outage tells that everybody meets the same until it is over: it is told once.
	Outage bool
}

// A User is what is told of a user, and nothing else.
type User struct{ ID, Username, Role string }

// A Report is told of trouble. It never waits. A nil one tells nobody.
type Report func(context.Context, Trouble)

// Tell calls r, if there is one.
func (r Report) Tell(ctx context.Context, t Trouble) {
	if r != nil {
		r(ctx, t)
	}
}
