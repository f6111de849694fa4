package mail

import "cartracker/internal/date"

// A State is where a mail is on its way.
type State string

// The states of a mail.
const (
	Waiting   State = "waiting"   // for its turn
	Active    State = "active"    // being sent
	Delayed   State = "delayed"   // until it is tried again
	Completed State = "completed" // handed over
	Failed    State = "failed"    // given up, or cancelled by somebody
)

// A Job is a mail on its way, as an admin sees it: for whom it is and what
// became of it, and nothing of what stands in it.
type Job struct {
	ID          string       `json:"id" doc:"Also the first part of the mail's Message-ID."`
	Kind        string       `json:"kind" enum:"credentials,password-reset,contract-expiring,contract-expired"`
	State       State        `json:"state" enum:"waiting,active,delayed,completed,failed"`
	UserID      *string      `json:"userId" doc:"Null if somebody typed an address that is yet to be looked up."`
	ContractID  *string      `json:"contractId"`
	Attempts    int          `json:"attempts" doc:"How often it was tried."`
	MaxAttempts int          `json:"maxAttempts"`
	CreatedAt   date.Moment  `json:"createdAt"`
	DueAt       date.Moment  `json:"dueAt" doc:"When it is or was to be tried."`
	AttemptedAt *date.Moment `json:"attemptedAt"`
	FinishedAt  *date.Moment `json:"finishedAt"`
	LastError   *string      `json:"lastError" doc:"What went wrong last, such as the mail server's answer."`
}

// Stats are how many mails are where.
type Stats struct {
	Waiting   int  `json:"waiting"`
	Active    int  `json:"active"`
	Delayed   int  `json:"delayed"`
	Completed int  `json:"completed" doc:"Of those that are kept."`
	Failed    int  `json:"failed" doc:"Of those that are kept."`
	Paused    bool `json:"paused"`
	Total     int  `json:"total"`
	Healthy   bool `json:"healthy" doc:"It is not paused, and nothing has been due for five minutes."`
}
