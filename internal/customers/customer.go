// Package customers owns the people and companies that rent cars.
package customers

import (
	"cartracker/internal/fault"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// Errors that a caller may be told about.
var (
	ErrNoCustomer    = fault.New(fault.NotFound, "no_customer", "there is no such customer")
	ErrPassportTaken = fault.New(fault.Conflict, "passport_number_taken", "another customer has this passport number")
	ErrLicenseTaken  = fault.New(fault.Conflict, "driver_license_number_taken", "another customer has this driver's license number")
	ErrCustomerInUse = fault.New(fault.Conflict, "customer_in_use", "an active or upcoming contract needs this customer")
)

// A CustomerID names one customer.
type CustomerID string

// A Draft is the part of a customer that a client writes.
type Draft struct {
	Name                   string  `json:"name" minLength:"2" maxLength:"255"`
	DriverLicenseNumber    string  `json:"driverLicenseNumber" minLength:"1" maxLength:"50" doc:"Unique among customers that are not deleted, ignoring case."`
	PassportNumber         string  `json:"passportNumber" minLength:"1" maxLength:"50" doc:"Unique among customers that are not deleted, ignoring case."`
	CountryOfOrigin        string  `json:"countryOfOrigin" minLength:"1" maxLength:"100"`
	Email                  *string `json:"email" maxLength:"254" format:"email"`
	PhoneNumber            *string `json:"phoneNumber" minLength:"6" maxLength:"20"`
	Address                *string `json:"address" maxLength:"500"`
	FatherName             *string `json:"fatherName" maxLength:"255"`
	CityOfResidence        *string `json:"cityOfResidence" maxLength:"100"`
	IDOfPerson             *string `json:"idOfPerson" maxLength:"50"`
	DrivingLicensePhotoURL *string `json:"drivingLicensePhotoUrl" maxLength:"2048" doc:"A web address, or an upload's name."`
	PassportPhotoURL       *string `json:"passportPhotoUrl" maxLength:"2048" doc:"A web address, or an upload's name."`
	Notes                  *string `json:"notes" maxLength:"5000"`
}

// A Customer rents cars.
type Customer struct {
	record.Meta[CustomerID]
	Draft
	record.Authors
}

// Validate puts d into its kept form and reports everything that is wrong with it.
func (d *Draft) Validate() error {
	record.Trim(&d.Name, &d.DriverLicenseNumber, &d.PassportNumber, &d.CountryOfOrigin)
	record.TrimOptional(&d.Email, &d.PhoneNumber, &d.Address, &d.FatherName, &d.CityOfResidence,
		&d.IDOfPerson, &d.DrivingLicensePhotoURL, &d.PassportPhotoURL, &d.Notes)
	var bad fault.Fields
	record.CheckText(&bad, "name", d.Name, 2, 255)
	record.CheckText(&bad, "driverLicenseNumber", d.DriverLicenseNumber, 1, 50)
	record.CheckText(&bad, "passportNumber", d.PassportNumber, 1, 50)
	record.CheckText(&bad, "countryOfOrigin", d.CountryOfOrigin, 1, 100)
	if d.Email != nil {
		record.CheckEmail(&bad, "email", *d.Email)
	}
	record.CheckPhone(&bad, "phoneNumber", d.PhoneNumber)
	record.CheckOptional(&bad, "address", d.Address, 500)
	record.CheckOptional(&bad, "fatherName", d.FatherName, 255)
	record.CheckOptional(&bad, "cityOfResidence", d.CityOfResidence, 100)
	record.CheckOptional(&bad, "idOfPerson", d.IDOfPerson, 50)
	record.CheckPhoto(&bad, "drivingLicensePhotoUrl", d.DrivingLicensePhotoURL)
	record.CheckPhoto(&bad, "passportPhotoUrl", d.PassportPhotoURL)
	record.CheckOptional(&bad, "notes", d.Notes, 5000)
	return bad.Err()
}

// A Filter selects customers. The zero Filter selects all of them.
type Filter struct {
	Q       string `query:"q" maxLength:"200" doc:"Searches name, e-mail, phone, passport and driver's license number, ignoring case and accents."`
	Country string `query:"country" maxLength:"100" doc:"Country of origin, ignoring case and accents."`
	City    string `query:"city" maxLength:"100" doc:"City of residence, ignoring case and accents."`
	Sort    string `query:"sort" enum:"name,-name,createdAt,-createdAt" doc:"By name unless told otherwise."`
	page.Query
}
