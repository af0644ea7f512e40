// Package plan turns a pipeline into a checked, ordered list of steps: node
// types found, parameters decoded, ports bound, schemas compared, cycles ruled
// out. All problems are found in one pass.
package plan

import (
	"errors"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/spec"
)

// DefaultPool is the pool of nodes that name none. Its size is the number of
// processors unless the pipeline sets it.
const DefaultPool = "default"

// Plan is a pipeline that can run.
type Plan struct {
	Pipeline *spec.Pipeline
	Steps    []*Step // each after the steps it needs
}

// Step is one node of a plan.
type Step struct {
	ID      string
	Spec    spec.Node
	Node    *node.Node
	Inputs  []Input
	Outputs []Output
	Pool    string
	Retries int
	Timeout time.Duration
}

// Input is an input port and the output that feeds it.
type Input struct {
	Port   node.Port
	From   *Step
	Output string
	Schema *arrow.Schema // of the table that arrives; nil for a tree
}

// Output is an output port with the schema that it has in this plan.
type Output struct {
	Port   node.Port
	Schema *arrow.Schema // nil for a tree
}

// Step returns the step with that id, or nil.
func (p *Plan) Step(id string) *Step {
	for _, s := range p.Steps {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// IDs lists the steps in order.
func (p *Plan) IDs() []string {
	ids := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		ids[i] = s.ID
	}
	return ids
}

// Output returns an output port by name, or nil.
func (s *Step) Output(name string) *Output {
	for i := range s.Outputs {
		if s.Outputs[i].Port.Name == name {
			return &s.Outputs[i]
		}
	}
	return nil
}

// To returns the part of the plan that the named steps need, themselves
// included.
func (p *Plan) To(ids ...string) *Plan {
	needed := map[*Step]bool{}
	var visit func(*Step)
	visit = func(s *Step) {
		if s == nil || needed[s] {
			return
		}
		needed[s] = true
		for _, in := range s.Inputs {
			visit(in.From)
		}
	}
	for _, id := range ids {
		visit(p.Step(id))
	}
	part := &Plan{Pipeline: p.Pipeline}
	for _, s := range p.Steps {
		if needed[s] {
			part.Steps = append(part.Steps, s)
		}
	}
	return part
}

// Make checks a pipeline against the node types and orders it. Problems go to
// c, which the pipeline was read with. What is checked across nodes, those who make a
// plan of some of the nodes have to know: see engine.Engine.Prepare.
func Make(p *spec.Pipeline, types node.Registry, c *spec.Collector) (*Plan, error) {
	if p == nil {
		return nil, c.Err()
	}
	b := &builder{types: types, c: c, steps: map[string]*Step{}}
	for _, n := range p.Nodes {
		b.addStep(n, p.Pools)
	}
	for _, n := range p.Nodes {
		b.bind(b.steps[n.ID])
	}
	ordered := b.order(p.Nodes)
	for _, s := range ordered {
		b.fit(s)
	}
	b.checkPaths(p.Nodes)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return &Plan{Pipeline: p, Steps: ordered}, nil
}

type builder struct {
	types node.Registry
	c     *spec.Collector
	steps map[string]*Step
}

// addStep makes the step of a node, its parameters decoded. A node whose type or
// parameters are wrong stays without ports, so that nothing else is said of it.
func (b *builder) addStep(n spec.Node, pools map[string]int) {
	s := &Step{ID: n.ID, Spec: n, Pool: n.Pool, Retries: n.Retries, Timeout: n.Timeout}
	b.steps[n.ID] = s
	if s.Pool == "" {
		s.Pool = DefaultPool
	} else if _, ok := pools[s.Pool]; !ok && s.Pool != DefaultPool {
		b.c.Addf(n.PoolPos, "no pool is named %q%s", s.Pool, spec.Nearest(s.Pool, keys(pools)))
	}
	if n.Type == "" {
		return
	}
	t, ok := b.types[n.Type]
	if !ok {
		b.c.Addf(n.TypePos, "no node type is named %q%s", n.Type, spec.Nearest(n.Type, keys(b.types)))
		return
	}
	s.Node = b.bindParams(t, n)
}

func (b *builder) bindParams(t *node.Type, n spec.Node) *node.Node {
	params := t.New()
	inner := b.c.Sub()
	spec.Decode(n.With, params, inner)
	if b.c.Join(inner) {
		return nil
	}
	bound, err := t.Bind(params)
	if err == nil {
		return bound
	}
	var fe *node.FieldError
	if errors.As(err, &fe) {
		b.c.Addf(n.With.At(fe.Field).Pos, "%q: %v", fe.Field, fe.Err)
	} else {
		b.c.Addf(n.With.Pos, "%v", err)
	}
	return nil
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
