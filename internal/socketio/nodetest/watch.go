package nodetest

import (
	"encoding/json"
	"time"
)

// A Story is what a client that watches a topic was told so far.
type Story struct {
	From     int64      `json:"from"`     // what it knew of when it first came
	Seqs     []int64    `json:"seqs"`     // of the changes that it was told of, as they came
	Again    [][2]int64 `json:"again"`    // between these it was told to read everything again
	Absences []Absence  `json:"absences"` // from the server
}

// An Absence is the time between two connections of a client.
type Absence struct {
	Reason    string `json:"reason"`
	Lost      int64  `json:"lost"` // milliseconds of the clock
	Back      int64  `json:"back"` // 0 if it has not come back
	Tries     int    `json:"tries"`
	Recovered bool   `json:"recovered"` // the same socket, which missed nothing
}

// Took returns how long the absence was.
func (a Absence) Took() time.Duration { return time.Duration(a.Back-a.Lost) * time.Millisecond }

// Watch connects a client that subscribes to a topic each time it connects,
// from the last change that it knows of, as docs/sockets.md tells pages to do.
// Nothing that it is told comes to Expect and the like.
func (n *Node) Watch(url, topic string, o Options) *Client {
	n.t.Helper()
	c := n.Connect(url, o)
	n.send(command{Do: "watch", Client: c.id, Name: topic}) // before anything can have come
	return c
}

// Reach waits until a client that watches knows of a change of its topic, and of
// all before that.
func (c *Client) Reach(seq int64) {
	c.node.t.Helper()
	c.node.must(command{Do: "reach", Client: c.id, Seq: seq})
}

// Told returns what a client that watches was told.
func (c *Client) Told() Story {
	c.node.t.Helper()
	var s Story
	if err := json.Unmarshal(c.node.must(command{Do: "told", Client: c.id}), &s); err != nil {
		c.node.t.Fatal(err)
	}
	return s
}
