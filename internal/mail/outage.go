package mail

import "time"

// An outage is that a server cannot be reached. It is asked again only when a
// pause is over, so that of all the mails that wait only a few find it away.
type outage struct {
	least, most time.Duration // of a pause
	failures    int           // in a row
	until       time.Time     // the pause is over
}

// failed begins a pause, twice as long as the one before.
func (o *outage) failed(now time.Time) {
	pause := o.most
	if o.failures < 16 {
		pause = min(o.most, o.least<<o.failures)
	}
	o.failures++
	o.until = now.Add(pause)
}

// over is called when the server has answered.
func (o *outage) over() { o.failures, o.until = 0, time.Time{} }

// left returns how long the pause still is; 0 or less if it is over.
func (o *outage) left(now time.Time) time.Duration { return o.until.Sub(now) }
