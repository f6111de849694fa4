package identity

import "cartracker/internal/record"

// What happened to a user, as their notice says it.
const (
	made        = "made"
	registered  = "registered"
	amended     = "amended"
	activated   = "activated"
	deactivated = "deactivated"
	untold      = "" // nobody is told
)

// userNotice returns what the admins are told of a user.
func userNotice(t record.NoticeType, u User, change string) *record.Notice {
	return &record.Notice{Type: t, Data: map[string]any{"userId": u.ID, "username": u.Username, "change": change}}
}

// changeOf names what a change of an account has done.
func changeOf(before, after Account) string {
	switch {
	case before.Active && !after.Active:
		return deactivated
	case !before.Active && after.Active:
		return activated
	}
	return amended
}
