//go:build !race

package redis_test

import "time"

// slow is what no call may take.
const slow = 150 * time.Millisecond
