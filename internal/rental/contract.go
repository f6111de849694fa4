// Package rental owns contracts: who has which car, when, and for how much.
package rental

import (
	"fmt"
	"strings"
	"time"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/money"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// Errors that a caller may be told about.
var (
	ErrNoContract    = fault.New(fault.NotFound, "no_contract", "there is no such contract")
	ErrCarTaken      = fault.New(fault.Conflict, "car_taken", "the car is taken on some of these days")
	ErrCarArchived   = fault.New(fault.Conflict, "car_archived", "the car is archived")
	ErrCarNotReady   = fault.New(fault.Conflict, "car_not_available", "the car's status is not available")
	ErrContractBegan = fault.New(fault.Conflict, "contract_began", "the contract has begun; cancel it instead")
	ErrContractEnded = fault.New(fault.Conflict, "contract_ended", "the contract has ended")
	ErrCancelled     = fault.New(fault.Conflict, "contract_cancelled", "the contract is cancelled; only its notes and photo can change")
)

// MaxDays is how many days a contract can have at most.
const MaxDays = 365

// MaxTotal is the highest price of a contract.
var MaxTotal = money.Minor(1_000_000_000_00)

// A ContractID names one contract.
type ContractID string

// A Status is where a contract stands on a given day.
type Status string

// The statuses of a contract.
const (
	Upcoming  Status = "upcoming"  // it begins after today
	Active    Status = "active"    // it began, and ends today or later
	Ended     Status = "ended"     // it ended before today
	Cancelled Status = "cancelled" // somebody ended it early
)

// A Draft is the part of a contract that a client writes.
type Draft struct {
	CustomerID      customers.CustomerID `json:"customerId" format:"uuid"`
	CarID           fleet.CarID          `json:"carId" format:"uuid"`
	StartDate       date.Date            `json:"startDate"`
	EndDate         date.Date            `json:"endDate" doc:"The day the car comes back. The same as startDate is one day; at most 365 days."`
	DailyRate       *money.Amount        `json:"dailyRate" minimum:"0" maximum:"1000000" doc:"The car's price per day unless given."`
	TotalAmount     *money.Amount        `json:"totalAmount" minimum:"0" maximum:"1000000000" doc:"days × dailyRate unless given: then it is the price that was agreed. In a change, the total that is there counts as not given, and null computes it anew."`
	AdditionalNotes *string              `json:"additionalNotes" maxLength:"5000"`
	PhotoURL        *string              `json:"photoUrl" maxLength:"2048" doc:"A web address, or an upload's name."`
}

// A CustomerSummary is what a contract tells about its customer.
type CustomerSummary struct {
	ID             customers.CustomerID `json:"id"`
	Name           string               `json:"name"`
	Email          *string              `json:"email"`
	PhoneNumber    *string              `json:"phoneNumber"`
	PassportNumber string               `json:"passportNumber"`
}

// A CarSummary is what a contract tells about its car.
type CarSummary struct {
	ID           fleet.CarID `json:"id"`
	Manufacturer string      `json:"manufacturer"`
	Model        string      `json:"model"`
	Year         int         `json:"year"`
	LicensePlate string      `json:"licensePlate"`
}

// A Contract rents a car to a customer.
type Contract struct {
	record.Meta[ContractID]
	Number             string               `json:"number" doc:"CTR-2026-00001, without gaps in each year."`
	CustomerID         customers.CustomerID `json:"customerId"`
	Customer           CustomerSummary      `json:"customer"`
	CarID              fleet.CarID          `json:"carId"`
	Car                CarSummary           `json:"car"`
	StartDate          date.Date            `json:"startDate"`
	EndDate            date.Date            `json:"endDate"`
	Days               int                  `json:"days"`
	DailyRate          money.Amount         `json:"dailyRate"`
	TotalAmount        money.Amount         `json:"totalAmount"`
	PriceAgreed        bool                 `json:"priceAgreed" doc:"totalAmount was agreed, and is not days × dailyRate."`
	AdditionalNotes    *string              `json:"additionalNotes"`
	PhotoURL           *string              `json:"photoUrl"`
	Status             Status               `json:"status" enum:"upcoming,active,ended,cancelled"`
	CancelledAt        *date.Moment         `json:"cancelledAt"`
	CancellationReason *string              `json:"cancellationReason"`
	NotificationSent   bool                 `json:"notificationSent"`
	record.Authors
}

// Hold returns the days for which c needs its car, if it is not cancelled.
func (c *Contract) Hold() date.Span { return date.Between(c.StartDate, c.EndDate) }

// Held returns the days that c has of its car: those of Hold, or of a cancelled
// contract those before the day in zone on which it was cancelled, if any.
func (c *Contract) Held(zone *time.Location) date.Span {
	held := c.Hold()
	if c.CancelledAt != nil {
		held.End = date.Earlier(held.End, date.In(zone, *c.CancelledAt))
	}
	return held
}

// StatusOn returns where c stands on the day today.
func (c *Contract) StatusOn(today date.Date) Status {
	switch {
	case c.CancelledAt != nil:
		return Cancelled
	case c.StartDate.After(today):
		return Upcoming
	case c.EndDate.Before(today):
		return Ended
	}
	return Active
}

// draft returns the part of c that a client writes.
func (c *Contract) draft() Draft {
	rate, total := c.DailyRate, c.TotalAmount
	return Draft{
		CustomerID: c.CustomerID, CarID: c.CarID, StartDate: c.StartDate, EndDate: c.EndDate,
		DailyRate: &rate, TotalAmount: &total, AdditionalNotes: c.AdditionalNotes, PhotoURL: c.PhotoURL,
	}
}

// Validate puts d into its kept form and reports everything that is wrong with it.
func (d *Draft) Validate() error {
	record.TrimOptional(&d.AdditionalNotes, &d.PhotoURL)
	var bad fault.Fields
	d.CustomerID = customers.CustomerID(strings.ToLower(string(d.CustomerID)))
	d.CarID = fleet.CarID(strings.ToLower(string(d.CarID)))
	record.CheckID(&bad, "customerId", d.CustomerID)
	record.CheckID(&bad, "carId", d.CarID)
	bad.Check(!d.StartDate.IsZero(), "startDate", "is required")
	bad.Check(!d.EndDate.IsZero(), "endDate", "is required")
	if !d.StartDate.IsZero() && !d.EndDate.IsZero() {
		bad.Check(!d.EndDate.Before(d.StartDate), "endDate", "must not be before startDate")
		bad.Check(date.Between(d.StartDate, d.EndDate).Days() <= MaxDays, "endDate", fmt.Sprintf("must be at most %d days after startDate", MaxDays))
	}
	checkPrice(&bad, "dailyRate", d.DailyRate, fleet.MaxPrice)
	checkPrice(&bad, "totalAmount", d.TotalAmount, MaxTotal)
	record.CheckOptional(&bad, "additionalNotes", d.AdditionalNotes, 5000)
	record.CheckPhoto(&bad, "photoUrl", d.PhotoURL)
	return bad.Err()
}

func checkPrice(bad *fault.Fields, field string, a *money.Amount, most money.Amount) {
	if a != nil {
		bad.Check(!a.Negative(), field, "must not be negative")
		bad.Check(!a.More(most), field, "must be at most "+most.String())
	}
}

// A Filter selects contracts. The zero Filter selects all of them.
type Filter struct {
	Q          string               `query:"q" maxLength:"200" doc:"Searches number, customer name and license plate, ignoring case and accents."`
	Status     Status               `query:"status" enum:"upcoming,active,ended,cancelled"`
	CustomerID customers.CustomerID `query:"customerId" format:"uuid"`
	CarID      fleet.CarID          `query:"carId" format:"uuid"`
	From       date.Date            `query:"from" doc:"First of the days of which a contract needs one to be selected."`
	To         date.Date            `query:"to" doc:"The day after the last; the same as from is that one day."`
	Sort       string               `query:"sort" enum:"startDate,-startDate,endDate,-endDate,createdAt,-createdAt,totalAmount,-totalAmount" doc:"Newest first (-createdAt) unless told otherwise."`
	page.Query

	EndsFrom, EndsTo date.Date // selects contracts that end on one of these days, the last included
	Unnotified       bool      // selects contracts of whose end nobody was notified
	Untold           Notice    // selects contracts of whose end the admins were not told this
}
