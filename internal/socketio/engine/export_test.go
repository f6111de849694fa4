package engine

import (
	"testing"
	"time"
)

// WaitForPoll waits until a poll of the client waits.
func WaitForPoll(t *testing.T, c *Conn) {
	t.Helper()
	eventually(t, c, "a poll waits", func() bool { return c.poll != nil && !c.poll.answering })
}

// WaitForAnswer waits until a poll of the client is being answered.
func WaitForAnswer(t *testing.T, c *Conn) {
	t.Helper()
	eventually(t, c, "a poll is answered", func() bool { return c.poll != nil && c.poll.answering })
}

// WaitForUpgrade waits until the client has a websocket.
func WaitForUpgrade(t *testing.T, c *Conn) {
	t.Helper()
	eventually(t, c, "a websocket has taken over", func() bool { return c.socket != nil })
}

// WaitForNoPoll waits until no poll of the client is under way.
func WaitForNoPoll(t *testing.T, c *Conn) {
	t.Helper()
	eventually(t, c, "no poll waits", func() bool { return c.poll == nil })
}

// WaitForPost waits until a POST of the client is under way.
func WaitForPost(t *testing.T, c *Conn) {
	t.Helper()
	eventually(t, c, "a POST is read", func() bool { return c.post != nil })
}

// WaitForProbe waits until a websocket has been probed.
func WaitForProbe(t *testing.T, c *Conn) {
	t.Helper()
	eventually(t, c, "a websocket is probed", func() bool { return c.probed })
}

// WaitForNoUpgrade waits until no websocket tries to take over.
func WaitForNoUpgrade(t *testing.T, c *Conn) {
	t.Helper()
	eventually(t, c, "no upgrade is under way", func() bool { return !c.upgrades })
}

// WaitForIdle waits until nothing is written to the client.
func WaitForIdle(t *testing.T, c *Conn) {
	t.Helper()
	eventually(t, c, "nothing is written", func() bool { return !c.writing && len(c.queue) == 0 })
}

// Waiting returns the bytes that wait for the client.
func Waiting(c *Conn) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting
}

// WaitForClosing waits until the client is being closed.
func WaitForClosing(t *testing.T, c *Conn) {
	t.Helper()
	eventually(t, c, "it is being closed", func() bool { return c.state != isOpen })
}

// Due returns when the next ping, or the answer to one, is due.
func Due(c *Conn) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.due
}

func eventually(t *testing.T, c *Conn, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(20 * time.Second); ; <-again.C {
		c.mu.Lock()
		done := ok()
		c.mu.Unlock()
		if done {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not soon: %s", what)
		}
	}
}
