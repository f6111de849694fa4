package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/identity"
	"cartracker/internal/money"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// later is a moment with all of its microseconds.
func later(w *world, n int) date.Moment {
	return w.now().Add(time.Duration(n)*time.Hour + 654321*time.Microsecond)
}

// person returns who u is to others.
func person(u identity.User) *record.Person {
	p := u.Person()
	return &p
}

func carSample(_ *testing.T, w *world) sample[fleet.Car] {
	return sample[fleet.Car]{
		insert: w.cars.Insert,
		get:    func(ctx context.Context, id string) (fleet.Car, error) { return w.cars.Get(ctx, fleet.Ref(id), day(0)) },
		update: func(ctx context.Context, id string, change func(*fleet.Car) error) (fleet.Car, error) {
			return w.cars.Update(ctx, fleet.Ref(id), day(0), change)
		},
		remove: func(ctx context.Context, id string) error { return w.cars.Delete(ctx, fleet.CarID(id)) },
		list: func(ctx context.Context) ([]fleet.Car, int, error) {
			p, err := w.cars.List(ctx, fleet.Filter{Archived: "all"}, day(0))
			return p.Items, p.Total, err
		},
		make: func(n int) fleet.Car {
			return fleet.Car{Meta: newMeta[fleet.CarID](later(w, n)), Details: details(fmt.Sprintf("A%02d-Č-123", n)), NextFreeOn: day(0)}
		},
		fill: func(c *fleet.Car) {
			c.ChassisNumber, c.Color, c.CurrentLocation, c.PhotoURL = ptr("WVWZZZ1JZXW000001"), ptr("plava"), ptr("Ilidža"), ptr("golf.jpg")
			c.Seats, c.Doors, c.EnginePower, c.Mileage = ptr(5), ptr(4), ptr(110), 123_456
			c.IsArchived, c.ArchivedAt, c.ArchivedBy = true, ptr(later(w, 5)), person(w.admin)
			c.CreatedBy, c.UpdatedBy = person(w.employee), person(w.user)
			c.ArchivedBy.Name, c.Status, c.PricePerDay = nil, fleet.Maintenance, fleet.MaxPrice
		},
		bump: func(c *fleet.Car) { c.Mileage++; c.Touch(c.UpdatedAt.Add(time.Microsecond)) },
		id:   func(c fleet.Car) string { return string(c.ID) },
		none: fleet.ErrNoCar,
	}
}

func customerSample(_ *testing.T, w *world) sample[customers.Customer] {
	return sample[customers.Customer]{
		insert: w.customers.Insert,
		get: func(ctx context.Context, id string) (customers.Customer, error) {
			return w.customers.Get(ctx, customers.CustomerID(id))
		},
		update: func(ctx context.Context, id string, change func(*customers.Customer) error) (customers.Customer, error) {
			return w.customers.Update(ctx, customers.CustomerID(id), change)
		},
		remove: func(ctx context.Context, id string) error { return w.customers.Delete(ctx, customers.CustomerID(id)) },
		list: func(ctx context.Context) ([]customers.Customer, int, error) {
			p, err := w.customers.List(ctx, customers.Filter{})
			return p.Items, p.Total, err
		},
		make: func(n int) customers.Customer {
			return customers.Customer{Meta: newMeta[customers.CustomerID](later(w, n)), Draft: client(fmt.Sprintf("Č%d", n))}
		},
		fill: func(c *customers.Customer) {
			c.Email, c.PhoneNumber, c.Address, c.FatherName = ptr("a@example.com"), ptr("+387 61 123 456"), ptr("Titova 1\nSarajevo"), ptr("Đuro")
			c.CityOfResidence, c.IDOfPerson, c.Notes = ptr("Široki Brijeg"), ptr("0101990170001"), ptr("‘quoted’ \"twice\" %_\\")
			c.DrivingLicensePhotoURL, c.PassportPhotoURL = ptr("https://example.com/l.png"), ptr("passport.png")
			c.CreatedBy, c.UpdatedBy = person(w.admin), person(w.employee)
		},
		bump: func(c *customers.Customer) { c.Name += "!"; c.Touch(c.UpdatedAt.Add(time.Microsecond)) },
		id:   func(c customers.Customer) string { return string(c.ID) },
		none: customers.ErrNoCustomer,
	}
}

func contractSample(t *testing.T, w *world) sample[rental.Contract] {
	car, customer := w.addCar(t, "A11-A-111"), w.addCustomer(t, "Ana")
	return sample[rental.Contract]{
		insert: func(ctx context.Context, c *rental.Contract) error { return w.contracts.Insert(ctx, c, 2026) },
		get: func(ctx context.Context, id string) (rental.Contract, error) {
			return w.contracts.Get(ctx, rental.ContractID(id), day(0))
		},
		update: func(ctx context.Context, id string, change func(*rental.Contract) error) (rental.Contract, error) {
			return w.contracts.Update(ctx, rental.ContractID(id), day(0), change)
		},
		remove: func(ctx context.Context, id string) error { return w.contracts.Delete(ctx, rental.ContractID(id)) },
		list: func(ctx context.Context) ([]rental.Contract, int, error) {
			p, err := w.contracts.List(ctx, rental.Filter{Sort: "createdAt"}, day(0))
			return p.Items, p.Total, err
		},
		make: func(n int) rental.Contract {
			return rental.Contract{
				Meta: newMeta[rental.ContractID](later(w, n)), Number: fmt.Sprintf("CTR-2026-%05d", n+1),
				CustomerID: customer.ID, CarID: car.ID, StartDate: day(n), EndDate: day(n + 2), Days: 2,
				DailyRate: money.Minor(45_00), TotalAmount: money.Minor(90_00), Status: [...]rental.Status{rental.Active, rental.Upcoming}[n],
				Customer: rental.CustomerSummary{
					ID: customer.ID, Name: customer.Name, Email: customer.Email, PhoneNumber: customer.PhoneNumber, PassportNumber: customer.PassportNumber,
				},
				Car: rental.CarSummary{ID: car.ID, Manufacturer: car.Manufacturer, Model: car.Model, Year: car.Year, LicensePlate: car.LicensePlate},
			}
		},
		fill: func(c *rental.Contract) {
			customer.Email, customer.PhoneNumber = ptr("ana@example.com"), ptr("061 123 456")
			c.Customer.Email, c.Customer.PhoneNumber = customer.Email, customer.PhoneNumber
			w.exec(t, "UPDATE customers SET email = 'ana@example.com', phone_number = '061 123 456'")
			c.AdditionalNotes, c.PhotoURL, c.CancellationReason = ptr("with a child's seat"), ptr("c.jpg"), ptr("changed their mind")
			c.CancelledAt, c.NotificationSent, c.PriceAgreed, c.Status = ptr(later(w, 9)), true, true, rental.Cancelled
			c.CreatedBy, c.UpdatedBy = person(w.admin), person(w.employee)
		},
		bump: func(c *rental.Contract) {
			c.TotalAmount = c.TotalAmount.Plus(money.Minor(1))
			c.Touch(c.UpdatedAt.Add(time.Microsecond))
		},
		id:   func(c rental.Contract) string { return string(c.ID) },
		none: rental.ErrNoContract,
	}
}

func userSample(t *testing.T, w *world) sample[identity.User] {
	return sample[identity.User]{
		insert: func(ctx context.Context, u *identity.User) error { return w.users.Insert(ctx, u, "hash") },
		get: func(ctx context.Context, id string) (identity.User, error) {
			return w.users.Get(ctx, record.UserID(id))
		},
		update: func(ctx context.Context, id string, change func(*identity.User) error) (identity.User, error) {
			return w.users.Update(ctx, record.UserID(id), change)
		},
		remove: func(ctx context.Context, id string) error { return w.users.Delete(ctx, record.UserID(id)) },
		list: func(ctx context.Context) ([]identity.User, int, error) {
			p, err := w.users.List(ctx, identity.Filter{Q: "zz-"})
			return p.Items, p.Total, err
		},
		make: func(n int) identity.User {
			name := fmt.Sprintf("zz-%d", n)
			return identity.User{Meta: newMeta[record.UserID](later(w, n)), Account: identity.Account{
				Profile: identity.Profile{Username: name, Email: name + "@Example.com", Language: identity.Bosnian}, Role: record.User,
			}}
		},
		fill: func(u *identity.User) {
			u.Name, u.Phone, u.Address = ptr("Željko Đurić"), ptr("+387 61 123 456"), ptr("Titova 1")
			u.CitizenshipID, u.ProfilePhotoURL, u.Active = ptr("0101990170001"), ptr("me.png"), true
			u.LastLogin, u.LastActiveAt = ptr(later(w, 3)), ptr(later(w, 4))
		},
		bump: func(u *identity.User) { u.Email = "x" + u.Email; u.Touch(u.UpdatedAt.Add(time.Microsecond)) },
		id:   func(u identity.User) string { return string(u.ID) },
		none: identity.ErrNoUser,
	}
}

func logSample(_ *testing.T, w *world) sample[audit.Log] {
	return sample[audit.Log]{
		insert: w.logs.Insert,
		get:    func(ctx context.Context, id string) (audit.Log, error) { return w.logs.Get(ctx, audit.LogID(id)) },
		list: func(ctx context.Context) ([]audit.Log, int, error) {
			p, err := w.logs.List(ctx, audit.Filter{Sort: "createdAt"})
			return p.Items, p.Total, err
		},
		make: func(n int) audit.Log {
			return audit.Log{
				ID: newMeta[audit.LogID](w.now()).ID, Action: record.Create, Resource: "car", Description: "made it",
				Status: audit.Success, CreatedAt: later(w, n),
			}
		},
		fill: func(l *audit.Log) {
			l.UserID, l.Username, l.UserRole, l.ResourceID = ptr(w.admin.ID), ptr("admin"), ptr(record.Admin), ptr("car-1")
			l.IPAddress, l.UserAgent, l.RequestID = ptr("2001:db8::1"), ptr("curl/8"), ptr("request-1")
			l.Changes = audit.Changes{Before: map[string]any{"name": "Đ"}, After: map[string]any{"name": nil, "seats": 5.0}}
		},
		id:   func(l audit.Log) string { return string(l.ID) },
		none: audit.ErrNoLog,
	}
}
