package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/store/testdb"
)

// A sink is a response that goes nowhere.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

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
