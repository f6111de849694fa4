// Package notifications owns what people are told of: each has an inbox.
package notifications

import (
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// ErrNoNotification says that there is no such notification in the inbox of who asks.
var ErrNoNotification = fault.New(fault.NotFound, "no_notification", "there is no such notification")

// An ID names one notification.
type ID string

// A Status says whether the recipient has looked at a notification.
type Status string

// The statuses of a notification.
const (
	New  Status = "new"
	Seen Status = "seen"
)

// A Notification tells one user of something.
type Notification struct {
	ID          ID                `json:"id"`
	RecipientID record.UserID     `json:"recipientId" format:"uuid"`
	Sender      *record.Person    `json:"sender" doc:"Who did it; null for the program itself and the command line."`
	Type        record.NoticeType `json:"type" enum:"car-new,customer-new,user-new,user-updated,contract-new,contract-updated,contract-expiring,contract-expired,message"`
	Message     string            `json:"message" doc:"Made of type and data, in the language of the recipient."`
	Data        map[string]any    `json:"data" doc:"Ids and names of what it is about."`
	Status      Status            `json:"status" enum:"new,seen"`
	CreatedAt   date.Moment       `json:"createdAt"`
	UpdatedAt   date.Moment       `json:"updatedAt"`

	Language identity.Language `json:"-"` // of the recipient
}

// Version counts the changes of n, from 1: what can change is that it was seen.
func (n *Notification) Version() int {
	if n.Status == Seen {
		return 2
	}
	return 1
}

// change tells the feed of n.
func (n *Notification) change(k record.Kind) record.Change {
	c := record.Change{Topic: record.Notifications, ID: string(n.ID), Kind: k, Version: n.Version()}
	if k == record.Deleted {
		c.Version++
	}
	return c
}

// A Filter asks for a page of an inbox.
type Filter struct {
	Sort string `query:"sort" enum:"createdAt,-createdAt" doc:"Newest first unless told otherwise."`
	page.Query
}

// A Selection says which notifications of one recipient.
type Selection struct {
	Recipient record.UserID
	Unseen    bool        // those that are new
	Messages  bool        // those of type message: the others tell of what not every role may see
	Since     date.Moment // those from then on; zero is no bound
}
