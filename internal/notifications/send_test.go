package notifications

import (
	"strings"
	"testing"

	"cartracker/internal/fault"
	"cartracker/internal/ident"
	"cartracker/internal/record"
)

func ptr[T any](v T) *T { return &v }

func TestDraftValidate(t *testing.T) {
	me, other := ident.New[record.UserID](), ident.New[record.UserID]()
	for what, c := range map[string]struct {
		draft Draft
		wrong string
	}{
		"to a user":          {Draft{RecipientID: ptr(other), Message: "x"}, ""},
		"in capital letters": {Draft{RecipientID: ptr(record.UserID(strings.ToUpper(string(other)))), Message: "x"}, ""},
		"to a role":          {Draft{Role: ptr(record.Employee), Message: strings.Repeat("š", 1000)}, ""},
		"to nobody":          {Draft{Message: "x"}, "recipientId"},
		"to both":            {Draft{RecipientID: ptr(other), Role: ptr(record.User), Message: "x"}, "recipientId"},
		"to oneself":         {Draft{RecipientID: ptr(me), Message: "x"}, "recipientId"},
		"to a plate":         {Draft{RecipientID: ptr(record.UserID("A12-K-345")), Message: "x"}, "recipientId"},
		"to no role":         {Draft{Role: ptr(record.Role("owner")), Message: "x"}, "role"},
		"without a word":     {Draft{RecipientID: ptr(other), Message: " \n "}, "message"},
		"too long":           {Draft{RecipientID: ptr(other), Message: strings.Repeat("š", 1001)}, "message"},
		"all of it":          {Draft{}, "message recipientId"},
	} {
		var wrong []string
		for _, f := range fault.Of(errOr(c.draft.Validate(me))).Fields {
			wrong = append(wrong, f.Field)
		}
		if got := strings.Join(wrong, " "); got != c.wrong {
			t.Errorf("%s: wrong is %q, want %q", what, got, c.wrong)
		}
		if id := c.draft.RecipientID; id != nil && string(*id) != strings.ToLower(string(*id)) && c.wrong == "" {
			t.Errorf("%s: kept as %s", what, *id)
		}
	}
}

// errOr returns err, or an error about nothing.
func errOr(err error) error {
	if err == nil {
		return &fault.Error{}
	}
	return err
}
