package report

import (
	"errors"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/getsentry/sentry-go"

	"cartracker/internal/part"
)

const (
	maxFrames = 50
	module    = "cartracker/"
)

// stackOf returns the functions that led to err, the outermost first, as the
// protocol has them: those that led to the panic if it is one, else those that
// led here. Files are named by their package, for their paths tell where the
// program was built.
func stackOf(err error) []sentry.Frame {
	var all []sentry.Frame
	if p, ok := errors.AsType[*part.Panic](err); ok {
		all = parse(p.Stack)
	} else {
		all = callers()
	}
	all = all[:min(len(all), maxFrames)]
	slices.Reverse(all)
	return all
}

// telling begins the names of functions that tell of an error, and have no part in it.
var telling = []string{module + "internal/observe.", module + "internal/observe/report.", module + "internal/part."}

// callers returns the functions that are running, without those that tell.
func callers() (all []sentry.Frame) {
	pcs := make([]uintptr, maxFrames)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if f.Function != "" && !slices.ContainsFunc(telling, func(p string) bool { return strings.HasPrefix(f.Function, p) }) {
			all = append(all, frame(f.Function, path.Base(f.File), f.Line))
		}
	}
	return all
}

// parse reads a stack as runtime/debug writes it. What is above the panic are
// those who were told of it.
func parse(stack string) (all []sentry.Frame) {
	lines := strings.Split(stack, "\n")
	for i := 0; i+1 < len(lines); i++ {
		where, isFile := strings.CutPrefix(lines[i+1], "\t")
		if !isFile {
			continue
		}
		name := strings.TrimPrefix(lines[i], "created by ")
		name, _, _ = strings.Cut(name, " in goroutine ")
		if open := strings.LastIndexByte(name, '('); open > 0 && strings.HasSuffix(name, ")") { // its arguments
			name = name[:open]
		}
		where, _, _ = strings.Cut(where, " +0x")
		file, line, _ := strings.Cut(path.Base(where), ":")
		n, _ := strconv.Atoi(line)
		if all = append(all, frame(name, file, n)); name == "panic" {
			all = all[:0]
		}
	}
	return all
}

// frame describes a function by its full name, such as
// cartracker/internal/app.(*front).serve.func1.
func frame(name, file string, line int) sentry.Frame {
	slash := strings.LastIndexByte(name, '/') + 1
	pkg, function, found := strings.Cut(name[slash:], ".")
	if !found {
		pkg, function = "", name
	} else {
		pkg = name[:slash] + pkg
	}
	return sentry.Frame{Module: pkg, Function: function, Filename: path.Join(pkg, file), Lineno: line, InApp: strings.HasPrefix(name, module)}
}

// top names the innermost function of ours.
func top(trace []sentry.Frame) string {
	for _, f := range slices.Backward(trace) {
		if f.InApp {
			return f.Module + "." + f.Function
		}
	}
	return ""
}
