package app

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"cartracker/internal/ident"
	"cartracker/internal/redis"
)

const (
	peersEvery = 5 * time.Second
	peersLife  = "20"                   // seconds without a word after which an instance is taken for dead
	mostPeers  = 100                    // that are shown
	instances  = "cartracker:instances" // where they are in Redis: a hash by id
)

// A peer is an instance of the program, as it tells of itself.
type peer struct {
	ID      string    `json:"-"`
	Name    string    `json:"name"` // host and port
	Version string    `json:"version"`
	Began   time.Time `json:"began"`
	State   string    `json:"state"`
	Worker  bool      `json:"worker"` // it serves nothing
}

// What instances say of themselves.
const (
	peerReady    = "ready"
	peerUnready  = "unready"
	peerStopping = "stopping"
)

// peers are the instances that share a Redis server. Each tells of itself there,
// and hears of the others by that: who asks for them waits for nothing.
type peers struct {
	link *redis.Link
	self func() peer
	id   string
	all  atomic.Pointer[[]peer] // nil: not known
}

// tellPeers notes who this is, by the clock of the server, and returns all
// others that it heard of in time, ids and texts in turn. What has no text is gone.
const tellPeers = `
local now, life, out = tonumber(redis.call('TIME')[1]), tonumber(ARGV[3]), {}
if ARGV[2] == '' then
	redis.call('HDEL', KEYS[1], ARGV[1])
	return out
end
redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], life)
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
	local at, text = string.match(all[i + 1], '^(%d+) (.*)$')
	if not at or now - tonumber(at) > life then
		redis.call('HDEL', KEYS[1], all[i])
	else
		out[#out + 1] = all[i]
		out[#out + 1] = text
	end
end
return out`

func newPeers(link *redis.Link, self func() peer) *peers {
	return &peers{link: link, self: self, id: ident.New[string]()}
}

// Run tells of this instance until ctx is done, and then that it is gone.
func (p *peers) Run(ctx context.Context) error {
	t := time.NewTicker(peersEvery)
	defer t.Stop()
	for {
		p.tell(ctx)
		select {
		case <-t.C:
		case <-ctx.Done():
			// Without Redis the others will miss it.
			_, _ = p.link.Texts(context.WithoutCancel(ctx), tellPeers, []string{instances}, p.id, "", peersLife)
			return nil
		}
	}
}

func (p *peers) tell(ctx context.Context) {
	text, err := json.Marshal(p.self())
	if err != nil {
		slog.DebugContext(ctx, "this instance cannot be told of", "err", err)
		return
	}
	told, err := p.link.Texts(ctx, tellPeers, []string{instances}, p.id, string(text), peersLife)
	if err != nil {
		p.all.Store(nil)
		return
	}
	all := readPeers(told)
	p.all.Store(&all)
}

// readPeers reads what was told, in the order of names. Another version of the
// program may say more, or something else.
func readPeers(told []string) []peer {
	var all []peer
	for pair := range slices.Chunk(told, 2) {
		var one peer
		if len(pair) == 2 && json.Unmarshal([]byte(pair[1]), &one) == nil {
			one.ID = pair[0]
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b peer) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID)) })
	return all[:min(len(all), mostPeers)]
}

// known returns this instance and the others, or false if only this one is known.
func (p *peers) known() ([]peer, bool) {
	if p == nil || !p.link.Up() {
		return nil, false
	}
	if all := p.all.Load(); all != nil {
		return *all, true
	}
	return nil, false
}
