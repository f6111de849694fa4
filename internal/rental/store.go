package rental

import (
	"context"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/money"
	"cartracker/internal/page"
)

// A Store keeps contracts. Deleted ones are not there.
type Store interface {
	// Insert keeps a contract under the next number of the year. A transaction
	// that fails gives the number back. The hold is the Ledger's.
	Insert(ctx context.Context, c *Contract, year int) error
	Get(ctx context.Context, id ContractID, today date.Date) (Contract, error)
	List(ctx context.Context, f Filter, today date.Date) (page.Of[Contract], error)
	// Known returns the contract by which a car goes out on a day, or that was
	// cancelled: of several one that is not cancelled, unless a cancelled one is
	// asked for; ErrNoContract if there is none.
	Known(ctx context.Context, car fleet.CarID, start date.Date, cancelled bool, today date.Date) (Contract, error)
	// Numbered returns the contract with a number; ErrNoContract if there is none.
	Numbered(ctx context.Context, number string, today date.Date) (Contract, error)
	// Update changes a contract that nobody else can change at the same time.
	Update(ctx context.Context, id ContractID, today date.Date, change func(*Contract) error) (Contract, error)
	// Delete hides a contract for ever. Its number is not used again.
	Delete(context.Context, ContractID) error
	// NoteTold notes that the admins are told of a contract that ends on this
	// day, and reports whether they had not been, and it still does.
	NoteTold(ctx context.Context, what Notice, id ContractID, end date.Date) (first bool, err error)
	// Earnings returns the whole price of the contracts that earn all of it on
	// the days from from up to to, and apart those that earn a share of it
	// there. A zero day is no bound.
	Earnings(ctx context.Context, from, to date.Date) (whole money.Amount, parts []Part, err error)
}

// A Ledger says who holds which car on which days. "Free" has no other definition.
type Ledger interface {
	// Add keeps the hold of a new contract. It returns ErrCarTaken rather than
	// keep two holds of one car that overlap, however many callers race.
	Add(ctx context.Context, c *Contract) error
	// Move makes the hold of a contract the days of span, which may be none,
	// of the contract's car for its customer, as Add does.
	Move(ctx context.Context, c *Contract, span date.Span) error
	// Holds returns what holds a car on some of the days of span, the first
	// first. It leaves out the contract except.
	Holds(ctx context.Context, car fleet.CarID, span date.Span, except ContractID) ([]Hold, error)
	// Calendar returns all cars that are not archived with what holds them on
	// some of the days of span, in one query.
	Calendar(ctx context.Context, span date.Span) ([]CalendarCar, error)
}

// Cars gives the cars that contracts are about.
type Cars interface {
	// Lock returns a car that nobody else can change or rent until the
	// transaction ends; fleet.ErrNoCar if there is none.
	Lock(context.Context, fleet.CarID) (fleet.Car, error)
	Get(ctx context.Context, ref fleet.Ref, today date.Date) (fleet.Car, error)
}

// Customers gives the customers that contracts are for.
type Customers interface {
	// Lock returns a customer whom nobody else can change until the
	// transaction ends; customers.ErrNoCustomer if there is none.
	Lock(context.Context, customers.CustomerID) (customers.Customer, error)
	Get(context.Context, customers.CustomerID) (customers.Customer, error)
	// ByPassport returns the customer with a passport number; customers.ErrNoCustomer if there is none.
	ByPassport(ctx context.Context, number string) (customers.Customer, error)
}

// A HoldKind is what a car is held for.
type HoldKind string

// ByContract is a hold of a contract.
const ByContract HoldKind = "contract"

// A Hold says that a car is not free on some days, and why.
type Hold struct {
	date.Span
	Kind                   HoldKind      `json:"kind" enum:"contract,booking,block"`
	ContractID             *ContractID   `json:"contractId"`
	CustomerName           *string       `json:"customerName"`
	CustomerPassportNumber *string       `json:"customerPassportNumber"`
	TotalAmount            *money.Amount `json:"totalAmount"`
}

// A CalendarCar is one line of the calendar.
type CalendarCar struct {
	ID           fleet.CarID    `json:"id"`
	LicensePlate string         `json:"licensePlate"`
	Manufacturer string         `json:"manufacturer"`
	Model        string         `json:"model"`
	Category     fleet.Category `json:"category" enum:"economy,compact,luxury,sports,suv,van,family,business"`
	Status       fleet.Status   `json:"status" enum:"available,maintenance,unavailable"`
	Holds        []CalendarHold `json:"holds"`
}

// A CalendarHold is one bar in a line of the calendar.
type CalendarHold struct {
	date.Span
	Kind         HoldKind    `json:"kind" enum:"contract,booking,block"`
	ContractID   *ContractID `json:"contractId"`
	CustomerName *string     `json:"customerName"`
}
