package exec

import (
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// CountRows tells how many output rows of a row-wise node are known and how many
// distinct ones are missing, without computing or writing anything.
func CountRows(s cas.Store, n *node.Node, pins node.Pins, inputs map[string]table.Artifact) (known, missing int64, err error) {
	index, _, err := s.Rows(rowSpace(n)).Index()
	if err != nil {
		return 0, 0, err
	}
	in, err := table.Open(s, inputs[n.Ports.In[0].Name].Digest)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	keys, err := appendKeys(nil, rowBase(n, pins, inputs), n.Rows, in)
	if err != nil {
		return 0, 0, err
	}
	counts, _ := tally(keys, func(key digest.Digest) bool {
		_, ok := index.Lookup(key)
		return ok
	})
	return counts.Cached, counts.Computed, nil
}
