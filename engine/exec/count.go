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
	index, _, err := cas.ReadIndex(s.Rows(rowSpace(n)))
	if err != nil {
		return 0, 0, err
	}
	in, err := table.Open(s, inputs[n.Ports.In[0].Name].Digest)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	seen := map[digest.Digest]bool{}
	err = EachRowKey(rowKeys(n, pins, inputs), in, func(key digest.Digest) {
		if _, ok := index.Lookup(key); ok {
			known++
		} else {
			seen[key] = true
		}
	})
	return known, int64(len(seen)), err
}
