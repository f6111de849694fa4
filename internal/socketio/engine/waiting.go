package engine

// Waiting reports whether anything waits to be sent to the client.
func (c *Conn) Waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting > 0
}
