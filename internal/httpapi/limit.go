package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/ratelimit"
	"cartracker/internal/record"
)

// A limiter says by which limit requests of a route are counted.
type limiter string

// The limiters of routes.
const (
	byCaller  limiter = ""          // read or write of the caller; api if nobody is known
	strangers limiter = "strangers" // api, unless the caller is known
	signIns   limiter = "auth"      // by the handler: only failures count
	everySign limiter = "auth all"  // auth, each call
	never     limiter = "none"
)

// Limits are the four limits of api.md, section 10. One with a count of 0 is off.
type Limits struct {
	API, Auth, Read, Write ratelimit.Rule
	StaffFactor            int // of read and write, for employees and admins
}

// name is how the route table calls the limiter of a route.
func (l limiter) name(method string, access record.Access) string {
	switch {
	case l == never:
		return "none"
	case l == signIns, l == everySign:
		return "auth"
	case l == strangers, access == record.Anyone:
		return "api"
	case method == http.MethodGet:
		return "read"
	}
	return "write"
}

// rule returns the limit that counts a request of c, and whom it counts.
func (a *API) rule(l limiter, method string, c record.Caller) (rule ratelimit.Rule, who string) {
	switch {
	case l == never, l == signIns, l == strangers && c.Role != "":
		return ratelimit.Rule{}, ""
	case l == everySign:
		return a.Limits.Auth, c.Network()
	case c.Role == "":
		return a.Limits.API, c.Network()
	}
	rule = a.Limits.Write
	if method == http.MethodGet || method == http.MethodHead {
		rule = a.Limits.Read
	}
	if c.Role != record.User {
		rule = rule.Times(a.Limits.StaffFactor)
	}
	return rule, string(c.ID)
}

// count counts a request of c, and refuses it beyond the limit. One to sign in
// is counted when it has ended.
func (a *API) count(w http.ResponseWriter, r *http.Request, l limiter, c record.Caller) error {
	if l == signIns {
		if s := a.Limiter.Peek(r.Context(), a.Limits.API, c.Network()); !s.OK {
			a.Metrics.Limited(a.Limits.API.Name, s.OK, s.Shared)
			a.tellLimit(w.Header(), a.Limits.API, s)
			return errTooMany(s)
		}
		return nil
	}
	rule, who := a.rule(l, r.Method, c)
	if rule.Count == 0 {
		return nil
	}
	s := a.Limiter.Take(r.Context(), rule, who)
	a.Metrics.Limited(rule.Name, s.OK, s.Shared)
	a.tellLimit(w.Header(), rule, s)
	if !s.OK {
		return errTooMany(s)
	}
	return nil
}

// countUntried counts a request to sign in that came to no try, such as one
// that cannot be read, as any of somebody unknown.
func (a *API) countUntried(r *http.Request, c record.Caller, tried *bool) {
	if !*tried {
		a.Limiter.Take(r.Context(), a.Limits.API, c.Network())
	}
}

// MayTry refuses who asks if their network has used up what those may ask who
// are not known.
func (a *API) MayTry(ctx context.Context) error {
	if s := a.Limiter.Peek(ctx, a.Limits.API, record.CallerOf(ctx).Network()); !s.OK {
		a.Metrics.Limited(a.Limits.API.Name, s.OK, s.Shared)
		return errTooMany(s)
	}
	return nil
}

// Tried counts who asks as one who is not known.
func (a *API) Tried(ctx context.Context) {
	a.Limiter.Take(ctx, a.Limits.API, record.CallerOf(ctx).Network())
}

func errTooMany(s ratelimit.State) error {
	return &fault.Error{
		Kind: fault.Exhausted, Code: "rate_limited", Message: "too many requests; try again later", RetryAfter: max(s.Reset, time.Second),
	}
}

// A policy is what the headers tell of a rule whoever asks.
type policy struct{ limit, policy []string }

func policyOf(r ratelimit.Rule) policy {
	limit := strconv.Itoa(r.Count)
	return policy{limit: []string{limit}, policy: []string{`"` + r.Name + `";q=` + limit + ";w=" + strconv.Itoa(int(r.Window/time.Second))}}
}

// policies are those of all rules by which somebody may be counted, made once.
func (l Limits) policies() map[ratelimit.Rule]policy {
	out := map[ratelimit.Rule]policy{}
	for _, r := range []ratelimit.Rule{l.API, l.Auth, l.Read, l.Write, l.Read.Times(l.StaffFactor), l.Write.Times(l.StaffFactor)} {
		out[r] = policyOf(r)
	}
	return out
}

// tellLimit says how the caller stands (draft-ietf-httpapi-ratelimit-headers,
// and the three headers that came before it).
func (a *API) tellLimit(h http.Header, r ratelimit.Rule, s ratelimit.State) {
	p := a.policies[r]
	var room [64]byte
	b := append(append(append(room[:0], '"'), r.Name...), `";r=`...)
	at := len(b)
	b = strconv.AppendInt(b, int64(s.Remaining()), 10)
	to := len(b)
	b = append(b, ";t="...)
	from := len(b)
	b = strconv.AppendInt(b, int64((s.Reset+time.Second-1)/time.Second), 10)
	text := string(b) // of which the two numbers are a part
	values := []string{text[at:to], text[from:], text}
	h["Ratelimit-Limit"], h["Ratelimit-Policy"] = p.limit, p.policy
	h["Ratelimit-Remaining"], h["Ratelimit-Reset"], h["Ratelimit"] = values[0:1:1], values[1:2:2], values[2:3:3]
}
