package realtime

import (
	"slices"
	"testing"

	"cartracker/internal/record"
)

// batch returns changes of a topic with these numbers, as the feed tells of them.
func batch(t record.Topic, seqs ...int64) record.Batch {
	b := record.Batch{Through: seqs[len(seqs)-1]}
	for _, s := range seqs {
		b.Events = append(b.Events, record.Event{Seq: s, Change: record.Change{Topic: t, ID: "a"}})
	}
	return b
}

func span(from, to int64) (out []int64) {
	for s := from; s <= to; s++ {
		out = append(out, s)
	}
	return out
}

func TestHistory(t *testing.T) {
	past := func(b record.Batch) record.Batch {
		b.Past = true
		return b
	}
	for name, c := range map[string]struct {
		told  []record.Batch
		topic record.Topic
		since int64
		want  []int64
		known bool
	}{
		"nothing was told":              {nil, record.Cars, 0, nil, true},
		"nothing is kept":               {[]record.Batch{{Past: true, Through: 70}}, record.Cars, 69, nil, false},
		"nothing since":                 {[]record.Batch{{Past: true, Through: 70}}, record.Cars, 70, nil, true},
		"what is not told yet":          {[]record.Batch{{Past: true, Through: 70}}, record.Cars, 71, nil, false},
		"the past":                      {[]record.Batch{past(batch(record.Cars, 5, 6, 7)), {Past: true, Through: 7}}, record.Cars, 5, []int64{6, 7}, true},
		"all of the past":               {[]record.Batch{past(batch(record.Cars, 5, 6, 7)), {Past: true, Through: 7}}, record.Cars, 4, []int64{5, 6, 7}, true},
		"before the past":               {[]record.Batch{past(batch(record.Cars, 5, 6, 7)), {Past: true, Through: 7}}, record.Cars, 3, nil, false},
		"the past was tidied away":      {[]record.Batch{past(batch(record.Cars, 5)), {Past: true, Through: 9}}, record.Cars, 5, nil, false},
		"two batches":                   {[]record.Batch{{Past: true, Through: 1}, batch(record.Cars, 2, 3), batch(record.Cars, 4)}, record.Cars, 2, []int64{3, 4}, true},
		"others' changes count":         {[]record.Batch{{Past: true, Through: 1}, batch(record.Users, 2, 3)}, record.Cars, 3, nil, true},
		"but are not told":              {[]record.Batch{{Past: true, Through: 1}, batch(record.Users, 2), batch(record.Cars, 3)}, record.Cars, 1, []int64{3}, true},
		"another topic":                 {[]record.Batch{batch(record.Contracts, 1), batch(record.Cars, 2)}, record.Contracts, 0, []int64{1}, true},
		"missed":                        {[]record.Batch{batch(record.Cars, 1, 2), {Missed: true, Through: 9}}, record.Cars, 2, nil, false},
		"after what was missed":         {[]record.Batch{batch(record.Cars, 1, 2), {Missed: true, Through: 9}, batch(record.Cars, 10)}, record.Cars, 9, []int64{10}, true},
		"another database, lower":       {[]record.Batch{batch(record.Cars, 1, 2, 3), {Missed: true, Through: 1}}, record.Cars, 3, nil, false},
		"another database, same number": {[]record.Batch{batch(record.Cars, 1, 2, 3), {Missed: true, Through: 3}}, record.Cars, 2, nil, false},
		"as many as are told":           {[]record.Batch{batch(record.Cars, span(1, maxReplay)...)}, record.Cars, 0, span(1, maxReplay), true},
		"one more":                      {[]record.Batch{batch(record.Cars, span(1, maxReplay+1)...)}, record.Cars, 0, nil, false},
		"one more, since the first":     {[]record.Batch{batch(record.Cars, span(1, maxReplay+1)...)}, record.Cars, 1, span(2, maxReplay+1), true},
	} {
		t.Run(name, func(t *testing.T) {
			h := history{most: maxHistory}
			for _, b := range c.told {
				h.learn(b)
			}
			missed, known := h.since(c.topic, c.since)
			var got []int64
			for _, e := range missed {
				got = append(got, e.Seq)
			}
			if known != c.known || !slices.Equal(got, c.want) {
				t.Errorf("since %d: %v, known %t; want %v, %t", c.since, got, known, c.want, c.known)
			}
		})
	}
}

// However much is told, a bounded part of it is remembered, and it is known
// which.
func TestHistoryIsBounded(t *testing.T) {
	const most = 10
	h := history{most: most}
	for s := int64(1); s <= 1000; s++ {
		h.learn(batch(record.Cars, s))
		if len(h.events) > 2*most || h.seq != s {
			t.Fatalf("after %d: %d are remembered, through %d", s, len(h.events), h.seq)
		}
		for back := range int64(2 * most) {
			missed, known := h.since(record.Cars, s-back)
			if back <= most && s >= back && !known {
				t.Fatalf("after %d: what came since %d is not known", s, s-back)
			}
			if known && int64(len(missed)) != back {
				t.Fatalf("after %d: %d came since %d", s, len(missed), s-back)
			}
		}
	}
}
