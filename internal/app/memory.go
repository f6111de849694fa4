package app

import (
	"os"
	"runtime/debug"

	"cartracker/internal/config"
)

const (
	heapGrowth = 400       // percent of what is in use by which the heap grows before it is collected
	heapBeside = 256 << 20 // bytes that are in use besides the cache before it is collected sooner
)

// tuneMemory lets garbage be collected less often than Go does by itself: an
// answer from the cache makes little else than garbage, and collecting it took
// a tenth of the throughput. What a small machine can spare is a bound. The
// variables GOGC and GOMEMLIMIT, if they are set, say it otherwise.
func tuneMemory(c *config.Config) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapBeside + 2*c.CacheBytes)
	}
}
