package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"cartracker/internal/fault"
)

var errTaken = fault.New(fault.Conflict, "car_taken", "the car is taken")

func TestIs(t *testing.T) {
	for name, c := range map[string]struct {
		err, target error
		want        bool
	}{
		"itself":         {errTaken, errTaken, true},
		"another text":   {errTaken.Say("until Monday"), errTaken, true},
		"wrapped":        {fmt.Errorf("rent: %w", errTaken), errTaken, true},
		"joined":         {errors.Join(io.EOF, errTaken), errTaken, true},
		"another code":   {errTaken, fault.New(fault.Conflict, "car_in_use", "the car is taken"), false},
		"another kind":   {errTaken, fault.New(fault.NotFound, "car_taken", "the car is taken"), false},
		"not a fault":    {errTaken, io.EOF, false},
		"of not a fault": {io.EOF, errTaken, false},
	} {
		if got := errors.Is(c.err, c.target); got != c.want {
			t.Errorf("%s: errors.Is = %v", name, got)
		}
	}
}

func TestSay(t *testing.T) {
	busy := &fault.Error{Kind: fault.Unavailable, Code: "overloaded", Message: "busy", RetryAfter: time.Second}
	got := busy.Say("very busy")
	if got.Message != "very busy" || busy.Message != "busy" || got.RetryAfter != time.Second || got.Kind != fault.Unavailable {
		t.Errorf("Say = %+v of %+v", got, busy)
	}
	if got.Error() != "overloaded: very busy" {
		t.Errorf("Error = %q", got.Error())
	}
}

func TestOf(t *testing.T) {
	said := errTaken.Say("until Monday")
	if got := fault.Of(fmt.Errorf("rent: %w", said)); got != said {
		t.Errorf("Of = %+v", got)
	}
	for _, err := range []error{io.EOF, errors.New("password hunter2 is wrong"), nil} {
		got := fault.Of(err)
		if got.Kind != fault.Internal || got.Code != "internal_error" || strings.Contains(got.Error(), "hunter2") || strings.Contains(got.Error(), "EOF") {
			t.Errorf("Of(%v) = %+v", err, got)
		}
	}
	if (&fault.Error{}).Kind != fault.Internal {
		t.Error("an Error that nobody classified is not Internal")
	}
}
