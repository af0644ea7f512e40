package exec_test

import (
	"context"
	"slices"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

// oddType drops even numbers, and says of multiples of three that they are passing.
func (c *counter) oddType() *node.Type {
	return node.RowDef[struct{}, number, doubled]{
		Name: "odd", Version: 1,
		Drop: func(_ struct{}, o doubled) bool { return o.Twice%4 == 0 },
		Run: func(_ context.Context, _ struct{}, w *node.Work[number, doubled]) error {
			return w.Chunks(2, 1, func(_ int, items []node.Item[number]) error {
				item := items[0]
				c.count("")
				if item.In.N%3 == 0 {
					return w.EmitUncached(item, doubled{Twice: 2 * item.In.N})
				}
				return w.Emit(item, doubled{Twice: 2 * item.In.N})
			})
		},
	}.Type()
}

// Rows that a node drops are not in the output, but are cached. Passing rows are in the
// output, but are computed again by the next run.
func TestDroppedAndPassingRows(t *testing.T) {
	c := newCounter()
	b := nodetest.New(t)
	var in []number
	for i := range int64(2000) {
		in = append(in, number{i % 1000})
	}
	nodetest.Bind(t, b, "in", in)
	var want []int64
	for _, n := range in {
		if n.N%2 == 1 {
			want = append(want, n.N)
		}
	}
	for _, computed := range []int{1000, 1000 + 334, 1000 + 2*334} {
		res, err := b.Run(t, c.oddType(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, n := range nodetest.Rows[number](t, b, res, "out") {
			got = append(got, n.N)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
		if c.total() != computed {
			t.Errorf("computed %d, want %d", c.total(), computed)
		}
	}
}
