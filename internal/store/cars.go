package store

import (
	"context"
	"strings"

	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/rental"
	"cartracker/internal/text"
)

// Cars is the fleet.Store and the rental.Cars.
type Cars struct {
	table[fleet.CarID, fleet.Car]
}

var (
	_ fleet.Store = Cars{}
	_ rental.Cars = Cars{}
)

// The holds of a car never overlap, so that whether it is held on a day is
// asked of one row: the last hold that begins no later.
const (
	// Of a car that is held today: why, and the end of the first run of holds
	// without a gap, as one text: two expressions would look twice.
	heldToday = `(SELECT CASE WHEN h.ends > ? THEN h.kind || ' ' || CAST((SELECT g.ends FROM holds g
			WHERE g.car_id = h.car_id AND g.ends >= h.ends
			AND NOT EXISTS (SELECT 1 FROM holds n WHERE n.car_id = g.car_id AND n.starts = g.ends)
			ORDER BY g.ends LIMIT 1) AS TEXT) END
		FROM holds h WHERE h.car_id = cars.id AND h.starts <= ? ORDER BY h.starts DESC LIMIT 1)`
	free = `NOT COALESCE((SELECT h.ends > ? FROM holds h
		WHERE h.car_id = cars.id AND h.starts < ? ORDER BY h.starts DESC LIMIT 1), FALSE)`
)

// NewCars returns the cars in db.
func NewCars(db *DB) Cars {
	return Cars{table[fleet.CarID, fleet.Car]{
		db:   db,
		name: "cars",
		cols: metaCols + "manufacturer, model, year, license_plate, fuel_type, transmission, price_per_day, category, status, " +
			"chassis_number, color, seats, doors, mileage, engine_power, current_location, photo_url, is_archived, archived_at, " +
			"archived_by, created_by, updated_by",
		fields: func(c *fleet.Car) []any {
			return meta(&c.Meta, &c.Manufacturer, &c.Model, &c.Year, &c.LicensePlate, &c.FuelType, &c.Transmission, &c.PricePerDay,
				&c.Category, &c.Status, &c.ChassisNumber, &c.Color, &c.Seats, &c.Doors, &c.Mileage, &c.EnginePower, &c.CurrentLocation,
				&c.PhotoURL, &c.IsArchived, &c.ArchivedAt, person{&c.ArchivedBy}, person{&c.CreatedBy}, person{&c.UpdatedBy})
		},
		derive: func(c *fleet.Car) derived {
			key := plateKey(c.LicensePlate)
			return derived{
				{"manufacturer_fold", text.Fold(c.Manufacturer)},
				{"model_fold", text.Fold(c.Model)},
				{"plate_key", key},
				{"plate_fold", search(&c.LicensePlate, &key)},
				{"search", search(&c.LicensePlate, &key, &c.Manufacturer, &c.Model)},
			}
		},
		none:     fleet.ErrNoCar,
		live:     "cars.deleted_at IS NULL",
		computed: heldToday,
		into:     func(c *fleet.Car) []any { return []any{held{c}} },
		sorts: map[string]order{
			"createdAt":    {"cars.created_at", moment},
			"manufacturer": {"cars.manufacturer_fold", words},
			"pricePerDay":  {"cars.price_per_day", number},
			"year":         {"cars.year", small},
			"mileage":      {"cars.mileage", small},
			"licensePlate": {"cars.license_plate", words},
		},
		usual: "createdAt",
		limit: 1000,
	}}
}

// plateKey is the form of a license plate that is unique: without case, spaces and hyphens.
func plateKey(plate string) string {
	return strings.NewReplacer(" ", "", "-", "").Replace(strings.ToUpper(text.Name(plate)))
}

// onToday are the arguments of what is computed of a car.
func onToday(today date.Date) []any { return []any{today, today} }

// held scans heldToday, which is NULL for a car that nothing holds today.
type held struct{ car *fleet.Car }

func (h held) Scan(src any) error {
	if src == nil {
		return nil
	}
	text, _ := src.(string)
	kind, until, _ := strings.Cut(text, " ")
	h.car.RentedNow = kind == string(rental.ByContract)
	return h.car.NextFreeOn.Scan(until)
}

func ofRef(ref fleet.Ref) (string, string) {
	if ref.IsID() {
		return "cars.id = ?", string(ref)
	}
	return "cars.plate_key = ?", plateKey(string(ref))
}

// Get returns the car with this id or license plate.
func (s Cars) Get(ctx context.Context, ref fleet.Ref, today date.Date) (fleet.Car, error) {
	cond, arg := ofRef(ref)
	car, err := s.get(ctx, cond, append(onToday(today), arg)...)
	car.NextFreeOn = date.Later(car.NextFreeOn, today)
	return car, err
}

// Update changes a car under the row's lock.
func (s Cars) Update(ctx context.Context, ref fleet.Ref, today date.Date, change func(*fleet.Car) error) (fleet.Car, error) {
	cond, arg := ofRef(ref)
	return s.update(ctx, func(c *fleet.Car) error {
		c.NextFreeOn = date.Later(c.NextFreeOn, today)
		return change(c)
	}, cond, arg, onToday(today)...)
}

// Lock returns a car that nobody else can change or rent until the transaction ends.
func (s Cars) Lock(ctx context.Context, id fleet.CarID) (fleet.Car, error) {
	plain := s
	plain.computed, plain.into = "", nil
	return plain.locked(ctx, "cars.id = ?", string(id))
}

// Delete hides a car for ever.
func (s Cars) Delete(ctx context.Context, id fleet.CarID) error {
	_, err := s.db.exec(ctx, "UPDATE cars SET deleted_at = updated_at WHERE id = ?", string(id))
	return err
}

// Needed reports whether a contract that is not over has the car, or any if since is no day.
func (s Cars) Needed(ctx context.Context, id fleet.CarID, since date.Date) (bool, error) {
	return s.db.needed(ctx, "car_id", string(id), since)
}

// needed reports whether a contract that is not over on a day has an id in
// col, or any contract if since is no day.
func (db *DB) needed(ctx context.Context, col, id string, since date.Date) (bool, error) {
	var w where
	w.add(col+" = ?", id)
	w.add("deleted_at IS NULL")
	if !since.IsZero() {
		w.add("end_date >= ? AND cancelled_at IS NULL", since)
	}
	return db.exists(ctx, "SELECT 1 FROM contracts"+w.clause()+" LIMIT 1", w.args...)
}

// Match returns, for each draft, the car that has its license plate, locked.
func (s Cars) Match(ctx context.Context, drafts []fleet.Draft, today date.Date) ([]record.Match[fleet.Car], error) {
	out := make([]record.Match[fleet.Car], len(drafts))
	keys := make([]any, len(drafts))
	for i, d := range drafts {
		out[i].Key = plateKey(d.LicensePlate)
		keys[i] = out[i].Key
	}
	cars, err := s.matching(ctx, "cars.plate_key", keys, onToday(today)...)
	byKey := map[string]*fleet.Car{}
	for i := range cars {
		cars[i].NextFreeOn = date.Later(cars[i].NextFreeOn, today)
		byKey[plateKey(cars[i].LicensePlate)] = &cars[i]
	}
	for i := range out {
		out[i].Record = byKey[out[i].Key]
	}
	return out, err
}

// List returns the cars that f selects.
func (s Cars) List(ctx context.Context, f fleet.Filter, today date.Date) (page.Of[fleet.Car], error) {
	var w where
	if f.Q != "" {
		w.add(contains("cars.search"), like(f.Q))
	}
	is(&w, "cars.status = ?", f.Status)
	is(&w, "cars.category = ?", f.Category)
	is(&w, "cars.manufacturer_fold = ?", text.Fold(text.Clean(f.Manufacturer)))
	is(&w, "cars.model_fold = ?", text.Fold(text.Clean(f.Model)))
	is(&w, "cars.fuel_type = ?", f.FuelType)
	is(&w, "cars.transmission = ?", f.Transmission)
	given(&w, "cars.price_per_day >= ?", f.MinPrice)
	given(&w, "cars.price_per_day <= ?", f.MaxPrice)
	given(&w, "cars.seats >= ?", f.MinSeats)
	given(&w, "cars.mileage <= ?", f.MaxMileage)
	if f.Archived != "all" {
		w.add("cars.is_archived = ?", f.Archived == "true")
	}
	if !f.Free.Start.IsZero() {
		w.add(free, f.Free.Start, f.Free.End)
	}
	cars, err := s.list(ctx, w, f.Query, f.Sort, onToday(today)...)
	for i := range cars.Items {
		cars.Items[i].NextFreeOn = date.Later(cars.Items[i].NextFreeOn, today)
	}
	return cars, err
}

// given adds a condition on a parameter that the client gave.
func given[T any](w *where, cond string, o page.Opt[T]) {
	if o.Set {
		w.add(cond, value(&o.Value))
	}
}
