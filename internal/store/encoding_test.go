package store_test

import (
	"context"
	"net/url"
	"testing"

	"cartracker/internal/customers"
	"cartracker/internal/ident"
	"cartracker/internal/store"
	"cartracker/internal/store/postgres"
	"cartracker/internal/store/testdb"
)

// A database of another encoding refuses what it cannot keep, and does not take
// our bytes for text of its own.
func TestPostgresEncoding(t *testing.T) {
	t.Parallel()
	beside := testdb.EmptyPostgres(t)
	u, err := url.Parse(beside.URL)
	if err != nil {
		t.Fatal("the address of the database is malformed")
	}
	name := u.Path[1:] + "_latin1"
	raw := beside.Raw(t)
	if _, err := raw.Exec("CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := raw.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	}()
	u.Path = "/" + name
	latin := testdb.Database{URL: u.String(), Open: func(ctx context.Context) (*store.DB, error) {
		return postgres.Open(ctx, postgres.Config{URL: u.String(), PoolSize: 2, PoolMax: 2, Instances: 1})
	}}
	db, err := latin.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	keep := func(who string) error {
		c := customers.Customer{Draft: customers.Draft{Name: who, PassportNumber: who, DriverLicenseNumber: who, CountryOfOrigin: "BiH"}}
		c.ID, c.Version = ident.New[customers.CustomerID](), 1
		return db.InTx(t.Context(), func(ctx context.Context) error { return store.NewCustomers(db).Insert(ctx, &c) })
	}
	if err := keep("André"); err != nil {
		t.Errorf("a name that it can keep: %v", err)
	}
	if err := keep("Siniša"); err == nil {
		t.Error("a name that it cannot keep was taken")
	}
}
