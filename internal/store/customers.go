package store

import (
	"context"
	"strings"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/rental"
	"cartracker/internal/text"
)

// Customers is the customers.Store and the rental.Customers.
type Customers struct {
	table[customers.CustomerID, customers.Customer]
}

var (
	_ customers.Store  = Customers{}
	_ rental.Customers = Customers{}
)

// NewCustomers returns the customers in db.
func NewCustomers(db *DB) Customers {
	return Customers{table[customers.CustomerID, customers.Customer]{
		db:   db,
		name: "customers",
		cols: metaCols + "name, driver_license_number, passport_number, country_of_origin, email, phone_number, address, father_name, " +
			"city_of_residence, id_of_person, driving_license_photo_url, passport_photo_url, notes, created_by, updated_by",
		fields: func(c *customers.Customer) []any {
			return meta(&c.Meta, &c.Name, &c.DriverLicenseNumber, &c.PassportNumber, &c.CountryOfOrigin, &c.Email, &c.PhoneNumber,
				&c.Address, &c.FatherName, &c.CityOfResidence, &c.IDOfPerson, &c.DrivingLicensePhotoURL, &c.PassportPhotoURL,
				&c.Notes, person{&c.CreatedBy}, person{&c.UpdatedBy})
		},
		derive: func(c *customers.Customer) derived {
			return derived{
				{"name_fold", text.Fold(c.Name)},
				{"license_key", paperKey(c.DriverLicenseNumber)},
				{"passport_key", paperKey(c.PassportNumber)},
				{"country_fold", text.Fold(c.CountryOfOrigin)},
				{"city_fold", search(c.CityOfResidence)},
				{"search", search(&c.Name, c.Email, c.PhoneNumber, &c.PassportNumber, &c.DriverLicenseNumber)},
			}
		},
		none: customers.ErrNoCustomer,
		live: "customers.deleted_at IS NULL",
		sorts: map[string]order{
			"name":      {"customers.name_fold", words},
			"createdAt": {"customers.created_at", moment},
		},
		usual: "name",
		limit: 1000,
	}}
}

// Get returns one customer.
func (s Customers) Get(ctx context.Context, id customers.CustomerID) (customers.Customer, error) {
	return s.get(ctx, "customers.id = ?", string(id))
}

// Update changes a customer under the row's lock.
func (s Customers) Update(ctx context.Context, id customers.CustomerID, change func(*customers.Customer) error) (customers.Customer, error) {
	return s.update(ctx, change, "customers.id = ?", string(id))
}

// Lock returns a customer whom nobody else can change until the transaction ends.
func (s Customers) Lock(ctx context.Context, id customers.CustomerID) (customers.Customer, error) {
	return s.locked(ctx, "customers.id = ?", string(id))
}

// Delete hides a customer for ever.
func (s Customers) Delete(ctx context.Context, id customers.CustomerID) error {
	_, err := s.db.exec(ctx, "UPDATE customers SET deleted_at = updated_at WHERE id = ?", string(id))
	return err
}

// ByPassport returns the customer with a passport number.
func (s Customers) ByPassport(ctx context.Context, number string) (customers.Customer, error) {
	return s.get(ctx, "customers.passport_key = ?", paperKey(number))
}

// paperKey is the form of a passport or license number that is unique.
func paperKey(number string) string { return strings.ToUpper(number) }

// Needed reports whether a contract that is not over is the customer's, or any if since is no day.
func (s Customers) Needed(ctx context.Context, id customers.CustomerID, since date.Date) (bool, error) {
	return s.db.needed(ctx, "customer_id", string(id), since)
}

// Match returns, for each draft, the customer who has its passport number,
// locked, and whether another has its driver's license number.
func (s Customers) Match(ctx context.Context, drafts []customers.Draft) ([]record.Match[customers.Customer], error) {
	out := make([]record.Match[customers.Customer], len(drafts))
	passports, licenses := make([]any, len(drafts)), make([]any, len(drafts))
	for i, d := range drafts {
		passports[i], licenses[i] = paperKey(d.PassportNumber), paperKey(d.DriverLicenseNumber)
		out[i].Key, out[i].Clash = "passport "+paperKey(d.PassportNumber), customers.ErrLicenseTaken
		if d.PassportNumber == "" {
			out[i].Key = ""
		}
		if d.DriverLicenseNumber != "" {
			out[i].Also = "license " + paperKey(d.DriverLicenseNumber)
		}
	}
	found, err := s.matching(ctx, "customers.passport_key", passports)
	if err != nil {
		return nil, err
	}
	holders, err := s.matching(ctx, "customers.license_key", licenses)
	byPassport, byLicense := map[string]*customers.Customer{}, map[string]customers.CustomerID{}
	for i := range found {
		byPassport["passport "+paperKey(found[i].PassportNumber)] = &found[i]
	}
	for _, c := range holders {
		byLicense["license "+paperKey(c.DriverLicenseNumber)] = c.ID
	}
	for i := range out {
		out[i].Record = byPassport[out[i].Key]
		holder := byLicense[out[i].Also]
		out[i].Taken = holder != "" && (out[i].Record == nil || out[i].Record.ID != holder)
	}
	return out, err
}

// List returns the customers that f selects.
func (s Customers) List(ctx context.Context, f customers.Filter) (page.Of[customers.Customer], error) {
	var w where
	if f.Q != "" {
		w.add(contains("customers.search"), like(f.Q))
	}
	is(&w, "customers.country_fold = ?", text.Fold(text.Clean(f.Country)))
	if f.City != "" {
		city := text.Clean(f.City)
		w.add("customers.city_fold = ?", search(&city))
	}
	return s.list(ctx, w, f.Query, f.Sort)
}
