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
	keys := newKeyMaker(rowBase(n, pins, inputs), n.Rows)
	seen := map[digest.Digest]bool{}
	for rec, err := range in.Batches() {
		if err != nil {
			return 0, 0, err
		}
		keys.read(rec)
		for unit := range int(rec.NumRows()) * n.Rows.Fanout {
			key := keys.key(unit/n.Rows.Fanout, unit%n.Rows.Fanout)
			if _, ok := index.Lookup(key); ok {
				known++
			} else {
				seen[key] = true
			}
		}
	}
	return known, int64(len(seen)), nil
}
