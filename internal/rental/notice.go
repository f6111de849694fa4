package rental

import "cartracker/internal/record"

// What happened to a contract, as its notice says it.
const (
	amended   = "amended"
	cancelled = "cancelled"
	deleted   = "deleted"
	untold    = "" // nobody is told
)

// Notice returns what the admins are told of c.
func (c *Contract) Notice(t record.NoticeType) *record.Notice {
	return &record.Notice{Type: t, Data: map[string]any{
		"contractId": c.ID, "number": c.Number, "carId": c.CarID, "car": c.Car.Manufacturer + " " + c.Car.Model,
		"licensePlate": c.Car.LicensePlate, "customerId": c.CustomerID, "customer": c.Customer.Name,
		"startDate": c.StartDate, "endDate": c.EndDate, "days": c.Days,
	}}
}

// tellOf lets an entry tell the admins what happened to c.
func tellOf(e *record.Entry, c *Contract, change string) {
	if e.Action == "" || change == untold {
		return
	}
	e.Notice = c.Notice(record.ContractUpdated)
	e.Notice.Data["change"] = change
}
