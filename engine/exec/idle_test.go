package exec_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

// A node whose rows are all known isn't run: it may start a server, or need a GPU.
func TestNodeWithNothingToDoIsNotRun(t *testing.T) {
	var started atomic.Int32
	typ := node.RowDef[doubleParams, number, doubled]{
		Name: "double", Version: 1, Defaults: doubleParams{Times: 2, Copies: 1},
		Run: func(_ context.Context, p doubleParams, w *node.Work[number, doubled]) error {
			started.Add(1)
			return w.Parallel(1, func(_ int, item node.Item[number]) (doubled, error) {
				return doubled{item.In.N * p.Times, 0}, nil
			})
		},
	}.Type()
	s := cas.NewMemory()
	x := &exec.Cached{Store: s, Next: &exec.Local{Store: s, WorkDir: t.TempDir()}}
	for _, list := range [][]int64{{1, 2, 3}, {3, 1}, {2, 2, 1}, {}} { // tables that differ, rows that don't
		n := bind(t, typ, nil)
		if _, err := x.Execute(context.Background(), job(n, nodetest.Put(t, s, numbers(list...)), &recorder{})); err != nil {
			t.Fatal(err)
		}
	}
	if started.Load() != 1 {
		t.Errorf("the node was run %d times, want once", started.Load())
	}
}
