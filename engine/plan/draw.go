package plan

import (
	"fmt"
	"strings"
)

// Mermaid draws the plan as a Mermaid flow chart, which GitHub shows as a picture.
func (p *Plan) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "    %s[\"<b>%s</b><br/>%s\"]\n", s.ID, s.ID, s.Spec.Type)
	}
	p.eachEdge(func(from, to, label string) {
		fmt.Fprintf(&b, "    %s -->|%s| %s\n", from, label, to)
	})
	return b.String()
}

// DOT draws the plan in the language of Graphviz.
func (p *Plan) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n", p.Pipeline.Name)
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "  %q [label=\"%s\\n%s\"];\n", s.ID, s.ID, s.Spec.Type)
	}
	p.eachEdge(func(from, to, label string) {
		fmt.Fprintf(&b, "  %q -> %q [label=%q];\n", from, to, label)
	})
	b.WriteString("}\n")
	return b.String()
}

func (p *Plan) eachEdge(visit func(from, to, label string)) {
	for _, s := range p.Steps {
		for _, in := range s.Inputs {
			visit(in.From.ID, s.ID, in.Port.Name)
		}
	}
}
