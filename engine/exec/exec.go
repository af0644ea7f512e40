// Package exec runs one node: a small executor does the work, and decorators
// around it add the cache, retries, slots and deadlines, each unaware of the
// others.
package exec

import (
	"context"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/recall"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Executor runs jobs. Implementations are safe for concurrent use.
type Executor interface {
	Execute(ctx context.Context, job Job) (Result, error)
}

// Job is a node with everything that it needs to run.
type Job struct {
	ID      string
	Node    *node.Node
	Inputs  map[string]table.Artifact
	Feeds   map[string]*table.Growing // inputs that are still being made
	Schema  *arrow.Schema             // of the output of a row-wise node
	Pool    string
	Retries int
	Timeout time.Duration
	Force   bool                      // compute again what is known
	Key     Key                       // set by Cached
	Pins    node.Pins                 // set by Cached
	Known   map[string]table.Artifact // outputs to compare with; set by Cached for Check
	Sink    event.Sink                // receives progress and logs
	Drain   <-chan struct{}
	// Why says what makes a key one that nobody knows.
	Why func(Key) string
	// Offer is told of an output that others may read while it grows.
	Offer func(*table.Growing)
}

// Key names the outcome of a job, and remembers what it was made of.
type Key struct {
	Digest digest.Digest
	Fields digest.Transcript
}

// Result is the outcome of a job.
type Result struct {
	Key     Key
	Outputs map[string]table.Artifact
	Rows    event.Rows
	Metrics []event.Metric
	Busy    time.Duration  // that a row-wise node computed, without the wait for its input
	Cached  bool           // nothing was computed
	Passing bool           // some rows hold for this run alone, so it isn't to be stored
	RowKeys *event.RowKeys // of a row-wise node
	Seen    []recall.File  // files that the result hangs on, if Witnessed
	// Witnessed says that while the files in Seen don't change, neither does the
	// result.
	Witnessed bool

	commit func() (Result, error) // see Committed; nil: everything is stored
}

// emit sends an event about the job's node.
func (j Job) emit(e event.Event) {
	e.Node = j.ID
	j.Sink.Emit(e)
}

// reason tells why the job runs, and more about it.
func (j Job) reason(more string) {
	why := "forced"
	if !j.Force && j.Why != nil {
		why = j.Why(j.Key)
	}
	j.emit(event.Event{Kind: event.NodeReason, Note: why + more})
}

func (j Job) offer(t *table.Growing) {
	if j.Offer != nil {
		j.Offer(t)
	}
}

func (j Job) drained() bool {
	select {
	case <-j.Drain:
		return true
	default:
		return false
	}
}
