package httpapi

import (
	"net/http"
	"strconv"
	"strings"
)

// preferred returns the coding that a client likes best, of those that there
// are, and of those that it likes alike the first; "" if it takes none of them
// or likes no coding better (RFC 9110, section 12.5.3).
func preferred(h http.Header, codings []string) string {
	if len(h["Accept-Encoding"]) == 0 || len(h["X-No-Compression"]) > 0 {
		return ""
	}
	best, most := "", 0.0
	if w, named := weight(h, "identity"); named {
		most = w
	}
	for _, c := range codings {
		w, named := weight(h, c)
		if !named {
			w, _ = weight(h, "*")
		}
		if w > most || w == most && w > 0 && best == "" {
			best, most = c, w
		}
	}
	return best
}

// weight returns the weight of a coding in an Accept-Encoding, from 0 (refused)
// to 1, and whether it is named there.
func weight(h http.Header, coding string) (w float64, named bool) {
	for _, line := range h["Accept-Encoding"] {
		for offer := range strings.SplitSeq(line, ",") {
			name, parameter, weighted := strings.Cut(offer, ";")
			if !isCoding(strings.TrimSpace(name), coding) {
				continue
			}
			w, named = 1, true
			if weighted {
				w = qvalue(parameter)
			}
		}
	}
	return w, named
}

// isCoding reports whether a name means a coding; x-gzip is an old one of gzip
// (RFC 9110, section 8.4.1.3).
func isCoding(name, coding string) bool {
	return strings.EqualFold(name, coding) || coding == "gzip" && strings.EqualFold(name, "x-gzip")
}

// qvalue reads a weight such as "q=0.5". What is malformed counts as refused.
func qvalue(parameter string) float64 {
	name, text, _ := strings.Cut(strings.TrimSpace(parameter), "=")
	q, err := strconv.ParseFloat(text, 64)
	if !strings.EqualFold(name, "q") || err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}
