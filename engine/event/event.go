// Package event is how a run tells what happens: one event type and one sink.
// Events are observations; nothing that a sink does can change the run.
package event

import (
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
)

// Kind says what happened.
type Kind string

// The kinds of events. A run is one RunStarted, for each node some of the others,
// and one RunEnded.
const (
	RunStarted   Kind = "run_started"
	NodeStarted  Kind = "node_started"  // its inputs are there; it looks into the cache
	NodeReason   Kind = "node_reason"   // it isn't known: Note says why
	NodeProgress Kind = "node_progress" // Done of Total rows or steps, Note
	NodeRetry    Kind = "node_retry"    // after an infrastructure fault: Error, Note
	NodeLog      Kind = "node_log"      // Note is a line of its log
	NodeDamage   Kind = "node_damage"   // Note says which cache file is damaged
	NodeEnded    Kind = "node_ended"    // State, Rows, Outputs, Metrics, Error
	RunNote      Kind = "run_note"      // Note is worth knowing, though nothing failed
	RunEnded     Kind = "run_ended"     // State, Error
)

// State is where a node or a run stands.
type State string

// The states. Nodes start as Waiting, runs as Running.
const (
	Waiting     State = "waiting"
	Running     State = "running"
	Succeeded   State = "succeeded" // computed, at least in part
	Cached      State = "cached"    // nothing was computed
	Failed      State = "failed"
	Skipped     State = "skipped" // something that it needs failed
	Interrupted State = "interrupted"
)

// Rows counts the output rows of a node by where they came from.
type Rows struct {
	Computed  int64 `json:"computed"`
	Cached    int64 `json:"cached"`
	Duplicate int64 `json:"duplicate"` // equal to a row computed in the same run
}

// After returns r as it is to be counted after an earlier try of the same work,
// whose computed rows r found in the cache.
func (r Rows) After(earlier Rows) Rows {
	n := min(earlier.Computed, r.Cached)
	r.Computed += n
	r.Cached -= n
	return r
}

// RowKeys says what the row keys of a node were made of: see docs/format/key.md.
type RowKeys struct {
	Space   string            `json:"space"`   // that its rows are stored in
	Base    digest.Digest     `json:"base"`    // part that all its rows share
	Fields  digest.Transcript `json:"fields"`  // what the base was made of
	Columns []string          `json:"columns"` // of the input, that decide a row
	Fanout  int               `json:"fanout"`
	Port    string            `json:"port"` // the input
}

// Output is what a port of a node holds.
type Output struct {
	Kind   string        `json:"kind"`
	Digest digest.Digest `json:"digest"`
	Rows   int64         `json:"rows"`
	Bytes  int64         `json:"bytes"`
}

// Metric is a number that a run is about.
type Metric struct {
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
}

// Event is one observation. Fields that its kind doesn't use are empty.
type Event struct {
	Time    time.Time         `json:"time"`
	Kind    Kind              `json:"kind"`
	Run     string            `json:"run,omitempty"`
	Node    string            `json:"node,omitempty"`
	Type    string            `json:"type,omitempty"`
	State   State             `json:"state,omitempty"`
	Key     string            `json:"key,omitempty"`
	Fields  digest.Transcript `json:"fields,omitempty"` // what the key was made of
	RowKeys *RowKeys          `json:"row_keys,omitempty"`
	Done    int64             `json:"done,omitempty"`
	Total   int64             `json:"total,omitempty"`
	Cached  int64             `json:"cached,omitempty"` // how many of Done were known before
	Note    string            `json:"note,omitempty"`
	Rows    *Rows             `json:"rows,omitempty"`
	Busy    float64           `json:"busy_seconds,omitempty"` // of a row-wise node: without the wait for its input
	Outputs map[string]Output `json:"outputs,omitempty"`
	Metrics []Metric          `json:"metrics,omitempty"`
	Error   string            `json:"error,omitempty"`
}

// Sink receives events. Implementations are safe for concurrent use and must not
// block for long.
type Sink interface {
	Emit(Event)
}

// SinkFunc is a function that is a Sink.
type SinkFunc func(Event)

// Emit implements Sink.
func (f SinkFunc) Emit(e Event) { f(e) }

// Tee returns a sink that stamps each event with the time and hands it to every
// one of sinks.
func Tee(sinks ...Sink) Sink {
	return SinkFunc(func(e Event) {
		if e.Time.IsZero() {
			e.Time = time.Now()
		}
		for _, s := range sinks {
			s.Emit(e)
		}
	})
}
