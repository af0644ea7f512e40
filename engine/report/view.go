// Package report shows runs to people and programs. A View is a pure fold over
// events; the sinks around it print what it knows.
package report

import (
	"fmt"
	"time"

	"github.com/ouroflow/ouroflow/engine/event"
)

// View is what is known of a run so far.
type View struct {
	Order []string
	Nodes map[string]*Node
}

// Node is what is known of a node so far.
type Node struct {
	Type    string
	State   event.State
	Done    int64
	Total   int64
	Known   int64 // of Done, from the cache
	Note    string
	Started time.Time
	Ended   time.Time
	Rows    event.Rows
	Error   string
}

// NewView returns the view of a run of these nodes that hasn't started.
func NewView(order []string) *View {
	v := &View{Order: order, Nodes: map[string]*Node{}}
	for _, id := range order {
		v.Nodes[id] = &Node{State: event.Waiting}
	}
	return v
}

// Apply brings the view up to date with an event.
func (v *View) Apply(e event.Event) {
	n := v.Nodes[e.Node]
	if n == nil {
		return
	}
	switch e.Kind {
	case event.NodeStarted:
		n.Type, n.State, n.Started = e.Type, event.Running, e.Time
	case event.NodeProgress:
		n.Done, n.Total, n.Note, n.Known = e.Done, e.Total, e.Note, e.Cached
	case event.NodeReason:
		n.Note = e.Note
	case event.NodeRetry:
		n.Note = "retry: " + e.Note
	case event.NodeEnded:
		n.Type, n.State, n.Ended, n.Error = e.Type, e.State, e.Time, e.Error
		if e.Rows != nil {
			n.Rows = *e.Rows
		}
	}
}

// Rate is the number of units computed per second so far.
func (n *Node) Rate(now time.Time) float64 {
	seconds := now.Sub(n.Started).Seconds()
	if n.Started.IsZero() || seconds <= 0 {
		return 0
	}
	return float64(n.Done-n.Known) / seconds
}

// ETA estimates the time left; ok is false while there is nothing to go by.
func (n *Node) ETA(now time.Time) (left time.Duration, ok bool) {
	rate := n.Rate(now)
	if rate <= 0 || n.Total <= n.Done {
		return 0, false
	}
	return time.Duration(float64(n.Total-n.Done) / rate * float64(time.Second)), true
}

// progress writes done/total, the rate, the time left and the note.
func (n *Node) progress(now time.Time) string {
	if n.Total == 0 {
		return n.Note
	}
	text := fmt.Sprintf("%s/%s", thousands(n.Done), thousands(n.Total))
	if n.Known > 0 {
		text += fmt.Sprintf(" (%d%% cached)", 100*n.Known/n.Total)
	}
	if left, ok := n.ETA(now); ok {
		text += fmt.Sprintf("  %.0f/s  ETA %s", n.Rate(now), short(left))
	}
	if n.Note != "" {
		text += "  " + n.Note
	}
	return text
}

// summary writes where the rows of a node that ended came from.
func (n *Node) summary() string {
	text := ""
	for _, part := range []struct {
		count int64
		word  string
	}{{n.Rows.Computed, "computed"}, {n.Rows.Cached, "cached"}, {n.Rows.Duplicate, "duplicate"}} {
		if part.count == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += thousands(part.count) + " " + part.word
	}
	return text
}

// thousands writes 12345 as 12,345.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short writes a duration with the precision that people want.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}
