package engine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
)

func executeVerifying(t *testing.T, e *engine.Engine, text string, rate float64) *run.Record {
	t.Helper()
	p, err := engine.Load("p.yaml", []byte(text), e.Types, spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := e.Run(context.Background(), engine.Request{
		Plan: p, Pipeline: []byte(text), Verify: rate, Drain: make(chan struct{}), Command: run.Command{KeepGoing: true},
	})
	return r
}

func TestVerifyCacheComputesAShareAgain(t *testing.T) {
	m, dir := newMill(), t.TempDir()
	if _, err := execute(t, m.engine(dir), small); err != nil {
		t.Fatal(err)
	}
	for rate, want := range map[float64]int{0: 40, 1: 80} {
		again := newMill()
		r := executeVerifying(t, again.engine(dir), small, rate)
		if got := len(again.computed) + 40; got != want || r.Status != event.Succeeded {
			t.Errorf("rate %g: %d rows, the run %s; want %d", rate, got, r.Status, want)
		}
		for id, n := range r.Nodes {
			if n.Rows.Computed > 0 || n.State != event.Cached {
				t.Errorf("rate %g: %s counts as computed: %+v", rate, id, n.Rows)
			}
		}
	}
	part := newMill()
	executeVerifying(t, part.engine(dir), small, 0.5)
	if n := len(part.computed); n < 8 || n > 32 {
		t.Errorf("half of 40 rows: %d", n)
	}
}

// A node that changes without its key changing is caught where it is.
func TestVerifyCacheFindsNondeterminism(t *testing.T) {
	m, dir := newMill(), t.TempDir()
	if _, err := execute(t, m.engine(dir), small); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		shift func(*mill)
		node  string
		want  string
	}{
		"a row":   {func(m *mill) { m.skew = map[string]int64{"samples/7": 1} }, "samples", `computing row 7 again gave another result under the key`},
		"a table": {func(m *mill) { m.skew = map[string]int64{"numbers/3": 5} }, "numbers", `row 3, column n: was "3", is "8"`},
	} {
		t.Run(name, func(t *testing.T) {
			other := newMill()
			test.shift(other)
			r := executeVerifying(t, other.engine(dir), small, 1)
			if n := r.Nodes[test.node]; n.State != event.Failed || !strings.Contains(n.Error, test.want) {
				t.Errorf("%s: %s", n.State, n.Error)
			}
		})
	}
	r, err := execute(t, newMill().engine(dir), small)
	if err != nil || r.Nodes["samples"].State != event.Cached {
		t.Errorf("what was known is not what it was: %v", err)
	}
}
