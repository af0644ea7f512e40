package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
	"golang.org/x/sys/unix"
)

// Local runs jobs in this process: whole-table nodes at once, row-wise nodes
// over the rows that nobody has computed yet.
type Local struct {
	Store   cas.Store
	WorkDir string // scratch folders and output trees are made here
}

// Execute implements Executor. The outputs of a whole-table node are still to be
// committed: that waits for the disk, not for a slot.
func (l *Local) Execute(ctx context.Context, job Job) (res Result, err error) {
	h := &host{job: job, dir: l.WorkDir}
	defer func() {
		if err != nil || res.commit == nil {
			h.release(err == nil)
		}
	}()
	defer recoverTo(&err, job)
	reading, stop := UntilDrained(ctx, job.Drain)
	defer stop()
	in := inputs{reading, l.Store, job.Inputs, job.Feeds}
	if job.Node.Rows != nil {
		return executeRows(ctx, l.Store, job, in, h)
	}
	return l.executeTable(ctx, job, in, h)
}

// recoverTo makes a panic of a node an error.
func recoverTo(err *error, job Job) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the node type %s has a bug: panic: %v", job.Node.Type.Name, p)
	}
}

func (l *Local) executeTable(ctx context.Context, job Job, in inputs, h *host) (Result, error) {
	out := &outputs{store: l.Store, in: in, node: job.Node, dir: l.WorkDir, tables: map[string]*openTable{}, trees: map[string]string{}}
	ran := false
	defer func() {
		if !ran {
			out.discard()
		}
	}()
	if err := job.Node.Run(ctx, node.Task{Inputs: in, Outputs: out, Host: h}); err != nil {
		return Result{}, err
	}
	ran = true
	return Result{commit: func() (Result, error) {
		defer out.discard()
		artifacts, err := out.commit()
		h.release(err == nil)
		return Result{Outputs: artifacts, Rows: event.Rows{Computed: countRows(job.Node, artifacts)}}, err
	}}, nil
}

// Committed stores what is still to be stored of a result.
func (r Result) Committed() (Result, error) {
	if r.commit == nil {
		return r, nil
	}
	return r.commit()
}

// UntilDrained returns a context that ends when a run is asked to stop, for what is
// waited for but isn't in flight.
func UntilDrained(ctx context.Context, drain <-chan struct{}) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-drain:
			cancel(node.ErrDrained)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// inputs implements node.Inputs.
type inputs struct {
	reading context.Context
	store   cas.Store
	bound   map[string]table.Artifact
	feeds   map[string]*table.Growing
}

func (in inputs) Bound(port string) bool {
	_, ok := in.bound[port]
	return ok || in.feeds[port] != nil
}

// expected is the number of rows that a table will probably have, or 0.
func (in inputs) expected(port string) int64 {
	if feed := in.feeds[port]; feed != nil {
		return feed.Expected()
	}
	return in.bound[port].Rows
}

func (in inputs) get(port, kind string) (table.Artifact, error) {
	a, ok := in.bound[port]
	if !ok {
		return a, fmt.Errorf("input %q is not bound", port)
	}
	if a.Kind != kind {
		return a, fmt.Errorf("input %q is a %s, not a %s", port, a.Kind, kind)
	}
	return a, nil
}

func (in inputs) Table(port string) (*table.Reader, error) {
	if feed := in.feeds[port]; feed != nil {
		return feed.Reader(in.reading), nil
	}
	a, err := in.get(port, table.KindTable)
	if err != nil {
		return nil, err
	}
	return table.Open(in.store, a.Digest)
}

func (in inputs) Tree(port string) (*table.Tree, error) {
	a, err := in.get(port, table.KindTree)
	if err != nil {
		return nil, err
	}
	return table.OpenTree(in.store, a.Digest)
}

// outputs implements node.Outputs.
type outputs struct {
	store  cas.Store
	in     inputs
	node   *node.Node
	dir    string
	tables map[string]*openTable
	trees  map[string]string
}

type openTable struct {
	blob   cas.Writer
	writer *table.Writer
}

func (o *outputs) port(name string, tree bool) (node.Port, error) {
	for _, p := range o.node.Ports.Out {
		if p.Name == name && p.IsTree() == tree {
			return p, nil
		}
	}
	return node.Port{}, fmt.Errorf("the node type %s has no such output: %q", o.node.Type.Name, name)
}

func (o *outputs) Out(name string) (*table.Writer, error) {
	if t, ok := o.tables[name]; ok {
		return t.writer, nil
	}
	p, err := o.port(name, false)
	if err != nil {
		return nil, err
	}
	schema, err := o.schema(p)
	if err != nil {
		return nil, err
	}
	blob, err := o.store.Create()
	if err != nil {
		return nil, err
	}
	w, err := table.NewWriter(blob, schema)
	if err != nil {
		blob.Abort()
		return nil, err
	}
	o.tables[name] = &openTable{blob, w}
	return w, nil
}

// schema is that of the port, after the columns of the input that it keeps.
func (o *outputs) schema(p node.Port) (*arrow.Schema, error) {
	if p.Keeps == "" {
		return p.Schema, nil
	}
	kept, err := o.in.Table(p.Keeps)
	if err != nil {
		return nil, err
	}
	defer kept.Close()
	return table.Concat(kept.Schema(), p.Schema), nil
}

func (o *outputs) OutTree(name string) (string, error) {
	if dir, ok := o.trees[name]; ok {
		return dir, nil
	}
	if _, err := o.port(name, true); err != nil {
		return "", err
	}
	dir, err := tempDir(o.dir, "tree-*")
	if err != nil {
		return "", err
	}
	o.trees[name] = dir
	return dir, nil
}

// commit closes every output, also those that the node never opened: they are
// empty.
func (o *outputs) commit() (map[string]table.Artifact, error) {
	artifacts := map[string]table.Artifact{}
	for _, p := range o.node.Ports.Out {
		a, err := o.commitPort(p)
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", p.Name, err)
		}
		artifacts[p.Name] = a
	}
	return artifacts, nil
}

func (o *outputs) commitPort(p node.Port) (table.Artifact, error) {
	if p.IsTree() {
		dir, err := o.OutTree(p.Name)
		if err != nil {
			return table.Artifact{}, err
		}
		return table.PutTree(o.store, dir)
	}
	w, err := o.Out(p.Name)
	if err != nil {
		return table.Artifact{}, err
	}
	return commitTable(o.tables[p.Name].blob, w)
}

func commitTable(blob cas.Writer, w *table.Writer) (table.Artifact, error) {
	if err := w.Close(); err != nil {
		return table.Artifact{}, err
	}
	d, n, err := blob.Commit()
	return table.Artifact{Kind: table.KindTable, Digest: d, Rows: w.Rows(), Bytes: n}, err
}

func (o *outputs) discard() {
	for _, t := range o.tables {
		t.blob.Abort()
	}
	for _, dir := range o.trees {
		os.RemoveAll(dir)
	}
}

func tempDir(base, pattern string) (string, error) {
	tmp := filepath.Join(base, "tmp")
	if err := os.MkdirAll(tmp, 0o777); err != nil {
		return "", err
	}
	return os.MkdirTemp(tmp, pattern)
}

// host implements node.Host.
type host struct {
	job     Job
	dir     string
	scratch string
	lock    *os.File
}

// Scratch returns a folder named by the job's key. Where another live process
// uses it, the job gets one of its own that nothing resumes.
func (h *host) Scratch() (string, error) {
	if h.scratch != "" {
		return h.scratch, nil
	}
	dir := filepath.Join(h.dir, "scratch", h.job.Key.Digest.String())
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return "", err
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		lock.Close()
		h.scratch, err = tempDir(h.dir, "scratch-*")
		return h.scratch, err
	}
	if err != nil {
		lock.Close()
		return "", err
	}
	now := time.Now()
	if err := os.Chtimes(dir, now, now); err != nil { // what is in use isn't collected
		lock.Close()
		return "", err
	}
	h.scratch, h.lock = dir, lock
	return dir, nil
}

// release gives the scratch folder back, and removes it if the node completed.
func (h *host) release(completed bool) {
	if completed && h.scratch != "" {
		os.RemoveAll(h.scratch)
	}
	if h.lock != nil {
		h.lock.Close()
	}
}

// Draining implements node.Host.
func (h *host) Draining() <-chan struct{} { return h.job.Drain }

// Pins implements node.Host.
func (h *host) Pins() node.Pins { return h.job.Pins }

// Progress implements node.Host.
func (h *host) Progress(done, total int64, note string) {
	h.job.emit(event.Event{Kind: event.NodeProgress, Done: done, Total: total, Note: note})
}

// Logf implements node.Host.
func (h *host) Logf(format string, args ...any) {
	h.job.emit(event.Event{Kind: event.NodeLog, Note: fmt.Sprintf(format, args...)})
}
