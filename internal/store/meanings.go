package store

import (
	"cartracker/internal/customers"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/identity"
	"cartracker/internal/rental"
)

// meanings says what each constraint, when broken, means to the domain.
var meanings = map[string]*fault.Error{
	"users_username_key_key":     identity.ErrUsernameTaken,
	"users_email_key_key":        identity.ErrEmailTaken,
	"users_last_admin":           identity.ErrLastAdmin,
	"cars_plate_key_key":         fleet.ErrPlateTaken,
	"customers_passport_key_key": customers.ErrPassportTaken,
	"customers_license_key_key":  customers.ErrLicenseTaken,
	"holds_no_overlap":           rental.ErrCarTaken,
}
