package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cartracker/internal/part"
	"cartracker/internal/record"
)

const (
	sightEvery = 100 * time.Millisecond // how often each server is looked at
	sightTime  = time.Second            // for its answer
	homeTime   = 5 * time.Second        // for that of the primary, which may be at several addresses
	maxUnseen  = 2 * time.Second        // a replica that nobody looked at for so long is not read from
	lostPause  = time.Second            // before one that lost a connection is taken back
	openTime   = 2 * time.Second        // for the pool of a replica, while nobody looks at it
	awaitTime  = 2 * time.Second        // for replicas to come to what others cannot be told of
)

// A Replication is a primary with the servers that repeat what it writes. What
// is read outside of transactions for a known caller is read from those.
type Replication struct {
	Primary  *sql.DB // one connection, to look at it
	Replicas []Server
	MaxLag   time.Duration // a replica that is further behind is left out
	// Positions tell what callers wrote. Nil if others write for them too and
	// nobody tells: then the primary is asked before each read.
	Positions Positions

	Look    string           // asks a server for what a sight holds
	Written string           // asks the primary where its log ends
	Lost    func(error) bool // the connection or the server is gone
	Refused func(error) bool // the server is there, and will not let us in
	Slow    func(error) bool // it took so long that it would take long elsewhere too
}

// A Server is one that repeats what another writes.
type Server struct {
	Name  string  // host and port
	Heir  bool    // the address of the primary names it too: it may be the one after a fail-over
	Watch *sql.DB // one connection, to look at it
	// Open makes a pool of connections to that server alone which a look
	// found, though the address may lead to several.
	Open func(ctx context.Context, found string) (*ReadPool, error)
}

// A ReadPool is a pool to read from a replica.
type ReadPool struct {
	*sql.DB
	Use  func() Pool // tells how it is used
	Free func()      // called once it is closed
}

// A ReplicaState tells how a replica is.
type ReplicaState struct {
	Name  string // host and port
	InUse bool
	Why   string        // it is left out
	Lag   time.Duration // how far it was behind at the last look
	Seen  time.Time     // when that look began; zero before the first that found a replica
	Reads int64         // how many queries it has answered
}

// replicas are those of one database.
type replicas struct {
	Replication
	all     []*replica
	asks    bool // the primary is asked before each read
	history history
	turn    atomic.Uint64
	home    sight // what the primary was at the beginning
}

// A sight is what a look at a server finds.
type sight struct {
	at                Position // of what it has written, or repeated and shows
	recovering        bool     // it repeats what another one writes
	cluster, database string
	timeline          string // of one that does not repeat
	server            string // which one it is, and since when it runs
}

// ReadFrom reads from replicas from now on, while RunReplicas looks at them. It
// fails if one of them is none of this database. One that cannot be reached is
// left out until it can. It is called before db is used; Close closes them.
func (db *DB) ReadFrom(ctx context.Context, r Replication) error {
	s := &replicas{Replication: r, asks: r.Positions == nil, history: history{keep: r.MaxLag + 2*sightTime}}
	if s.asks {
		s.Positions = newQuestion(func(ctx context.Context) (Position, error) { return s.written(ctx, db.write) })
	}
	for _, server := range r.Replicas {
		s.all = append(s.all, &replica{Server: server})
	}
	db.replicas = s
	if err := s.sample(ctx); err != nil {
		return db.explain(err)
	}
	wrong := make([]error, len(s.all))
	var looks sync.WaitGroup
	for i, r := range s.all {
		looks.Go(func() { wrong[i] = s.check(ctx, r) })
	}
	looks.Wait()
	return errors.Join(wrong...)
}

// RunReplicas looks at the replicas until ctx is done.
func (db *DB) RunReplicas(ctx context.Context) error {
	looks := []func(context.Context) error{
		func(ctx context.Context) error { // the replicas are left out soon, and say why
			return every(ctx, func() { _ = db.replicas.sample(ctx) })
		},
	}
	for _, r := range db.replicas.all {
		looks = append(looks, func(ctx context.Context) error {
			return every(ctx, func() { db.replicas.inspect(ctx, r) })
		})
	}
	return part.Together(ctx, looks...)
}

// Replicas tells how the replicas are.
func (db *DB) Replicas() (out []ReplicaState) {
	if db.replicas == nil {
		return nil
	}
	for _, r := range db.replicas.all {
		out = append(out, r.state())
	}
	return out
}

func every(ctx context.Context, look func()) error {
	t := time.NewTicker(sightEvery)
	defer t.Stop()
	for {
		look()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look looks at a server.
func (s *replicas) look(ctx context.Context, server *sql.DB, within time.Duration) (v sight, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err = server.QueryRowContext(ctx, s.Look).Scan(&v.at, &v.recovering, &v.cluster, &v.database, &v.timeline, &v.server)
	return v, err
}

// sample notes where the primary is.
func (s *replicas) sample(ctx context.Context) error {
	asked := time.Now()
	v, err := s.look(ctx, s.Primary, homeTime)
	if err == nil && v.recovering {
		err = errors.New("store: DATABASE_URL names a server that repeats what another one writes, and takes no writes")
	}
	if err != nil {
		return err
	}
	if s.home.cluster == "" {
		s.home = v
	}
	s.history.add(v.at, v.timeline, asked)
	return nil
}

// check is the first look at a replica. Its error says that it is none.
func (s *replicas) check(ctx context.Context, r *replica) error {
	v, err := s.look(ctx, r.Watch, sightTime)
	why := s.fault(v, err)
	if why == writes && r.Heir {
		r.leave(ctx, why, nil)
		return nil
	}
	if slices.Contains(faulty, why) {
		return fmt.Errorf("DATABASE_REPLICA_URLS: %s cannot be read from: %s", r.Name, why)
	}
	if err != nil {
		r.leave(ctx, silent, err)
	}
	return nil
}

// inspect looks at a replica, and takes it into use or leaves it out.
func (s *replicas) inspect(ctx context.Context, r *replica) {
	began := time.Now()
	v, err := s.look(ctx, r.Watch, sightTime)
	if ctx.Err() != nil {
		return
	}
	why := s.fault(v, err)
	if why == "" {
		r.meet(ctx, v.server)
		why = s.late(r, v, began)
	}
	if why == "" {
		if err = r.take(ctx); err == nil {
			return
		}
		why = silent
	}
	if ctx.Err() == nil {
		r.leave(ctx, why, err)
	}
}

// fault returns what is wrong with a server, "" if it is a replica.
func (s *replicas) fault(v sight, err error) string {
	switch {
	case err != nil && s.Refused(err):
		return refuses
	case err != nil:
		return silent
	case v.cluster != s.home.cluster:
		return strange
	case v.database != s.home.database:
		return misses
	case !v.recovering:
		return writes
	}
	return ""
}

// late notes how far a replica has come, and returns why that is not far enough.
func (s *replicas) late(r *replica, v sight, began time.Time) string {
	asked, timeline := s.history.last()
	lag, exact := s.history.lag(v.at, began)
	r.saw(v, began, timeline, lag)
	switch {
	case time.Since(asked) > s.MaxLag:
		return deaf
	case lag > s.MaxLag:
		return behind
	case !exact || !r.passed():
		return unproved
	}
	return ""
}

// written asks the primary where its log ends.
func (s *replicas) written(ctx context.Context, primary *sql.DB) (at Position, err error) {
	ctx, cancel := context.WithTimeout(ctx, sightTime)
	defer cancel()
	err = primary.QueryRowContext(ctx, s.Written).Scan(&at)
	return at, err
}

// pick returns a replica that shows all that who wrote, as reach does.
func (s *replicas) pick(ctx context.Context, who string) (*replica, *sql.DB, context.Context) {
	if !slices.ContainsFunc(s.all, (*replica).usable) {
		return nil, nil, nil
	}
	at, err := s.Positions.Last(ctx, who)
	if err != nil {
		return nil, nil, nil
	}
	first := s.turn.Add(1)
	for i := range uint64(len(s.all)) {
		r := s.all[(first+i)%uint64(len(s.all))]
		if pool, alive := r.reach(at); pool != nil {
			return r, pool, alive
		}
	}
	return nil, nil, nil
}

// asker names who asks, "" for nobody who is known.
func asker(ctx context.Context) string {
	c := record.CallerOf(ctx)
	if c.ID != "" {
		return string(c.ID)
	}
	return c.SessionID
}

// queryReplica makes a query at a replica, if there is one for it. It reports
// whether that was all: if a replica fails before it returned a row, the
// primary is asked.
func (db *DB) queryReplica(ctx context.Context, row func(scan func(...any) error) error, query string, args []any) (done bool, err error) {
	who := asker(ctx)
	if db.replicas == nil || who == "" || db.tx(ctx) != nil || record.IsFresh(ctx) {
		return false, nil
	}
	r, pool, alive := db.replicas.pick(ctx, who)
	if r == nil {
		return false, nil
	}
	here, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(alive, cancel)()
	here, run := db.watch(here, r.Name, read, query)
	rows := 0 // once there was one it is too late to begin anew
	err = each(here, pool, func(scan func(...any) error) error {
		rows++
		return row(scan)
	}, db.dialect.Rebind(query), args)
	run.ended(here, rows, err)
	returned := rows > 0
	if err == nil {
		r.reads.Add(1)
		return true, nil
	}
	switch {
	case ctx.Err() != nil:
		returned = true // to nobody
	case alive.Err() != nil:
		err = fmt.Errorf("%w (%w)", errAway, err)
	case db.replicas.Slow(err):
		returned = true
	case db.replicas.Lost(err):
		r.lost(ctx, err)
	}
	return returned, db.explain(err)
}

// each calls row for each row that a query returns.
func each(ctx context.Context, pool *sql.DB, row func(scan func(...any) error) error, query string, args []any) error {
	rows, err := pool.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// mustNote reports whether others have to know where tx is in the log.
func (db *DB) mustNote(tx *transaction) bool {
	return db.replicas != nil && !db.replicas.asks && tx.wrote && len(tx.callers) > 0
}

// end returns where the log ends, after all that is committed.
func (s *replicas) end(ctx context.Context, primary *sql.DB) Position {
	at, err := s.written(context.WithoutCancel(ctx), primary)
	if err != nil {
		return Farthest
	}
	return at
}

// noteWritten notes where a transaction is in the log, so that those who wrote
// it are shown it from now on, wherever they read. It may wait, so whoever calls
// it has no place at the database any more.
func (db *DB) noteWritten(ctx context.Context, tx *transaction) {
	ctx = context.WithoutCancel(ctx)
	var untold error
	for _, who := range tx.callers {
		untold = errors.Join(untold, db.replicas.Positions.Note(ctx, who, tx.end))
	}
	if untold != nil {
		slog.DebugContext(ctx, "others do not learn what a caller wrote; it waits for the replicas", "err", untold)
		db.replicas.await(ctx, tx.end)
	}
}

// worksFor notes who asks as one of those for whom tx writes: a sign-in, for
// one, begins as nobody.
func (tx *transaction) worksFor(ctx context.Context) {
	if who := asker(ctx); who != "" && !slices.Contains(tx.callers, who) {
		tx.callers = append(tx.callers, who)
	}
}

// pools tells how the pools of the replicas are used.
func (s *replicas) pools() (all []Pool) {
	if s == nil {
		return nil
	}
	for _, r := range s.all {
		if p, ok := r.use(); ok {
			all = append(all, p)
		}
	}
	return all
}

func (s *replicas) close() error {
	if s == nil {
		return nil
	}
	errs := []error{s.Primary.Close()}
	for _, r := range s.all {
		errs = append(errs, r.close())
	}
	return errors.Join(errs...)
}

// await sees to it that nobody needs to know the position: it waits for a moment
// until every replica that is read from has come to at, and leaves out those
// that have not.
func (s *replicas) await(ctx context.Context, at Position) {
	if at < Farthest {
		s.catchUp(ctx, at)
	}
	for _, r := range s.all {
		r.doubt(ctx, at, PositionLife(s.MaxLag))
	}
}

func (s *replicas) catchUp(ctx context.Context, at Position) {
	ctx, cancel := context.WithTimeout(ctx, awaitTime)
	defer cancel()
	late := func(r *replica) bool {
		reached, _ := r.reach(at)
		return reached == nil && r.usable()
	}
	again := time.NewTicker(sightEvery / 4)
	defer again.Stop()
	for slices.ContainsFunc(s.all, late) {
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}
