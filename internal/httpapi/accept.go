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
	weights := accepted(h)
	best, most := "", weights["identity"]
	for _, c := range codings {
		weight, named := weights[c]
		if !named {
			weight = weights["*"]
		}
		if weight > most || weight == most && weight > 0 && best == "" {
			best, most = c, weight
		}
	}
	return best
}

// accepted returns the weights in an Accept-Encoding, from 0 (refused) to 1.
func accepted(h http.Header) map[string]float64 {
	weights := map[string]float64{}
	for offer := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, parameter, weighted := strings.Cut(strings.ToLower(offer), ";")
		weight := 1.0
		if weighted {
			weight = qvalue(parameter)
		}
		weights[strings.TrimSpace(name)] = weight
	}
	return weights
}

// qvalue reads a weight such as "q=0.5". What is malformed counts as refused.
func qvalue(parameter string) float64 {
	text, ok := strings.CutPrefix(strings.TrimSpace(parameter), "q=")
	q, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}
