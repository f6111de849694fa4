package socketio_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/redis"
	"cartracker/internal/socketio"
)

const patience = 20 * time.Second

// TestMain also is what another process does that a test starts; see another.
func TestMain(m *testing.M) {
	if url := os.Getenv("SOCKETIO_TEST_REDIS"); url != "" {
		if err := instance(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// instance has one socket of ana and one of emir, says what it is told, and ends
// with its input.
func instance(url string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	link, err := redis.Open(ctx, url)
	if err != nil {
		return err
	}
	go func() { _ = link.Run(ctx) }()
	a := socketio.NewRedis(link, "test")
	a.Lease = leaseOfTests
	for _, m := range []string{"ana", "emir"} {
		if _, err := a.Enter(ctx, m, 0); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	ended := make(chan error, 1)
	go func() {
		ended <- a.Run(ctx, func(socketio.Message) {}, func(members []string, present bool) { fmt.Println(members, present) })
	}()
	bufio.NewScanner(os.Stdin).Scan()
	cancel()
	return <-ended
}
