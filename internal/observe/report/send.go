package report

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/getsentry/sentry-go"
)

const (
	agent       = "cartracker"
	sendTimeout = 5 * time.Second  // for one event
	tellAgain   = 10 * time.Minute // the log is told again that events cannot be sent
	maxAnswer   = 4 << 10          // bytes of an answer that are read, so that its connection can be used again

	usualPause   = time.Minute // after an answer that there is too much
	longestPause = time.Hour
)

// A sink is who takes the events. It is used by one goroutine.
type sink struct {
	what      string // it takes, for the log
	dsn       *sentry.Dsn
	agent     string
	transport *http.Transport
	client    http.Client

	pausedTo time.Time // it has asked for nothing until then
	lost     int       // events since the log was told
	told     time.Time
}

// send sends an event, once. If it cannot be sent it is lost, and the log is
// told now and then of how many are.
func (s *sink) send(ctx context.Context, e *sentry.Event) {
	err := errPaused
	if time.Now().After(s.pausedTo) {
		err = s.try(ctx, e)
	}
	if err == nil {
		return
	}
	if s.lost++; time.Since(s.told) >= tellAgain {
		slog.Warn(s.what+" cannot be sent to SENTRY_DSN", "lost", s.lost, "err", err)
		s.lost, s.told = 0, time.Now()
	}
}

var errPaused = errors.New("it has asked for a pause")

func (s *sink) try(ctx context.Context, e *sentry.Event) error {
	body, err := envelope(e)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.dsn.GetAPIURL().String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("its address is none")
	}
	auth := "Sentry sentry_version=7, sentry_client=" + s.agent + ", sentry_key=" + s.dsn.GetPublicKey()
	if secret := s.dsn.GetSecretKey(); secret != "" { // old servers want it
		auth += ", sentry_secret=" + secret
	}
	req.Header = http.Header{"Content-Type": {"application/x-sentry-envelope"}, "User-Agent": {s.agent}, "X-Sentry-Auth": {auth}}
	res, err := s.client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // which does not repeat the address
		}
		return err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	if res.StatusCode == http.StatusTooManyRequests {
		s.pausedTo = time.Now().Add(pause(res.Header.Get("Retry-After")))
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %d", res.StatusCode)
	}
	return nil
}

// pause returns how long nothing is sent, as Retry-After has it in seconds.
func pause(after string) time.Duration {
	seconds, err := strconv.ParseUint(after, 10, 31)
	if err != nil {
		return usualPause
	}
	return min(time.Duration(seconds)*time.Second, longestPause)
}

// envelope returns an event as it is sent. The header could have the address
// with its key, which the sink knows.
func envelope(e *sentry.Event) ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	kind := cmp.Or(e.Type, "event")
	head := fmt.Sprintf(`{"event_id":%q,"sent_at":%q}`+"\n"+`{"type":%q,"length":%d}`+"\n", e.EventID, time.Now().UTC().Format(time.RFC3339), kind, len(body))
	return append(append([]byte(head), body...), '\n'), nil
}
