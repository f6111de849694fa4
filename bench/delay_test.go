package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/testdb"
)

// BenchmarkRealtimeDelay measures the way of a change from its request to the
// event at a client who is subscribed to its topic. It is a part of what
// `make bench-realtime` runs.
func BenchmarkRealtimeDelay(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			b.Run("same instance", func(b *testing.B) { delay(b, e.empty, 400, false, "") })
			b.Run("another with Redis", func(b *testing.B) {
				delay(b, e.empty, 400, true, "REDIS_URL="+redistest.New(b, redistest.Options{}).URL())
			})
			b.Run("another without", func(b *testing.B) { delay(b, e.empty, 100, true, "") })
		})
	}
}

// delay makes so many changes at moments that have nothing to do with each other.
func delay(b *testing.B, empty testdb.Empty, changes int, another bool, setting string) {
	d := empty(b)
	c := apptest.New(b, d)
	car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
	c.StopFeed()
	settings := append([]string{"ACCESS_TOKEN_DURATION=24h", setting}, off...)
	one := start(b, d.URL, settings...)
	other := one
	if another {
		other = start(b, d.URL, settings...)
	}
	clerk := apptest.At(b, one.url).SignIn("emir")
	heard := subscribe(b, other.url, clerk.Token, "cars")
	var whole, after []float64
	for n := range changes {
		time.Sleep(time.Duration(rand.Int64N(int64(50 * time.Millisecond))))
		if another && setting == "" {
			time.Sleep(time.Duration(rand.Int64N(int64(500 * time.Millisecond)))) // who looks once a second is met anywhere in it
		}
		began := time.Now()
		res := clerk.Do("PATCH", "/api/cars/"+car+"/mileage", map[string]any{"mileage": 1000 + n})
		answered := time.Now()
		want(b, res, http.StatusOK)
		at := arrival(b, heard, car, n+2)
		whole, after = append(whole, ms(at.Sub(began))), append(after, max(0, ms(at.Sub(answered))))
	}
	slices.Sort(whole)
	slices.Sort(after)
	b.ReportMetric(median(whole), "p50-ms")
	b.ReportMetric(whole[len(whole)*99/100], "p99-ms")
	b.ReportMetric(median(after), "p50-ms-after-answer")
	b.ReportMetric(after[len(after)*99/100], "p99-ms-after-answer")
	b.ReportMetric(0, "ns/op")
}

// A told is an event about a record.
type told struct {
	Topic, ID string
	Version   int
	at        time.Time // it came
}

// arrival returns when the event came that tells of a version of a record.
func arrival(b *testing.B, heard <-chan told, id string, version int) time.Time {
	b.Helper()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for {
		select {
		case e, open := <-heard:
			if !open {
				b.Fatal("the client lost its connection")
			}
			if e.ID == id && e.Version == version {
				return e.at
			}
		case <-late.C:
			b.Fatalf("nobody told of version %d", version)
		}
	}
}

// subscribe connects a client with a token, subscribes it to a topic and returns
// the events of that until the benchmark ends.
func subscribe(b *testing.B, url, token, topic string) <-chan told {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	auth, err := json.Marshal(map[string]any{"token": token})
	if err != nil {
		b.Fatal(err)
	}
	l, err := listen(ctx, strings.TrimPrefix(url, "http://"), string(auth), "Origin: "+url)
	if err != nil {
		b.Fatal(err)
	}
	answer, err := l.emit(func([]byte) {}, "subscribe", map[string]any{"topic": topic})
	if err != nil || !bytes.Contains(answer, []byte(`"ok":true`)) {
		b.Fatalf("subscribed with %s (%v)", answer, err)
	}
	heard := make(chan told, 1000)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(heard)
		if err := l.changes(heard); !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
			b.Error(err)
		}
	})
	b.Cleanup(func() {
		l.conn.Close()
		reading.Wait()
	})
	return heard
}

// changes passes on what events tell of records.
func (l *listener) changes(heard chan<- told) error {
	for {
		packet, err := l.packet()
		if err != nil {
			return err
		}
		at := time.Now()
		text, ok := bytes.CutPrefix(packet, []byte(`42["changed",`))
		if !ok {
			continue
		}
		e := told{at: at}
		if err := json.NewDecoder(bytes.NewReader(text)).Decode(&e); err != nil { // an offset for recovery follows
			return fmt.Errorf("%.200s: %w", packet, err)
		}
		heard <- e
	}
}
