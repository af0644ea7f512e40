package exec_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

// scripted is a row-wise type that does as the test says.
func scripted(run func(*node.Work[number, doubled]) error) *node.Type {
	return node.RowDef[doubleParams, number, doubled]{
		Name: "double", Version: 1, Defaults: doubleParams{Times: 2, Copies: 1},
		Run: func(_ context.Context, _ doubleParams, w *node.Work[number, doubled]) error { return run(w) },
	}.Type()
}

// A row that is emitted twice is the mistake of a node, never the result of another row.
func TestEmitTwice(t *testing.T) {
	typ := scripted(func(w *node.Work[number, doubled]) error {
		var items []node.Item[number]
		for item, err := range w.Items() {
			if err != nil {
				return err
			}
			items = append(items, item)
		}
		last := items[len(items)-1]
		for _, item := range append([]node.Item[number]{last, last}, items...) {
			if err := w.Emit(item, doubled{2 * item.In.N, 0}); err != nil {
				return err
			}
		}
		return nil
	})
	s := cas.NewMemory()
	_, err := stack(t, s).Execute(context.Background(), job(bind(t, typ, nil), nodetest.Put(t, s, numbers(1, 2, 3)), &recorder{}))
	if err == nil || !strings.Contains(err.Error(), "wasn't asked for") {
		t.Errorf("err = %v", err)
	}
}

// A damaged index is made again from its segment: no row is computed again.
func TestDamagedIndexIsMadeAgain(t *testing.T) {
	dir, c := t.TempDir(), newCounter()
	s := cas.NewDisk(dir)
	in := nodetest.Put(t, s, numbers(1, 2, 3))
	execute := func() {
		t.Helper()
		if _, err := stack(t, s).Execute(context.Background(), job(bind(t, c.doubleType(), nil), in, &recorder{})); err != nil {
			t.Fatal(err)
		}
	}
	execute()
	if err := os.RemoveAll(filepath.Join(dir, "actions")); err != nil {
		t.Fatal(err)
	}
	indexes, err := filepath.Glob(filepath.Join(dir, "rows", "*", "*.idx"))
	if err != nil || len(indexes) == 0 {
		t.Fatal(indexes, err)
	}
	for _, path := range indexes {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("damaged"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	execute()
	if c.total() != 3 {
		t.Errorf("%d rows were computed, want 3", c.total())
	}
}

// A node that panics fails, also while it is checked again.
func TestPanicWhileCheckedAgain(t *testing.T) {
	s, broken := cas.NewMemory(), false
	local := &exec.Local{Store: s, WorkDir: t.TempDir()}
	x := &exec.Cached{Store: s, Next: local, Check: &exec.Recheck{Local: local, Rate: 1}}
	n := bind(t, scripted(func(w *node.Work[number, doubled]) error {
		if broken {
			panic("oops")
		}
		return w.Parallel(1, func(_ int, item node.Item[number]) (doubled, error) { return doubled{item.In.N, 0}, nil })
	}), nil)
	in := nodetest.Put(t, s, numbers(1, 2))
	if _, err := x.Execute(context.Background(), job(n, in, &recorder{})); err != nil {
		t.Fatal(err)
	}
	broken = true
	if _, err := x.Execute(context.Background(), job(n, in, &recorder{})); err == nil || !strings.Contains(err.Error(), "oops") {
		t.Errorf("err = %v", err)
	}
}
