package store_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/store/pgtest"
)

// One address of a replica may lead to several servers, in turns. What one of
// them has come to is not taken for what another shows.
func TestReplicasBehindOneAddress(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	quick, stuck := primary.Replica(), primary.Replica()
	both := strings.Replace(quick.URL("cartracker"), quick.Addr(), inTurns(t, quick.Addr(), quick.Addr(), stuck.Addr()), 1)
	r := onCluster(t, primary, time.Minute, both)
	r.inUse(t, true)
	raw := on(t, stuck)
	until(t, "its tables", func() bool { return count(t, raw, "SELECT COUNT(to_regclass('cars'))") == 1 })
	r.until(t, stuck)
	run(t, on(t, stuck), "SELECT pg_wal_replay_pause()")
	writer := as(t.Context(), "emir")
	for km, began := 1, time.Now(); time.Since(began) < 3*time.Second; km++ { // the one that is looked at changes meanwhile
		if err := r.drive(writer, km); err != nil {
			t.Fatal(err)
		}
		var readers sync.WaitGroup
		for range 6 {
			readers.Go(func() {
				for again := time.Now(); time.Since(again) < 300*time.Millisecond; {
					if got, err := r.read(writer); err != nil || got != km {
						t.Errorf("who wrote %d km reads %d (%v)", km, got, err)
						return
					}
				}
			})
		}
		readers.Wait()
	}
	if r.reads() == 0 {
		t.Error("nobody read from a replica")
	}
}

// inTurns returns an address that leads to each of these in turn, until the test ends.
func inTurns(t *testing.T, addrs ...string) string {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var lines sync.WaitGroup
	t.Cleanup(func() {
		in.Close()
		lines.Wait()
	})
	var n atomic.Int64
	lines.Go(func() {
		for {
			from, err := in.Accept()
			if err != nil {
				return
			}
			to := addrs[int(n.Add(1))%len(addrs)]
			lines.Go(func() { join(from, to) })
		}
	})
	return in.Addr().String()
}

// join carries what comes from one side to the other until either ends.
func join(from net.Conn, to string) {
	defer from.Close()
	there, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer there.Close()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(from, there)
		from.Close()
	})
	_, _ = io.Copy(there, from)
	there.Close()
	back.Wait()
}
