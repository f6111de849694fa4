package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/store/testdb"
)

// A sink is a response that goes nowhere.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// BenchmarkHit measures what of an answer from the cache is ours: everything
// but the connection.
func BenchmarkHit(b *testing.B) {
	c := apptest.New(b, testdb.EmptySQLite(b), func(c *config.Config) {
		c.RateLimitAPI, c.RateLimitRead = "1000000000/15m", "1000000000/15m"
	})
	for i := range fleetSize {
		c.Admin.Make("/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i)))
	}
	for _, v := range variants {
		b.Run(v.name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, list, nil)
			r.Header.Set("Authorization", "Bearer "+c.Employee.Token)
			for _, h := range v.headers {
				name, value, _ := strings.Cut(h, ": ")
				r.Header.Set(name, value)
			}
			b.ReportAllocs()
			for b.Loop() {
				c.Served.ServeHTTP(&sink{header: make(http.Header, 16)}, r)
			}
		})
	}
}

// BenchmarkHandler measures everything but the connection of requests that
// reach the database. `make profile` shows where their time goes.
func BenchmarkHandler(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			c := apptest.New(b, e.empty(b))
			var all []string
			for i := range fleetSize {
				all = append(all, c.Admin.Make("/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i))))
			}
			customer := c.Employee.Make("/api/customers", apptest.Customer("1234567"))
			serve := func(b *testing.B, method, path, body string) {
				r := httptest.NewRequest(method, path, strings.NewReader(body))
				r.Header.Set("Authorization", "Bearer "+c.Employee.Token)
				r.Header.Set("Content-Type", "application/json")
				w := &sink{header: make(http.Header, 16)}
				if c.Served.ServeHTTP(w, r); w.status >= 300 {
					b.Fatalf("%s %s is answered %d", method, path, w.status)
				}
			}
			n := 0
			b.Run("page of 100 cars", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					n++
					serve(b, http.MethodGet, fmt.Sprintf("/api/cars?limit=100&maxMileage=%d", 10_000_000-n), "")
				}
			})
			b.Run("contract", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					n++
					day := func(d int) string { return apptest.Start.AddDate(0, 0, 1+n/fleetSize+d).Format(time.DateOnly) }
					body, _ := json.Marshal(apptest.Contract(all[n%fleetSize], customer, day(0), day(1)))
					serve(b, http.MethodPost, "/api/contracts", string(body))
				}
			})
		})
	}
}
