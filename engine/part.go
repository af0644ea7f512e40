package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/plan"
	"github.com/ouroflow/ouroflow/engine/recall"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Of pipelines with fewer nodes than manyNodes everything is planned: that takes no time.
// So it is if more than one of partOf nodes has to be, now and in the runs since
// everything was.
const (
	manyNodes = 40
	partOf    = 8
)

// Prepare plans what a request asks for: all of the pipeline in a file or, if there is an
// earlier run of the same command, what changed since. If nothing did there is no plan,
// and the request can be recalled.
func (e *Engine) Prepare(req *Request, file string, opts spec.Options) (err error) {
	if req.Verify == 0 {
		req.Since = e.Earlier(req.Memo, req.Pipeline)
	}
	if req.Since.Holds() {
		return nil
	}
	if req.Plan = e.loadPart(req, file, opts); req.Plan != nil {
		return nil
	}
	req.Since = nil
	req.Plan, err = Load(file, req.Pipeline, e.Types, opts)
	return err
}

// loadPart plans, of a pipeline of which an earlier run is remembered, only the nodes
// that changed since, those that depend on them, and what all of these need. It reads
// nothing else of the file. It returns nil if everything has to be planned, also if there
// is any problem, so that problems are told with all that belongs to them.
func (e *Engine) loadPart(req *Request, file string, opts spec.Options) *plan.Plan {
	since := req.Since
	if since == nil || since.Nodes() < manyNodes || len(req.Command.To) > 0 {
		return nil
	}
	affected, part := since.part()
	if len(part)+len(since.record.Nodes) > since.Nodes()/partOf {
		return nil
	}
	var others []spec.Lines
	for i, n := range since.memo.Nodes {
		if !part[i] {
			others = append(others, n.Lines)
		}
	}
	p, err := Load(file, spec.Blank(req.Pipeline, others), e.Types, opts)
	if err != nil || !since.fits(p, part, req.Pipeline) || !e.stillKnown(since, p, affected) {
		return nil
	}
	if since.nodes, err = e.nodesBefore(since, part); err != nil {
		return nil
	}
	return p
}

// stillKnown reports whether the cache has all of a plan that isn't affected by what
// changed. Computed again, it could come out otherwise, and concern nodes beyond the plan.
func (e *Engine) stillKnown(since *Earlier, p *plan.Plan, affected map[int]bool) bool {
	concerned := map[string]bool{}
	for i := range affected {
		concerned[since.memo.Nodes[i].ID] = true
	}
	known := &predictor{engine: e, ctx: context.Background(), reasons: &reasons{p, func() *run.Record { return nil }}, outputs: map[string]map[string]table.Artifact{}}
	for _, s := range p.Steps {
		if !concerned[s.ID] && !known.predict(s).Cached {
			return false
		}
	}
	return true
}

// part returns the places of the nodes that changed and of those that depend on them, and
// of these and what they need.
func (r *Earlier) part() (affected, part map[int]bool) {
	users := make([][]int, len(r.memo.Nodes))
	needs := make([][]int, len(r.memo.Nodes))
	for i, n := range r.memo.Nodes {
		needs[i] = n.Needs
		for _, need := range n.Needs {
			users[need] = append(users[need], i)
		}
	}
	affected = reach(users, slices.Values(r.changed))
	return affected, reach(needs, maps.Keys(affected))
}

// reach returns the nodes that edges lead to from some nodes, those included.
func reach(edges [][]int, from iter.Seq[int]) map[int]bool {
	reached := map[int]bool{}
	var visit func(int)
	visit = func(i int) {
		if reached[i] {
			return
		}
		reached[i] = true
		for _, next := range edges[i] {
			visit(next)
		}
	}
	for i := range from {
		visit(i)
	}
	return reached
}

// fits reports whether a plan made of the lines of some nodes is what it would be within
// the whole pipeline. It has to know all that plan.Make checks across nodes.
func (r *Earlier) fits(p *plan.Plan, part map[int]bool, content []byte) bool {
	if len(p.Steps) != len(part) {
		return false
	}
	steps := map[string]*plan.Step{}
	for _, s := range p.Steps {
		steps[s.ID] = s
	}
	for i := range part {
		n := r.memo.Nodes[i]
		s := steps[n.ID]
		if s == nil || !sameLines(n, s.Spec) || n.Metrics || hasMetrics(s) || !r.sameNeeds(n, s) {
			return false
		}
	}
	for _, i := range r.memo.Edited(content) {
		if n := r.memo.Nodes[i]; usesOther(n, steps[n.ID]) {
			return false
		}
	}
	return true
}

// sameNeeds reports whether a step needs the nodes that it needed: the order of the
// whole pipeline hangs on that.
func (r *Earlier) sameNeeds(before recall.Node, now *plan.Step) bool {
	return slices.EqualFunc(before.Needs, now.Inputs, func(i int, in plan.Input) bool { return r.memo.Nodes[i].ID == in.From.ID })
}

// sameLines reports whether a node begins where it did and nothing else does in its lines:
// then no edit of it reaches beyond them.
func sameLines(before recall.Node, now spec.Node) bool {
	return before.Lines.First > 0 && before.Col == now.Pos.Col &&
		before.Lines.First == now.Lines.First && before.Lines.After <= now.Lines.After
}

// hasMetrics reports whether a step has metrics, whose names hang on all other nodes.
func hasMetrics(s *plan.Step) bool {
	return slices.ContainsFunc(s.Node.Ports.Out, func(p node.Port) bool { return p.Metrics })
}

// usesOther reports whether an edited node names other files than before, or publishes
// any: whether another node uses them can only be told of the whole pipeline.
func usesOther(before recall.Node, s *plan.Step) bool {
	for _, path := range s.Paths() {
		if !slices.ContainsFunc(before.Uses, func(f recall.File) bool { return f.Path == path }) {
			return true
		}
	}
	return s.Node.Publish != nil
}

// rest tells what a plan leaves out.
func (r *Earlier) rest(p *plan.Plan) string {
	return fmt.Sprintf("%d of %d nodes haven't changed since run %s and weren't looked at", r.Nodes()-len(p.Steps), r.Nodes(), r.record.ID)
}

// next is the record of a run that is about to run a part of the pipeline; of the other
// nodes it tells what the earlier one does.
func (r *Earlier) next(id string, p *plan.Plan) *run.Record {
	next := r.record
	next.ID, next.Status, next.Started, next.Order = id, event.Running, time.Now(), p.IDs()
	next.Nodes = maps.Clone(r.record.Nodes)
	for _, s := range p.Steps {
		next.Nodes[s.ID] = &run.Node{Type: s.Spec.Type, State: event.Waiting, Outputs: map[string]event.Output{}}
	}
	return &next
}

// nodesBefore returns what became of some nodes in the earlier run.
func (e *Engine) nodesBefore(r *Earlier, part map[int]bool) (map[string]*run.Node, error) {
	nodes := maps.Clone(r.record.Nodes)
	var ids []string
	var places []run.Place
	for i := range part {
		if n := r.memo.Nodes[i]; nodes[n.ID] == nil {
			ids, places = append(ids, n.ID), append(places, n.Place)
		}
	}
	texts, err := e.memos().State(r.memo.State, places)
	if err != nil {
		return nil, err
	}
	for i, text := range texts {
		var n run.Node
		if err := json.Unmarshal(text, &n); err != nil {
			return nil, fmt.Errorf("%s: %w", e.memos().StatePath(r.memo.State), err)
		}
		nodes[ids[i]] = &n
	}
	return nodes, nil
}

// before is the record of the earlier run as far as the nodes that are planned are
// concerned.
func (r *Earlier) before() *run.Record {
	record := r.record
	record.Nodes = r.nodes
	return &record
}

// copyMemo returns a memo of the same pipeline, for the nodes that ran since to be filled.
func (r *Earlier) copyMemo() *recall.Memo {
	m := *r.memo
	m.Nodes = slices.Clone(m.Nodes)
	return &m
}
