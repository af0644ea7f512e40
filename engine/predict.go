package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/plan"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Prediction says what a run would do with a node.
type Prediction struct {
	ID      string
	Type    string
	Cached  bool
	Known   int64  // rows that are known, where that can be told
	Missing int64  // distinct rows to compute, where that can be told; else -1
	Why     string // why it would run
}

// Predict tells what a run of the plan would do. It computes nothing and writes
// nothing. Reasons compare with the latest run of the same pipeline.
func (e *Engine) Predict(ctx context.Context, p *plan.Plan) ([]Prediction, error) {
	last, err := e.Runs.Latest(p.Pipeline.Name)
	if err != nil {
		return nil, err
	}
	pr := &predictor{engine: e, ctx: ctx, last: last, outputs: map[string]map[string]table.Artifact{}}
	out := make([]Prediction, len(p.Steps))
	for i, s := range p.Steps {
		out[i] = pr.predict(s)
	}
	return out, nil
}

type predictor struct {
	engine  *Engine
	ctx     context.Context
	last    *run.Record
	outputs map[string]map[string]table.Artifact // of the steps that are cached
}

func (pr *predictor) predict(s *plan.Step) Prediction {
	out := Prediction{ID: s.ID, Type: s.Spec.Type, Missing: -1}
	inputs, unknown := pr.inputs(s)
	if len(unknown) > 0 {
		out.Why = "its input may change: " + strings.Join(unknown, ", ") + " would run"
		return out
	}
	pins, err := pr.pin(s.Node)
	if err != nil {
		out.Why = fmt.Sprintf("can't tell: %v", err)
		return out
	}
	key := exec.KeyOf(s.Node, pins, inputs)
	outputs, err := exec.Lookup(pr.engine.Store, key)
	if err == nil {
		pr.outputs[s.ID], out.Cached = outputs, true
		out.Known, out.Missing = rowsOf(s, outputs), 0
		return out
	}
	out.Why = pr.why(s, key, err)
	if s.Node.Rows != nil {
		if known, missing, err := exec.CountRows(pr.engine.Store, s.Node, pins, inputs); err == nil {
			out.Known, out.Missing = known, missing
		}
	}
	return out
}

func rowsOf(s *plan.Step, outputs map[string]table.Artifact) int64 {
	if len(s.Outputs) == 0 {
		return 0
	}
	return outputs[s.Outputs[0].Port.Name].Rows
}

func (pr *predictor) inputs(s *plan.Step) (inputs map[string]table.Artifact, unknown []string) {
	inputs = map[string]table.Artifact{}
	for _, in := range s.Inputs {
		outputs, ok := pr.outputs[in.From.ID]
		if !ok {
			unknown = append(unknown, in.From.ID)
			continue
		}
		inputs[in.Port.Name] = outputs[in.Output]
	}
	return inputs, unknown
}

func (pr *predictor) pin(n *node.Node) (node.Pins, error) {
	if n.Pin == nil {
		return nil, nil
	}
	return n.Pin(pr.ctx)
}

// why explains a miss: damage, or what differs from the latest run.
func (pr *predictor) why(s *plan.Step, key exec.Key, miss error) string {
	if m, ok := cas.Damaged(miss); ok {
		return m.Error()
	}
	if pr.last == nil || pr.last.Nodes[s.ID] == nil || len(pr.last.Nodes[s.ID].Fields) == 0 {
		return "never ran"
	}
	changes := key.Fields.Diff(pr.last.Nodes[s.ID].Fields)
	if len(changes) == 0 {
		return fmt.Sprintf("run %s left it %s", pr.last.ID, pr.last.Nodes[s.ID].State)
	}
	parts := make([]string, len(changes))
	for i, c := range changes {
		parts[i] = describe(c, s)
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
