package overload

import (
	"context"
	"sync"
	"time"
)

// Room is how many requests a Gate lets in. A class may have the places of the
// less important ones as well: reads those of reports, sign-ins all. Writes may
// wait for one another for minutes once they are inside, and so leave some.
type Room struct {
	Reports int // places of reports, at least 1
	Reads   int // of reads and reports together
	Writes  int // of writes; the rest is for those who read or sign in. 0: all
	All     int
	Queue   int           // how many may wait: a quarter of it for reports, three quarters for them and reads
	Wait    time.Duration // for how long
}

// A Gate lets requests in to the database, a bounded number at a time.
type Gate struct {
	room     Room
	most     [classes]int // places of a class and of all that are less important
	line     [classes]int // the same of those who wait
	refusing chan struct{}

	mu     sync.Mutex
	counts [classes]Counts
	queue  [classes][]*waiter // the first to come is the first
}

// A waiter waits for a place.
type waiter struct {
	class Class
	told  chan error // nil: it has a place; sent once, by whoever takes it off the queue
}

// New returns a Gate with room for r. What makes no sense in r, such as more
// places for reads than there are, is made to.
func New(r Room) *Gate {
	r.Reports, r.Queue = max(r.Reports, 1), max(r.Queue, 0)
	r.Reads = max(r.Reads, r.Reports)
	r.All = max(r.All, r.Reads, r.Writes)
	if r.Writes < 1 {
		r.Writes = r.All
	}
	return &Gate{
		room: r, refusing: make(chan struct{}, 1),
		most: [classes]int{Report: r.Reports, Read: r.Reads, Write: r.All, SignIn: r.All},
		line: [classes]int{Report: (r.Queue + 3) / 4, Read: (3*r.Queue + 3) / 4, Write: r.Queue, SignIn: r.Queue},
	}
}

// Room returns what the gate has room for.
func (g *Gate) Room() Room { return g.room }

// Pass lets a request of the class of ctx in: what is done in the context that
// it returns asks for no other place. Leave has to be called when that is done.
// Where ctx has no class, Pass lets it in at once.
func (g *Gate) Pass(ctx context.Context) (inside context.Context, leave func(), err error) {
	class := ClassOf(ctx)
	if class == None {
		return ctx, func() {}, nil
	}
	if leave, err = g.insist(ctx, class); err != nil {
		return nil, nil, err
	}
	return As(ctx, None), leave, nil
}

// Enter takes a place for a request of a class, or waits for one. Leave gives
// it back, and does nothing when it is called again. Enter fails with a
// *Refusal, or when ctx is done before.
func (g *Gate) Enter(ctx context.Context, c Class) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := g.ask(c)
	if err == nil && w != nil {
		err = g.await(ctx, w)
	}
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { g.leave(c) }), nil
}

// Check returns the *Refusal that Enter would return at once, so that nothing
// need be prepared for it.
func (g *Gate) Check(c Class) error {
	if c == None {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isOpen(c) || g.canWait(c) || g.least(c) != None {
		return nil
	}
	return g.refuse(c)
}

// ask takes a place, or one in the queue if w is not nil.
func (g *Gate) ask(c Class) (w *waiter, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isOpen(c) {
		g.take(c)
		return nil, nil
	}
	if !g.canWait(c) && !g.evict(c) {
		return nil, g.refuse(c)
	}
	w = &waiter{class: c, told: make(chan error, 1)}
	g.queue[c] = append(g.queue[c], w)
	g.counts[c].Waited++
	return w, nil
}

// isOpen reports whether a newcomer need not wait. If anybody more important
// does then, they are writes that wait for other writes to leave: they have no
// use for what is free, or would have had it.
func (g *Gate) isOpen(c Class) bool { return len(g.queue[c]) == 0 && g.isFree(c) }

// isFree reports whether there is a place for a class.
func (g *Gate) isFree(c Class) bool {
	if c == Write && g.counts[Write].InUse >= g.room.Writes {
		return false
	}
	return fits(c, g.most, func(d Class) int { return g.counts[d].InUse })
}

// fits reports whether one more of a class is no more than it, and all that are
// more important, may have together with those below.
func fits(c Class, most [classes]int, have func(Class) int) bool {
	sum := 0
	for d := Report; d < classes; d++ {
		sum += have(d)
		if d >= c && sum >= most[d] {
			return false
		}
	}
	return true
}

func (g *Gate) take(c Class) {
	g.counts[c].Entered++
	g.counts[c].InUse++
}

// leave gives a place back, and lets in whoever can have it, the most
// important first. What writes may not have is left to those after them.
func (g *Gate) leave(c Class) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counts[c].InUse--
	for d := SignIn; d > None; d-- {
		for len(g.queue[d]) > 0 && g.isFree(d) {
			g.take(d)
			g.dequeue(g.queue[d][0]).told <- nil
		}
	}
}
