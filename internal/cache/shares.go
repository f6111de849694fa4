package cache

import (
	"container/list"
	"sync"
)

// ownerShare is which part of the cache one owner may fill: a caller who asks
// ten thousand different questions pushes out answers of the own, and no more
// than these of others.
const ownerShare = 8

// shares keeps the accounts of who has what kept.
type shares struct {
	most   int64 // bytes of one owner
	mu     sync.Mutex
	owners map[string]*account
}

// An account lists what one owner has kept, the oldest first.
type account struct {
	bytes int64
	list  list.List // of *booking
}

// A booking is an entry on the account of its owner. It does not hold the
// entry, which the cache may have let go without a word.
type booking struct {
	key, owner string
	weight     int64
	place      *list.Element // nil once it is off the account
}

func newShares(most int64) *shares { return &shares{most: most, owners: map[string]*account{}} }

// take puts an entry on an owner's account; the program itself has none.
func (s *shares) take(key, owner string, weight uint32) *booking {
	if owner == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.owners[owner]
	if a == nil {
		a = &account{}
		s.owners[owner] = a
	}
	b := &booking{key: key, owner: owner, weight: int64(weight)}
	a.bytes += b.weight
	b.place = a.list.PushBack(b)
	return b
}

// give takes an entry that is no longer kept off its owner's account.
func (s *shares) give(b *booking) {
	if b == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(b)
}

func (s *shares) remove(b *booking) {
	if b.place == nil {
		return
	}
	a := s.owners[b.owner]
	a.list.Remove(b.place)
	b.place = nil
	a.bytes -= b.weight
	if a.list.Len() == 0 {
		delete(s.owners, b.owner)
	}
}

// over takes the oldest entries of an owner who has too much off the account,
// all but the newest, and returns their keys.
func (s *shares) over(owner string) (keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := s.owners[owner]; a != nil && a.bytes > s.most && a.list.Len() > 1; {
		oldest := a.list.Front().Value.(*booking)
		s.remove(oldest)
		keys = append(keys, oldest.key)
	}
	return keys
}
