package engine_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/engine/table"
	"pgregory.net/rapid"
)

// sum is a whole-table node type: its output is its name's value plus the sum of
// what comes in.
type sumParams struct {
	Value int    `yaml:"value"`
	Mod   int    `yaml:"mod"` // the output is taken modulo this, to test early cutoff
	Fail  string `yaml:"fail"`
	Name  string `yaml:"name" key:"-"`
}

type sumRow struct {
	Value int64 `arrow:"value"`
}

// world counts what nodes do.
type world struct {
	mu    sync.Mutex
	ran   map[string]int
	order []string
}

func (w *world) start(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ran[name]++
	w.order = append(w.order, name)
}

func (w *world) types() node.Registry {
	in := make([]node.Port, 6)
	for i := range in {
		in[i] = node.Port{Name: fmt.Sprintf("in%d", i), Schema: table.SchemaOf[sumRow](), Optional: true}
	}
	return node.NewRegistry(node.Def[sumParams]{
		Name: "sum", Version: 1, Defaults: sumParams{Mod: 1000},
		Ports: func(sumParams) node.Ports {
			return node.Ports{In: in, Out: []node.Port{{Name: "out", Schema: table.SchemaOf[sumRow]()}}}
		},
		Run: w.sum,
	}.Type())
}

func (w *world) sum(_ context.Context, p sumParams, t node.Task) error {
	w.start(p.Name)
	if p.Fail != "" {
		return errors.New(p.Fail)
	}
	total := int64(p.Value)
	for i := range 6 {
		port := fmt.Sprintf("in%d", i)
		if !t.Bound(port) {
			continue
		}
		r, err := t.Table(port)
		if err != nil {
			return err
		}
		for row, err := range table.Each[sumRow](r) {
			if err != nil {
				return err
			}
			total += row.Value
		}
		r.Close()
	}
	out, err := t.Out("out")
	if err != nil {
		return err
	}
	return table.AppendAll(out, []sumRow{{total % int64(p.Mod)}})
}

func newWorld() *world { return &world{ran: map[string]int{}} }

func (w *world) total() int {
	n := 0
	for _, c := range w.ran {
		n += c
	}
	return n
}

type fixture struct {
	*world
	engine *engine.Engine
}

func newFixture(t testing.TB) *fixture {
	w := newWorld()
	dir := t.TempDir()
	return &fixture{w, engine.New(w.types(), filepath.Join(dir, "cache"), filepath.Join(dir, "runs"), nil)}
}

func (f *fixture) run(t testing.TB, text string, cmd run.Command) (*run.Record, error) {
	t.Helper()
	p, err := engine.Load("p.yaml", []byte(text), f.engine.Types, spec.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return f.engine.Run(context.Background(), engine.Request{Plan: p, Pipeline: []byte(text), Command: cmd, Drain: make(chan struct{})})
}

const diamond = `version: 1
name: diamond
nodes:
  a: {type: sum, with: {name: a, value: %d}}
  b: {type: sum, needs: a, with: {name: b, value: 10, mod: 2}}
  c: {type: sum, needs: a, with: {name: c, value: 100}}
  d: {type: sum, needs: {in0: b, in1: c}, with: {name: d}}
`

func TestSecondRunComputesNothing(t *testing.T) {
	f := newFixture(t)
	text := fmt.Sprintf(diamond, 1)
	first, err := f.run(t, text, run.Command{})
	if err != nil || f.total() != 4 {
		t.Fatalf("err = %v, ran %v", err, f.ran)
	}
	second, err := f.run(t, text, run.Command{})
	if err != nil || f.total() != 4 {
		t.Fatalf("err = %v, ran %v", err, f.ran)
	}
	for id, n := range second.Nodes {
		if n.State != event.Cached || n.Rows.Computed != 0 || n.Key != first.Nodes[id].Key {
			t.Errorf("%s: %+v", id, n)
		}
	}
}

// b depends on a, but its output stays the same: what hangs on b alone doesn't
// run again.
func TestEarlyCutoff(t *testing.T) {
	f := newFixture(t)
	text := fmt.Sprintf(diamond, 1) + "  e: {type: sum, needs: b, with: {name: e}}\n"
	if _, err := f.run(t, text, run.Command{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.run(t, strings.Replace(text, "name: a, value: 1", "name: a, value: 3", 1), run.Command{}); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"a": 2, "b": 2, "c": 2, "d": 2, "e": 1}
	for id, n := range want {
		if f.ran[id] != n {
			t.Errorf("%s ran %d times, want %d", id, f.ran[id], n)
		}
	}
}

func TestForceAndTo(t *testing.T) {
	f := newFixture(t)
	text := fmt.Sprintf(diamond, 1)
	if _, err := f.run(t, text, run.Command{To: []string{"b"}}); err != nil || f.ran["c"] != 0 || f.ran["b"] != 1 {
		t.Fatalf("err = %v, ran %v", err, f.ran)
	}
	if _, err := f.run(t, text, run.Command{Force: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	// a ran again to the same output, so b is still known.
	if f.ran["a"] != 2 || f.ran["b"] != 1 || f.ran["c"] != 1 {
		t.Errorf("ran %v", f.ran)
	}
}

func TestFailureIsReportedOnce(t *testing.T) {
	f := newFixture(t)
	text := fmt.Sprintf(diamond, 1) + "  bad: {type: sum, needs: a, with: {name: bad, fail: disk on fire}}\n  after: {type: sum, needs: bad, with: {name: after}}\n"
	r, err := f.run(t, text, run.Command{KeepGoing: true})
	if !errors.Is(err, engine.ErrFailed) {
		t.Fatalf("err = %v", err)
	}
	states := map[string]event.State{"d": event.Succeeded, "bad": event.Failed, "after": event.Skipped}
	for id, want := range states {
		if got := r.Nodes[id].State; got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	if r.Nodes["bad"].Error != "disk on fire" || r.Nodes["after"].Error != "" {
		t.Errorf("errors: %q, %q", r.Nodes["bad"].Error, r.Nodes["after"].Error)
	}
	loaded, err := f.engine.Runs.Load(r.ID)
	if err != nil || loaded.Status != event.Failed {
		t.Errorf("loaded %+v, %v", loaded, err)
	}
}

func TestPredict(t *testing.T) {
	f := newFixture(t)
	text := fmt.Sprintf(diamond, 1)
	predict := func(text string) map[string]engine.Prediction {
		p, err := engine.Load("p.yaml", []byte(text), f.engine.Types, spec.Options{})
		if err != nil {
			t.Fatal(err)
		}
		list, err := f.engine.Predict(context.Background(), p, "")
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]engine.Prediction{}
		for _, pr := range list {
			m[pr.ID] = pr
		}
		return m
	}
	if got := predict(text)["a"]; got.Cached || got.Why != "never ran" {
		t.Errorf("before: %+v", got)
	}
	if _, err := f.run(t, text, run.Command{}); err != nil {
		t.Fatal(err)
	}
	if got := predict(text)["d"]; !got.Cached {
		t.Errorf("after: %+v", got)
	}
	got := predict(strings.Replace(text, "value: 100", "value: 7", 1))
	if !strings.Contains(got["c"].Why, "value 100 -> 7 (p.yaml:6:") {
		t.Errorf("changed: %+v", got["c"])
	}
	if !strings.Contains(got["d"].Why, "c would run") {
		t.Errorf("downstream: %+v", got["d"])
	}
}

// graphSpec is a random DAG with failures.
type graphSpec struct {
	needs [][]int
	fails []bool
	value []int
}

func drawGraph(t *rapid.T) graphSpec {
	n := rapid.IntRange(1, 10).Draw(t, "nodes")
	var g graphSpec
	for i := range n {
		var needs []int
		for j := range i {
			if len(needs) < 6 && rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
				needs = append(needs, j)
			}
		}
		g.needs = append(g.needs, needs)
		g.fails = append(g.fails, rapid.IntRange(0, 7).Draw(t, "fails") == 0)
		g.value = append(g.value, rapid.IntRange(0, 5).Draw(t, "value"))
	}
	return g
}

func (g graphSpec) yaml() string {
	var b strings.Builder
	b.WriteString("version: 1\nname: random\nnodes:\n")
	for i, needs := range g.needs {
		fail := ""
		if g.fails[i] {
			fail = ", fail: broken"
		}
		fmt.Fprintf(&b, "  n%d: {type: sum, with: {name: n%d, value: %d%s}, needs: {", i, i, g.value[i]*100+i, fail)
		for k, j := range needs {
			fmt.Fprintf(&b, "in%d: n%d, ", k, j)
		}
		b.WriteString("}}\n")
	}
	return b.String()
}

// naive computes what each node should come to, and which can't.
func (g graphSpec) naive() (values []int, states []event.State) {
	values, states = make([]int, len(g.needs)), make([]event.State, len(g.needs))
	for i, needs := range g.needs {
		values[i], states[i] = g.value[i]*100+i, event.Succeeded
		for _, j := range needs {
			values[i] += values[j]
			if states[j] != event.Succeeded {
				states[i] = event.Skipped
			}
		}
		values[i] %= 1000
		if g.fails[i] && states[i] == event.Succeeded {
			states[i] = event.Failed
		}
	}
	return values, states
}

// Over random graphs and failures: nothing runs before its inputs exist, nothing
// known runs, every failure is reported once, and the results are those of a
// plain loop.
func TestSchedulerProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t)
		g := drawGraph(rt)
		values, states := g.naive()
		for round := range 2 {
			before := f.total()
			f.order = nil
			r, _ := f.run(t, g.yaml(), run.Command{KeepGoing: true})
			failures := 0
			for i := range g.needs {
				n := r.Nodes[fmt.Sprintf("n%d", i)]
				want := states[i]
				if round == 1 && want == event.Succeeded {
					want = event.Cached
				}
				if n.State != want {
					rt.Fatalf("round %d: n%d is %s, want %s\n%s", round, i, n.State, want, g.yaml())
				}
				if states[i] == event.Failed {
					failures++
				}
				if (n.Error != "") != (states[i] == event.Failed) {
					rt.Fatalf("n%d has the error %q", i, n.Error)
				}
				if states[i] == event.Succeeded {
					checkValue(rt, f, n, int64(values[i]))
				}
			}
			if round == 0 {
				checkOrder(rt, g, f.order)
			}
			if round == 1 && f.total()-before != failures {
				rt.Fatalf("the second run ran %d nodes, only the %d that failed should", f.total()-before, failures)
			}
		}
	})
}

// checkOrder: a node starts after all that it needs started. (That they also
// ended is what its inputs prove: a wrong sum would show it.)
func checkOrder(t *rapid.T, g graphSpec, order []string) {
	at := map[string]int{}
	for i, name := range order {
		at[name] = i
	}
	for i, needs := range g.needs {
		mine, ran := at[fmt.Sprintf("n%d", i)]
		for _, j := range needs {
			theirs, first := at[fmt.Sprintf("n%d", j)]
			if ran && (!first || theirs > mine) {
				t.Fatalf("n%d ran before n%d", i, j)
			}
		}
	}
}

func checkValue(t *rapid.T, f *fixture, n *run.Node, want int64) {
	r, err := table.Open(f.engine.Store, n.Outputs["out"].Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows, err := table.All[sumRow](r)
	if err != nil || len(rows) != 1 || rows[0].Value != want {
		t.Fatalf("rows = %v, %v; want %d", rows, err, want)
	}
}
