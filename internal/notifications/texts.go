package notifications

// tell makes the message of n, in the language of its recipient.
func (n *Notification) tell() {}
