package identity_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/record"
)

func ptr[T any](v T) *T { return &v }

func good() identity.Account {
	return identity.Account{
		Profile: identity.Profile{Username: "ana.šarić_1-2", Email: "ana@example.com", Language: identity.Bosnian}, Role: record.User, Active: true,
	}
}

// wrong returns the fields that an error is about.
func wrong(err error) []string {
	var out []string
	for _, f := range fault.Of(err).Fields {
		out = append(out, f.Field)
	}
	slices.Sort(out)
	return out
}

func TestAccountValidate(t *testing.T) {
	long := func(n int) string { return strings.Repeat("š", n) }
	for what, c := range map[string]struct {
		change func(*identity.Account)
		field  string // "" if nothing is wrong
	}{
		"as it is":         {func(*identity.Account) {}, ""},
		"inactive":         {func(a *identity.Account) { a.Active = false }, ""},
		"two letters":      {func(a *identity.Account) { a.Username = " ab " }, "username"},
		"three letters":    {func(a *identity.Account) { a.Username = "šđč" }, ""},
		"100 letters":      {func(a *identity.Account) { a.Username = long(100) }, ""},
		"101 letters":      {func(a *identity.Account) { a.Username = long(101) }, "username"},
		"a space":          {func(a *identity.Account) { a.Username = "ana b" }, "username"},
		"an address":       {func(a *identity.Account) { a.Username = "ana@example.com" }, "username"},
		"a line":           {func(a *identity.Account) { a.Username = "ana\nb" }, "username"},
		"no e-mail":        {func(a *identity.Account) { a.Email = "" }, "email"},
		"bad e-mail":       {func(a *identity.Account) { a.Email = "Ana <ana@example.com>" }, "email"},
		"long name":        {func(a *identity.Account) { a.Name = ptr(long(256)) }, "name"},
		"no language":      {func(a *identity.Account) { a.Language = "" }, "language"},
		"another language": {func(a *identity.Account) { a.Language = "de" }, "language"},
		"phone":            {func(a *identity.Account) { a.Phone = ptr("x") }, "phone"},
		"address":          {func(a *identity.Account) { a.Address = ptr(long(501)) }, "address"},
		"citizenship":      {func(a *identity.Account) { a.CitizenshipID = ptr(long(51)) }, "citizenshipId"},
		"photo":            {func(a *identity.Account) { a.ProfilePhotoURL = ptr("data:x") }, "profilePhotoUrl"},
		"no role":          {func(a *identity.Account) { a.Role = "" }, "role"},
		"another role":     {func(a *identity.Account) { a.Role = "Admin" }, "role"},
	} {
		a := good()
		c.change(&a)
		if got := strings.Join(wrong(a.Validate()), " "); got != c.field {
			t.Errorf("%s: wrong %q, want %q", what, got, c.field)
		}
	}
}

func TestAccountValidateAllAtOnce(t *testing.T) {
	x := ptr(strings.Repeat("x ", 300) + "/")
	a := identity.Account{Profile: identity.Profile{Name: x, Phone: x, Address: x, CitizenshipID: x, ProfilePhotoURL: x}}
	want := []string{"address", "citizenshipId", "email", "language", "name", "phone", "profilePhotoUrl", "role", "username"}
	if got := wrong(a.Validate()); !slices.Equal(got, want) {
		t.Errorf("wrong %v, want %v", got, want)
	}
}

// A password can be read, and never be written anywhere.
func TestPasswordHidden(t *testing.T) {
	var d identity.Draft
	if err := json.Unmarshal([]byte(`{"username":"ana","password":"hunter2"}`), &d); err != nil || d.Password.Reveal() != "hunter2" {
		t.Errorf("read %q, %v", d.Password.Reveal(), err)
	}
	written, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		string(written), fmt.Sprint(d), fmt.Sprintf("%v %+v %#v %s %q %x", d, d, d, d.Password, d.Password, d.Password), fmt.Sprintf("%+v", &d), d.Password.String(),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74657232") {
			t.Errorf("the password shows: %s", text)
		}
	}
}

// A person is what others see of a user, and nothing else.
func TestPerson(t *testing.T) {
	u := identity.User{Meta: record.Meta[record.UserID]{ID: "u1"}, Account: good()}
	u.CitizenshipID = ptr("0101990170001")
	got, err := json.Marshal(u.Person())
	if want := `{"id":"u1","username":"ana.šarić_1-2","name":null,"role":"user"}`; err != nil || string(got) != want {
		t.Errorf("a person is %s, %v; want %s", got, err, want)
	}
}
