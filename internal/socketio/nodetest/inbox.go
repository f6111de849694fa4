package nodetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// Args are the arguments of an event or of an answer, as JSON. Bytes in them are
// to be read into Binary.
type Args []json.RawMessage

// Decode reads argument i into into.
func (a Args) Decode(t testing.TB, i int, into any) {
	t.Helper()
	if i >= len(a) {
		t.Fatalf("there are %d arguments, and none of number %d", len(a), i)
	}
	if err := json.Unmarshal(a[i], into); err != nil {
		t.Fatalf("argument %d is %.200s: %v", i, a[i], err)
	}
}

// String returns the arguments with spaces between them.
func (a Args) String() string {
	out := ""
	for i, raw := range a {
		if i > 0 {
			out += " "
		}
		out += string(raw)
	}
	return out
}

// An Event is one that came to a client.
type Event struct {
	Name string
	Args Args

	what   string // instead of an event: what happened to the socket
	ack    int
	client *Client
}

// AckWanted reports whether the server waits for an answer.
func (e Event) AckWanted() bool { return e.ack != 0 }

// Reply answers the server, once.
func (e Event) Reply(args ...any) {
	e.client.node.t.Helper()
	if e.ack == 0 {
		e.client.node.t.Fatalf("nobody waits for an answer to %s", e.Name)
	}
	e.client.node.send(command{Do: "reply", Ack: e.ack, Args: args})
}

// An inbox keeps what came until somebody asks for it.
type inbox struct {
	mu   sync.Mutex
	all  []Event
	more chan struct{} // closed when something came
}

func newInbox() *inbox { return &inbox{more: make(chan struct{})} }

func (b *inbox) put(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, e)
	close(b.more)
	b.more = make(chan struct{})
}

// take removes the first event that is wanted. If there is none, it returns
// what is closed when another event came.
func (b *inbox) take(wanted func(Event) bool) (Event, bool, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.all, wanted)
	if i < 0 {
		return Event{}, false, b.more
	}
	e := b.all[i]
	if i == 0 { // the usual: thousands that are taken in their order
		b.all = b.all[1:]
	} else {
		b.all = slices.Delete(b.all, i, i+1)
	}
	return e, true, nil
}

// names returns what waits, for a message.
func (b *inbox) names() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.all {
		all = append(all, fmt.Sprintf("%s%s(%.80s)", e.what, e.Name, e.Args))
	}
	if len(all) > 20 {
		all = append(all[:20], fmt.Sprintf("and %d more", len(all)-20))
	}
	return all
}

// wait takes the first event that is wanted, once it has come.
func (b *inbox) wait(wanted func(Event) bool, within time.Duration, ended <-chan struct{}) (Event, bool) {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		e, ok, more := b.take(wanted)
		if ok {
			return e, true
		}
		select {
		case <-more:
		case <-late.C:
			return Event{}, false
		case <-ended:
			e, ok, _ := b.take(wanted) // all that was said has been heard
			return e, ok
		}
	}
}
