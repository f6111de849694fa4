package app

import (
	"testing"

	"cartracker/internal/overload"
	"cartracker/internal/store"
)

func TestRoom(t *testing.T) {
	sqlite := store.AtOnce{Reads: 4, Writes: 64}
	postgres := func(n int) store.AtOnce { return store.AtOnce{Reads: n, Writes: n, Shared: true} }
	for _, tt := range []struct {
		what            string
		db              store.AtOnce
		set, processors int
		want            overload.Room
	}{
		{"SQLite, two processors", sqlite, 0, 2, overload.Room{Reports: 2, Reads: 8, Writes: 64, All: 72, Queue: 32}},
		{"SQLite, one", sqlite, 0, 1, overload.Room{Reports: 1, Reads: 4, Writes: 64, All: 68, Queue: 16}},
		{"SQLite, set", sqlite, 20, 2, overload.Room{Reports: 5, Reads: 20, Writes: 64, All: 84, Queue: 80}},
		{"PostgreSQL, two processors", postgres(89), 0, 2, overload.Room{Reports: 2, Reads: 8, Writes: 6, All: 8, Queue: 32}},
		{"PostgreSQL, many", postgres(89), 0, 64, overload.Room{Reports: 22, Reads: 89, Writes: 67, All: 89, Queue: 356}},
		{"PostgreSQL, set", postgres(89), 2, 16, overload.Room{Reports: 1, Reads: 2, Writes: 1, All: 2, Queue: 8}},
		{"PostgreSQL, more set than there is", postgres(5), 1000, 2, overload.Room{Reports: 1, Reads: 5, Writes: 4, All: 5, Queue: 20}},
		{"one connection", postgres(1), 0, 2, overload.Room{Reports: 1, Reads: 1, Writes: 1, All: 1, Queue: 4}},
	} {
		tt.want.Wait = longestWait
		if got := room(tt.db, tt.set, tt.processors); got != tt.want {
			t.Errorf("%s: %+v", tt.what, got)
		}
	}
}
