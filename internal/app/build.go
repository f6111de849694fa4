// Package app puts the program together. It is the only package that knows all the others.
package app

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/cache"
	"cartracker/internal/config"
	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/httpapi"
	"cartracker/internal/identity"
	"cartracker/internal/jobs"
	"cartracker/internal/mail"
	"cartracker/internal/notifications"
	"cartracker/internal/observe/metrics"
	"cartracker/internal/ratelimit"
	"cartracker/internal/realtime"
	"cartracker/internal/record"
	"cartracker/internal/redis"
	"cartracker/internal/rental"
	"cartracker/internal/secret"
	"cartracker/internal/store"
	"cartracker/internal/text"
	"cartracker/internal/transfer"
)

const issuer = "cartracker" // of access tokens, and their audience

// maxBehind is how old the last look at the feed of changes may be for what is
// remembered to be used: looks are made once a second and after each change.
const maxBehind = 2 * time.Second

// An Office is everything that works on one database.
type Office struct {
	DB           *store.DB
	Feed         *store.Feed
	Identity     *identity.Service
	Activity     *identity.Activity
	Transfer     *transfer.Service
	API          *httpapi.API
	Jobs         *jobs.Queue
	Realtime     *realtime.Hub
	Metrics      *metrics.Set
	sender       mail.Sender
	badTemplates []error
	cache        cache.Cache
	link         *redis.Link // nil without Redis
	setupCode    func(until date.Moment) string
	now          func() date.Moment
	pages        func() []httpapi.Page
	board        *board
	hasher       *secret.Hasher
	remembered   map[string]func() cache.Counts // by shelf, of what the program keeps for itself
}

// NewOffice returns the services over db, which share what they can through
// link unless that is nil. The clock is time.Now but in tests. What is
// remembered is used while the feed runs.
func NewOffice(db *store.DB, link *redis.Link, c *config.Config, master []byte, version string, clock func() time.Time) (*Office, error) {
	now := func() date.Moment { return date.At(clock()) }
	keys := secret.DeriveKeys(master)
	env := record.Env{InTx: db.InTx, Journal: store.Journal{DB: db, Now: now}, Now: now, Zone: c.Zone}
	inboxes := &notifications.Service{Env: env, Store: store.NewNotifications(db)}
	env.Journal = notifications.Journal{Journal: env.Journal, Announce: inboxes.Announce}
	feed := store.NewFeed(db)
	measured := metrics.New(version)
	kept := newCache(c, link, keys, feed, version)
	limiter := newLimiter(link)
	hasher := secret.NewHasher()
	tokens, known := newAccessTokens(secret.NewSigner(keys.Access, issuer, issuer, c.AccessTTL, clock), kept, clock), newOwners(kept)
	people := &identity.Service{
		Env:              env,
		Users:            store.NewUsers(db),
		Sessions:         store.Sessions{DB: db},
		Setup:            store.Setup{DB: db},
		Links:            store.Links{DB: db},
		Hasher:           hasher,
		Access:           tokens,
		Refresh:          refreshTokens{keys},
		Judge:            judge,
		Normalize:        text.Name,
		NormalizeCode:    secret.NormalCode,
		RefreshTTL:       c.RefreshTTL,
		Language:         identity.Language(c.DefaultLanguage),
		RegistrationOpen: c.Registration == "open",
		AppName:          c.AppName,
		Memory:           known,
	}
	active := &identity.Activity{InTx: db.InTx, Store: store.NewUsers(db), Now: now}
	db.OnCommit(raiser(kept))
	feed.Follow(raiser(kept))
	moves := newTransfer(db, env, c)
	o := &Office{
		DB:         db,
		Feed:       feed,
		Identity:   people,
		Activity:   active,
		Transfer:   moves,
		cache:      kept,
		link:       link,
		now:        now,
		hasher:     hasher,
		Metrics:    measured,
		remembered: map[string]func() cache.Counts{tokenShelf: tokens.known.Counts, sessionShelf: known.Counts},
		setupCode:  func(until date.Moment) string { return keys.SetupCode(until.Time()) },
		API: &httpapi.API{
			Identity:      people,
			Fleet:         moves.Fleet,
			Customers:     moves.Customers,
			Rental:        moves.Rental,
			Audit:         moves.Audit,
			Notifications: inboxes,
			Activity:      active,
			Transfer:      moves,
			TempDir:       c.DataDir,
			Cache:         kept,
			Limiter:       limiter,
			Attempts:      ratelimit.NewAttempts(limiter),
			Limits:        limits(c.Limits),
			Gate:          newGate(db, c),
			Today:         env.Today,
			Metrics:       measured,
			Replays:       &store.Replays{DB: db, Now: now},
			Fingerprint:   keys.Fingerprint,
			Version:       version,
			Development:   c.Development,
			Secure:        c.Secure,
			CrossSite:     c.CrossSite,
			Origins:       c.Origins,
			Proxies:       c.Proxies,
		},
	}
	o.tellSlow(c)
	o.openRealtime()
	o.measure()
	o.pages = func() []httpapi.Page { return pagesOf(o, c) }
	return o, o.openJobs(c, link)
}

// tellSlow lets the log be told of what takes long, and the board of the status
// page.
func (o *Office) tellSlow(c *config.Config) {
	o.board = newBoard(o, c)
	o.API.LogLevel, o.API.SlowRequest = new(slog.LevelVar), c.Slow.Request
	o.DB.TellSlow(c.Slow.Query, o.board.slow)
}

// newTransfer returns the services that have records which files bring and take.
func newTransfer(db *store.DB, env record.Env, c *config.Config) *transfer.Service {
	cars, clients := store.NewCars(db), store.NewCustomers(db)
	long := env // for whole files
	long.InTx = db.InLongTx
	return &transfer.Service{
		Env:       long,
		Fleet:     &fleet.Service{Env: env, Store: cars},
		Customers: &customers.Service{Env: env, Store: clients},
		Rental:    &rental.Service{Env: env, Store: store.NewContracts(db), Ledger: store.Ledger{DB: db}, Cars: cars, Customers: clients},
		Audit:     &audit.Service{Env: env, Store: store.NewAuditLogs(db)},
		Imports:   store.NewImports(db),
		Try:       db.Try,
		Clean:     text.Clean,
		Fold:      text.Fold,
		Currency:  c.Currency,
		TempDir:   c.DataDir,
	}
}

// Handler returns everything that is served over HTTP. It is called once.
func (o *Office) Handler(health func() httpapi.Health) http.Handler {
	o.API.Health, o.API.Pages = health, o.pages()
	o.board.health = health
	return o.API.Handler()
}

// Close ends what the office does in the background, and closes the database.
// Its parts have ended before.
func (o *Office) Close() error {
	o.cache.Close()
	return errors.Join(o.sender.Close(), o.DB.Close())
}

// refreshTokens is the identity.RefreshMaker.
type refreshTokens struct{ keys secret.Keys }

func (refreshTokens) First() string                   { return secret.NewToken() }
func (t refreshTokens) Successor(token string) string { return t.keys.Successor(token) }
func (refreshTokens) Digest(token string) string      { return secret.Digest(token) }

// judge says what is wrong with a password. Hints count with and without accents.
func judge(password string, hints ...string) string {
	for _, h := range hints {
		hints = append(hints, text.Fold(h))
	}
	return secret.CheckPassword(password, hints...)
}
