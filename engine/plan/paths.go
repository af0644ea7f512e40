package plan

import (
	"path/filepath"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/spec"
)

// checkPaths finds nodes that would write over a file that another node reads or
// writes.
func (b *builder) checkPaths(nodes []spec.Node) {
	owner := map[string]string{}
	for _, publishing := range []bool{false, true} {
		for _, n := range nodes {
			s := b.steps[n.ID]
			if s.Node == nil || (s.Node.Publish != nil) != publishing {
				continue
			}
			for name, path := range s.Paths() {
				if other, taken := owner[path]; taken && publishing {
					b.c.Addf(n.With.At(name).Pos, "%q would write over %s, which node %q uses; choose another path", name, path, other)
				}
				owner[path] = n.ID
			}
		}
	}
}

// Paths lists the files that the step's parameters name, by parameter.
func (s *Step) Paths() map[string]string {
	paths := map[string]string{}
	for _, p := range node.Params(s.Node.Params) {
		if path, ok := p.Value.(node.Path); ok && path != "" {
			paths[p.Name] = filepath.Clean(string(path))
		}
	}
	return paths
}
