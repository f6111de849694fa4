package storetest

import (
	"sync"
	"testing"

	"cartracker/internal/store"
	"cartracker/internal/store/testdb"
)

// openRaced starts several programs at once on a database that none has migrated.
func openRaced(t *testing.T, d testdb.Database) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	steps := 0
	for range 6 {
		wg.Go(func() {
			db, err := d.Open(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			n, err := db.Migrate(t.Context())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			steps += n
			mu.Unlock()
		})
	}
	wg.Wait()
	all := must(d.Migrated(t).Migrations(t.Context()))(t)
	if steps != len(all) {
		t.Errorf("the programs took %d steps together, want %d", steps, len(all))
	}
}

func newer(t *testing.T, d testdb.Database) {
	db, raw := d.Migrated(t), d.Raw(t)
	if _, err := raw.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, TRUE)"); err != nil {
		t.Fatal(err)
	}
	_, err := db.Migrate(t.Context())
	wantErr(t, "Migrate", err, store.ErrNewer)
	_, err = db.Migrations(t.Context())
	wantErr(t, "Migrations", err, store.ErrNewer)
}

func migrations(t *testing.T, d testdb.Database) {
	db := must(d.Open(t.Context()))(t)
	defer db.Close()
	before := must(db.Migrations(t.Context()))(t)
	if len(before) == 0 {
		t.Fatal("there are no steps")
	}
	for _, m := range before {
		if m.Applied || m.Name == "" || m.Version < 1 {
			t.Errorf("an empty database has %+v", m)
		}
	}
	if n, err := db.Migrate(t.Context()); err != nil || n != len(before) {
		t.Errorf("the first Migrate took %d steps, %v; want %d", n, err, len(before))
	}
	if n, err := db.Migrate(t.Context()); err != nil || n != 0 {
		t.Errorf("the second Migrate took %d steps, %v; want 0", n, err)
	}
	for _, m := range must(db.Migrations(t.Context()))(t) {
		if !m.Applied {
			t.Errorf("after Migrate, %+v", m)
		}
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
