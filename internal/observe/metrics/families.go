package metrics

import "slices"

// A Kind says how the values of a family behave.
type Kind string

// The kinds of families.
const (
	Counter   Kind = "counter"   // only grows, from 0 when the program begins
	Gauge     Kind = "gauge"     // what is at the moment
	Histogram Kind = "histogram" // how often something took how long
)

// A Family is what is measured under one name.
type Family struct {
	Name   string
	Kind   Kind
	Labels []string
	Help   string
	With   string // what there must be for it; "" for nothing

	bounds []float64 // of the buckets of a histogram, in seconds
}

const (
	withRedis    = "Redis"
	withReplicas = "replicas"
	withMails    = "a mail that was tried"
	withJobs     = "a job that was tried"
	withFailures = "a job that failed"
)

var (
	ofRequests = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	ofQueries  = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30}
	ofCalls    = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1} // which is as long as a call may take
	ofHashes   = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5}
	ofJobs     = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 600}
)

// families is all that is measured, besides what client_golang tells of the
// process and of Go. docs/metrics.md is made of it.
var families = []Family{
	{"cartracker_build_info", Gauge, []string{"version", "goversion"}, "Which program this is; always 1.", "", nil},

	{"cartracker_http_requests_total", Counter, []string{"route", "method", "status"}, "Requests that were answered, those that were refused included. The route is a pattern, or unmatched; a method that no route takes is other.", "", nil},
	{"cartracker_http_request_duration_seconds", Histogram, []string{"route", "method"}, "From the arrival of a request to the end of its answer, without sockets, which wait on purpose.", "", ofRequests},
	{"cartracker_http_requests_in_flight", Gauge, nil, "Requests under way, sockets included.", "", nil},

	{"cartracker_rate_limit_decisions_total", Counter, []string{"rule", "outcome", "counted"}, "Calls that a limit allowed or refused, and whether it was counted for all instances (shared) or in this one alone (local).", "", nil},

	{"cartracker_gate_places", Gauge, nil, "Places at the database for requests, all classes together.", "", nil},
	{"cartracker_gate_places_in_use", Gauge, []string{"class"}, "Places at the database that are taken.", "", nil},
	{"cartracker_gate_waiting", Gauge, []string{"class"}, "Requests that wait for a place.", "", nil},
	{"cartracker_gate_entered_total", Counter, []string{"class"}, "Requests that had a place.", "", nil},
	{"cartracker_gate_waited_total", Counter, []string{"class"}, "Requests that stood in the queue for a place, whatever came of it.", "", nil},
	{"cartracker_gate_refused_total", Counter, []string{"class"}, "Requests for which there was no place (503).", "", nil},

	{"cartracker_cache_hits_total", Counter, []string{"shelf"}, "Questions that were answered with what is kept. A shelf is what is kept of one route, or token or session.", "", nil},
	{"cartracker_cache_misses_total", Counter, []string{"shelf"}, "Questions whose answer had to be made, or waited for.", "", nil},
	{"cartracker_cache_bypasses_total", Counter, []string{"shelf"}, "Questions whose answer was made though one was kept, since changes by others are not known up to now.", "", nil},
	{"cartracker_cache_loads_total", Counter, []string{"outcome"}, "Answers that were made to be kept, or taken from another instance: ok or failed. Several misses may wait for one.", "", nil},
	{"cartracker_cache_evictions_total", Counter, nil, "Entries that were left out for others before their time was over.", "", nil},
	{"cartracker_cache_entries", Gauge, nil, "Entries that are kept in this process.", "", nil},
	{"cartracker_cache_bytes", Gauge, nil, "Memory that they take, about.", "", nil},
	{"cartracker_cache_limit_bytes", Gauge, nil, "Memory that they may take (CACHE_SIZE).", "", nil},
	{"cartracker_cache_trusted", Gauge, nil, "1 while what is kept may be used, 0 while changes by others are not known up to now.", "", nil},

	{"cartracker_jobs", Gauge, []string{"queue", "state"}, "Jobs that are kept, by state: waiting, active, delayed, completed, failed.", "", nil},
	{"cartracker_jobs_oldest_waiting_seconds", Gauge, nil, "For how long the job has been due that waits longest; 0 if none waits.", "", nil},
	{"cartracker_jobs_running", Gauge, nil, "Jobs that this instance works on.", "", nil},
	{"cartracker_job_attempts_total", Counter, []string{"kind", "outcome"}, "Attempts at jobs here: done, failed, panicked, or put_back because it could not even be tried.", withJobs, nil},
	{"cartracker_job_failures_total", Counter, []string{"kind", "outcome"}, "Attempts that failed, by what becomes of the job: retried or given_up.", withFailures, nil},
	{"cartracker_job_duration_seconds", Histogram, []string{"kind"}, "How long attempts take.", withJobs, ofJobs},
	{"cartracker_mail_send_duration_seconds", Histogram, []string{"outcome"}, "How long it takes to hand a mail over: sent, refused for good, failed for now, or no_turn if the server is away or busy.", withMails, ofJobs},

	{"cartracker_db_up", Gauge, nil, "1 if the database (the primary) answered when it was looked at last, within seconds.", "", nil},
	{"cartracker_db_connections_in_use", Gauge, []string{"pool", "index"}, "Connections in use. Pools are primary and replica, or writer and readers on SQLite; the index tells replicas apart, in the order of DATABASE_REPLICA_URLS.", "", nil},
	{"cartracker_db_connections_idle", Gauge, []string{"pool", "index"}, "Connections that are open and not in use.", "", nil},
	{"cartracker_db_connections_open", Gauge, []string{"pool", "index"}, "Connections that are open.", "", nil},
	{"cartracker_db_connections_max", Gauge, []string{"pool", "index"}, "Connections that may be open.", "", nil},
	{"cartracker_db_connection_waits_total", Counter, []string{"pool", "index"}, "How often somebody found no connection free and waited for one.", "", nil},
	{"cartracker_db_connection_wait_seconds_total", Counter, []string{"pool", "index"}, "How long they waited, together.", "", nil},
	{"cartracker_db_query_duration_seconds", Histogram, []string{"database", "operation"}, "How long statements take with their rows, and the wait for a connection: read, write, or commit of a transaction, at primary, replica or sqlite.", "", ofQueries},

	{"cartracker_replica_lag_seconds", Gauge, []string{"index"}, "How far a replica was behind at the last look, and how long that is ago if it does not answer.", withReplicas, nil},
	{"cartracker_replica_in_use", Gauge, []string{"index"}, "1 while a replica is read from, 0 while it is left out.", withReplicas, nil},
	{"cartracker_replica_reads_total", Counter, []string{"index"}, "Queries that a replica has answered.", withReplicas, nil},

	{"cartracker_redis_up", Gauge, nil, "1 while calls go to Redis, 0 while each instance goes on without.", withRedis, nil},
	{"cartracker_redis_outages_total", Counter, nil, "How often the line to Redis was taken out of use.", withRedis, nil},
	{"cartracker_redis_call_duration_seconds", Histogram, nil, "How long calls take, those that failed included; none are made while Redis is away.", withRedis, ofCalls},

	{"cartracker_sockets_connected", Gauge, []string{"transport"}, "Clients with a socket here: websocket or polling.", "", nil},
	{"cartracker_socket_events_sent_total", Counter, nil, "Events and acknowledgements that were sent, once for each socket that got one.", "", nil},
	{"cartracker_sockets_slow_dropped_total", Counter, nil, "Clients that were dropped because they did not take what was sent.", "", nil},
	{"cartracker_feed_behind_seconds", Gauge, nil, "How long ago the last look at the feed of changes began; infinite before the first.", "", nil},

	{"cartracker_argon2_running", Gauge, nil, "Passwords that are being hashed.", "", nil},
	{"cartracker_argon2_waiting", Gauge, nil, "Passwords that wait to be hashed.", "", nil},
	{"cartracker_argon2_duration_seconds", Histogram, nil, "How long it takes to hash a password, without the wait.", "", ofHashes},

	{"cartracker_cars", Gauge, []string{"status"}, "Cars by status: available, maintenance, unavailable; those that are archived apart.", "", nil},
	{"cartracker_contracts_active", Gauge, nil, "Contracts that are active today.", "", nil},
	{"cartracker_contracts_out_today", Gauge, nil, "Contracts whose car goes out today.", "", nil},
	{"cartracker_contracts_back_today", Gauge, nil, "Contracts whose car comes back today.", "", nil},
	{"cartracker_revenue_booked", Gauge, []string{"currency"}, "Whole price of the contracts that are active today, in units of the currency.", "", nil},
	{"cartracker_figures_updated_timestamp_seconds", Gauge, nil, "When jobs, cars and contracts were counted last, each 15 s; 0 for never. While the database is away, they are left out.", "", nil},
}

// Families returns all families, in the order in which people read of them.
func Families() []Family { return slices.Clone(families) }
