//go:build !race

package store_test

// raced says that the race detector is on, and that times mean nothing.
const raced = false
