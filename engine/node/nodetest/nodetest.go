// Package nodetest runs a node type in a test, without a pipeline.
package nodetest

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Bench is a store with inputs to run a node on.
type Bench struct {
	Store  cas.Store
	Inputs map[string]table.Artifact
	Drain  chan struct{}
	dir    string

	mu   sync.Mutex
	logs []string
}

// New returns an empty bench.
func New(t testing.TB) *Bench {
	return &Bench{Store: cas.NewMemory(), Inputs: map[string]table.Artifact{}, Drain: make(chan struct{}), dir: t.TempDir()}
}

// Bind feeds rows to an input port.
func Bind[T any](t testing.TB, b *Bench, port string, rows []T) {
	t.Helper()
	b.Inputs[port] = Put(t, b.Store, rows)
}

// Put stores rows as a table.
func Put[T any](t testing.TB, s cas.Store, rows []T) table.Artifact {
	t.Helper()
	var buf bytes.Buffer
	w, err := table.NewWriter(&buf, table.SchemaOf[T]())
	if err == nil {
		err = table.AppendAll(w, rows)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := cas.Put(s, buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return table.Artifact{Kind: table.KindTable, Digest: d, Rows: int64(len(rows)), Bytes: int64(buf.Len())}
}

// Run runs a node type whose default params set has changed.
func (b *Bench) Run(t testing.TB, typ *node.Type, set func(params any)) (exec.Result, error) {
	t.Helper()
	params := typ.New()
	if set != nil {
		set(params)
	}
	n, err := typ.Bind(params)
	if err != nil {
		return exec.Result{}, err
	}
	x := &exec.Cached{Store: b.Store, Next: &exec.Local{Store: b.Store, WorkDir: b.dir}}
	return x.Execute(context.Background(), exec.Job{
		ID: typ.Name, Node: n, Inputs: b.Inputs, Drain: b.Drain, Sink: event.SinkFunc(b.log),
	})
}

func (b *Bench) log(e event.Event) {
	if e.Kind != event.NodeLog {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.logs = append(b.logs, e.Note)
}

// Logs returns what nodes logged so far.
func (b *Bench) Logs() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.logs...)
}

// Rows reads an output table.
func Rows[T any](t testing.TB, b *Bench, res exec.Result, port string) []T {
	t.Helper()
	return Get[T](t, b.Store, res.Outputs[port])
}

// Get reads a stored table.
func Get[T any](t testing.TB, s cas.Store, a table.Artifact) []T {
	t.Helper()
	r, err := table.Open(s, a.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows, err := table.All[T](r)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
