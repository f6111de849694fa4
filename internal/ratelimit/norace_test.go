//go:build !race

package ratelimit_test

import "time"

// slow is what no call may take.
const slow = 150 * time.Millisecond
