package machinetest

import (
	"os"
	"time"
)

// Timely returns how long something may take of which the program promises how
// long it takes. That is held with TEST_FAULTS, as make test-faults sets it.
// Beside all other tests, on two processors, a process may wait longer than that
// for its turn alone: there it may take five times as long.
func Timely(promised time.Duration) time.Duration {
	if os.Getenv("TEST_FAULTS") == "" {
		return 5 * promised
	}
	return promised
}
