package app

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"cartracker/internal/cache"
	"cartracker/internal/mail"
	"cartracker/internal/observe/metrics"
	"cartracker/internal/overload"
	"cartracker/internal/store"
)

// measure lets those parts of the office tell what they do that know nothing of
// metrics, and reads how they are whenever somebody asks.
func (o *Office) measure() {
	o.DB.Time(o.Metrics.Queried)
	o.hasher.Timed = o.Metrics.Hashed
	for _, read := range []func(metrics.Put){o.readGate, o.readCache, o.readPools, o.readReplicas, o.readSockets, o.readOthers} {
		o.Metrics.Read(read)
	}
	if o.link != nil {
		o.link.Time(o.Metrics.Called)
		o.Metrics.Read(o.readRedis)
	}
}

// yes is how metrics say so.
func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (o *Office) readGate(put metrics.Put) {
	put("cartracker_gate_places", float64(o.API.Gate.Room().All))
	s := o.API.Gate.Stats()
	for class, n := range map[string]overload.Counts{"report": s.Reports, "read": s.Reads, "write": s.Writes, "sign-in": s.SignIns} {
		put("cartracker_gate_places_in_use", float64(n.InUse), class)
		put("cartracker_gate_waiting", float64(n.Waiting), class)
		put("cartracker_gate_entered_total", float64(n.Entered), class)
		put("cartracker_gate_waited_total", float64(n.Waited), class)
		put("cartracker_gate_refused_total", float64(n.Refused), class)
	}
}

func (o *Office) readCache(put metrics.Put) {
	shelf := func(name string, n cache.Counts) {
		put("cartracker_cache_hits_total", float64(n.Hits), name)
		put("cartracker_cache_misses_total", float64(n.Misses), name)
		put("cartracker_cache_bypasses_total", float64(n.Bypasses), name)
	}
	for name, counts := range o.remembered {
		shelf(name, counts())
	}
	s := o.API.CacheStats()
	for _, r := range s.Routes {
		shelf(r.Route, r.Counts)
	}
	size := s.Size
	put("cartracker_cache_loads_total", float64(size.Loads), "ok")
	put("cartracker_cache_loads_total", float64(size.FailedLoads), "failed")
	put("cartracker_cache_evictions_total", float64(size.Evictions))
	put("cartracker_cache_entries", float64(size.Entries))
	put("cartracker_cache_bytes", float64(size.Bytes))
	put("cartracker_cache_limit_bytes", float64(size.MostBytes))
	put("cartracker_cache_trusted", yes(s.Trusted))
}

func (o *Office) readPools(put metrics.Put) {
	index := map[string]string{} // of replicas, by their host and port
	for i, r := range o.DB.Replicas() {
		index[r.Name] = strconv.Itoa(i + 1)
	}
	for _, p := range o.DB.Pools() {
		name, i := p.Name, index[p.Name]
		if i != "" {
			name = "replica"
		}
		put("cartracker_db_connections_in_use", float64(p.InUse), name, i)
		put("cartracker_db_connections_idle", float64(p.Idle), name, i)
		put("cartracker_db_connections_open", float64(p.Open), name, i)
		put("cartracker_db_connections_max", float64(p.Most), name, i)
		put("cartracker_db_connection_waits_total", float64(p.Waits), name, i)
		put("cartracker_db_connection_wait_seconds_total", p.Waited.Seconds(), name, i)
	}
}

func (o *Office) readReplicas(put metrics.Put) {
	for i, r := range o.DB.Replicas() {
		index := strconv.Itoa(i + 1)
		put("cartracker_replica_in_use", yes(r.InUse), index)
		put("cartracker_replica_reads_total", float64(r.Reads), index)
		if !r.Seen.IsZero() {
			put("cartracker_replica_lag_seconds", lagOf(r).Seconds(), index)
		}
	}
}

// unseen is after how long without an answer a replica counts as further behind.
const unseen = time.Second

// lagOf is how far a replica is behind. While it does not answer it falls
// behind with the time.
func lagOf(r store.ReplicaState) time.Duration {
	if since := time.Since(r.Seen); since > unseen {
		return r.Lag + since
	}
	return r.Lag
}

func (o *Office) readRedis(put metrics.Put) {
	put("cartracker_redis_up", yes(o.link.Up()))
	put("cartracker_redis_outages_total", float64(o.link.Outages()))
}

func (o *Office) readSockets(put metrics.Put) {
	n := o.Realtime.Stats()
	put("cartracker_sockets_connected", float64(n.Websocket), "websocket")
	put("cartracker_sockets_connected", float64(n.Polling), "polling")
	put("cartracker_socket_events_sent_total", float64(n.Events))
	put("cartracker_sockets_slow_dropped_total", float64(n.Slow))
}

func (o *Office) readOthers(put metrics.Put) {
	behind := o.Feed.Behind()
	seconds := behind.Seconds()
	if behind == math.MaxInt64 { // it is not followed
		seconds = math.Inf(1)
	}
	put("cartracker_feed_behind_seconds", seconds)
	running, waiting := o.hasher.Load()
	put("cartracker_argon2_running", float64(running))
	put("cartracker_argon2_waiting", float64(waiting))
	put("cartracker_jobs_running", float64(o.Jobs.Running()))
}

// broke counts an attempt at a job that failed.
func (o *Office) broke(kind string, over bool) {
	outcome := "retried"
	if over {
		outcome = "given_up"
	}
	o.Metrics.Failed(kind, outcome)
}

// A timedSender tells how long it takes to hand mails over.
type timedSender struct {
	mail.Sender
	tell func(outcome string, took time.Duration)
}

// Send hands m over.
func (s timedSender) Send(ctx context.Context, m mail.Message, taken func() error) error {
	began, sent := time.Now(), time.Duration(0)
	err := s.Sender.Send(ctx, m, func() error {
		sent = time.Since(began) // what follows is about the queue
		return taken()
	})
	switch _, refused := errors.AsType[*mail.Refused](err); {
	case sent > 0:
		s.tell("sent", sent)
	case refused:
		s.tell("refused", time.Since(began))
	case errors.Is(err, mail.ErrNoTurn):
		s.tell("no_turn", time.Since(began))
	default:
		s.tell("failed", time.Since(began))
	}
	return err
}
