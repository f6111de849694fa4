package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// handVariable tells the test program to be a server that does by hand what
// the program does over the database at this address.
const handVariable = "BENCH_HAND_DATABASE"

// hand answers with pgx, the statements of the program, and JSON that is
// written piece by piece: as fast as a server can be that does the same.
type hand struct{ pool *pgxpool.Pool }

const (
	personOf = `(SELECT u.id || ' ' || u.role || ' ' || u.username || ' ' || COALESCE(u.name, '') FROM users u WHERE u.id = %s)`

	carColumns = `cars.id, cars.version, cars.created_at, cars.updated_at, cars.manufacturer, cars.model, cars.year, cars.license_plate,
		cars.fuel_type, cars.transmission, cars.price_per_day, cars.category, cars.status, cars.chassis_number, cars.color, cars.seats,
		cars.doors, cars.mileage, cars.engine_power, cars.current_location, cars.photo_url, cars.is_archived, cars.archived_at`

	heldOf = `(SELECT CASE WHEN h.ends > $1 THEN h.kind || ' ' || CAST((SELECT g.ends FROM holds g
			WHERE g.car_id = h.car_id AND g.ends >= h.ends
			AND NOT EXISTS (SELECT 1 FROM holds n WHERE n.car_id = g.car_id AND n.starts = g.ends)
			ORDER BY g.ends LIMIT 1) AS TEXT) END
		FROM holds h WHERE h.car_id = cars.id AND h.starts <= $2 ORDER BY h.starts DESC LIMIT 1)`

	customerColumns = `customers.id, customers.version, customers.created_at, customers.updated_at, customers.name,
		customers.driver_license_number, customers.passport_number, customers.country_of_origin, customers.email, customers.phone_number,
		customers.address, customers.father_name, customers.city_of_residence, customers.id_of_person, customers.driving_license_photo_url,
		customers.passport_photo_url, customers.notes`
)

var (
	peopleOfCar = ", " + fmt.Sprintf(personOf, "cars.archived_by") + ", " + fmt.Sprintf(personOf, "cars.created_by") + ", " + fmt.Sprintf(personOf, "cars.updated_by")

	listCars = "SELECT " + carColumns + peopleOfCar + ", " + heldOf +
		", cars.created_at FROM cars WHERE cars.mileage <= $3 AND cars.is_archived = $4 AND cars.deleted_at IS NULL ORDER BY cars.created_at, cars.id LIMIT $5 OFFSET $6"
	readCar      = "SELECT " + carColumns + peopleOfCar + " FROM cars WHERE cars.id = $1 AND cars.deleted_at IS NULL"
	readCustomer = "SELECT " + customerColumns + ", " + fmt.Sprintf(personOf, "customers.created_by") + ", " + fmt.Sprintf(personOf, "customers.updated_by") +
		" FROM customers WHERE customers.id = $1 AND customers.deleted_at IS NULL"
)

const (
	lockCar      = "SELECT 1 FROM cars WHERE cars.id = $1 AND cars.deleted_at IS NULL FOR NO KEY UPDATE"
	lockCustomer = "SELECT 1 FROM customers WHERE customers.id = $1 AND customers.deleted_at IS NULL FOR NO KEY UPDATE"
	inTheWay     = `SELECT h.starts, h.ends, h.kind, h.contract_id, cu.name, cu.passport_number, co.total_amount
		FROM holds h LEFT JOIN contracts co ON co.id = h.contract_id LEFT JOIN customers cu ON cu.id = h.customer_id
		WHERE h.car_id = $1 AND h.starts < $2 AND h.ends > $3 AND (h.contract_id IS NULL OR h.contract_id <> $4) ORDER BY h.starts`
	nextNumber = `INSERT INTO contract_numbers (year, last) VALUES ($1, $2)
		ON CONFLICT (year) DO UPDATE SET last = contract_numbers.last + excluded.last RETURNING last`
	putContract = `INSERT INTO contracts (id, version, created_at, updated_at, number, customer_id, car_id, start_date, end_date, days, daily_rate,
		total_amount, price_agreed, additional_notes, photo_url, cancelled_at, cancellation_reason, notification_sent, created_by, updated_by, number_fold)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`
	putHold  = "INSERT INTO holds (id, car_id, customer_id, starts, ends, kind, contract_id) VALUES ($1, $2, $3, $4, $5, $6, $7)"
	putAudit = `INSERT INTO audit_logs (id, user_id, username, user_role, ip_address, user_agent, request_id, action, resource, resource_id,
		description, changes, status, created_at, search) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
	countOn    = "UPDATE change_counter SET seq = seq + $1 WHERE id = 1 RETURNING seq"
	putChanges = "INSERT INTO changes (seq, topic, id, kind, version, at) VALUES ($1, $2, $3, $4, $5, $6), ($7, $8, $9, $10, $11, $12)"
)

// serveByHand serves the two requests until it is killed.
func serveByHand(database string) error {
	ctx := context.Background()
	conf, err := pgxpool.ParseConfig(database)
	if err != nil {
		return err
	}
	conf.MaxConns, conf.MinConns = 50, 20
	conf.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, conf)
	if err != nil {
		return err
	}
	h := hand{pool}
	mux := http.NewServeMux()
	for pattern, do := range map[string]func(*http.Request) ([]byte, int, error){"GET /api/cars": h.cars, "POST /api/contracts": h.rent} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, status, err := do(r)
			if err != nil {
				body, status = []byte(err.Error()), http.StatusInternalServerError
			}
			w.Header()["Content-Type"] = []string{"application/json"}
			w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
			w.WriteHeader(status)
			_, _ = w.Write(body)
		})
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	srv := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
	}
	return srv.Serve(ln)
}

// startHand runs that server as a process of its own and returns its URL.
func startHand(b testing.TB, database string) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), handVariable+"="+database)
	return listening(b, cmd)
}

// listening starts a server that prints where it listens, and kills it at the end.
func listening(b testing.TB, cmd *exec.Cmd) (url string) {
	b.Helper()
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatalf("the server to compare with does not listen: %v", err)
	}
	return "http://" + strings.TrimSpace(addr)
}

// A handCar is a row of listCars.
type handCar struct {
	id, manufacturer, model, plate, fuel, transmission, category, status string
	version, year, mileage                                               int
	price                                                                int64
	created, updated, sorted                                             time.Time
	chassis, color, location, photo                                      *string
	seats, doors, power                                                  *int
	archived                                                             bool
	archivedAt                                                           *time.Time
	archivedBy, createdBy, updatedBy, held                               *string
}

func (c *handCar) fields() []any {
	return []any{
		&c.id, &c.version, &c.created, &c.updated, &c.manufacturer, &c.model, &c.year, &c.plate, &c.fuel, &c.transmission, &c.price, &c.category,
		&c.status, &c.chassis, &c.color, &c.seats, &c.doors, &c.mileage, &c.power, &c.location, &c.photo, &c.archived, &c.archivedAt,
		&c.archivedBy, &c.createdBy, &c.updatedBy,
	}
}

func (h hand) cars(r *http.Request) ([]byte, int, error) {
	q := r.URL.Query()
	most, err := strconv.Atoi(q.Get("maxMileage"))
	if err != nil {
		return nil, 0, err
	}
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil {
		return nil, 0, err
	}
	today := time.Now().Format(time.DateOnly)
	rows, err := h.pool.Query(r.Context(), listCars, today, today, most, false, limit+1, 0)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	body := append(make([]byte, 0, 128<<10), `{"success":true,"data":[`...)
	var c handCar
	targets := append(c.fields(), &c.held, &c.sorted)
	n := 0
	for ; rows.Next(); n++ {
		if err := rows.Scan(targets...); err != nil {
			return nil, 0, err
		}
		if n > 0 {
			body = append(body, ',')
		}
		body = c.append(body, today)
	}
	body = append(body, `],"pagination":{"page":1,"limit":`...)
	body = strconv.AppendInt(body, int64(limit), 10)
	body = append(body, `,"total":`...)
	body = strconv.AppendInt(body, int64(n), 10)
	body = append(body, `,"totalPages":1,"hasNext":false,"hasPrevious":false,"nextCursor":null}}`...)
	return body, http.StatusOK, rows.Err()
}

func (c *handCar) append(b []byte, today string) []byte {
	b = text(append(b, '{'), "id", c.id)
	b = number(b, "version", c.version)
	b = moment(b, "createdAt", &c.created)
	b = moment(b, "updatedAt", &c.updated)
	b = text(b, "manufacturer", c.manufacturer)
	b = text(b, "model", c.model)
	b = number(b, "year", c.year)
	b = text(b, "licensePlate", c.plate)
	b = text(b, "fuelType", c.fuel)
	b = text(b, "transmission", c.transmission)
	b = amount(b, "pricePerDay", c.price)
	b = text(b, "category", c.category)
	b = text(b, "status", c.status)
	b = optional(b, "chassisNumber", c.chassis)
	b = optional(b, "color", c.color)
	b = optionalNumber(b, "seats", c.seats)
	b = optionalNumber(b, "doors", c.doors)
	b = number(b, "mileage", c.mileage)
	b = optionalNumber(b, "enginePower", c.power)
	b = optional(b, "currentLocation", c.location)
	b = optional(b, "photoUrl", c.photo)
	b = strconv.AppendBool(append(b, `"isArchived":`...), c.archived)
	b = moment(append(b, ','), "archivedAt", c.archivedAt)
	b = person(b, "archivedBy", c.archivedBy)
	b = person(b, "createdBy", c.createdBy)
	b = person(b, "updatedBy", c.updatedBy)
	kind, until := "", today
	if c.held != nil {
		kind, until, _ = strings.Cut(*c.held, " ")
	}
	b = strconv.AppendBool(append(b, `"rentedNow":`...), kind == "contract")
	b = text(append(b, ','), "nextFreeOn", until)
	b[len(b)-1] = '}'
	return b
}

// The functions below write a member of an object and a comma.

func name(b []byte, key string) []byte { return append(append(append(b, '"'), key...), `":`...) }

func text(b []byte, key, v string) []byte {
	b = append(name(b, key), '"')
	for i := range len(v) {
		if v[i] < ' ' || v[i] == '"' || v[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, v[i])
	}
	return append(b, `",`...)
}

func number(b []byte, key string, v int) []byte {
	return append(strconv.AppendInt(name(b, key), int64(v), 10), ',')
}

func amount(b []byte, key string, minor int64) []byte {
	b = strconv.AppendInt(name(b, key), minor/100, 10)
	if c := minor % 100; c != 0 {
		b = append(b, '.', byte('0'+c/10))
		if c%10 != 0 {
			b = append(b, byte('0'+c%10))
		}
	}
	return append(b, ',')
}

func moment(b []byte, key string, at *time.Time) []byte {
	if at == nil {
		return append(name(b, key), "null,"...)
	}
	b = at.UTC().AppendFormat(append(name(b, key), '"'), "2006-01-02T15:04:05.000Z")
	return append(b, `",`...)
}

func optional(b []byte, key string, v *string) []byte {
	if v == nil {
		return append(name(b, key), "null,"...)
	}
	return text(b, key, *v)
}

func optionalNumber(b []byte, key string, v *int) []byte {
	if v == nil {
		return append(name(b, key), "null,"...)
	}
	return number(b, key, *v)
}

func person(b []byte, key string, v *string) []byte {
	if v == nil {
		return append(name(b, key), "null,"...)
	}
	part := strings.SplitN(*v, " ", 4)
	b = text(append(name(b, key), '{'), "id", part[0])
	b = text(b, "username", part[2])
	if part[3] == "" {
		b = append(b, `"name":null,`...)
	} else {
		b = text(b, "name", part[3])
	}
	b = text(b, "role", part[1])
	b[len(b)-1] = '}'
	return append(b, ',')
}

// rent makes a contract by the statements of the program, and answers with little.
func (h hand) rent(r *http.Request) ([]byte, int, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, 0, err
	}
	var in struct{ CarID, CustomerID, StartDate, EndDate string }
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, 0, err
	}
	ctx := r.Context()
	id := newID()
	err = pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		var one int
		var car handCar
		if err := tx.QueryRow(ctx, lockCar, in.CarID).Scan(&one); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, readCar, in.CarID).Scan(car.fields()...); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, lockCustomer, in.CustomerID).Scan(&one); err != nil {
			return err
		}
		if err := readRow(ctx, tx, readCustomer, in.CustomerID); err != nil {
			return err
		}
		if err := readRow(ctx, tx, inTheWay, in.CarID, in.EndDate, in.StartDate, id); err != nil {
			return err
		}
		now := time.Now()
		var last int
		if err := tx.QueryRow(ctx, nextNumber, now.Year(), 1).Scan(&last); err != nil {
			return err
		}
		number := fmt.Sprintf("CTR-%d-%05d", now.Year(), last)
		for _, s := range []struct {
			query string
			args  []any
		}{
			{putContract, []any{
				id, 1, now, now, number, in.CustomerID, in.CarID, in.StartDate, in.EndDate, 1, car.price, car.price, false, nil, nil, nil, nil, false,
				nil, nil, strings.ToLower(number),
			}},
			{putHold, []any{newID(), in.CarID, in.CustomerID, in.StartDate, in.EndDate, "contract", id}},
			{putAudit, []any{
				newID(), nil, "emir", "employee", "127.0.0.1", "bench", id, "CREATE", "contract", id, "rented " + car.plate + " out by " + number,
				`{"before":null,"after":{"carId":"` + in.CarID + `","customerId":"` + in.CustomerID + `"}}`, "success", now, "rented " + number,
			}},
		} {
			if _, err := tx.Exec(ctx, s.query, s.args...); err != nil {
				return err
			}
		}
		var seq int64
		if err := tx.QueryRow(ctx, countOn, 2).Scan(&seq); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, putChanges, seq-1, "contracts", id, "created", 1, now, seq, "cars", in.CarID, "updated", 0, now)
		return err
	})
	return []byte(`{"success":true,"data":{"id":"` + id + `"}}`), http.StatusCreated, err
}

// readRow reads all that a query returns.
func readRow(ctx context.Context, tx pgx.Tx, query string, args ...any) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if _, err := rows.Values(); err != nil {
			return err
		}
	}
	return rows.Err()
}
