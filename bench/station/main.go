// Command station serves package socketio and nothing else, for a benchmark. It
// is told what to do by lines of JSON, and answers each by one.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"cartracker/internal/socketio"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve serves until there are no more orders.
func serve() error {
	ctx, cancel := context.WithCancel(context.Background())
	s := socketio.New(socketio.Config{})
	all := s.Of("/")
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	defer func() {
		s.Close()
		cancel()
		<-ran
	}()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() {
		srv.Close()
		<-served
	}()
	return obey(ln.Addr().String(), all)
}

// An order is a line that comes in.
type order struct{ Do, Text string }

// A report is the answer to it.
type report struct{ Error, Addr, Text string }

func obey(addr string, all *socketio.Namespace) error {
	out := json.NewEncoder(os.Stdout)
	for in := json.NewDecoder(os.Stdin); ; {
		var o order
		if err := in.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r, err := do(o, all)
		if err != nil {
			r.Error = err.Error()
		}
		r.Addr = addr
		if err := out.Encode(r); err != nil {
			return err
		}
	}
}

func do(o order, all *socketio.Namespace) (report, error) {
	switch o.Do {
	case "address":
		return report{}, nil
	case "broadcast":
		return report{}, all.To().Emit("news", float64(time.Now().UnixNano())/1e6, o.Text)
	case "collect":
		debug.FreeOSMemory()
		return report{Text: memory()}, nil
	case "profile":
		return report{}, profile(o.Text)
	}
	return report{}, fmt.Errorf("a station cannot %s", o.Do)
}

// memory tells what the runtime has, in MiB.
func memory() string {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	mib := func(n uint64) float64 { return float64(n) / (1 << 20) }
	return fmt.Sprintf("heap %.1f (%.1f used), stacks %.1f, others %.1f",
		mib(m.HeapInuse), mib(m.HeapAlloc), mib(m.StackInuse), mib(m.Sys-m.HeapSys-m.StackSys))
}

// profile writes what is in memory and begins to write where the processor's
// time goes, or ends that if there is no file.
func profile(file string) error {
	if file == "" {
		pprof.StopCPUProfile()
		return nil
	}
	memory, err := os.Create(file + ".memory")
	if err != nil {
		return err
	}
	defer memory.Close()
	if err := pprof.WriteHeapProfile(memory); err != nil {
		return err
	}
	times, err := os.Create(file)
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(times) // which keeps the file open until it ends
}
