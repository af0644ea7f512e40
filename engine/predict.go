package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/plan"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Prediction says what a run would do with a node.
type Prediction struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Cached  bool   `json:"cached"`
	Known   int64  `json:"known"`   // rows that are known, where that can be told
	Missing int64  `json:"missing"` // distinct rows to compute, where that can be told; else -1
	AtMost  bool   `json:"at_most"` // Missing is a bound, because an input will change
	Why     string `json:"why"`     // why it would run
	// Seconds and Tokens are what Missing would take at the rates of earlier runs;
	// 0 where they don't tell.
	Seconds float64 `json:"seconds"`
	Tokens  int64   `json:"tokens"`
}

// Predict tells what a run of the plan would do. It computes nothing and writes
// nothing. Reasons compare with the run against, or the newest of the same pipeline
// if that is empty.
func (e *Engine) Predict(ctx context.Context, p *plan.Plan, against string) ([]Prediction, error) {
	reasons, err := e.newReasons(p, against)
	if err != nil {
		return nil, err
	}
	pr := &predictor{
		engine: e, ctx: ctx, reasons: reasons,
		outputs: map[string]map[string]table.Artifact{}, made: map[string]Prediction{},
		rates: &rates{store: e.Store, runs: e.Runs, pipeline: p.Pipeline.Name},
	}
	out := make([]Prediction, len(p.Steps))
	for i, s := range p.Steps {
		out[i] = pr.predict(s)
		pr.rates.estimate(&out[i], s)
		pr.made[s.ID] = out[i]
	}
	return out, nil
}

type predictor struct {
	engine  *Engine
	ctx     context.Context
	reasons *reasons
	rates   *rates
	outputs map[string]map[string]table.Artifact // of the steps that are cached
	made    map[string]Prediction
}

func (pr *predictor) predict(s *plan.Step) Prediction {
	out := Prediction{ID: s.ID, Type: s.Spec.Type, Missing: -1}
	inputs, unknown := pr.inputs(s)
	pins, err := pr.pin(s.Node)
	if err != nil {
		out.Why = fmt.Sprintf("can't tell: %v", err)
		return out
	}
	if len(unknown) > 0 {
		out.Why = "its input may change: " + strings.Join(unknown, ", ") + " would run"
		out.Missing, out.AtMost = pr.bound(s, pins, inputs)
		return out
	}
	key := exec.KeyOf(s.Node, pins, inputs)
	outputs, err := exec.Lookup(pr.engine.Store, key)
	if err == nil {
		pr.outputs[s.ID], out.Cached = outputs, true
		out.Known, out.Missing = rowsOf(s, outputs), 0
		return out
	}
	if m, ok := cas.Damaged(err); ok {
		out.Why = m.Error()
	} else {
		out.Why = pr.reasons.why(s.ID, key)
	}
	if s.Node.Rows != nil {
		if known, missing, err := exec.CountRows(pr.engine.Store, s.Node, pins, inputs); err == nil {
			out.Known, out.Missing = known, missing
		}
	}
	return out
}

// bound says how many rows a row-wise step will compute at most when the input that
// it works on row by row will have more rows, and nothing else differs from before.
func (pr *predictor) bound(s *plan.Step, pins node.Pins, inputs map[string]table.Artifact) (missing int64, ok bool) {
	if s.Node.Rows == nil || len(s.Inputs) == 0 {
		return -1, false
	}
	first := s.Node.Ports.In[0].Name
	i := slices.IndexFunc(s.Inputs, func(in plan.Input) bool { return in.Port.Name == first })
	if i < 0 || len(inputs) != len(s.Inputs)-1 {
		return -1, false
	}
	up, before := pr.made[s.Inputs[i].From.ID], pr.reasons.earlier()
	if up.Missing < 0 || before == nil || before.Nodes[s.ID] == nil {
		return -1, false
	}
	now := exec.KeyOf(s.Node, pins, inputs).Fields
	for _, c := range now.Diff(before.Nodes[s.ID].Fields) {
		if c.Label != "input."+first {
			return (up.Known + up.Missing) * int64(s.Node.Rows.Fanout), true
		}
	}
	return up.Missing * int64(s.Node.Rows.Fanout), true
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

// rates are what rows cost in earlier runs of a pipeline.
type rates struct {
	store    cas.Store
	runs     run.Dir
	pipeline string
	records  []*run.Record // newest first, read when the first node asks
	read     bool
}

// How many runs back rates are looked for.
const ratesRuns = 20

// estimate adds what the missing rows of a node will cost.
func (r *rates) estimate(p *Prediction, s *plan.Step) {
	if p.Cached || p.Missing <= 0 && s.Node.Rows != nil {
		return
	}
	r.load()
	for _, record := range r.records {
		n := record.Nodes[s.ID]
		if n == nil || n.Type != p.Type || n.Rows.Computed == 0 || n.Started == nil || n.Ended == nil {
			continue
		}
		took := n.Ended.Sub(*n.Started)
		if s.Node.Rows == nil {
			p.Seconds = took.Seconds() // a whole table again
			return
		}
		p.Seconds = float64(p.Missing) * n.Busy / float64(n.Rows.Computed)
		p.Tokens = int64(float64(p.Missing) * r.tokens(n, s))
		return
	}
}

func (r *rates) load() {
	if r.read {
		return
	}
	r.read = true
	ids, err := r.runs.IDs()
	if err != nil {
		return // estimates are a courtesy
	}
	for _, id := range slices.Backward(ids[max(0, len(ids)-ratesRuns):]) {
		if record, err := r.runs.Load(id); err == nil && record.Pipeline == r.pipeline {
			r.records = append(r.records, record)
		}
	}
}

// tokens is how many tokens a row of a node took on average.
func (r *rates) tokens(n *run.Node, s *plan.Step) float64 {
	column := s.Node.Rows.Tokens
	if column == "" || len(s.Outputs) == 0 {
		return 0
	}
	in, err := table.Open(r.store, n.Outputs[s.Outputs[0].Port.Name].Digest)
	if err != nil {
		return 0
	}
	defer in.Close()
	mean, err := table.Mean(in, column)
	if err != nil {
		return 0
	}
	return mean
}

// Estimated writes the cost of a prediction for people, or nothing.
func (p Prediction) Estimated() string {
	if p.Seconds == 0 {
		return ""
	}
	text := "~" + time.Duration(p.Seconds*float64(time.Second)).Round(time.Millisecond*10).String()
	if p.Seconds > 10 {
		text = "~" + time.Duration(p.Seconds*float64(time.Second)).Round(time.Second).String()
	}
	if p.Tokens > 0 {
		text += fmt.Sprintf(", %d tokens", p.Tokens)
	}
	return text
}
