package bench

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/audit"
	"cartracker/internal/date"
	"cartracker/internal/ident"
	"cartracker/internal/store"
	"cartracker/internal/store/testdb"
)

const (
	many      = 32 // clients at the same time
	groupTurn = 400 * time.Millisecond
	groupEach = 15 // turns of each number of clients
)

// BenchmarkGroup measures how many writes a second one client and many have
// committed on SQLite, which has one writer: rows at the store, together and
// each by itself, and contracts through HTTP. One and many take turns; the
// ratio is the median of the turns.
func BenchmarkGroup(b *testing.B) {
	rows := func(by func(*store.DB, context.Context, func(context.Context) error) error) func(*testing.B) {
		return func(b *testing.B) {
			db := testdb.EmptySQLite(b).Migrated(b)
			logs := store.NewAuditLogs(db)
			againstOne(b, func(clients int) load {
				return repeat(b, clients, groupTurn, func() error {
					return by(db, b.Context(), func(ctx context.Context) error { return logs.Insert(ctx, entry()) })
				})
			})
		}
	}
	b.Run("rows", rows((*store.DB).InTx))
	b.Run("rows-each-by-itself", rows((*store.DB).InLongTx))
	b.Run("contracts", func(b *testing.B) {
		p := start(b, filled(b, testdb.EmptySQLite, 20_000), off...)
		desk := apptest.At(b, p.url).SignIn("emir")
		var n atomic.Int64
		againstOne(b, func(clients int) load {
			return run(b, clients, groupTurn, 0, func(_, i int) request {
				body, _ := json.Marshal(contractNumber(int(n.Add(1)))) // of strings: it cannot fail
				return post(p.url, "/api/contracts", string(body), http.StatusCreated, "Authorization: Bearer "+desk.Token)
			})
		})
	})
}

// againstOne reports the writes a second of one client and of many, and how
// many times the latter are.
func againstOne(b *testing.B, write func(clients int) load) {
	write(many) // warms
	for b.Loop() {
		var one, all, times []float64
		for range groupEach {
			o, a := write(1).perSecond(), write(many).perSecond()
			one, all, times = append(one, o), append(all, a), append(times, a/o)
		}
		b.ReportMetric(median(one), "one/s")
		b.ReportMetric(median(all), "many/s")
		b.ReportMetric(median(times), "times")
	}
	b.ReportMetric(0, "ns/op")
}

// entry returns an entry of the audit log.
func entry() *audit.Log {
	car := carID(1)
	return &audit.Log{
		ID: ident.New[audit.LogID](), Action: "UPDATE", Resource: "car", ResourceID: &car, Description: "changed the mileage of A12-K-345",
		Status: audit.Success, CreatedAt: date.At(time.Now()),
	}
}

// contractNumber returns the body of a contract on days that no other has its
// car for.
func contractNumber(n int) apptest.JSON {
	const available = cars / 7 * 6
	i := n % available
	day := func(d int) string { return time.Now().AddDate(0, 0, 100+2*(n/available)+d).Format(time.DateOnly) }
	return apptest.Contract(carID(i/6*7+i%6+1), customerID(n%customers), day(0), day(2))
}
