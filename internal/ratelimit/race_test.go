//go:build race

package ratelimit_test

import "time"

// slow is what no call may take. The race detector makes everything slow, so
// here it only finds calls that wait for something.
const slow = 2 * time.Second
