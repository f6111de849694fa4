package config

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Slow is how long something may take before a warning is logged; 0: none is.
type Slow struct{ Request, Query time.Duration }

// Traces say where traces are sent, and how many.
type Traces struct {
	Endpoint string // "": there are none
	Headers  []Header
	Share    float64 // of the requests, 0 to 1
}

// A Header is one that a server wants to see.
type Header struct {
	Name  string
	Value Secret
}

const slowest = time.Hour

func (k *checker) slow(name, text string) time.Duration {
	if text == "0" {
		return 0
	}
	d, err := parseDuration(text)
	k.check(err == nil && (d == 0 || d >= time.Millisecond && d <= slowest), name, "must be a time such as 200ms or 2s, from 1ms to 1h, or 0")
	return d
}

func (k *checker) traces() {
	const endpoint, headers = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"
	if k.OTLPEndpoint != "" {
		_, err := webURL(k.OTLPEndpoint)
		k.check(err == nil, endpoint, mustWebURL)
	}
	all, ok := parseHeaders(k.OTLPHeaders.Reveal())
	k.check(ok, headers, "must be NAME=VALUE, separated by commas, with special characters in a value as %XX")
	k.check(k.OTLPEndpoint != "" || k.unset(headers), headers, "means something only together with "+endpoint)
	if k.unset("TRACES_SAMPLE_RATE") {
		k.TracesSampleRate = "0.1"
		if k.Development {
			k.TracesSampleRate = "1"
		}
	}
	share, err := strconv.ParseFloat(k.TracesSampleRate, 64)
	k.check(err == nil && share >= 0 && share <= 1, "TRACES_SAMPLE_RATE", "must be a number from 0 to 1, such as 0.1")
	k.Traces = Traces{Endpoint: k.OTLPEndpoint, Headers: all, Share: share}
}

// parseHeaders reads headers as OpenTelemetry writes them in a variable.
func parseHeaders(text string) (all []Header, ok bool) {
	for _, item := range list(text) {
		name, escaped, paired := strings.Cut(item, "=")
		value, err := url.PathUnescape(strings.TrimSpace(escaped))
		name = strings.TrimSpace(name)
		if !paired || err != nil || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, false
		}
		all = append(all, Header{Name: name, Value: NewSecret(value)})
	}
	return all, true
}
