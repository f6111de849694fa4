package engine

// Waiting reports whether anything waits to be sent to the client.
func (c *Conn) Waiting() bool { return false }
