package app

import (
	"context"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"cartracker/internal/config"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/httpapi"
	"cartracker/internal/mail"
	"cartracker/internal/observe"
	"cartracker/internal/observe/metrics"
	"cartracker/internal/observe/recent"
	"cartracker/internal/pages"
	"cartracker/internal/part"
)

const (
	pointsEvery = 10 * time.Second // of the curves
	onlineEvery = 10 * time.Second
	onlineTime  = 2 * time.Second // to find out
	mostSlow    = 10              // routes and statements that are shown
)

// A board knows what the status page shows. It looks in the background: who
// opens the page waits for nothing, and costs the databases nothing.
type board struct {
	office     *Office
	kind       string // of the database
	zone       *time.Location
	currency   string
	slowFrom   time.Duration
	name       string
	worker     bool
	began      date.Moment
	health     func() httpapi.Health // nil until something is served or worked
	figures    *figures              // nil: nothing is counted
	history    *metrics.History
	errors     recent.Errors
	statements recent.Statements
	peers      *peers       // nil without Redis
	online     atomic.Int64 // people; -1: not known
}

func newBoard(o *Office, c *config.Config) *board {
	b := &board{
		office: o, zone: c.Zone, currency: c.Currency, slowFrom: c.Slow.Query, began: o.now(), kind: "SQLite",
		history: metrics.NewHistory(o.Metrics, pointsEvery),
	}
	if c.Database.Driver == config.Postgres {
		b.kind = "PostgreSQL"
	}
	b.introduce(0)
	b.online.Store(-1)
	if o.link != nil {
		b.peers = newPeers(o.link, b.self)
	}
	return b
}

// introduce gives this instance its name. Port is 0 for one that serves nothing.
func (b *board) introduce(port int) {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	b.name, b.worker = host, port == 0
	if port != 0 {
		b.name = net.JoinHostPort(host, strconv.Itoa(port))
	}
}

// Run looks until ctx is done.
func (b *board) Run(ctx context.Context) error {
	looks := []func(context.Context) error{b.history.Run, b.count}
	if b.peers != nil {
		looks = append(looks, b.peers.Run)
	}
	return part.Together(ctx, looks...)
}

// count counts who is online, now and then.
func (b *board) count(ctx context.Context) error {
	t := time.NewTicker(onlineEvery)
	defer t.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, onlineTime)
		ids, err := b.office.Realtime.Online(limited)
		cancel()
		n := int64(len(ids))
		if err != nil {
			n = -1
		}
		b.online.Store(n)
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// noting returns a report that the board hears of before next does. An outage is
// one error, wherever somebody meets it and however, or it would hide the others.
func (b *board) noting(next observe.Report) observe.Report {
	return func(ctx context.Context, t observe.Trouble) {
		place, what := t.Place, observe.TextOf(t.Err)
		if t.Method != "" {
			place = t.Method + " " + place
		}
		if place == "" {
			place = string(t.Source)
		}
		if f := fault.Of(t.Err); t.Outage {
			place, what = f.Code, f.Message
		}
		b.errors.Add(recent.Error{
			At: time.Now(), Place: place, What: what, RequestID: observe.RequestID(ctx), TraceID: observe.TraceID(ctx),
		})
		next.Tell(ctx, t)
	}
}

// slow is told of statements that take long.
func (b *board) slow(query string, took time.Duration) { b.statements.Add(time.Now(), query, took) }

// self is what this instance tells of itself.
func (b *board) self() peer {
	p := peer{Name: b.name, Version: b.office.API.Version, Began: b.began.Time(), State: peerReady, Worker: b.worker}
	switch h := b.health(); {
	case h.Unready == unreadyStopping:
		p.State = peerStopping
	case h.Unready != "":
		p.State = peerUnready
	}
	return p
}

// status returns how all is.
func (b *board) status() pages.Status {
	health, now := b.health(), b.office.now().Time()
	s := pages.Status{
		Made: now.In(b.zone), Zone: b.zone.String(), Version: health.Version, Began: b.began.Time().In(b.zone), Up: now.Sub(b.began.Time()),
		Database: b.database(health), Replicas: b.replicas(), Redis: pages.Redis{State: health.Redis},
		SlowFrom: b.slowFrom, Online: int(b.online.Load()), Sockets: b.office.Realtime.Connected(),
		Errors: b.troubles(),
	}
	b.instances(&s)
	b.measured(&s)
	b.counted(&s)
	for _, q := range b.statements.Slowest(time.Now(), mostSlow) {
		s.Statements = append(s.Statements, pages.Statement(q))
	}
	return s
}

func (b *board) instances(s *pages.Status) {
	self := b.self()
	all, known := b.peers.known()
	switch {
	case known:
	case b.peers == nil:
		s.Alone = pages.NoRedis
	default:
		s.Alone = pages.RedisAway
	}
	if !known {
		all = []peer{self}
	}
	for _, p := range all {
		one := pages.Instance{Name: p.Name, Version: p.Version, State: p.State, Worker: p.Worker, Began: p.Began.In(b.zone)}
		if one.This = !known || p.ID == b.peers.id; one.This {
			one.State = self.State // it may be newer than what it told
		}
		s.Instances = append(s.Instances, one)
	}
}

func (b *board) database(h httpapi.Health) pages.Database {
	d := pages.Database{Kind: b.kind, Up: h.Database == "connected"}
	for _, p := range b.office.DB.Pools() {
		d.Pools = append(d.Pools, pages.Pool{Name: p.Name, InUse: p.InUse, Most: p.Most, Waits: p.Waits})
	}
	g := b.office.API.Gate.Stats()
	d.Waiting = g.Reports.Waiting + g.Reads.Waiting + g.Writes.Waiting + g.SignIns.Waiting
	return d
}

func (b *board) replicas() (out []pages.Replica) {
	for _, r := range b.office.DB.Replicas() {
		one := pages.Replica{Name: r.Name, InUse: r.InUse, Why: r.Why, Seen: !r.Seen.IsZero()}
		if one.Seen {
			one.Lag = lagOf(r)
		}
		out = append(out, one)
	}
	return out
}

// troubles are the errors of the last hour.
func (b *board) troubles() (out []pages.Trouble) {
	for _, e := range b.errors.Last(time.Now()) {
		e.At = e.At.In(b.zone)
		out = append(out, pages.Trouble(e))
	}
	return out
}

// measured tells of the last hour.
func (b *board) measured(s *pages.Status) {
	hour := b.history.Hour()
	s.Hour = pages.Hour{
		Step: b.history.Step, Points: metrics.Points,
		Requests: hour.Requests, Failed: hour.Failed, Limited: hour.Limited, P95: hour.P95, Hits: hour.Hits, Misses: hour.Misses,
		Waiting: hour.Waiting, Connections: hour.Connections, Lag: hour.Lag,
	}
	for _, r := range hour.Routes[:min(mostSlow, len(hour.Routes))] {
		s.Routes = append(s.Routes, pages.Timing(r))
	}
	if hour.RedisCalls {
		calls := pages.Timing(hour.Redis)
		s.Redis.Calls = &calls
	}
	size := b.office.API.Cache.Size()
	s.Cache = pages.Cache{Bytes: size.Bytes, MostBytes: size.MostBytes, Entries: size.Entries, Trusted: b.office.API.Cache.Trusted()}
}

// counted tells what was counted in the database.
func (b *board) counted(s *pages.Status) {
	if b.figures == nil || b.office.DB.Lost() {
		return
	}
	c := b.figures.last.Load()
	if c == nil {
		return
	}
	q := &pages.Queue{At: time.Unix(b.figures.updated.Load(), 0).In(b.zone), Oldest: c.Oldest, Paused: c.Paused}
	for _, states := range c.Jobs {
		q.Waiting += states[mail.Waiting]
		q.Active += states[mail.Active]
		q.Delayed += states[mail.Delayed]
		q.Failed += states[mail.Failed]
	}
	s.Queue = q
	s.Company = &pages.Company{
		Cars: c.Cars, Active: c.Active, Out: c.Out, Back: c.Back,
		Booked: float64(c.Booked.Minor()) / 100, Currency: b.currency,
	}
}
