package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/recall"
	"github.com/ouroflow/ouroflow/engine/run"
)

// Earlier is a run of the same command that is remembered, and what has changed since.
type Earlier struct {
	memo    *recall.Memo
	record  run.Record           // with those of its nodes that aren't in the memo's file about them
	changed []int                // places in memo.Nodes
	nodes   map[string]*run.Node // what became of those that are planned again
}

// Earlier returns the run that is remembered under a key of MemoKey, if only some of
// its nodes have changed since, else nil. It looks at the files that the outcome of the
// run hangs on, but doesn't read them.
func (e *Engine) Earlier(key digest.Digest, pipeline []byte) *Earlier {
	if key.IsZero() || e.owesRemote() {
		return nil
	}
	m := e.memos().Load(key)
	if m == nil {
		return nil
	}
	changed, ok := m.Changed(pipeline)
	if !ok {
		return nil
	}
	r := &Earlier{memo: m, changed: changed}
	record := json.NewDecoder(bytes.NewReader(m.Record))
	record.UseNumber() // parameters keep all their digits
	if record.Decode(&r.record) != nil {
		return nil
	}
	if r.record.Nodes == nil { // as in a memo of a run of which everything was planned
		r.record.Nodes = map[string]*run.Node{}
	}
	return r
}

// Holds reports whether nothing has changed.
func (r *Earlier) Holds() bool { return r != nil && len(r.changed) == 0 }

// Nodes is how many nodes the run had.
func (r *Earlier) Nodes() int { return len(r.memo.Nodes) }

// Rows is how many rows its tables have.
func (r *Earlier) Rows() int64 { return r.memo.Rows() }

// owesRemote reports whether files wait to be sent to a remote cache, which only a run
// that is planned does.
func (e *Engine) owesRemote() bool {
	waiting, err := os.ReadDir(filepath.Join(e.WorkDir, cas.OutboxDir))
	return err == nil && len(waiting) > 0
}

// Recall records a run of which nothing has changed since req.Since, without planning
// it, and returns its id.
func (e *Engine) Recall(req Request) (id string, err error) {
	if id, err = e.Runs.NextID(time.Now()); err != nil {
		return "", err
	}
	m, record := req.Since.memo, req.Since.record
	record.ID, record.Started, record.Command, record.Versions = id, time.Now(), req.Command, e.Version
	recorder, err := e.Runs.CreateLike(&record, req.Pipeline, e.memos().StatePath(m.State), m.State)
	if err != nil {
		return "", err
	}
	sink := event.Tee(append([]event.Sink{recorder}, req.Sinks...)...)
	sink.Emit(event.Event{Kind: event.RunStarted, Run: id, Note: record.Pipeline})
	sink.Emit(event.Event{Kind: event.RunNote, Note: fmt.Sprintf("nothing has changed: %d nodes, %d rows known", len(m.Nodes), m.Rows())})
	sink.Emit(event.Event{Kind: event.RunEnded, Run: id, State: event.Succeeded})
	return id, recorder.Close()
}
