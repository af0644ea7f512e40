package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/recall"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/sched"
	"github.com/ouroflow/ouroflow/engine/table"
)

// MemoKey names what a command asks for: the pipeline as it is written, everything
// that the command line adds to it, and the program. It is zero, which nothing is
// remembered by, for commands that want something computed whatever is known, and
// where it can't be told.
func MemoKey(content []byte, cmd run.Command) digest.Digest {
	program, err := os.Executable()
	if err != nil || len(cmd.Force) > 0 {
		return digest.Digest{}
	}
	seen, err := recall.See(program)
	if err != nil {
		return digest.Digest{}
	}
	var t digest.Transcript
	t.Add("program", fmt.Sprint(seen))
	t.Add("pipeline", string(content))
	t.Add("file", cmd.File)
	t.Add("dir", cmd.Dir)
	t.Add("profiles", strings.Join(cmd.Profiles, "\x00"))
	t.Add("sets", strings.Join(cmd.Sets, "\x00"))
	t.Add("to", strings.Join(cmd.To, "\x00"))
	t.Add("environment", strings.Join(settings(), "\x00"))
	for _, file := range cmd.ParamFiles {
		b, err := os.ReadFile(file)
		if err != nil {
			return digest.Digest{}
		}
		t.Add("params "+file, string(b))
	}
	return t.Sum()
}

// settings are what the environment tells ouroflow, but for where things are kept.
func settings() []string {
	ours := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return !strings.HasPrefix(v, "OUROFLOW_") || strings.HasPrefix(v, "OUROFLOW_CACHE=") || strings.HasPrefix(v, "OUROFLOW_RUNS=")
	})
	slices.Sort(ours)
	return ours
}

// Recalled is a run that found nothing to do.
type Recalled struct {
	ID    string
	Nodes int64
	Rows  int64
}

// memos is the folder of what is remembered, beside the cache that it is about.
func (e *Engine) memos() recall.Folder {
	return recall.Folder(filepath.Join(e.WorkDir, "memos"))
}

// Unchanged returns what is remembered of a run under a key of MemoKey, if nothing
// that its outcome hangs on has changed since, else nil.
func (e *Engine) Unchanged(memo digest.Digest) *recall.Memo {
	if memo.IsZero() {
		return nil
	}
	if m := e.memos().Load(memo); m != nil && m.Holds() {
		return m
	}
	return nil
}

// Recall records a run without planning it, if the same was run before and no file
// that its outcome hangs on has changed since: it looks at those files but doesn't
// read them. It returns nil if the run has to be planned.
func (e *Engine) Recall(req Request) (*Recalled, error) {
	m := e.Unchanged(req.Memo)
	if m == nil || req.Verify > 0 || e.owesRemote() {
		return nil, nil
	}
	id, err := e.Runs.NextID(time.Now())
	if err != nil {
		return nil, err
	}
	var record run.Record
	if err := json.Unmarshal(m.Record, &record); err != nil {
		return nil, fmt.Errorf("%s: %w", e.memos().MemoPath(req.Memo), err)
	}
	record.ID, record.Started, record.Command, record.Versions = id, time.Now(), req.Command, e.Version
	recorder, err := e.Runs.CreateLike(&record, req.Pipeline, e.memos().StatePath(m.State), m.State)
	if err != nil {
		return nil, err
	}
	sink := event.Tee(append([]event.Sink{recorder}, req.Sinks...)...)
	sink.Emit(event.Event{Kind: event.RunStarted, Run: id, Note: record.Pipeline})
	sink.Emit(event.Event{Kind: event.RunNote, Note: fmt.Sprintf("nothing has changed: %d nodes, %d rows known", m.Nodes, m.Rows)})
	sink.Emit(event.Event{Kind: event.RunEnded, Run: id, State: event.Succeeded})
	return &Recalled{id, m.Nodes, m.Rows}, recorder.Close()
}

// owesRemote reports whether files wait to be sent to a remote cache, which only a run
// that is planned does.
func (e *Engine) owesRemote() bool {
	waiting, err := os.ReadDir(filepath.Join(e.WorkDir, cas.OutboxDir))
	return err == nil && len(waiting) > 0
}

// remember stores what Recall needs, if files alone tell whether the outcome of a
// run still holds. A memo only saves time: failing to write one is no failure.
func (e *Engine) remember(req Request, record *run.Record, outcomes map[string]sched.Outcome) {
	disk, ok := e.Store.(*cas.Disk)
	if !ok || req.Memo.IsZero() {
		return
	}
	m := &recall.Memo{Nodes: int64(len(outcomes))}
	for _, o := range outcomes {
		if !o.Result.Witnessed {
			return
		}
		m.Files = append(m.Files, o.Result.Seen...)
		m.Rows += rowsIn(o.Result.Outputs)
	}
	stored, err := storedFiles(disk, outcomes)
	if err != nil {
		return
	}
	for _, path := range stored {
		f, err := recall.See(path)
		if err != nil || f.Size < 0 {
			return
		}
		m.Files = append(m.Files, f)
	}
	for _, path := range req.Command.ParamFiles { // they were read again after the key was made
		f, err := recall.See(path)
		if err != nil {
			return
		}
		m.Files = append(m.Files, f)
	}
	known := knownAgain(record)
	state, err := run.EncodeNodes(known)
	if err != nil {
		return
	}
	known.Nodes, known.Order = nil, nil
	if m.Record, err = json.Marshal(known); err != nil {
		return
	}
	_ = e.memos().Save(req.Memo, m, state)
}

func rowsIn(outputs map[string]table.Artifact) (rows int64) {
	for _, a := range outputs {
		if a.Kind == table.KindTable {
			rows += a.Rows
		}
	}
	return rows
}

// storedFiles lists the files of the cache that outcomes consist of, each once.
func storedFiles(disk *cas.Disk, outcomes map[string]sched.Outcome) ([]string, error) {
	paths := map[string]bool{}
	for _, o := range outcomes {
		paths[disk.ActionPath(o.Result.Key.Digest)] = true
		for _, a := range o.Result.Outputs {
			blobs, err := table.Blobs(disk, a)
			if err != nil {
				return nil, err
			}
			for _, d := range blobs {
				paths[disk.BlobPath(d)] = true
			}
		}
	}
	return slices.Collect(maps.Keys(paths)), nil
}

// knownAgain is the record of a run that finds everything known that another made.
func knownAgain(r *run.Record) *run.Record {
	again := run.New("", r.Pipeline, r.Order, nil)
	again.Params, again.Metrics, again.Intervals = r.Params, maps.Clone(r.Metrics), maps.Clone(r.Intervals)
	for id, n := range r.Nodes {
		c := *n
		c.State, c.Started, c.Ended, c.Why, c.Damage, c.Retries = event.Cached, nil, nil, "", nil, 0
		c.Rows = event.Rows{Cached: n.Rows.Computed + n.Rows.Cached + n.Rows.Duplicate}
		again.Nodes[id] = &c
	}
	return again
}
