package storetest

import (
	"context"
	"testing"

	"cartracker/internal/customers"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/identity"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

func uniqueUsers(t *testing.T, w *world) {
	add := func(name, email string) error {
		u := identity.User{Meta: newMeta[record.UserID](w.now()), Account: identity.Account{
			Profile: identity.Profile{Username: name, Email: email, Language: identity.English}, Role: record.User, Active: true,
		}}
		return w.db.InTx(t.Context(), func(ctx context.Context) error { return w.users.Insert(ctx, &u, "hash") })
	}
	wantErr(t, "a first", add("Đorđe", "dj@example.com"), nil)
	wantErr(t, "the same name", add("đORĐE", "x@example.com"), identity.ErrUsernameTaken)
	wantErr(t, "the same address", add("other", "DJ@Example.com"), identity.ErrEmailTaken)
	wantErr(t, "others", add("Dorde", "dj@example.org"), nil)
	err := w.db.InTx(t.Context(), func(ctx context.Context) error {
		_, err := w.users.Update(ctx, w.user.ID, func(u *identity.User) error { u.Username = "ĐORĐE"; return nil })
		return err
	})
	wantErr(t, "renamed", err, identity.ErrUsernameTaken)
	for _, login := range []string{"đorđe", "DJ@EXAMPLE.COM"} {
		if u, hash, err := w.users.Named(t.Context(), login); err != nil || u.Username != "Đorđe" || hash != "hash" {
			t.Errorf("Named(%s) = %s, %s, %v", login, u.Username, hash, err)
		}
	}
	_, _, err = w.users.Named(t.Context(), "nobody")
	wantErr(t, "Named", err, identity.ErrNoUser)
}

func uniquePlates(t *testing.T, w *world) {
	first := w.addCar(t, "A12-Č-345")
	add := func(plate string) error {
		c := fleet.Car{Meta: newMeta[fleet.CarID](w.now()), Details: details(plate)}
		return w.db.InTx(t.Context(), func(ctx context.Context) error { return w.cars.Insert(ctx, &c) })
	}
	for _, plate := range []string{"A12-Č-345", "a12-č-345", "A12Č345", "a 12 č 345", "-A12--Č345-", "A12-C\u030c-345", "Ａ１２Č345"} {
		wantErr(t, plate, add(plate), fleet.ErrPlateTaken)
		if got, err := w.cars.Get(t.Context(), fleet.Ref(plate), day(0)); err != nil || got.ID != first.ID {
			t.Errorf("Get(%s) = %s, %v", plate, got.ID, err)
		}
	}
	wantErr(t, "without the accent", add("A12-C-345"), nil)
	err := w.db.InTx(t.Context(), func(ctx context.Context) error {
		_, err := w.cars.Update(ctx, "A12-C-345", day(0), func(c *fleet.Car) error { c.LicensePlate = "a12č345"; return nil })
		return err
	})
	wantErr(t, "changed", err, fleet.ErrPlateTaken)
	wantErr(t, "Remove", w.fleet.Remove(as(t, w.admin), "A12-Č-345", record.AnyVersion), nil)
	_, err = w.cars.Get(t.Context(), "A12-Č-345", day(0))
	wantErr(t, "Get of a deleted car", err, fleet.ErrNoCar)
	wantErr(t, "after it was deleted", add("A12Č345"), nil)
	wantErr(t, "Remove again", w.fleet.Remove(as(t, w.admin), "A12-Č-345", record.AnyVersion), nil)
	wantErr(t, "a third", add("A12Č345"), nil)
}

func uniqueCustomers(t *testing.T, w *world) {
	add := func(passport, license string) (customers.Customer, error) {
		return w.clients.Add(as(t, w.employee), func(d *customers.Draft) error {
			*d = client("Ana")
			d.PassportNumber, d.DriverLicenseNumber = passport, license
			return nil
		})
	}
	first := must(add("b12č", "l1"))(t)
	_, err := add(" B12Č ", "l2")
	wantErr(t, "the same passport", err, customers.ErrPassportTaken)
	_, err = add("x", "L1")
	wantErr(t, "the same license", err, customers.ErrLicenseTaken)
	second := must(add("b12c", "l2"))(t)
	_, err = w.clients.Amend(as(t, w.employee), second.ID, record.AnyVersion, func(d *customers.Draft) error { d.PassportNumber = "B12Č"; return nil })
	wantErr(t, "changed", err, customers.ErrPassportTaken)
	wantErr(t, "Remove", w.clients.Remove(as(t, w.admin), first.ID, record.AnyVersion), nil)
	_, err = w.customers.Get(t.Context(), first.ID)
	wantErr(t, "Get of a deleted customer", err, customers.ErrNoCustomer)
	must(add("B12Č", "L1"))(t)
}

// unknownOwners keeps records of what is not there: the database refuses them.
func unknownOwners(t *testing.T, w *world) {
	car, customer := w.addCar(t, "A11-A-111"), w.addCustomer(t, "Ana")
	for what, c := range map[string]rental.Contract{
		"car":      {CarID: nobody, CustomerID: customer.ID},
		"customer": {CarID: car.ID, CustomerID: nobody},
		"author":   {CarID: car.ID, CustomerID: customer.ID, Authors: record.Authors{CreatedBy: &record.Person{ID: nobody}}},
	} {
		c.Meta, c.StartDate, c.EndDate, c.Days = newMeta[rental.ContractID](w.now()), day(0), day(1), 1
		err := w.db.InTx(t.Context(), func(ctx context.Context) error { return w.contracts.Insert(ctx, &c, 2026) })
		if fault.Of(err).Kind != fault.Conflict {
			t.Errorf("a contract of an unknown %s: %v, want a conflict", what, err)
		}
	}
	_, err := w.rent(t, nobody, nobody, 0, 1)
	if f := fault.Of(err); f.Kind != fault.Invalid || len(f.Fields) != 2 {
		t.Errorf("renting nothing to nobody: %v %v, want both fields", err, f.Fields)
	}
}
