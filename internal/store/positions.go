package store

import (
	"context"
	"sync"
	"time"
)

// A Position is how far the log of a server goes, in bytes. What was committed
// before the primary was asked for its position is in the log up to there.
type Position int64

// Farthest is a position that no replica comes to: that of a write of which
// nobody knows where it is. It is what every program takes for an exact number.
const Farthest Position = 1 << 53

// Positions know how far a replica must have come so that a caller finds there
// what they wrote. They need to know it for PositionLife only.
type Positions interface {
	// Note tells that who wrote something that is in the log up to at. After
	// an error it is not certain that everybody learns of it.
	Note(ctx context.Context, who string, at Position) error
	// Last returns the furthest position that was noted for who, and 0 if there
	// is none. An error says that nobody can know.
	Last(ctx context.Context, who string) (Position, error)
}

// PositionLife is how long a position has to be known, where replicas that are
// further behind than maxLag are left out: after that all that are read have
// come past it.
func PositionLife(maxLag time.Duration) time.Duration { return maxLag + maxUnseen + time.Second }

// maxNoted is how many callers are known one by one.
const maxNoted = 10_000

// LocalPositions are the positions that this process noted.
type LocalPositions struct {
	life time.Duration
	most int // callers who are known one by one, in each half

	mu         sync.Mutex
	young, old noted
	turned     time.Time // when young began
}

// noted are the positions that were noted in a time.
type noted struct {
	each map[string]Position
	all  Position // of everybody who is not in each
}

// NewPositions returns positions that are known for a time of life and a little more.
func NewPositions(life time.Duration) *LocalPositions {
	return &LocalPositions{life: life, most: maxNoted}
}

// Note remembers a position. It never fails.
func (p *LocalPositions) Note(_ context.Context, who string, at Position) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn()
	if len(p.young.each) >= p.most { // better too far for all than forgotten for some
		for _, known := range p.young.each {
			p.young.all = max(p.young.all, known)
		}
		clear(p.young.each)
	}
	p.young.each[who] = max(p.young.each[who], at)
	return nil
}

// Last returns the furthest position of who. It never fails.
func (p *LocalPositions) Last(_ context.Context, who string) (Position, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn()
	return max(p.young.each[who], p.young.all, p.old.each[who], p.old.all), nil
}

// turn forgets what is old. What is young is known for as long again.
func (p *LocalPositions) turn() {
	age := time.Since(p.turned)
	if age < p.life {
		return
	}
	p.old = p.young
	if age >= 2*p.life {
		p.old = noted{}
	}
	p.young, p.turned = noted{each: map[string]Position{}}, time.Now()
}
