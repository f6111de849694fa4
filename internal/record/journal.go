package record

import (
	"context"

	"cartracker/internal/date"
)

// An Action is what somebody did.
type Action string

// The actions that the audit log knows.
const (
	Create      Action = "CREATE"
	Update      Action = "UPDATE"
	Delete      Action = "DELETE"
	Login       Action = "LOGIN"
	Logout      Action = "LOGOUT"
	LoginFailed Action = "LOGIN_FAILED"
	Export      Action = "EXPORT"
	Upload      Action = "UPLOAD"
)

// An Entry tells what one transaction did.
type Entry struct {
	Action      Action
	Resource    string // such as "car"
	ResourceID  string
	Description string
	Before      any  // what a client may write of the record, as it was; nil if there was none
	After       any  // the same as it is now
	Failed      bool // it was tried in vain
	Changes     []Change
	Notice      *Notice // what the admins are told of; nil for nothing
}

// A Topic is a kind of record that others can follow.
type Topic string

// The topics of the change feed.
const (
	Cars      Topic = "cars"
	Customers Topic = "customers"
	Contracts Topic = "contracts"
	Users     Topic = "users"
	Sessions  Topic = "sessions" // the id is the user's when all of their sessions ended
	// Notifications are told of one by one.
	Notifications Topic = "notifications"
	// Inboxes change when all that is in them was seen: the id is the user's, the
	// version how many notifications that were.
	Inboxes Topic = "inboxes"
)

// A Kind is what happened to a record.
type Kind string

// The kinds of change.
const (
	Created Kind = "created"
	Updated Kind = "updated"
	Deleted Kind = "deleted"
)

// A Change is what the feed tells about one record: that it changed, never what is in it.
type Change struct {
	Topic   Topic
	ID      string
	Kind    Kind
	Version int
}

// Changed returns the Change of a record.
func Changed[ID ~string](t Topic, k Kind, m Meta[ID]) Change {
	return Change{t, string(m.ID), k, m.Version}
}

// An Event is a Change as the feed tells of it. Seq counts the changes in the
// order in which their transactions committed, from 1 and without gaps.
type Event struct {
	Seq int64
	Change
	At date.Moment
}

// A Batch is what a follower of the feed is told at a time, in the order of
// Seq.
type Batch struct {
	Events []Event
	// Past says that this is what the feed still kept when the follower began.
	Past bool
	// Many are topics of which more changed than is listed, up to number Through.
	Many []Topic
	// Through is the number up to which whoever is told knows of everything: of
	// the transaction, or of the feed. The last batch of the past has no events.
	Through int64
	// Missed says that anything may have changed: the reader was away for longer
	// than the feed keeps changes, or another database was put in the place of
	// the one that it read, and the numbers may be lower than before. Whatever
	// is remembered must be forgotten.
	Missed bool
}

// A Journal keeps entries: who did what in the audit log, and the changes in
// the feed. Called inside a transaction, both are kept only if it commits.
type Journal interface {
	Write(context.Context, ...Entry) error
	// Tell keeps changes that the audit log has nothing to say about.
	Tell(context.Context, ...Change) error
	// Refused keeps the entry of something that was tried in vain. Called
	// inside a transaction, it is kept once that one was rolled back.
	Refused(context.Context, Entry) error
}
