package mail

import "time"

// Spans are those of a test.
type Spans struct{ Answer, Idle, Turn, Pause, Longest time.Duration }

// Quicken lets s wait as a test has time for; what is 0 stays as it is.
func (s *SMTP) Quicken(q Spans) {
	for to, from := range map[*time.Duration]time.Duration{
		&s.spans.answer: q.Answer, &s.spans.idle: q.Idle, &s.spans.turn: q.Turn, &s.away.least: q.Pause, &s.away.most: q.Longest,
	} {
		if from > 0 {
			*to = from
		}
	}
}

// Clock gives s a clock that is put forward by the test.
func (s *SMTP) Clock() (later func(time.Duration)) {
	var ahead time.Duration
	s.now = func() time.Time { return time.Now().Add(ahead) }
	return func(d time.Duration) { ahead += d }
}

// EncryptAtOnce makes s do on any port what it does on 465.
func (s *SMTP) EncryptAtOnce() { s.tls = true }

// Pauses returns how long the pauses of an outage are, one after the other.
func Pauses(least, most time.Duration, failures int) (all []time.Duration) {
	o := outage{least: least, most: most}
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for range failures {
		o.failed(now)
		all = append(all, o.left(now))
		now = now.Add(o.left(now))
	}
	o.over(now)
	return append(all, max(0, o.left(now)))
}

// Files are the names that a template may have.
var Files = files

// Refusal says why no mail can be sent to an address; nil if one can be.
func Refusal(address string) error {
	_, err := parseMailbox(address)
	return err
}
