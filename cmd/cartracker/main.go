// Command cartracker runs a car-rental company's back office.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"cartracker/internal/app"
)

var version = "dev" // set by the linker

func main() { run(app.Program{Version: version}) }

// run does what the command line says and ends the process. The first signal
// asks for that, and the second does not wait for it.
func run(p app.Program) {
	p.Emergency = &app.Emergency{Exit: os.Exit}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	go func() { // until the process ends
		<-signals
		stop()
		<-signals
		p.Emergency.End("told to stop a second time")
	}()
	os.Exit(app.Main(ctx, p, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
