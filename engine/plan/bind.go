package plan

import (
	"errors"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/dominikbraun/graph"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/engine/table"
)

// bind resolves the needs of a step to ports.
func (b *builder) bind(s *Step) {
	for _, need := range s.Spec.Needs {
		from, ok := b.steps[need.From]
		if !ok {
			b.c.Addf(need.Pos, "no node is named %q%s", need.From, spec.Nearest(need.From, keys(b.steps)))
			continue
		}
		if s.Node == nil {
			s.Inputs = append(s.Inputs, Input{From: from})
			continue
		}
		port, ok := b.inputPort(s, need)
		if !ok {
			continue
		}
		output, ok := b.outputName(from, need)
		if !ok {
			continue
		}
		s.Inputs = append(s.Inputs, Input{Port: port, From: from, Output: output})
	}
	if s.Node != nil {
		b.checkBound(s)
	}
}

func (b *builder) inputPort(s *Step, need spec.Need) (node.Port, bool) {
	ports := s.Node.Ports.In
	if len(ports) == 0 {
		b.c.Addf(need.Pos, "%s takes no input", s.Spec.Type)
		return node.Port{}, false
	}
	name := need.Port
	if name == "" {
		name = ports[0].Name
	}
	i := slices.IndexFunc(ports, func(p node.Port) bool { return p.Name == name })
	if i < 0 {
		b.c.Addf(need.PortPos, "%s has no input %q%s", s.Spec.Type, name, spec.Nearest(name, portNames(ports)))
		return node.Port{}, false
	}
	return ports[i], true
}

func (b *builder) outputName(from *Step, need spec.Need) (string, bool) {
	if from.Node == nil {
		return need.Output, true
	}
	ports := from.Node.Ports.Out
	if need.Output == "" && len(ports) > 0 {
		return ports[0].Name, true
	}
	if !slices.ContainsFunc(ports, func(p node.Port) bool { return p.Name == need.Output }) {
		b.c.Addf(need.Pos, "node %q (%s) has no output %q%s", from.ID, from.Spec.Type, need.Output, spec.Nearest(need.Output, portNames(ports)))
		return "", false
	}
	return need.Output, true
}

func (b *builder) checkBound(s *Step) {
	for _, port := range s.Node.Ports.In {
		if port.Optional || s.named(port.Name) {
			continue
		}
		b.c.Addf(s.Spec.Pos, "input %q of node %q (%s) is not bound; add needs: {%s: NODE}", port.Name, s.ID, s.Spec.Type, port.Name)
	}
}

// named reports whether the pipeline binds a port, rightly or wrongly.
func (s *Step) named(port string) bool {
	first := s.Node.Ports.In[0].Name
	return slices.ContainsFunc(s.Spec.Needs, func(n spec.Need) bool {
		return n.Port == port || n.Port == "" && port == first
	})
}

func portNames(ports []node.Port) []string {
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = p.Name
	}
	return names
}

// order sorts the steps so that each comes after those it needs and otherwise as
// the file has them. Cycles are problems, and give no order.
func (b *builder) order(nodes []spec.Node) []*Step {
	g := graph.New(graph.StringHash, graph.Directed())
	for _, n := range nodes {
		_ = g.AddVertex(n.ID) // ids are unique: the file can't repeat a key
	}
	for _, n := range nodes {
		for _, in := range b.steps[n.ID].Inputs {
			if err := g.AddEdge(in.From.ID, n.ID); err != nil && !errors.Is(err, graph.ErrEdgeAlreadyExists) {
				b.c.Addf(n.Pos, "%v", err)
			}
		}
	}
	if b.reportCycles(g, nodes) {
		return nil
	}
	return b.inOrder(nodes)
}

// inOrder visits the nodes as the file has them, each after what it needs. There
// are no cycles. (The library's stable sort takes time quadratic in the nodes.)
func (b *builder) inOrder(nodes []spec.Node) []*Step {
	var steps []*Step
	visited := map[*Step]bool{}
	var visit func(*Step)
	visit = func(s *Step) {
		if visited[s] {
			return
		}
		visited[s] = true
		for _, in := range s.Inputs {
			visit(in.From)
		}
		steps = append(steps, s)
	}
	for _, n := range nodes {
		visit(b.steps[n.ID])
	}
	return steps
}

func (b *builder) reportCycles(g graph.Graph[string, string], nodes []spec.Node) bool {
	components, err := graph.StronglyConnectedComponents(g)
	if err != nil {
		return false
	}
	found := false
	for _, members := range components {
		if len(members) == 0 { // the library's answer for a node without a name
			continue
		}
		start := b.firstOf(nodes, members)
		if path := b.cycleFrom(start, members); path != nil {
			found = true
			b.c.Addf(b.steps[start].Spec.Pos, "nodes need each other in a circle: %s", strings.Join(path, " -> "))
		}
	}
	return found
}

func (b *builder) firstOf(nodes []spec.Node, members []string) string {
	if len(members) == 1 {
		return members[0]
	}
	for _, n := range nodes {
		if slices.Contains(members, n.ID) {
			return n.ID
		}
	}
	return members[0]
}

// cycleFrom walks back along needs, inside the component, until it returns to
// start. The path reads in the direction of the data.
func (b *builder) cycleFrom(start string, members []string) []string {
	previous := map[string]string{}
	queue := []string{start}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		for _, in := range b.steps[id].Inputs {
			from := in.From.ID
			if from == start {
				path := []string{start, id}
				for id != start {
					id = previous[id]
					path = append(path, id)
				}
				return path
			}
			if _, seen := previous[from]; !seen && slices.Contains(members, from) {
				previous[from] = id
				queue = append(queue, from)
			}
		}
	}
	return nil
}

// fit resolves the schemas of a step, whose inputs are resolved, and checks that
// what arrives can be read.
func (b *builder) fit(s *Step) {
	if s.Node == nil {
		return
	}
	known := true
	for i := range s.Inputs {
		in := &s.Inputs[i]
		out := in.From.Output(in.Output)
		if out == nil {
			known = false // its own problem has been reported
			continue
		}
		in.Schema = out.Schema
		b.fitPort(s, in, out)
	}
	if !known {
		return
	}
	for _, port := range s.Node.Ports.Out {
		s.Outputs = append(s.Outputs, Output{port, s.outputSchema(port)})
	}
}

func (b *builder) fitPort(s *Step, in *Input, out *Output) {
	pos := s.Spec.Pos
	for _, need := range s.Spec.Needs {
		if need.From == in.From.ID && (need.Port == in.Port.Name || need.Port == "") {
			pos = need.Pos
		}
	}
	if in.Port.IsTree() != (out.Schema == nil) {
		b.c.Addf(pos, "input %q wants %s, but %s.%s is %s", in.Port.Name, kindOf(in.Port.Schema), in.From.ID, in.Output, kindOf(out.Schema))
		return
	}
	if in.Port.IsTree() {
		return
	}
	for _, m := range table.Misfits(out.Schema, in.Port.Schema) {
		b.c.Addf(pos, "%s.%s doesn't fit input %q: %s", in.From.ID, in.Output, in.Port.Name, m)
	}
}

func kindOf(s *arrow.Schema) string {
	if s == nil {
		return "a tree of files"
	}
	return "a table"
}

// outputSchema is the port's schema, after the columns of the input that it keeps.
func (s *Step) outputSchema(port node.Port) *arrow.Schema {
	kept, adds := port.Keeps, port.Schema
	if s.Node.Rows != nil {
		kept, adds = s.Node.Ports.In[0].Name, s.Node.Rows.Adds
	}
	for _, in := range s.Inputs {
		if in.Port.Name == kept && in.Schema != nil {
			return table.Concat(in.Schema, adds)
		}
	}
	return port.Schema
}
