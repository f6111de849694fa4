package rental

import "cartracker/internal/encode"

// AppendJSON writes c behind b as encoding/json does, for long lists.
func (c Contract) AppendJSON(b []byte) []byte {
	o := encode.Begin(b)
	c.Meta.AppendTo(&o)
	o.Text("number", c.Number)
	o.Text("customerId", string(c.CustomerID))
	encode.Value(&o, "customer", c.Customer)
	o.Text("carId", string(c.CarID))
	encode.Value(&o, "car", c.Car)
	encode.Value(&o, "startDate", c.StartDate)
	encode.Value(&o, "endDate", c.EndDate)
	o.Int("days", c.Days)
	encode.Value(&o, "dailyRate", c.DailyRate)
	encode.Value(&o, "totalAmount", c.TotalAmount)
	o.Bool("priceAgreed", c.PriceAgreed)
	o.OptionalText("additionalNotes", c.AdditionalNotes)
	o.OptionalText("photoUrl", c.PhotoURL)
	o.Text("status", string(c.Status))
	encode.Optional(&o, "cancelledAt", c.CancelledAt)
	o.OptionalText("cancellationReason", c.CancellationReason)
	o.Bool("notificationSent", c.NotificationSent)
	c.Authors.AppendTo(&o)
	return o.End()
}

// AppendJSON writes c behind b.
func (c CustomerSummary) AppendJSON(b []byte) []byte {
	o := encode.Begin(b)
	o.Text("id", string(c.ID))
	o.Text("name", c.Name)
	o.OptionalText("email", c.Email)
	o.OptionalText("phoneNumber", c.PhoneNumber)
	o.Text("passportNumber", c.PassportNumber)
	return o.End()
}

// AppendJSON writes c behind b.
func (c CarSummary) AppendJSON(b []byte) []byte {
	o := encode.Begin(b)
	o.Text("id", string(c.ID))
	o.Text("manufacturer", c.Manufacturer)
	o.Text("model", c.Model)
	o.Int("year", c.Year)
	o.Text("licensePlate", c.LicensePlate)
	return o.End()
}
