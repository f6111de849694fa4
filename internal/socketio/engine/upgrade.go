package engine

import (
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// upgrade takes a websocket that is to replace polling. Until it has, polling
// goes on.
func (c *Conn) upgrade(w http.ResponseWriter, r *http.Request) *failure {
	if !c.claimUpgrade() {
		return &badRequest
	}
	s, err := c.server.takeSocket(w, r)
	if err != nil {
		c.giveUp()
		return nil // who asked was told
	}
	via := lasting(r)
	c.server.work.Go(func() { c.prove(s, via) })
	return nil
}

// claimUpgrade lets one websocket at a time try.
func (c *Conn) claimUpgrade() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != isOpen || c.socket != nil || c.upgrades {
		return false
	}
	c.upgrades = true
	return true
}

func (c *Conn) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.upgrades, c.probed, c.probe = false, false, nil
}

// prove reads from the websocket for good once it has replaced polling.
func (c *Conn) prove(s *socket, via *http.Request) {
	limit := time.AfterFunc(c.server.config.UpgradeTimeout, s.cut)
	if c.consider(s) && c.isProved(s) && limit.Stop() && c.replace(s, via) {
		c.read(s)
		return
	}
	limit.Stop()
	c.giveUp()
	s.bye(websocket.StatusProtocolError)
}

// consider notes a websocket that may take over, so that it ends with the client.
func (c *Conn) consider(s *socket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probe = s
	return c.state != isClosed
}

// isProved answers the probes of a websocket, and reports whether the client
// then asks to use it.
func (c *Conn) isProved(s *socket) bool {
	for answered := false; ; answered = true {
		data, binary, err := s.receive()
		switch {
		case err != nil || binary:
			return false
		case answered && string(data) == string(kindUpgrade):
			return true
		case string(data) != string(kindPing)+probe:
			return false
		}
		if s.send([]*Frame{probeFrame}) != nil {
			return false
		}
		c.hurry()
	}
}

// hurry ends the poll that waits, since the client upgrades when none does.
func (c *Conn) hurry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probed = true
	c.poll.nudge()
}

// replace makes the websocket the client's, and sends over it what waits. If a
// poll is being answered, that comes first.
func (c *Conn) replace(s *socket, via *http.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == isClosed {
		return false
	}
	c.gauge().Add(-1)
	c.socket, c.via, c.probe = s, via, nil
	c.gauge().Add(1)
	c.server.count.upgrades.Add(1)
	c.poll.nudge()
	c.flush()
	return true
}
