package exec_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"github.com/ouroflow/ouroflow/engine/table"
	"pgregory.net/rapid"
)

// double is a row-wise node type that counts what it computes.
type doubleParams struct {
	Times  int64 `yaml:"times"`
	Copies int   `yaml:"copies" key:"table"`
	Speed  int   `yaml:"speed" key:"-"`
}

type number struct {
	N int64 `arrow:"n"`
}

type doubled struct {
	Twice int64 `arrow:"twice"`
	Index int64 `arrow:"index"`
}

type labelledNumber struct {
	N    int64  `arrow:"n"`
	Name string `arrow:"name"`
}

type counter struct {
	mu       sync.Mutex
	computed map[string]int
	sum      int
	fail     func(n int64) error
	drain    chan struct{}
	drainAt  int
}

func newCounter() *counter { return &counter{computed: map[string]int{}} }

func (c *counter) count(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.computed[key]++
	c.sum++
	return c.sum
}

func (c *counter) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum
}

func (c *counter) doubleType() *node.Type {
	return node.RowDef[doubleParams, number, doubled]{
		Name: "double", Version: 1, Defaults: doubleParams{Times: 2, Copies: 1},
		Fanout: func(p doubleParams) int { return p.Copies },
		Run: func(_ context.Context, p doubleParams, w *node.Work[number, doubled]) error {
			return w.Parallel(3, func(_ int, item node.Item[number]) (doubled, error) {
				total := c.count(fmt.Sprint(item.In.N, "/", item.Index))
				if c.drainAt == total {
					close(c.drain)
				}
				if c.fail != nil {
					if err := c.fail(item.In.N); err != nil {
						return doubled{}, err
					}
				}
				return doubled{item.In.N * p.Times, int64(item.Index)}, nil
			})
		},
	}.Type()
}

func bind(t testing.TB, typ *node.Type, set func(*doubleParams)) *node.Node {
	t.Helper()
	p := typ.New()
	if set != nil {
		set(p.(*doubleParams))
	}
	n, err := typ.Bind(p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

type recorder struct {
	mu     sync.Mutex
	events []event.Event
}

func (r *recorder) Emit(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) notes(kind event.Kind) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var notes []string
	for _, e := range r.events {
		if e.Kind == kind {
			notes = append(notes, e.Note)
		}
	}
	return notes
}

func job(n *node.Node, in table.Artifact, sink event.Sink) exec.Job {
	return exec.Job{ID: "x", Node: n, Inputs: map[string]table.Artifact{"in": in}, Sink: sink, Drain: make(chan struct{})}
}

func stack(t testing.TB, s cas.Store) exec.Executor {
	return &exec.Cached{Store: s, Next: &exec.Local{Store: s, WorkDir: t.TempDir()}}
}

func numbers(list ...int64) []number {
	out := make([]number, len(list))
	for i, n := range list {
		out[i].N = n
	}
	return out
}

func TestRowsAreComputedOnce(t *testing.T) {
	s, c := cas.NewMemory(), newCounter()
	x, typ, sink := stack(t, s), c.doubleType(), &recorder{}
	res, err := x.Execute(context.Background(), job(bind(t, typ, nil), nodetest.Put(t, s, numbers(1, 2, 1, 3)), sink))
	if err != nil {
		t.Fatal(err)
	}
	if want := (event.Rows{Computed: 3, Duplicate: 1}); res.Rows != want || c.total() != 3 {
		t.Errorf("first run: %+v, computed %d; want %+v", res.Rows, c.total(), want)
	}
	// More rows, in another order and with another column: only the new one is computed.
	more := []labelledNumber{{3, "c"}, {4, "d"}, {1, "a"}}
	res, err = x.Execute(context.Background(), job(bind(t, typ, nil), nodetest.Put(t, s, more), sink))
	if err != nil {
		t.Fatal(err)
	}
	if want := (event.Rows{Computed: 1, Cached: 2}); res.Rows != want || c.total() != 4 {
		t.Errorf("second run: %+v, computed %d; want %+v", res.Rows, c.total(), want)
	}
	type outRow struct {
		Name  string `arrow:"name"`
		Twice int64  `arrow:"twice"`
	}
	if got, want := nodetest.Get[outRow](t, s, res.Outputs["out"]), []outRow{{"c", 6}, {"d", 8}, {"a", 2}}; !reflect.DeepEqual(got, want) {
		t.Errorf("rows = %v, want %v", got, want)
	}
}

func TestKeys(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*doubleParams)
		compute int
	}{
		"nothing":         {func(*doubleParams) {}, 0},
		"speed":           {func(p *doubleParams) { p.Speed = 9 }, 0},
		"a row parameter": {func(p *doubleParams) { p.Times = 3 }, 4},
		"more per row":    {func(p *doubleParams) { p.Copies = 3 }, 2},
		"fewer per row":   {func(p *doubleParams) { p.Copies = 1 }, 0},
		"both":            {func(p *doubleParams) { p.Copies, p.Times = 3, 3 }, 6},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := cas.NewMemory(), newCounter()
			x, typ := stack(t, s), c.doubleType()
			in := nodetest.Put(t, s, numbers(1, 2))
			base := func(p *doubleParams) { p.Copies = 2 }
			if _, err := x.Execute(context.Background(), job(bind(t, typ, base), in, &recorder{})); err != nil {
				t.Fatal(err)
			}
			before := c.total()
			set := func(p *doubleParams) { base(p); test.change(p) }
			if _, err := x.Execute(context.Background(), job(bind(t, typ, set), in, &recorder{})); err != nil {
				t.Fatal(err)
			}
			if got := c.total() - before; got != test.compute {
				t.Errorf("computed %d rows, want %d", got, test.compute)
			}
		})
	}
}

// Whatever tables come in whatever order, the output is what a plain loop makes,
// and no row is ever computed twice.
func TestRowsProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, c := cas.NewMemory(), newCounter()
		x, typ := stack(t, s), c.doubleType()
		for range rapid.IntRange(1, 4).Draw(rt, "runs") {
			list := rapid.SliceOfN(rapid.Int64Range(0, 8), 0, 10).Draw(rt, "rows")
			copies := rapid.IntRange(1, 3).Draw(rt, "copies")
			n := bind(t, typ, func(p *doubleParams) { p.Copies = copies })
			res, err := x.Execute(context.Background(), job(n, nodetest.Put(t, s, numbers(list...)), &recorder{}))
			if err != nil {
				rt.Fatal(err)
			}
			var want []doubled
			for _, v := range list {
				for i := range copies {
					want = append(want, doubled{2 * v, int64(i)})
				}
			}
			if got := nodetest.Get[doubled](t, s, res.Outputs["out"]); len(want) > 0 && !reflect.DeepEqual(got, want) {
				rt.Fatalf("rows = %v, want %v", got, want)
			}
			if sum := res.Rows.Computed + res.Rows.Cached + res.Rows.Duplicate; sum != int64(len(want)) {
				rt.Fatalf("%+v doesn't add up to %d", res.Rows, len(want))
			}
		}
		for key, n := range c.computed {
			if n != 1 {
				rt.Fatalf("%s was computed %d times", key, n)
			}
		}
	})
}

// A failure loses nothing that was computed.
func TestFailureKeepsRows(t *testing.T) {
	s, c := cas.NewMemory(), newCounter()
	c.fail = func(n int64) error {
		if n == 5 {
			return errors.New("no five")
		}
		return nil
	}
	x, typ := stack(t, s), c.doubleType()
	in := nodetest.Put(t, s, numbers(1, 2, 3, 4, 5))
	if _, err := x.Execute(context.Background(), job(bind(t, typ, nil), in, &recorder{})); err == nil || !strings.Contains(err.Error(), "no five") {
		t.Fatalf("err = %v", err)
	}
	c.fail = nil
	res, err := x.Execute(context.Background(), job(bind(t, typ, nil), in, &recorder{}))
	if err != nil {
		t.Fatal(err)
	}
	if want := (event.Rows{Computed: 1, Cached: 4}); res.Rows != want {
		t.Errorf("resumed: %+v, want %+v", res.Rows, want)
	}
}

func TestDrainSavesWhatIsInFlight(t *testing.T) {
	s, c := cas.NewMemory(), newCounter()
	c.drain, c.drainAt = make(chan struct{}), 10
	x, typ := stack(t, s), c.doubleType()
	var list []int64
	for i := range int64(100) {
		list = append(list, i)
	}
	in := nodetest.Put(t, s, numbers(list...))
	j := job(bind(t, typ, nil), in, &recorder{})
	j.Drain = c.drain
	res, err := x.Execute(context.Background(), j)
	if !errors.Is(err, node.ErrDrained) {
		t.Fatalf("err = %v, want ErrDrained", err)
	}
	done := c.total()
	if done >= 100 || res.Rows.Computed != int64(done) {
		t.Errorf("computed %d rows, reported %+v", done, res.Rows)
	}
	c.drainAt = -1
	res, err = x.Execute(context.Background(), job(bind(t, typ, nil), in, &recorder{}))
	if err != nil {
		t.Fatal(err)
	}
	if res.Rows.Cached != int64(done) || c.total() != 100 {
		t.Errorf("resumed %+v after %d; %d computed in all", res.Rows, done, c.total())
	}
}

// Any file of the cache may be damaged: the output stays the same, and the damage
// is reported.
func TestDamageIsRecomputed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		c := newCounter()
		typ := c.doubleType()
		execute := func() (exec.Result, *recorder, cas.Store) {
			s, sink := cas.NewDisk(dir), &recorder{}
			x := &exec.Cached{Store: s, Next: &exec.Local{Store: s, WorkDir: dir}}
			res, err := x.Execute(context.Background(), job(bind(t, typ, nil), nodetest.Put(t, s, numbers(1, 2, 3)), sink))
			if err != nil {
				rt.Fatal(err)
			}
			return res, sink, s
		}
		want, _, s := execute()
		files := filesOf(rt, dir, want.Outputs["out"].Digest.String())
		path := rapid.SampledFrom(files).Draw(rt, "file")
		b, err := os.ReadFile(path)
		if err != nil {
			rt.Fatal(err)
		}
		b[rapid.IntRange(0, len(b)-1).Draw(rt, "at")] ^= 1
		os.Remove(path)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			rt.Fatal(err)
		}
		got, sink, _ := execute()
		if got.Outputs["out"].Digest != want.Outputs["out"].Digest {
			rt.Fatal("the output changed")
		}
		if rows := nodetest.Get[doubled](t, s, got.Outputs["out"]); len(rows) != 3 {
			rt.Fatalf("%d rows", len(rows))
		}
		hit := got.Cached && len(sink.notes(event.NodeDamage)) == 0
		isRow := strings.Contains(path, string(filepath.Separator)+"rows"+string(filepath.Separator))
		if hit && !isRow { // rows aren't looked at while the whole table is known
			rt.Fatalf("damage of %s wasn't noticed", path)
		}
	})
}

func filesOf(t *rapid.T, dir, output string) []string {
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		isInput := strings.Contains(path, "blobs") && e != nil && e.Name() != output
		if err == nil && e.Type().IsRegular() && !isInput {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// executorFunc makes an executor of a function.
type executorFunc func(context.Context, exec.Job) (exec.Result, error)

func (f executorFunc) Execute(ctx context.Context, j exec.Job) (exec.Result, error) { return f(ctx, j) }

func TestRetryOnlyAfterFaults(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		tries int32
	}{
		"fault": {node.Faultf("server gone"), 3},
		"other": {errors.New("bad row"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int32
			x := &exec.Retry{Next: executorFunc(func(context.Context, exec.Job) (exec.Result, error) {
				tries.Add(1)
				return exec.Result{}, test.err
			})}
			if _, err := x.Execute(context.Background(), exec.Job{Retries: 2, Sink: &recorder{}}); !errors.Is(err, test.err) {
				t.Errorf("err = %v", err)
			}
			if tries.Load() != test.tries {
				t.Errorf("tried %d times, want %d", tries.Load(), test.tries)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	var running, most atomic.Int32
	x := &exec.Limit{Slots: exec.NewSlots(map[string]int{"gpu": 2}), Next: executorFunc(func(context.Context, exec.Job) (exec.Result, error) {
		now := running.Add(1)
		for {
			m := most.Load()
			if now <= m || most.CompareAndSwap(m, now) {
				break
			}
		}
		running.Add(-1)
		return exec.Result{}, nil
	})}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { x.Execute(context.Background(), exec.Job{Pool: "gpu"}) })
	}
	wg.Wait()
	if most.Load() > 2 {
		t.Errorf("%d ran at once, the pool has 2 slots", most.Load())
	}
}

func TestTimeout(t *testing.T) {
	x := &exec.Timeout{Next: executorFunc(func(ctx context.Context, _ exec.Job) (exec.Result, error) {
		<-ctx.Done()
		return exec.Result{}, ctx.Err()
	})}
	_, err := x.Execute(context.Background(), exec.Job{Timeout: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "timeout of 1ms") {
		t.Errorf("err = %v", err)
	}
}

func TestPanicIsAnError(t *testing.T) {
	typ := node.Def[struct{}]{
		Name: "bad", Version: 1,
		Ports: func(struct{}) node.Ports { return node.Ports{} },
		Run:   func(context.Context, struct{}, node.Task) error { panic("oops") },
	}.Type()
	n, err := typ.Bind(typ.New())
	if err != nil {
		t.Fatal(err)
	}
	_, err = stack(t, cas.NewMemory()).Execute(context.Background(), exec.Job{Node: n, Sink: &recorder{}})
	if err == nil || !strings.Contains(err.Error(), "oops") {
		t.Errorf("err = %v", err)
	}
}
