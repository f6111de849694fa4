// Package part is about what runs for as long as the program does. A panic in
// it is an error like any other, so that the program can still end in order.
package part

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// A Part is something that runs until its context is done. If it ends before
// with an error, the program has to end too.
type Part struct {
	Name string
	Run  func(context.Context) error
}

// A Panic is the error that a panic has become.
type Panic struct {
	Value any
	Stack string // where it happened
}

// Error says what the panic said, without the stack.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Unwrap returns the error that the panic was about, if it was one.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Guard calls do and returns its error: a *Panic if it panicked.
func Guard(do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{Value: v, Stack: string(debug.Stack())}
		}
	}()
	return do()
}

// Together runs all at the same time and returns when the last has ended. When
// one fails or panics, the context of the others is done. It returns the errors
// of all.
func Together(ctx context.Context, all ...func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, run := range all {
		running.Go(func() {
			if errs[i] = Guard(func() error { return run(ctx) }); errs[i] != nil {
				stop()
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// Quietly makes of what knows no errors something that Together runs.
func Quietly(run func(context.Context)) func(context.Context) error {
	return func(ctx context.Context) error {
		run(ctx)
		return nil
	}
}
