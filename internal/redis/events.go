package redis

import (
	"log/slog"
	"sync"
	"time"
)

// The states of the line, as the log tells of them.
const (
	connecting   = "connecting"
	ready        = "ready"
	failed       = "error"
	reconnecting = "reconnecting"
	closed       = "closed"
)

const complainEvery = time.Minute

// events writes what becomes of the line, once each.
type events struct {
	at address

	mu         sync.Mutex
	last       string
	refused    bool      // since the line was up
	complained time.Time // about a command
}

// say logs a change of state.
func (e *events) say(state string, why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.write(state, why)
	if state == ready {
		e.refused = false
	}
}

// refuse logs that the server is there again but wants nothing of us, once
// until the line is up.
func (e *events) refuse(why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.refused {
		e.refused = true
		e.write(failed, why)
		e.last = reconnecting // which goes on
	}
}

func (e *events) write(state string, why error) {
	if state == e.last {
		return
	}
	e.last = state
	if why != nil {
		slog.Info("redis", "state", state, "address", e.at.String(), "err", e.at.tidy(why.Error()))
		return
	}
	slog.Info("redis", "state", state, "address", e.at.String())
}

// complain logs a command that was refused, once a minute.
func (e *events) complain(why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := time.Now(); e.complained.IsZero() || now.Sub(e.complained) >= complainEvery {
		e.complained = now
		slog.Warn("redis refused a command", "address", e.at.String(), "err", e.at.tidy(why.Error()))
	}
}
