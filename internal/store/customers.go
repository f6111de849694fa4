package store

import (
	"context"
	"strings"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/page"
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
				{"license_key", strings.ToUpper(c.DriverLicenseNumber)},
				{"passport_key", strings.ToUpper(c.PassportNumber)},
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

// Needed reports whether a contract that is not over is the customer's.
func (s Customers) Needed(ctx context.Context, id customers.CustomerID, today date.Date) (bool, error) {
	return s.db.exists(ctx, "SELECT 1 FROM contracts WHERE customer_id = ? AND end_date >= ? AND cancelled_at IS NULL AND deleted_at IS NULL LIMIT 1",
		string(id), today)
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
