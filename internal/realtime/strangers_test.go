package realtime

import (
	"net/http/httptest"
	"testing"

	"cartracker/internal/record"
)

func TestStrangers(t *testing.T) {
	s := newStrangers(5, 2)
	come := func(ip string, want bool) (leave func()) {
		t.Helper()
		r := httptest.NewRequest("GET", "/socket.io/", nil)
		leave, got := s.arrive(r.WithContext(record.As(r.Context(), record.Caller{IP: ip})))
		if got != want {
			t.Fatalf("one more from %s: %t, want %t", ip, got, want)
		}
		return leave
	}
	first := come("192.0.2.1", true)
	second := come("192.0.2.1", true)
	come("192.0.2.1", false) // too many of a network
	s.add("192.0.2.1", -1)   // one said who it is
	third := come("192.0.2.1", true)
	come("192.0.2.1", false)
	six := []func(){come("2001:db8::1", true), come("2001:db8::2", true)}
	come("2001:db8::3", false)
	last := come("192.0.2.3", true)
	come("192.0.2.4", false) // too many of all
	last()
	come("192.0.2.4", true)()
	s.add("192.0.2.9", -1) // from another network than its handshake
	s.add("192.0.2.9", 1)
	s.add("192.0.2.1", 1) // the one who said who it is was signed out, and is connected still
	come("192.0.2.1", false)
	for _, leave := range append(six, first, second, third) {
		leave()
	}
	if s.all != 0 || len(s.of) != 0 {
		t.Errorf("%d are counted, %d networks known after all have gone", s.all, len(s.of))
	}
}
