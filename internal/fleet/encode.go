package fleet

import "cartracker/internal/encode"

// AppendJSON writes c behind b as encoding/json does, for long lists.
func (c Car) AppendJSON(b []byte) []byte {
	o := encode.Begin(b)
	c.Meta.AppendTo(&o)
	c.Details.appendTo(&o)
	o.Bool("isArchived", c.IsArchived)
	encode.Optional(&o, "archivedAt", c.ArchivedAt)
	encode.Optional(&o, "archivedBy", c.ArchivedBy)
	c.Authors.AppendTo(&o)
	o.Bool("rentedNow", c.RentedNow)
	encode.Value(&o, "nextFreeOn", c.NextFreeOn)
	return o.End()
}

func (d *Details) appendTo(o *encode.Object) {
	o.Text("manufacturer", d.Manufacturer)
	o.Text("model", d.Model)
	o.Int("year", d.Year)
	o.Text("licensePlate", d.LicensePlate)
	o.Text("fuelType", string(d.FuelType))
	o.Text("transmission", string(d.Transmission))
	encode.Value(o, "pricePerDay", d.PricePerDay)
	o.Text("category", string(d.Category))
	o.Text("status", string(d.Status))
	o.OptionalText("chassisNumber", d.ChassisNumber)
	o.OptionalText("color", d.Color)
	o.OptionalInt("seats", d.Seats)
	o.OptionalInt("doors", d.Doors)
	o.Int("mileage", d.Mileage)
	o.OptionalInt("enginePower", d.EnginePower)
	o.OptionalText("currentLocation", d.CurrentLocation)
	o.OptionalText("photoUrl", d.PhotoURL)
}
