package customers

import "cartracker/internal/encode"

// AppendJSON writes c behind b as encoding/json does, for long lists.
func (c Customer) AppendJSON(b []byte) []byte {
	o := encode.Begin(b)
	c.Meta.AppendTo(&o)
	o.Text("name", c.Name)
	o.Text("driverLicenseNumber", c.DriverLicenseNumber)
	o.Text("passportNumber", c.PassportNumber)
	o.Text("countryOfOrigin", c.CountryOfOrigin)
	o.OptionalText("email", c.Email)
	o.OptionalText("phoneNumber", c.PhoneNumber)
	o.OptionalText("address", c.Address)
	o.OptionalText("fatherName", c.FatherName)
	o.OptionalText("cityOfResidence", c.CityOfResidence)
	o.OptionalText("idOfPerson", c.IDOfPerson)
	o.OptionalText("drivingLicensePhotoUrl", c.DrivingLicensePhotoURL)
	o.OptionalText("passportPhotoUrl", c.PassportPhotoURL)
	o.OptionalText("notes", c.Notes)
	c.Authors.AppendTo(&o)
	return o.End()
}
