package socketio

import (
	"context"
	"errors"
	"time"
)

// ErrTooMany is the error of Enter for a member who has enough sockets.
var ErrTooMany = errors.New("too many sockets")

// A Message is what one instance tells the others to do.
type Message struct{}

// An Adapter joins the instances of a namespace. What it cannot tell the others
// or ask them, it leaves: then it goes by what this instance knows.
type Adapter interface {
	// Run calls hear with what other instances publish, one after the other, and
	// presence with members whose last socket was on an instance that was found
	// dead (false), or who were told so and are back with it (true), until ctx is done.
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

// Memory is the Adapter of an instance that is alone.
type Memory struct{ Adapter }

// NewMemory makes a Memory.
func NewMemory() *Memory { return &Memory{} }

// A Line is what Redis needs of a connection to a Redis server. Each call ends
// soon, also if there is no server.
type Line interface {
	Publish(ctx context.Context, channel, message string) error
	Subscribe(ctx context.Context, channel string, got func(message string)) error
	// Texts runs a script in Lua, which returns an array of texts.
	Texts(ctx context.Context, lua string, keys []string, args ...string) ([]string, error)
}

// Redis is the Adapter of instances that share a Redis server.
type Redis struct {
	Adapter
	Lease time.Duration // after which an instance that gave no sign is taken for dead
}

// NewRedis makes a Redis whose keys begin with name.
func NewRedis(line Line, name string) *Redis { return &Redis{} }
