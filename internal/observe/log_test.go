package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"cartracker/internal/observe"
)

func logger(format string) (*slog.Logger, *bytes.Buffer, *slog.LevelVar) {
	var out bytes.Buffer
	level := new(slog.LevelVar)
	return observe.NewLogger(&out, format, level, nil), &out, level
}

// line decodes the one line that was logged as JSON.
func line(t *testing.T, out *bytes.Buffer) map[string]any {
	t.Helper()
	var record map[string]any
	if err := json.Unmarshal(out.Bytes(), &record); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return record
}

func TestFormats(t *testing.T) {
	log, out, _ := logger("json")
	log.Info("it", "car", "A-1", "days", 3)
	record := line(t, out)
	if record["msg"] != "it" || record["level"] != "INFO" || record["car"] != "A-1" || record["days"] != 3.0 {
		t.Error(record)
	}
	if at, err := time.Parse("2006-01-02T15:04:05.999Z", record["time"].(string)); err != nil || time.Since(at) > time.Minute {
		t.Error(record["time"], err)
	}
	log, out, _ = logger("text")
	log.Info("it", "car", "A 1")
	if !strings.HasSuffix(out.String(), `level=INFO msg=it car="A 1"`+"\n") {
		t.Errorf("%q", out)
	}
}

func TestLevelCanChange(t *testing.T) {
	log, out, level := logger("text")
	log.Debug("hidden")
	level.Set(slog.LevelDebug)
	log.Debug("seen")
	level.Set(slog.LevelError)
	log.Warn("hidden")
	if got := out.String(); strings.Contains(got, "hidden") || !strings.Contains(got, "seen") {
		t.Error(got)
	}
}

// A flood of lines alike is bounded for each message and level, and told of.
func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		burst := observe.NewBurst(200)
		log := observe.NewLogger(&out, "text", new(slog.LevelVar), burst)
		before := slog.Default()
		slog.SetDefault(log)
		defer slog.SetDefault(before)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- burst.Run(ctx) }()
		for range 5 {
			for range 1000 {
				log.Info("request", "status", 200)
			}
			for range 300 {
				log.With("a", 1).WithGroup("g").Warn("request", "status", 500)
			}
			log.Info("other")
			time.Sleep(time.Second)
			synctest.Wait()
		}
		for range 201 {
			log.Info("request", "status", 200)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for text, want := range map[string]int{
			"level=INFO msg=request": 1200, "level=WARN msg=request": 1000, "msg=other": 5,
			`level=WARN msg="more lines alike were not logged" lines=800 like=request of=INFO`: 5,
			`level=WARN msg="more lines alike were not logged" lines=100 like=request of=WARN`: 5,
			`level=WARN msg="more lines alike were not logged" lines=1 like=request of=INFO`:   1,
			"not logged": 11,
		} {
			if n := strings.Count(out.String(), text); n != want {
				t.Errorf("%q is there %d times, want %d", text, n, want)
			}
		}
	})
}

// Messages that are made of something do not make the program count ever more kinds.
func TestBurstIsBounded(t *testing.T) {
	var out bytes.Buffer
	log := observe.NewLogger(&out, "text", new(slog.LevelVar), observe.NewBurst(1))
	for i := range 10_000 {
		log.Info(fmt.Sprint("odd ", i))
	}
	if n := strings.Count(out.String(), "\n"); n < 500 || n > 520 { // the rest counts as one kind, for some seconds at most
		t.Errorf("%d lines", n)
	}
}

func BenchmarkFlood(b *testing.B) {
	for _, most := range []int{0, 200} {
		b.Run(fmt.Sprint("burst=", most), func(b *testing.B) {
			log := observe.NewLogger(io.Discard, "json", new(slog.LevelVar), observe.NewBurst(most))
			ctx := observe.WithRequestID(b.Context(), "req-12345678")
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("method", "GET"), slog.String("route", "/api/cars"), slog.Int("status", 200), slog.Int("bytes", 12345), slog.Float64("ms", 0.123))
				}
			})
		})
	}
}

func TestControlCharactersAreNotWritten(t *testing.T) {
	// A line end that forges a record, ANSI in both its forms, NUL, delete, a
	// line separator, text that runs backwards, and bytes that are no UTF-8.
	const evil = "a\nlevel=ERROR\r\x00\x1b[2J\x7f\u009b2J\u2028\u202eb\xff"
	for _, format := range []string{"json", "text"} {
		log, out, _ := logger(format)
		log.With("with", evil).Error(evil, "attr", evil, "error", errors.New(evil), slog.Group("g", "in", evil))
		got := strings.TrimSuffix(out.String(), "\n")
		if strings.ContainsAny(got, "\n\r\x00\x1b\x7f\u009b\u2028\u202e") || !utf8.ValidString(got) {
			t.Errorf("%s: %q", format, got)
		}
		if format == "json" && !strings.HasPrefix(line(t, out)["attr"].(string), "a\nlevel=ERROR\r\x00\x1b[2J") {
			t.Errorf("more was lost than had to be: %s", got)
		}
	}
}

func TestLongTextsAreCut(t *testing.T) {
	long := strings.Repeat("š", 20_000)
	log, out, _ := logger("json")
	log.Info(long, "text", long, "error", errors.New(long), observe.StackKey, long, slog.Group("g", "in", long))
	record := line(t, out)
	inside := record["g"].(map[string]any)["in"]
	for name, value := range map[string]any{"msg": record["msg"], "text": record["text"], "error": record["error"], "in a group": inside} {
		if s := value.(string); len(s) > 1<<10+len("…") || !strings.HasSuffix(s, "š…") {
			t.Errorf("%s has %d bytes", name, len(s))
		}
	}
	if n := len(record["stack"].(string)); n < 10_000 || n > 17_000 {
		t.Errorf("stack has %d bytes", n)
	}
}

func TestRequestID(t *testing.T) {
	ctx := observe.WithRequestID(t.Context(), "req-12345678")
	if observe.RequestID(ctx) != "req-12345678" || observe.RequestID(context.Background()) != "" {
		t.Error(observe.RequestID(ctx))
	}
	for name, derive := range map[string]func(*slog.Logger) *slog.Logger{
		"plain": func(l *slog.Logger) *slog.Logger { return l },
		"with":  func(l *slog.Logger) *slog.Logger { return l.With("a", 1) },
		"group": func(l *slog.Logger) *slog.Logger { return l.WithGroup("g").With("b", 2).WithGroup("h") },
		"both":  func(l *slog.Logger) *slog.Logger { return l.With("a", 1).WithGroup("g").With("b", 2) },
		"empty": func(l *slog.Logger) *slog.Logger { return l.WithGroup("") },
	} {
		log, out, _ := logger("json")
		derive(log).InfoContext(ctx, "it", "c", 3)
		if record := line(t, out); record["requestId"] != "req-12345678" {
			t.Errorf("%s: %v", name, record)
		}
		out.Reset()
		derive(log).Info("it", "c", 3)
		if strings.Contains(out.String(), "requestId") {
			t.Errorf("%s without a request: %s", name, out)
		}
	}
}

func TestGroupsKeepTheirAttributes(t *testing.T) {
	ctx := observe.WithRequestID(t.Context(), "req-12345678")
	log, out, _ := logger("text")
	group := log.With("a", 1).WithGroup("g")
	_ = group.With("other", true) // must not show in its sibling
	group.With("b", 2).InfoContext(ctx, "it", "c", 3)
	if !strings.HasSuffix(out.String(), "msg=it a=1 requestId=req-12345678 g.b=2 g.c=3\n") {
		t.Error(out.String())
	}
}

type broken struct{ text string }

func (b *broken) Error() string { return b.text }

func TestErrorThatPanics(t *testing.T) {
	log, out, _ := logger("json")
	var err *broken
	log.Error("it", "error", err)
	if text := line(t, out)["error"]; text != "an error that cannot say what it is" {
		t.Error(text)
	}
}

func TestManyAtOnce(t *testing.T) {
	log, out, _ := logger("json")
	group := log.WithGroup("g")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			group.With("a", 1).InfoContext(observe.WithRequestID(context.Background(), "req-12345678"), "it")
		})
	}
	all.Wait()
	if n := strings.Count(out.String(), "requestId"); n != 50 {
		t.Error(n)
	}
}
