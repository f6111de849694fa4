package pages

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"cartracker/internal/identity"
)

const (
	hitTarget = 80              // percent of what is asked for should come from the cache
	longWait  = 5 * time.Minute // a job that waits longer is stuck
	perMinute = 6               // values of a curve
)

// A statusView is a Status as one language shows it.
type statusView struct {
	Status
	W      *statusWords
	Tiles  []tile
	Charts []chart
	lang   identity.Language
}

// A tile is one thing that should be well, at a glance.
type tile struct{ Name, Value, Mark, Look string }

// How tiles look, and their marks: colours alone tell not everybody.
const (
	good = "good"
	warn = "warn"
	bad  = "bad"
)

func newStatusView(s Status, l identity.Language) *statusView {
	v := &statusView{Status: s, W: statusWordsIn(l), lang: l}
	v.Tiles = []tile{v.stateTile(), v.databaseTile(), v.redisTile(), v.queueTile(), v.cacheTile(), v.errorTile()}
	v.Charts = v.charts()
	return v
}

func newTile(name, value, look string) tile {
	return tile{Name: name, Value: value, Look: look, Mark: map[string]string{good: "✓", warn: "!", bad: "✕"}[look]}
}

func (v *statusView) stateTile() tile {
	for _, i := range v.Instances {
		if i.This && i.State != "ready" {
			return newTile(v.W.State, v.StateOf(i.State), bad)
		}
	}
	return newTile(v.W.State, v.W.Ready, good)
}

func (v *statusView) databaseTile() tile {
	if !v.Database.Up {
		return newTile(v.W.Database, v.W.Down, bad)
	}
	for _, r := range v.Replicas {
		if !r.InUse {
			return newTile(v.W.Database, v.W.Replica+": "+v.W.LeftOut, warn)
		}
	}
	return newTile(v.W.Database, v.W.Connected, good)
}

func (v *statusView) redisTile() tile {
	if v.Redis.State == "down" {
		return newTile("Redis", v.W.Down, bad)
	}
	return newTile("Redis", v.RedisState(), good)
}

func (v *statusView) queueTile() tile {
	q := v.Queue
	switch {
	case q == nil:
		return newTile(v.W.Queue, v.W.Unknown, warn)
	case q.Paused:
		return newTile(v.W.Queue, v.W.Paused, warn)
	case q.Oldest > longWait:
		return newTile(v.W.Queue, v.W.Oldest+": "+v.Long(q.Oldest), bad)
	case q.Failed > 0:
		return newTile(v.W.Queue, v.W.Failed+": "+v.Count(q.Failed), warn)
	}
	return newTile(v.W.Queue, v.W.Waiting+": "+v.Count(q.Waiting+q.Delayed), good)
}

func (v *statusView) cacheTile() tile {
	rate := share(sum(v.Hour.Hits), sum(v.Hour.Misses))
	if rate < hitTarget { // not of nothing
		return newTile(v.W.Cache, v.percent(rate), warn)
	}
	return newTile(v.W.Cache, v.percent(rate), good)
}

func (v *statusView) errorTile() tile {
	n := 0
	for _, e := range v.Errors {
		n += e.Times
	}
	if n > 0 {
		return newTile(v.W.Troubles, v.Count(n), bad)
	}
	return newTile(v.W.Troubles, "0", good)
}

// charts draws the last hour. Curves of replicas are drawn where there are some.
func (v *statusView) charts() []chart {
	h, w := v.Hour, v.W
	first := func(a, _ float64) float64 { return a }
	perStep := 1 / max(h.Step.Seconds(), 1)
	all := []chart{
		v.chart("requests", w.Requests, times(perStep, h.Requests), 1, v.rate),
		v.chart("p95", w.P95, h.P95, .01, v.Seconds),
		v.chart("errors", w.ErrorsPerMinute, over(perMinute, first, h.Failed, h.Failed), 5, v.whole),
		v.chart("hits", w.HitCurve, over(perMinute, share, h.Hits, h.Misses), 100, v.percent),
		v.chart("queue", w.QueueCurve, h.Waiting, 5, v.whole),
		v.chart("connections", w.ConnectionCurve, h.Connections, 5, v.whole),
	}
	all[3].Target = strconv.FormatFloat(heightOf(hitTarget, 100), 'f', -1, 64)
	all[4].Scope = w.OfAll
	if v.Replicas != nil {
		all = append(all, v.chart("lag", w.LagCurve, h.Lag, 1, v.Seconds))
	}
	return all
}

func (v *statusView) chart(id, title string, curve []float64, least float64, say func(float64) string) chart {
	most := top(curve, least)
	c := chart{ID: id, Title: title, Value: say(last(curve)), Most: say(most), Scope: v.W.OfThis}
	c.Label = fmt.Sprintf(v.W.ChartLabel, title, c.Value, c.Most)
	c.draw(curve, max(v.Hour.Points, len(curve)), most)
	return c
}

// Hits says which part came from the cache.
func (v *statusView) Hits() string {
	rate := share(sum(v.Hour.Hits), sum(v.Hour.Misses))
	if math.IsNaN(rate) {
		return v.W.NoQuestions
	}
	return v.percent(rate)
}

// Limited says how many calls were refused by a limit.
func (v *statusView) Limited() string { return v.whole(sum(v.Hour.Limited)) }

// StateOf says how an instance is.
func (v *statusView) StateOf(state string) string {
	return in(map[string]string{"ready": v.W.Ready, "unready": v.W.Unready, "stopping": v.W.Stopping}, state)
}

// RedisState says how Redis is.
func (v *statusView) RedisState() string {
	return in(map[string]string{"connected": v.W.Connected, "down": v.W.Down, "embedded": v.W.Embedded}, v.Redis.State)
}

// AloneWhy says why only this instance is known.
func (v *statusView) AloneWhy() string {
	return in(map[string]string{NoRedis: v.W.NoRedis, RedisAway: v.W.RedisAway}, v.Alone)
}

// PoolName says whose connections those of a pool are.
func (v *statusView) PoolName(name string) string { return in(v.W.Pools, name) }

// CarState says the status of cars.
func (v *statusView) CarState(state string) string { return in(v.W.CarStates, state) }

// Why says why a replica is left out.
func (v *statusView) Why(why string) string { return in(v.W.Whys, why) }

// Moment says when something was, to the second.
func (v *statusView) Moment(t time.Time) string { return t.Format("2006-01-02 15:04:05") }

// Day says when something was, to the minute.
func (v *statusView) Day(t time.Time) string { return t.Format("2006-01-02 15:04") }

// Clock says at what time of a day something was.
func (v *statusView) Clock(t time.Time) string { return t.Format("15:04:05") }

// ZoneName says in which zone times are.
func (v *statusView) ZoneName() string {
	if short := v.Made.Format("MST"); short != v.Zone {
		return short + ", " + v.Zone
	}
	return v.Zone
}

// Machine is a time as programs read it.
func (v *statusView) Machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Long says how long something took, in the two largest units.
func (v *statusView) Long(d time.Duration) string {
	parts := []struct {
		n    int64
		unit string
	}{
		{int64(d / (24 * time.Hour)), v.W.Day},
		{int64(d / time.Hour % 24), v.W.HourShort},
		{int64(d / time.Minute % 60), v.W.Minute},
		{int64(d / time.Second % 60), v.W.Second},
	}
	for i, p := range parts {
		if p.n > 0 && i+1 < len(parts) {
			return fmt.Sprintf("%d %s %d %s", p.n, p.unit, parts[i+1].n, parts[i+1].unit)
		}
	}
	return fmt.Sprintf("%d %s", parts[3].n, v.W.Second)
}

// Seconds says how long something took, with as many digits as mean something.
func (v *statusView) Seconds(s float64) string {
	switch {
	case math.IsNaN(s):
		return v.W.Nothing
	case s < .00995:
		return v.Number(1000*s, 1) + " ms"
	case s < .9995:
		return v.Number(1000*s, 0) + " ms"
	case s < 60:
		return v.Number(s, 1) + " s"
	}
	return v.Long(time.Duration(min(s, 1e9) * float64(time.Second)))
}

// Took says how long something took.
func (v *statusView) Took(d time.Duration) string { return v.Seconds(d.Seconds()) }

// Bytes says how much memory something takes.
func (v *statusView) Bytes(n int64) string {
	if n < 1<<20 {
		return v.Number(float64(n)/(1<<10), 0) + " KiB"
	}
	return v.Number(float64(n)/(1<<20), 1) + " MiB"
}

// Count says a number of things.
func (v *statusView) Count(n int) string { return v.whole(float64(n)) }

// Times64 says how often something happened.
func (v *statusView) Times64(n uint64) string { return v.whole(float64(n)) }

func (v *statusView) whole(n float64) string { return v.Number(n, 0) }

func (v *statusView) percent(n float64) string {
	if math.IsNaN(n) {
		return v.W.Nothing
	}
	return v.Number(n, 0) + " %"
}

// rate says how many there are in a second.
func (v *statusView) rate(n float64) string {
	if n < 9.95 {
		return v.Number(n, 1) + v.W.PerSecond
	}
	return v.Number(n, 0) + v.W.PerSecond
}

// Number says a number with so many decimals, in groups of three digits.
func (v *statusView) Number(n float64, decimals int) string {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return v.W.Nothing
	}
	group, point := ",", "."
	if v.lang == identity.Bosnian {
		group, point = ".", ","
	}
	whole, rest, _ := strings.Cut(strconv.FormatFloat(math.Abs(n), 'f', decimals, 64), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + group + whole[i:]
	}
	if rest != "" {
		whole += point + rest
	}
	if n < 0 {
		return "-" + whole
	}
	return whole
}
