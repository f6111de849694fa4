package pages

import (
	"net/http"
	"time"

	"cartracker/internal/fault"
)

// statusPage is where the form to sign in may lead to, and its path.
const statusPage = "status"

// Why only this instance is known.
const (
	NoRedis   = "no redis"   // none is set
	RedisAway = "redis away" // it cannot be asked
)

// A Status tells how the program is. What is not said to be of all is of the
// instance that serves the page. Times are in the zone of the business.
type Status struct {
	Made     time.Time
	Zone     string // its name
	Version  string
	Began    time.Time
	Up       time.Duration
	Alone    string    // why only this instance is known; "" if all are
	Database Database  // of which this instance uses the pools
	Replicas []Replica // none unless some are set
	Redis    Redis     // as this instance reaches it
	Cache    Cache
	Queue    *Queue   // of all; nil if it is not known
	Company  *Company // of all; nil if it is not known
	Sockets  int
	Online   int // people, of all; -1 if it is not known
	Hour     Hour
	SlowFrom time.Duration // statements that took so long are told of; 0: none is

	Instances  []Instance // all
	Routes     []Timing
	Statements []Statement
	Errors     []Trouble
}

// An Instance is one of those that serve the same company.
type Instance struct {
	Name    string // host and port
	Version string
	Began   time.Time
	State   string // ready, unready or stopping
	Worker  bool   // it works jobs and serves nothing
	This    bool
}

// A Database is where all is kept.
type Database struct {
	Kind    string
	Up      bool
	Pools   []Pool
	Waiting int // requests that wait for a place
}

// A Pool has the connections to one database.
type Pool struct {
	Name        string
	InUse, Most int
	Waits       int64 // how often somebody waited for one
}

// A Replica is a database that repeats another.
type Replica struct {
	Name  string
	InUse bool
	Why   string // not
	Lag   time.Duration
	Seen  bool // its lag is known
}

// Redis is what instances share by.
type Redis struct {
	State string  // connected, down or embedded
	Calls *Timing // of the last hour; nil if there were none
}

// A Cache is what is kept in memory.
type Cache struct {
	Bytes, MostBytes int64
	Entries          int
	Trusted          bool // it is used
}

// A Queue is of jobs, the mails among them.
type Queue struct {
	At                               time.Time // it was counted
	Waiting, Active, Delayed, Failed int
	Oldest                           time.Duration // how long the one is due that waits longest
	Paused                           bool
}

// A Company is what is under way today.
type Company struct {
	Cars              map[string]int // by status
	Active, Out, Back int            // contracts
	Booked            float64        // price of those that are active
	Currency          string
}

// An Hour has a curve for what was measured in the last hour, the newest value
// last; NaN where nothing was to be measured.
type Hour struct {
	Step   time.Duration // between two values
	Points int           // of a whole hour

	Requests, Failed, Limited, Hits, Misses []float64 // in each step
	P95, Lag                                []float64 // seconds
	Waiting, Connections                    []float64
}

// A Timing is how long something took in the last hour.
type Timing struct {
	Method, Route string // of requests
	Times         uint64
	P50, P95      float64 // seconds
}

// A Statement took long in the last hour.
type Statement struct {
	Text    string
	Longest time.Duration
	Times   int
}

// A Trouble is an error of the last hour.
type Trouble struct {
	At        time.Time
	Place     string
	What      string
	RequestID string
	TraceID   string
	Times     int
}

// showStatus shows an admin how the program is. Who is not signed in is sent to
// do that, and comes back.
func (p *Pages) showStatus(w http.ResponseWriter, r *http.Request) {
	who, err := p.door.Admin(w, r)
	switch {
	case err == nil:
		v := p.view(r)
		v.Person, v.Again = who, true
		v.Status = newStatusView(p.status(), v.Lang)
		v.Title = v.Status.W.Title
		p.show(w, r, http.StatusOK, statusLook, v)
	case fault.Of(err).Kind == fault.Unauthenticated:
		p.send(w, "/sign-in?to="+statusPage)
	default:
		p.failStatus(w, r, err)
	}
}

// failStatus says why the status is not shown. While the program cannot, the page
// tries again, for it may be one that nobody sits at.
func (p *Pages) failStatus(w http.ResponseWriter, r *http.Request, err error) {
	v := p.view(r)
	status := p.explain(w, r, &v, err)
	v.Title, v.ID, v.Back = v.Words.Failed, w.Header().Get("X-Request-Id"), "/"+statusPage
	switch kind := fault.Of(err).Kind; {
	case kind == fault.Forbidden && p.door.Foreign(r):
		v.Problem = v.Words.Led
	case kind == fault.Forbidden:
		v.Problem = v.Words.AdminsOnly
	case kind == fault.Unavailable:
		v.Again = true
		if !p.status().Database.Up {
			v.Problem = v.Words.DatabaseAway
		}
	}
	p.show(w, r, status, failureLook, v)
}
