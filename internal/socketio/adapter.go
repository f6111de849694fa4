package socketio

import (
	"context"
	"errors"
)

// ErrTooMany is the error of Enter for a member who has enough sockets.
var ErrTooMany = errors.New("too many sockets")

// An Adapter joins the instances of a namespace. What it cannot tell the others
// or ask them, it leaves: then it goes by what this instance knows.
type Adapter interface {
	// Run calls hear with what other instances publish, one after the other, and
	// presence with members whose last socket was on an instance that was found
	// dead (false), or of whom that was said though they are here (true), until
	// ctx is done.
	Run(ctx context.Context, hear func(Message), presence func(members []string, present bool)) error
	// Publish tells the other instances.
	Publish(ctx context.Context, m Message) error
	// Enter counts one more socket of a member and returns how many there are, or
	// ErrTooMany if there are most of them already; 0: no limit.
	Enter(ctx context.Context, member string, most int) (total int, err error)
	// Leave counts one less.
	Leave(ctx context.Context, member string) (total int, err error)
	// Members returns who has a socket on any instance.
	Members(ctx context.Context) ([]string, error)
}
