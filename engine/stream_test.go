package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/engine/table"
	"pgregory.net/rapid"
)

// mill is a world of row-wise nodes: count makes rows, step adds to each.
type mill struct {
	mu       sync.Mutex
	computed map[string]int // by node name and row
	ran      map[string]int // whole tables, by name
	hook     func(name string, n int64) error
	skew     map[string]int64 // by name and row: what is added to the right result
}

type countParams struct {
	Name string `yaml:"name" key:"-"`
	From int    `yaml:"from"`
	To   int    `yaml:"to"`
}

type stepParams struct {
	Name string `yaml:"name" key:"-"`
	Add  int    `yaml:"add"`
}

type value struct {
	N int64 `arrow:"n"`
}

func newMill() *mill { return &mill{computed: map[string]int{}, ran: map[string]int{}} }

func (m *mill) types() node.Registry {
	count := node.Def[countParams]{
		Name: "count", Version: 1,
		Ports: func(countParams) node.Ports {
			return node.Ports{Out: []node.Port{{Name: "out", Schema: table.SchemaOf[value]()}}}
		},
		Run: func(_ context.Context, p countParams, t node.Task) error {
			m.note(m.ran, p.Name)
			if err := m.call(p.Name, -1); err != nil {
				return err
			}
			var rows []value
			for i := p.From; i < p.To; i++ {
				rows = append(rows, value{int64(i) + m.skew[fmt.Sprint(p.Name, "/", i)]})
			}
			w, err := t.Out("out")
			if err != nil {
				return err
			}
			return table.AppendAll(w, rows)
		},
	}
	step := node.RowDef[stepParams, value, value]{
		Name: "step", Version: 1,
		Run: func(_ context.Context, p stepParams, w *node.Work[value, value]) error {
			return w.Parallel(2, func(_ int, item node.Item[value]) (value, error) {
				if err := m.call(p.Name, item.In.N); err != nil {
					return value{}, err
				}
				m.note(m.computed, fmt.Sprint(p.Name, "/", item.In.N))
				return value{item.In.N + int64(p.Add) + m.skew[fmt.Sprint(p.Name, "/", item.In.N)]}, nil
			})
		},
	}
	return node.NewRegistry(count.Type(), step.Type())
}

func (m *mill) note(counts map[string]int, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts[key]++
}

func (m *mill) call(name string, n int64) error {
	if m.hook == nil {
		return nil
	}
	return m.hook(name, n)
}

// twice names what was computed more than once.
func (m *mill) twice() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, counts := range []map[string]int{m.computed, m.ran} {
		for key, n := range counts {
			if n > 1 {
				out = append(out, fmt.Sprintf("%s %d times", key, n))
			}
		}
	}
	return out
}

func (m *mill) engine(dir string) *engine.Engine {
	return engine.New(m.types(), filepath.Join(dir, "cache"), filepath.Join(dir, "runs"), nil)
}

func execute(t interface{ Fatalf(string, ...any) }, e *engine.Engine, text string) (*run.Record, error) {
	p, err := engine.Load("p.yaml", []byte(text), e.Types, spec.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return e.Run(context.Background(), engine.Request{Plan: p, Pipeline: []byte(text), Drain: make(chan struct{})})
}

const chain = `version: 1
name: chain
nodes:
  numbers: {type: count, with: {name: numbers, from: 0, to: 200}}
  samples: {type: step, needs: numbers, retries: 1, with: {name: samples, add: 1000}}
  verdicts: {type: step, needs: samples, with: {name: verdicts, add: 100000}}
  labels: {type: step, needs: verdicts, with: {name: labels, add: 1}}
pools: {default: 4}
`

func outputOf(r *run.Record, id string) event.Output { return r.Nodes[id].Outputs["out"] }

// The last sample is only made when verdicts and labels have worked on others, so
// that the run ends only if they overlap.
func TestNeighboursOverlap(t *testing.T) {
	m := newMill()
	var once sync.Once
	labelled := make(chan struct{})
	m.hook = func(name string, n int64) error {
		switch {
		case name == "labels":
			once.Do(func() { close(labelled) })
		case name == "samples" && n == 199:
			select {
			case <-labelled:
			case <-time.After(20 * time.Second):
				return errors.New("no sample went through before the last one was made")
			}
		}
		return nil
	}
	streamed, err := execute(t, m.engine(t.TempDir()), chain)
	if err != nil {
		t.Fatal(err, streamed.Nodes["samples"].Error)
	}
	if twice := m.twice(); len(twice) > 0 {
		t.Error(twice)
	}
	// A step with a timeout waits for its whole input: the bytes are the same.
	one := newMill()
	apart, err := execute(t, one.engine(t.TempDir()), strings.ReplaceAll(chain, "{type: step", "{type: step, timeout: 1h"))
	if err != nil {
		t.Fatal(err)
	}
	for id := range streamed.Nodes {
		if outputOf(streamed, id) != outputOf(apart, id) {
			t.Errorf("%s: %+v streamed, %+v step by step", id, outputOf(streamed, id), outputOf(apart, id))
		}
		if streamed.Nodes[id].Key != apart.Nodes[id].Key {
			t.Errorf("%s: the keys differ", id)
		}
	}
}

// When a step fails for good, what works on its rows is skipped; what was computed
// is kept, and the next run computes the rest.
func TestUpstreamFailureWhileStreaming(t *testing.T) {
	m := newMill()
	seen := make(chan struct{})
	var once sync.Once
	m.hook = func(name string, n int64) error {
		if name == "verdicts" {
			once.Do(func() { close(seen) })
		}
		if name == "samples" && n == 199 {
			<-seen
			return errors.New("the model is broken")
		}
		return nil
	}
	e := m.engine(t.TempDir())
	r, err := execute(t, e, chain)
	if !errors.Is(err, engine.ErrFailed) {
		t.Fatalf("err = %v", err)
	}
	for id, want := range map[string]event.State{"numbers": event.Succeeded, "samples": event.Failed, "verdicts": event.Skipped, "labels": event.Skipped} {
		if got := r.Nodes[id].State; got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	m.hook = nil
	if r, err = execute(t, e, chain); err != nil {
		t.Fatal(err)
	}
	if twice := m.twice(); len(twice) > 0 {
		t.Error(twice)
	}
	if r.Nodes["verdicts"].Rows.Cached == 0 {
		t.Error("no verdict of the failed run was kept")
	}
}

// A fault of the infrastructure takes what is streamed away from those who work on
// it, and they get it back with the next try.
func TestUpstreamRetryWhileStreaming(t *testing.T) {
	m := newMill()
	seen := make(chan struct{})
	var once, fault sync.Once
	m.hook = func(name string, n int64) (err error) {
		if name == "verdicts" {
			once.Do(func() { close(seen) })
		}
		if name == "samples" && n == 199 {
			<-seen
			fault.Do(func() { err = node.Faultf("server gone") })
		}
		return err
	}
	r, err := execute(t, m.engine(t.TempDir()), chain)
	if err != nil {
		t.Fatal(err)
	}
	if twice := m.twice(); len(twice) > 0 {
		t.Error(twice)
	}
	if r.Nodes["samples"].Retries != 1 || outputOf(r, "labels").Rows != 200 {
		t.Errorf("%+v", r.Nodes["samples"])
	}
}

// Runs at the same time on one cache divide the work: nothing is computed twice.
func TestConcurrentRunsComputeOnce(t *testing.T) {
	m := newMill()
	dir := t.TempDir()
	start := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Add(4)
	var runs sync.WaitGroup
	records := make([]*run.Record, 4)
	for i := range 4 {
		text := strings.Replace(chain, "from: 0, to: 200", fmt.Sprintf("from: %d, to: %d", 50*(i/2), 200+50*(i/2)), 1)
		runs.Go(func() {
			e := m.engine(dir)
			waiting.Done()
			<-start
			r, err := execute(t, e, text)
			if err != nil {
				t.Error(err)
			}
			records[i] = r
		})
	}
	waiting.Wait()
	close(start)
	runs.Wait()
	if t.Failed() {
		return
	}
	if twice := m.twice(); len(twice) > 2 || len(twice) > 0 && twice[0] != "numbers 2 times" { // two ranges of numbers
		t.Error(twice)
	}
	if len(m.computed) != 3*250 {
		t.Errorf("%d rows were computed, want %d", len(m.computed), 3*250)
	}
	if outputOf(records[0], "labels") != outputOf(records[1], "labels") || outputOf(records[2], "labels") != outputOf(records[3], "labels") {
		t.Error("equal runs have different outputs")
	}
	var total int64
	for _, r := range records {
		total += r.Nodes["verdicts"].Rows.Computed
	}
	if total != 250 {
		t.Errorf("the runs report %d computed verdicts, want 250", total)
	}
}

// Whatever fails in whatever order, a chain of row-wise steps ends in what a plain
// loop makes, and no row is computed twice.
func TestChainProperty(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		m := newMill()
		rows := rapid.IntRange(0, 30).Draw(t, "rows")
		depth := rapid.IntRange(1, 4).Draw(t, "depth")
		failures := map[string]error{}
		text := fmt.Sprintf("version: 1\nname: c\npools: {default: %d}\nnodes:\n  s0: {type: count, with: {name: s0, to: %d}}\n", rapid.IntRange(1, 4).Draw(t, "slots"), rows)
		sum := 0
		for d := 1; d <= depth; d++ {
			add := rapid.IntRange(1, 5).Draw(t, "add") * 1000
			text += fmt.Sprintf("  s%d: {type: step, needs: s%d, retries: 2, with: {name: s%d, add: %d}}\n", d, d-1, d, add)
			if rows > 0 && rapid.Bool().Draw(t, "fails") {
				at := fmt.Sprintf("s%d/%d", d, sum+rapid.IntRange(0, rows-1).Draw(t, "at"))
				failures[at] = errors.New("broken")
				if rapid.IntRange(0, 3).Draw(t, "fault") == 0 {
					failures[at] = node.Faultf("server gone")
				}
			}
			sum += add
		}
		var mu sync.Mutex
		m.hook = func(name string, n int64) error {
			mu.Lock()
			defer mu.Unlock()
			at := fmt.Sprint(name, "/", n)
			err := failures[at]
			delete(failures, at)
			return err
		}
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		tries := 0
		var r *run.Record
		for err := engine.ErrFailed; err != nil; tries++ {
			if tries > depth {
				t.Fatalf("still failing after %d runs: %v", tries, err)
			}
			if r, err = execute(t, m.engine(dir), text); err != nil && !errors.Is(err, engine.ErrFailed) {
				t.Fatal(err)
			}
		}
		if twice := m.twice(); len(twice) > 0 {
			t.Fatal(twice)
		}
		if out := outputOf(r, fmt.Sprint("s", depth)); out.Rows != int64(rows) {
			t.Fatalf("%d rows, want %d", out.Rows, rows)
		}
		if rows > 0 && m.computed[fmt.Sprintf("s%d/%d", depth, sum-lastAdd(text)+rows-1)] != 1 {
			t.Fatalf("the last row of the last step wasn't computed: %v", m.computed)
		}
	})
}

func lastAdd(text string) int {
	var add int
	fmt.Sscanf(text[strings.LastIndex(text, "add: "):], "add: %d", &add)
	return add
}
