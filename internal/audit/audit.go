// Package audit keeps the record of who did what.
package audit

import (
	"context"
	"strings"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/ident"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// ErrNoLog says that there is no such entry.
var ErrNoLog = fault.New(fault.NotFound, "no_audit_log", "there is no such entry in the audit log")

// A LogID names one entry.
type LogID string

// A Status says whether what was tried was done.
type Status string

// The two outcomes.
const (
	Success Status = "success"
	Failure Status = "failure"
)

// A Log is one thing that somebody did. It is never changed.
type Log struct {
	ID          LogID          `json:"id"`
	UserID      *record.UserID `json:"userId"`
	Username    *string        `json:"username"`
	UserRole    *record.Role   `json:"userRole" enum:"admin,employee,user"`
	IPAddress   *string        `json:"ipAddress"`
	UserAgent   *string        `json:"userAgent"`
	RequestID   *string        `json:"requestId"`
	Action      record.Action  `json:"action" enum:"CREATE,UPDATE,DELETE,LOGIN,LOGOUT,LOGIN_FAILED,EXPORT,UPLOAD,DOWNLOAD"`
	Resource    string         `json:"resource"`
	ResourceID  *string        `json:"resourceId"`
	Description string         `json:"description"`
	Changes     Changes        `json:"changes"`
	Status      Status         `json:"status" enum:"success,failure"`
	CreatedAt   date.Moment    `json:"createdAt"`
}

// NewLog returns what the log keeps of an entry that c made at the moment now.
func NewLog(e record.Entry, c record.Caller, now date.Moment) (Log, error) {
	changes, err := diff(e.Before, e.After)
	status := Success
	if e.Failed {
		status = Failure
	}
	return Log{
		ID:          ident.New[LogID](),
		UserID:      known(c.ID),
		Username:    known(c.Username),
		UserRole:    known(c.Role),
		IPAddress:   known(c.IP),
		UserAgent:   known(c.UserAgent),
		RequestID:   known(c.RequestID),
		Action:      e.Action,
		Resource:    e.Resource,
		ResourceID:  known(e.ResourceID),
		Description: e.Description,
		Changes:     changes,
		Status:      status,
		CreatedAt:   now,
	}, err
}

func known[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}

// A Selection says which entries. The zero Selection is all of them.
type Selection struct {
	UserID     record.UserID `query:"userId" format:"uuid" doc:"Who did it."`
	Action     record.Action `query:"action" enum:"CREATE,UPDATE,DELETE,LOGIN,LOGOUT,LOGIN_FAILED,EXPORT,UPLOAD,DOWNLOAD"`
	Resource   string        `query:"resource" doc:"The kind of record, such as car."`
	ResourceID string        `query:"resourceId"`
	Status     Status        `query:"status" enum:"success,failure"`
	From       date.Date     `query:"from" doc:"First day, in the business's time zone."`
	To         date.Date     `query:"to" doc:"Last day but one; the same as from is that one day."`
	Q          string        `query:"q" maxLength:"200" doc:"Searches description and user name, ignoring case and accents."`

	Since, Before date.Moment // From and To as moments; the service sets them
}

// A Filter asks for a page of the entries that it selects.
type Filter struct {
	Selection
	Sort string `query:"sort" enum:"createdAt,-createdAt" doc:"Newest first unless told otherwise."`
	page.Query
}

// A Store keeps entries.
type Store interface {
	Get(context.Context, LogID) (Log, error)
	List(context.Context, Filter) (page.Of[Log], error)
	Statistics(context.Context, Selection, *time.Location) (Statistics, error)
}

// A Service reads the log to admins. All of its fields are required.
type Service struct {
	record.Env
	Store Store
}

// Get returns one entry.
func (s *Service) Get(ctx context.Context, id LogID) (Log, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return Log{}, err
	}
	return s.Store.Get(ctx, id)
}

// List returns the entries that f selects, newest first.
func (s *Service) List(ctx context.Context, f Filter) (page.Of[Log], error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return page.Of[Log]{}, err
	}
	if err := s.settle(&f.Selection); err != nil {
		return page.Of[Log]{}, err
	}
	return s.Store.List(ctx, f)
}

// settle makes the days of a selection moments, and its ids what they are kept as.
func (s *Service) settle(f *Selection) error {
	if !f.To.IsZero() && f.To.Before(f.From) {
		return page.ErrOrder
	}
	f.UserID = record.UserID(strings.ToLower(string(f.UserID)))
	if !f.From.IsZero() {
		f.Since = f.From.Begins(s.Zone)
	}
	if !f.To.IsZero() {
		f.Before = date.Between(f.From, f.To).End.Begins(s.Zone)
	}
	return nil
}
