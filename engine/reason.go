package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/plan"
	"github.com/ouroflow/ouroflow/engine/run"
)

// reasons explain why steps run by what differs from an earlier run. It is loaded
// when the first step asks: most runs ask for nothing.
type reasons struct {
	plan    *plan.Plan
	earlier func() *run.Record // nil if there is none
}

// reasonsFor compares with the run that a request asks for, or else with the one since
// which it has what changed, or with the newest.
func (e *Engine) reasonsFor(req Request) (*reasons, error) {
	if req.Since == nil || req.Against != "" {
		return e.newReasons(req.Plan, req.Against)
	}
	return &reasons{req.Plan, req.Since.before}, nil
}

// newReasons compares with the run against, or with the newest of the same pipeline
// if that is empty.
func (e *Engine) newReasons(p *plan.Plan, against string) (*reasons, error) {
	if against != "" {
		id, err := e.Runs.Find(against)
		if err != nil {
			return nil, err
		}
		r, err := e.Runs.Load(id)
		return &reasons{p, func() *run.Record { return r }}, err
	}
	ids, err := e.Runs.IDs() // the run that is about to start is not among them
	if err != nil {
		return nil, err
	}
	return &reasons{p, sync.OnceValue(func() *run.Record { return e.Runs.Newest(ids, p.Pipeline.Name) })}, nil
}

// why says what makes the key of a step one that nobody knows.
func (r *reasons) why(id string, key exec.Key) string {
	last := r.earlier()
	if last == nil || last.Nodes[id] == nil {
		return "never ran"
	}
	n := last.Nodes[id]
	if len(n.Fields) == 0 {
		return fmt.Sprintf("run %s left it %s", last.ID, n.State)
	}
	changes := key.Fields.Diff(n.Fields)
	if len(changes) == 0 {
		if n.Key == key.Digest.String() && len(n.Outputs) > 0 {
			return fmt.Sprintf("the cache has lost what run %s computed", last.ID)
		}
		return fmt.Sprintf("run %s left it %s", last.ID, n.State)
	}
	step := r.plan.Step(id)
	parts := make([]string, len(changes))
	for i, c := range changes {
		parts[i] = describe(c, step)
	}
	return strings.Join(parts, "; ")
}

// describe writes a changed field of a key for people, with the place of a
// parameter in the pipeline.
func describe(c digest.Change, s *plan.Step) string {
	name, value, _ := strings.Cut(c.Label, ".")
	switch name {
	case "param":
		path, before, after := innermost(value, c.Old, c.New)
		return fmt.Sprintf("%s %s -> %s (%s)", path, brief(before), brief(after), s.Spec.With.At(path).Pos)
	case "pin":
		return fmt.Sprintf("%s changed outside of the pipeline: %s -> %s", value, brief(c.Old), brief(c.New))
	case "input":
		if c.New == "" {
			return fmt.Sprintf("its input %q is being computed", value)
		}
		return fmt.Sprintf("its input %q changed", value)
	case "version":
		return fmt.Sprintf("the node type is now of version %s, was %s", c.New, c.Old)
	default:
		return fmt.Sprintf("%s %s -> %s", c.Label, brief(c.Old), brief(c.New))
	}
}

// innermost narrows a change of a map down to its one entry that changed.
func innermost(path, before, after string) (string, string, string) {
	var a, b map[string]json.RawMessage
	if json.Unmarshal([]byte(before), &a) != nil || json.Unmarshal([]byte(after), &b) != nil {
		return path, before, after
	}
	var changed []string
	for key := range b {
		if string(a[key]) != string(b[key]) {
			changed = append(changed, key)
		}
	}
	if len(changed) != 1 || len(a) != len(b) {
		return path, before, after
	}
	return innermost(path+"."+changed[0], string(a[changed[0]]), string(b[changed[0]]))
}

func brief(s string) string {
	switch {
	case s == "":
		return "(none)"
	case len(s) == 64 && !strings.ContainsAny(s, " \""):
		return s[:12]
	case len(s) > 60:
		return s[:57] + "..."
	default:
		return s
	}
}
