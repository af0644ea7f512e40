package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/engine/table"
	"pgregory.net/rapid"
)

// stop is how a run is ended before its end.
type stop int

const (
	never stop = iota
	drained
	cancelled
)

// executeUntil runs a pipeline and ends it when it has computed some rows.
func executeUntil(t *rapid.T, e *engine.Engine, m *mill, text string, how stop, rows int) (*run.Record, error) {
	p, err := engine.Load("p.yaml", []byte(text), e.Types, spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	drain := make(chan struct{})
	var mu sync.Mutex
	m.hook = func(string, int64) error {
		mu.Lock()
		defer mu.Unlock()
		if rows--; rows == 0 {
			switch how {
			case drained:
				close(drain)
			case cancelled:
				cancel()
			}
		}
		return nil
	}
	return e.Run(ctx, engine.Request{Plan: p, Pipeline: []byte(text), Drain: drain})
}

// Whenever runs are stopped, and whatever happens to the cache between them, the last
// one ends in what a plain loop makes; and as long as nothing was lost, no row that was
// stored is computed again.
func TestCacheStatesProperty(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		m, lost, saved := newMill(), false, 0
		rows := rapid.IntRange(0, 40).Draw(t, "rows")
		text := fmt.Sprintf(`version: 1
name: states
pools: {default: %d}
nodes:
  numbers: {type: count, with: {name: numbers, to: %d}}
  samples: {type: step, needs: numbers, with: {name: samples, add: 1000}}
  verdicts: {type: step, needs: samples, with: {name: verdicts, add: 100000}}
  other: {type: step, needs: numbers, with: {name: other, add: 7}}
`, rapid.IntRange(1, 3).Draw(t, "slots"), rows)
		for range rapid.IntRange(0, 3).Draw(t, "interrupted runs") {
			how := rapid.SampledFrom([]stop{never, drained, cancelled}).Draw(t, "stop")
			r, _ := executeUntil(t, m.engine(dir), m, text, how, rapid.IntRange(1, 3*rows+1).Draw(t, "after"))
			for _, n := range r.Nodes {
				if n.Type == "step" {
					saved += int(n.Rows.Computed)
				}
			}
			if rapid.IntRange(0, 3).Draw(t, "lose") == 0 {
				lost = loseFile(t, dir) || lost
			}
		}
		r, err := executeUntil(t, m.engine(dir), m, text, never, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"samples", "verdicts", "other"} {
			saved += int(r.Nodes[id].Rows.Computed)
		}
		if !lost && saved != 3*rows {
			t.Fatalf("%d rows were stored by all runs, want %d", saved, 3*rows)
		}
		checkSteps(t, dir, r, map[string]int64{"samples": 1000, "verdicts": 101000, "other": 7}, rows)
	})
}

// loseFile deletes some file of the cache.
func loseFile(t *rapid.T, dir string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "cache", "[abr]*", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		return false
	}
	if err := os.Remove(rapid.SampledFrom(files).Draw(t, "file")); err != nil {
		t.Fatal(err)
	}
	return true
}

func checkSteps(t *rapid.T, dir string, r *run.Record, offsets map[string]int64, rows int) {
	store := newMill().engine(dir).Store
	for id, offset := range offsets {
		in, err := table.Open(store, outputOf(r, id).Digest)
		if err != nil {
			t.Fatal(err)
		}
		got, err := table.All[value](in)
		in.Close()
		if err != nil || len(got) != rows {
			t.Fatalf("%s has %d rows, %v; want %d", id, len(got), err, rows)
		}
		for i, v := range got {
			if v.N != int64(i)+offset {
				t.Fatalf("%s: row %d is %d, want %d", id, i, v.N, int64(i)+offset)
			}
		}
	}
}

// The plan names exactly the steps that a run then runs, and those that it can't be
// sure of.
func TestPlanTellsWhatRunDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f, g := newFixture(t), drawGraph(rt)
		for i := range g.fails {
			g.fails[i] = false
		}
		if _, err := f.run(t, g.yaml(), run.Command{}); err != nil {
			rt.Fatal(err)
		}
		changed := rapid.IntRange(0, len(g.value)-1).Draw(rt, "changed")
		g.value[changed] = rapid.IntRange(0, 5).Draw(rt, "to")
		p, err := engine.Load("p.yaml", []byte(g.yaml()), f.engine.Types, spec.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		predictions, err := f.engine.Predict(context.Background(), p, "")
		if err != nil {
			rt.Fatal(err)
		}
		r, err := f.run(t, g.yaml(), run.Command{})
		if err != nil {
			rt.Fatal(err)
		}
		for _, p := range predictions {
			ran := r.Nodes[p.ID].State == event.Succeeded
			sure := p.ID == fmt.Sprint("n", changed)
			if p.Cached && ran || sure && !p.Cached && !ran {
				rt.Fatalf("%s: the plan says cached: %v (%s), the run: %s", p.ID, p.Cached, p.Why, r.Nodes[p.ID].State)
			}
		}
	})
}
