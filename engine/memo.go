package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/plan"
	"github.com/ouroflow/ouroflow/engine/recall"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/sched"
	"github.com/ouroflow/ouroflow/engine/table"
)

// MemoKey names what a command asks for: the pipeline file, everything that the command
// line adds to it, and the program. It is zero, which nothing is remembered by, for
// commands that want something computed whatever is known, and where it can't be told.
func MemoKey(cmd run.Command) digest.Digest {
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

// memos is the folder of what is remembered, beside the cache that it is about.
func (e *Engine) memos() recall.Folder {
	return recall.Folder(filepath.Join(e.WorkDir, "memos"))
}

// remember stores what a later run of the same command can go by, if files alone tell
// whether the outcome still holds. A memo only saves time: failing to write one is no
// failure.
func (e *Engine) remember(req Request, record *run.Record, outcomes map[string]sched.Outcome) {
	disk, ok := e.Store.(*cas.Disk)
	if !ok || req.Memo.IsZero() {
		return
	}
	known := knownAgain(record)
	var m *recall.Memo
	var err error
	if req.Since != nil {
		m = req.Since.copyMemo()
		known.Order = nil
	} else if m, err = e.newMemo(req, known); err != nil {
		return
	}
	looked := map[string]recall.File{}
	for i := range m.Nodes {
		o, ran := outcomes[m.Nodes[i].ID]
		if ran && !fill(&m.Nodes[i], o, disk, looked) {
			return
		}
	}
	if req.Since != nil {
		refresh(m.Nodes, looked)
	}
	m.Note(req.Pipeline)
	if m.Record, err = json.Marshal(known); err != nil {
		return
	}
	_ = e.memos().Save(req.Memo, m)
}

// newMemo starts a memo of a run of which everything was planned, and stores the file
// that tells of its nodes, which the record is left without.
func (e *Engine) newMemo(req Request, known *run.Record) (*recall.Memo, error) {
	m := &recall.Memo{}
	for _, path := range req.Command.ParamFiles { // they were read again after the key was made
		f, err := recall.See(path)
		if err != nil {
			return nil, err
		}
		m.Files = append(m.Files, f)
	}
	state, places, err := run.EncodeNodes(known)
	if err != nil {
		return nil, err
	}
	if m.State, err = e.memos().SaveState(state); err != nil {
		return nil, err
	}
	known.Nodes, known.Order = nil, nil
	steps := e.selected(req).Steps
	m.Nodes = make([]recall.Node, len(steps))
	at := make(map[*plan.Step]int, len(steps))
	for i, s := range steps {
		at[s] = i
		n := recall.Node{ID: s.ID, Col: s.Spec.Pos.Col, Lines: s.Spec.Lines, Place: places[s.ID], Metrics: hasMetrics(s)}
		for _, in := range s.Inputs {
			n.Needs = append(n.Needs, at[in.From])
		}
		m.Nodes[i] = n
	}
	return m, nil
}

// fill notes what the outcome of a node hangs on, and in looked the files of the cache. It
// returns false if files don't tell.
func fill(n *recall.Node, o sched.Outcome, disk *cas.Disk, looked map[string]recall.File) bool {
	paths, err := storedFiles(disk, o)
	if err != nil || !o.Result.Witnessed {
		return false
	}
	made := make([]recall.File, len(paths))
	for i, path := range paths {
		if made[i], err = recall.See(path); err != nil || made[i].Size < 0 {
			return false
		}
		looked[path] = made[i]
	}
	n.Uses, n.Made, n.Rows = o.Result.Seen, made, rowsIn(o.Result.Outputs)
	return true
}

// refresh replaces what is known of files of the cache that have been looked at again:
// they may have been written anew, with the same content, or marked as used.
func refresh(nodes []recall.Node, looked map[string]recall.File) {
	for i := range nodes {
		for k, f := range nodes[i].Made {
			if now, again := looked[f.Path]; again && now != f {
				nodes[i].Made[k] = now
			}
		}
	}
}

func rowsIn(outputs map[string]table.Artifact) (rows int64) {
	for _, a := range outputs {
		if a.Kind == table.KindTable {
			rows += a.Rows
		}
	}
	return rows
}

// storedFiles lists the files of the cache that an outcome consists of, each once.
func storedFiles(disk *cas.Disk, o sched.Outcome) ([]string, error) {
	paths := []string{disk.ActionPath(o.Result.Key.Digest)}
	for _, a := range o.Result.Outputs {
		blobs, err := table.Blobs(disk, a)
		if err != nil {
			return nil, err
		}
		for _, d := range blobs {
			paths = append(paths, disk.BlobPath(d))
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// knownAgain is the record of a run that finds everything known that another made.
func knownAgain(r *run.Record) *run.Record {
	again := run.New(r.ID, r.Pipeline, r.Order, nil)
	again.Params, again.Metrics, again.Intervals = r.Params, maps.Clone(r.Metrics), maps.Clone(r.Intervals)
	for id, n := range r.Nodes {
		c := *n
		c.State, c.Started, c.Ended, c.Why, c.Damage, c.Retries = event.Cached, nil, nil, "", nil, 0
		c.Rows = event.Rows{Cached: n.Rows.Computed + n.Rows.Cached + n.Rows.Duplicate}
		again.Nodes[id] = &c
	}
	return again
}
