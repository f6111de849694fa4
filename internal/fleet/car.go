// Package fleet owns the cars.
package fleet

import (
	"fmt"
	"regexp"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/money"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// Errors that a caller may be told about.
var (
	ErrNoCar      = fault.New(fault.NotFound, "no_car", "there is no such car")
	ErrPlateTaken = fault.New(fault.Conflict, "license_plate_taken", "another car has this license plate")
	ErrCarInUse   = fault.New(fault.Conflict, "car_in_use", "an active or upcoming contract needs this car")
	ErrBadRef     = fault.New(fault.Malformed, "bad_request", "a car is named by its id or its license plate")
)

// A CarID names one car.
type CarID string

// What a car runs on, how it shifts, what it is for, and whether it can go out.
type (
	FuelType     string
	Transmission string
	Category     string
	Status       string
)

// The statuses of a car.
const (
	Available   Status = "available"
	Maintenance Status = "maintenance"
	Unavailable Status = "unavailable"
)

// MaxPrice is the highest price of a day.
var MaxPrice = money.Minor(1_000_000_00)

// Details are what a client writes of a car.
type Details struct {
	Manufacturer    string       `json:"manufacturer" minLength:"1" maxLength:"100"`
	Model           string       `json:"model" minLength:"1" maxLength:"100"`
	Year            int          `json:"year" minimum:"1900" doc:"Year of manufacture, up to next year."`
	LicensePlate    string       `json:"licensePlate" minLength:"2" maxLength:"20" pattern:"^[\\p{L}\\p{Nd} -]+$" doc:"Unique among cars that are not deleted, ignoring case, spaces and hyphens."`
	FuelType        FuelType     `json:"fuelType" enum:"petrol,diesel,hybrid,electric,lpg"`
	Transmission    Transmission `json:"transmission" enum:"manual,automatic,semi-automatic"`
	PricePerDay     money.Amount `json:"pricePerDay" minimum:"0" maximum:"1000000"`
	Category        Category     `json:"category" enum:"economy,compact,luxury,sports,suv,van,family,business"`
	Status          Status       `json:"status" enum:"available,maintenance,unavailable" default:"available"`
	ChassisNumber   *string      `json:"chassisNumber" minLength:"17" maxLength:"17" pattern:"^[A-HJ-NPR-Z0-9]{17}$" doc:"Vehicle identification number (ISO 3779)."`
	Color           *string      `json:"color" maxLength:"50"`
	Seats           *int         `json:"seats" minimum:"1" maximum:"60"`
	Doors           *int         `json:"doors" minimum:"1" maximum:"6"`
	Mileage         int          `json:"mileage" minimum:"0" maximum:"10000000" default:"0" doc:"In km; goes down only with a mileageCorrection."`
	EnginePower     *int         `json:"enginePower" minimum:"1" maximum:"5000" doc:"In hp."`
	CurrentLocation *string      `json:"currentLocation" maxLength:"255"`
	PhotoURL        *string      `json:"photoUrl" maxLength:"2048" doc:"A web address, or an upload's name."`
}

// A Draft is the details of a car with what a client says about the change.
type Draft struct {
	Details
	MileageCorrection *string `json:"mileageCorrection" maxLength:"500" doc:"Why the mileage goes down."`
}

// A Car can be rented.
type Car struct {
	record.Meta[CarID]
	Details
	IsArchived bool           `json:"isArchived"`
	ArchivedAt *date.Moment   `json:"archivedAt"`
	ArchivedBy *record.Person `json:"archivedBy"`
	record.Authors
	RentedNow  bool      `json:"rentedNow" doc:"A contract holds the car today."`
	NextFreeOn date.Date `json:"nextFreeOn" doc:"First day from today on which nothing holds the car."`
}

var (
	plate   = regexp.MustCompile(`^[\p{L}\p{Nd} -]*[\p{L}\p{Nd}][\p{L}\p{Nd} -]*$`)
	chassis = regexp.MustCompile(`^[A-HJ-NPR-Z0-9]{17}$`)
)

// Validate puts d into its kept form and reports everything that is wrong with
// it on the day today.
func (d *Details) Validate(today date.Date) error {
	record.Trim(&d.Manufacturer, &d.Model, &d.LicensePlate)
	record.TrimOptional(&d.ChassisNumber, &d.Color, &d.CurrentLocation, &d.PhotoURL)
	var bad fault.Fields
	record.CheckText(&bad, "manufacturer", d.Manufacturer, 1, 100)
	record.CheckText(&bad, "model", d.Model, 1, 100)
	next := today.Year() + 1
	bad.Check(d.Year >= 1900 && d.Year <= next, "year", fmt.Sprintf("must be from 1900 to %d", next))
	record.CheckText(&bad, "licensePlate", d.LicensePlate, 2, 20)
	bad.Check(plate.MatchString(d.LicensePlate), "licensePlate", "may have letters, digits, spaces and hyphens only")
	record.CheckOneOf(&bad, "fuelType", d.FuelType, "petrol", "diesel", "hybrid", "electric", "lpg")
	record.CheckOneOf(&bad, "transmission", d.Transmission, "manual", "automatic", "semi-automatic")
	bad.Check(!d.PricePerDay.Negative(), "pricePerDay", "must not be negative")
	bad.Check(!d.PricePerDay.More(MaxPrice), "pricePerDay", "must be at most "+MaxPrice.String())
	record.CheckOneOf(&bad, "category", d.Category, "economy", "compact", "luxury", "sports", "suv", "van", "family", "business")
	record.CheckOneOf(&bad, "status", d.Status, Available, Maintenance, Unavailable)
	bad.Check(d.ChassisNumber == nil || chassis.MatchString(*d.ChassisNumber), "chassisNumber", "must have 17 capital letters and digits, without I, O and Q")
	record.CheckOptional(&bad, "color", d.Color, 50)
	record.CheckRange(&bad, "seats", d.Seats, 1, 60)
	record.CheckRange(&bad, "doors", d.Doors, 1, 6)
	record.CheckRange(&bad, "mileage", &d.Mileage, 0, 10_000_000)
	record.CheckRange(&bad, "enginePower", d.EnginePower, 1, 5000)
	record.CheckOptional(&bad, "currentLocation", d.CurrentLocation, 255)
	record.CheckPhoto(&bad, "photoUrl", d.PhotoURL)
	return bad.Err()
}

// checkMileage refuses a mileage that goes down without a reason.
func (d *Draft) checkMileage(before int) error {
	record.TrimOptional(&d.MileageCorrection)
	var bad fault.Fields
	record.CheckOptional(&bad, "mileageCorrection", d.MileageCorrection, 500)
	bad.Check(d.Mileage >= before || d.MileageCorrection != nil, "mileage", "goes down only with a mileageCorrection that says why")
	return bad.Err()
}

// A Ref names a car by its id or its license plate.
type Ref string

// Valid reports whether r can name a car.
func (r Ref) Valid() bool { return len(r) <= 80 && plate.MatchString(string(r)) }

// A Filter selects cars. The zero Filter selects all that are not archived.
type Filter struct {
	Q            string                 `query:"q" maxLength:"200" doc:"Searches license plate, manufacturer and model, ignoring case and accents."`
	Status       Status                 `query:"status" enum:"available,maintenance,unavailable"`
	Category     Category               `query:"category" enum:"economy,compact,luxury,sports,suv,van,family,business"`
	Manufacturer string                 `query:"manufacturer" maxLength:"100" doc:"Ignoring case and accents."`
	Model        string                 `query:"model" maxLength:"100" doc:"Ignoring case and accents."`
	FuelType     FuelType               `query:"fuelType" enum:"petrol,diesel,hybrid,electric,lpg"`
	Transmission Transmission           `query:"transmission" enum:"manual,automatic,semi-automatic"`
	MinPrice     page.Opt[money.Amount] `query:"minPrice"`
	MaxPrice     page.Opt[money.Amount] `query:"maxPrice"`
	MinSeats     page.Opt[int]          `query:"minSeats" minimum:"0" maximum:"1000"`
	MaxMileage   page.Opt[int]          `query:"maxMileage" minimum:"0" maximum:"10000000" doc:"In km."`
	Archived     string                 `query:"archived" enum:"false,true,all" doc:"false unless told otherwise."`
	Sort         string                 `query:"sort" enum:"createdAt,-createdAt,manufacturer,-manufacturer,pricePerDay,-pricePerDay,year,-year,mileage,-mileage,licensePlate,-licensePlate" doc:"By createdAt unless told otherwise."`
	page.Query

	Free date.Span // selects cars that nothing holds on any of these days
}
