package config_test

import (
	"fmt"
	"strings"
	"testing"

	"cartracker/internal/config"
)

func TestTraces(t *testing.T) {
	c := mustLoad(t, map[string]string{
		"APP_ENV": "development", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example.com/otlp",
		"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20hunter2, x-team = desk=7", "SLOW_QUERY": "0", "SLOW_REQUEST": "0s",
	})
	if c.Traces.Share != 1 || c.Traces.Endpoint != "https://collector.example.com/otlp" || c.Slow != (config.Slow{}) {
		t.Error(c.Traces, c.Slow)
	}
	want := map[string]string{"Authorization": "Bearer hunter2", "x-team": "desk=7"}
	if len(c.Traces.Headers) != len(want) {
		t.Error(c.Traces.Headers)
	}
	for _, h := range c.Traces.Headers {
		if h.Value.Reveal() != want[h.Name] {
			t.Errorf("%s: %q", h.Name, h.Value.Reveal())
		}
	}
	if shown := fmt.Sprintf("%+v %v", c, c.Effective()); strings.Contains(shown, "hunter2") || strings.Contains(shown, "desk=7") {
		t.Errorf("a header is shown: %s", shown)
	}
	for _, name := range []string{"TRACES_SAMPLE_RATE", "SENTRY_TRACES_SAMPLE_RATE"} {
		if c := mustLoad(t, map[string]string{name: "0"}); c.Traces.Share != 0 {
			t.Error(name, c.Traces.Share)
		}
	}
}
