// Package identity owns users, their sessions, and how they sign in.
package identity

import (
	"context"
	"regexp"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// Errors that a caller may be told about.
var (
	ErrNoUser        = fault.New(fault.NotFound, "no_user", "there is no such user")
	ErrUsernameTaken = fault.New(fault.Conflict, "username_taken", "another user has this user name")
	ErrEmailTaken    = fault.New(fault.Conflict, "email_taken", "another user has this e-mail address")
	ErrLastAdmin     = fault.New(fault.Conflict, "last_admin", "this is the last active admin, who can be neither deleted, demoted nor deactivated")
)

// A Language is one that the program speaks.
type Language string

// The languages.
const (
	English Language = "en"
	Bosnian Language = "bs"
)

// A Profile is what users write about themselves.
type Profile struct {
	Username        string   `json:"username" minLength:"3" maxLength:"100" pattern:"^[\\p{L}\\p{Nd}._-]+$" doc:"Letters, digits, dot, underscore and hyphen; unique ignoring case."`
	Email           string   `json:"email" maxLength:"254" format:"email" doc:"Unique ignoring case."`
	Name            *string  `json:"name" maxLength:"255"`
	Language        Language `json:"language" enum:"en,bs" required:"false"`
	Phone           *string  `json:"phone" minLength:"6" maxLength:"20"`
	Address         *string  `json:"address" maxLength:"500"`
	CitizenshipID   *string  `json:"citizenshipId" maxLength:"50"`
	ProfilePhotoURL *string  `json:"profilePhotoUrl" maxLength:"2048" doc:"A web address, or an upload's name."`
}

// An Account is what an admin writes about a user.
type Account struct {
	Profile
	Role   record.Role `json:"role" enum:"admin,employee,user" default:"user"`
	Active bool        `json:"active" default:"true"`
}

// A User is somebody who can sign in.
type User struct {
	record.Meta[record.UserID]
	Account
	LastLogin    *date.Moment `json:"lastLogin"`
	LastActiveAt *date.Moment `json:"lastActiveAt"`
}

// Person returns what others see of u.
func (u User) Person() record.Person {
	return record.Person{ID: u.ID, Username: u.Username, Name: u.Name, Role: u.Role}
}

var username = regexp.MustCompile(`^[\p{L}\p{Nd}._-]+$`)

// Validate puts p into its kept form and reports everything that is wrong with it.
func (p *Profile) Validate() error {
	record.Trim(&p.Username, &p.Email)
	record.TrimOptional(&p.Name, &p.Phone, &p.Address, &p.CitizenshipID, &p.ProfilePhotoURL)
	var bad fault.Fields
	record.CheckText(&bad, "username", p.Username, 3, 100)
	bad.Check(username.MatchString(p.Username), "username", "may have letters, digits, dot, underscore and hyphen only")
	record.CheckText(&bad, "email", p.Email, 3, 254)
	record.CheckEmail(&bad, "email", p.Email)
	record.CheckOptional(&bad, "name", p.Name, 255)
	record.CheckOneOf(&bad, "language", p.Language, English, Bosnian)
	record.CheckPhone(&bad, "phone", p.Phone)
	record.CheckOptional(&bad, "address", p.Address, 500)
	record.CheckOptional(&bad, "citizenshipId", p.CitizenshipID, 50)
	record.CheckPhoto(&bad, "profilePhotoUrl", p.ProfilePhotoURL)
	return bad.Err()
}

// Validate puts a into its kept form and reports everything that is wrong with it.
func (a *Account) Validate() error {
	var bad fault.Fields
	record.CheckOneOf(&bad, "role", a.Role, record.Admin, record.Employee, record.User)
	return fault.All(a.Profile.Validate(), bad.Err())
}

// A Password is what somebody typed to prove who they are. It can be read from
// a request and never be written anywhere.
type Password struct{ text string }

// NewPassword returns the password that text is.
func NewPassword(text string) Password { return Password{text} }

// Reveal returns the password itself.
func (p Password) Reveal() string { return p.text }

// String hides the password.
func (p Password) String() string { return "[secret]" }

// GoString hides the password.
func (p Password) GoString() string { return "[secret]" }

// MarshalText hides the password.
func (p Password) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// UnmarshalText reads the password.
func (p *Password) UnmarshalText(b []byte) error {
	p.text = string(b)
	return nil
}

// A Draft is a new user, as an admin writes it. Whoever has no password cannot
// sign in before they set one by the link that they are sent.
type Draft struct {
	Account
	Password        Password `json:"password" required:"false" nullable:"true" minLength:"8" maxLength:"1024" doc:"Required unless sendCredentials is true."`
	SendCredentials bool     `json:"sendCredentials" default:"false" doc:"Send the user a mail with a link that sets their password. It can be used once, for 72 hours."`
}

// A Filter selects users. The zero Filter selects all of them.
type Filter struct {
	Q      string      `query:"q" maxLength:"200" doc:"Searches user name, name and e-mail, ignoring case and accents."`
	Role   record.Role `query:"role" enum:"admin,employee,user"`
	Active string      `query:"active" enum:"true,false"`
	Sort   string      `query:"sort" enum:"username,-username,createdAt,-createdAt,lastActiveAt,-lastActiveAt" doc:"By user name unless told otherwise."`
	page.Query
}

// A UserStore keeps users. It refuses to keep two of one name or address, or
// to take the last active admin away, however many callers race.
type UserStore interface {
	Insert(ctx context.Context, u *User, passwordHash string) error
	Get(context.Context, record.UserID) (User, error)
	List(context.Context, Filter) (page.Of[User], error)
	// Update changes a user that nobody else can change at the same time.
	Update(context.Context, record.UserID, func(*User) error) (User, error)
	Delete(context.Context, record.UserID) error
	// Named returns the user with this name or address, and the hash of their
	// password; ErrNoUser if there is none.
	Named(ctx context.Context, login string) (User, string, error)
	PasswordHash(context.Context, record.UserID) (string, error)
	SetPassword(ctx context.Context, id record.UserID, hash string) error
	SetLastLogin(context.Context, record.UserID, date.Moment) error
	// HasHistory reports whether any record or log names the user.
	HasHistory(context.Context, record.UserID) (bool, error)
	// AdminExists reports whether there is an active admin.
	AdminExists(context.Context) (bool, error)
}
