package mail

import "time"

// An outage is that a server cannot be reached. It is asked again only when a
// pause is over, so that of all the mails that wait only a few find it away.
type outage struct {
	least, most time.Duration // of a pause
	failures    int           // in a row
	until       time.Time     // the pause is over
	since       time.Time     // of the first failure
}

// failed begins a pause, twice as long as the one before. It reports whether it
// is the first one.
func (o *outage) failed(now time.Time) (first bool) {
	if first = o.failures == 0; first {
		o.since = now
	}
	pause := o.most
	if o.failures < 16 {
		pause = min(o.most, o.least<<o.failures)
	}
	o.failures++
	o.until = now.Add(pause)
	return first
}

// over is called when the server has answered. It returns for how long it was
// away; 0 if it was not.
func (o *outage) over(now time.Time) (away time.Duration) {
	if o.failures > 0 {
		away = max(now.Sub(o.since), 1)
	}
	o.failures, o.until = 0, time.Time{}
	return away
}

// left returns how long the pause still is; 0 or less if it is over.
func (o *outage) left(now time.Time) time.Duration { return o.until.Sub(now) }
