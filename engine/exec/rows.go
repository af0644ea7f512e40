package exec

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// rowJob is the execution of a row-wise node: it finds the rows that are known,
// has the others computed and puts the output together.
//
// A unit is one output row, numbered input row times fan-out plus index.
type rowJob struct {
	inputs
	*host
	ctx    context.Context
	rows   *node.Rows
	store  cas.Store
	space  cas.RowSpace
	cache  *segments
	keys   []digest.Digest // of every unit
	todo   []int           // units to compute, ascending, each key once
	counts event.Rows

	mu    sync.Mutex
	index *cas.Index
	saved int64
}

func executeRows(ctx context.Context, store cas.Store, job Job, in inputs, h *host) (Result, error) {
	space := store.Rows(rowSpace(job.Node))
	r := &rowJob{
		inputs: in, host: h, ctx: ctx, rows: job.Node.Rows, store: store,
		space: space, cache: newSegments(space),
	}
	if err := r.findKnown(); err != nil {
		return Result{}, err
	}
	r.report(0)
	if err := r.compute(); err != nil {
		r.counts.Computed = r.saved
		return Result{Rows: r.counts}, err
	}
	out, err := r.assemble()
	if err != nil {
		return Result{Rows: r.counts}, err
	}
	outputs := map[string]table.Artifact{job.Node.Ports.Out[0].Name: out}
	return Result{Outputs: outputs, Rows: r.counts, Cached: r.counts.Computed == 0}, nil
}

// compute has the node compute the units that nobody knows.
func (r *rowJob) compute() error {
	if len(r.todo) == 0 {
		return nil
	}
	if err := r.rows.Run(r.ctx, r); err != nil {
		return err
	}
	return r.checkComplete()
}

func (r *rowJob) inputPort() string { return r.job.Node.Ports.In[0].Name }

// findKnown makes the key of every unit and decides which have to be computed.
func (r *rowJob) findKnown() error {
	if err := r.loadIndex(); err != nil {
		return err
	}
	if err := r.makeKeys(); err != nil {
		return err
	}
	r.counts, r.todo = tally(r.keys, r.known)
	return nil
}

// tally sorts units into those that are known, those to compute, and those that
// are equal to one to compute.
func tally(keys []digest.Digest, known func(digest.Digest) bool) (counts event.Rows, todo []int) {
	seen := make(map[digest.Digest]bool)
	for unit, key := range keys {
		switch {
		case known(key):
			counts.Cached++
		case seen[key]:
			counts.Duplicate++
		default:
			seen[key] = true
			todo = append(todo, unit)
		}
	}
	counts.Computed = int64(len(todo))
	return counts, todo
}

// loadIndex reads the index of the row space. A forced job knows nothing.
func (r *rowJob) loadIndex() error {
	if r.job.Force {
		r.index = cas.NewIndex()
		return nil
	}
	index, damaged, err := r.space.Index()
	if err != nil {
		return fmt.Errorf("reading the row index: %w", err)
	}
	r.index = index
	for _, m := range damaged {
		r.damage(m)
		if id, err := digest.Parse(m.ID); err == nil {
			r.drop(id)
		}
	}
	return nil
}

func (r *rowJob) damage(m *cas.Miss) {
	r.job.emit(event.Event{Kind: event.NodeDamage, Note: m.Error() + "; computing its rows again"})
}

// drop removes a damaged segment. If that fails it will be reported again, which
// is no reason to stop.
func (r *rowJob) drop(id digest.Digest) {
	if err := r.space.Drop(id); err != nil {
		r.Logf("can't remove a damaged file from the cache: %v", err)
	}
}

// known reports whether the row of that key can be read. A damaged segment is
// reported and forgotten, with all of its rows.
func (r *rowJob) known(key digest.Digest) bool {
	ref, ok := r.index.Lookup(key)
	if !ok {
		return false
	}
	_, err := r.cache.row(ref)
	if err == nil {
		return true
	}
	m, ok := cas.Damaged(err)
	if !ok {
		m = &cas.Miss{What: "segment", ID: ref.Segment.String(), Reason: err.Error()}
	}
	r.damage(m)
	r.index.Forget(ref.Segment)
	if ok { // anything else may be a passing trouble of the machine
		r.drop(ref.Segment)
	}
	return false
}

func (r *rowJob) makeKeys() error {
	in, err := r.Table(r.inputPort())
	if err != nil {
		return err
	}
	defer in.Close()
	base := rowBase(r.job.Node, r.job.Pins, r.job.Inputs)
	keys, err := appendKeys(nil, base, r.rows, in)
	r.keys = keys
	return err
}

// appendKeys appends the keys of the units of every row of in.
func appendKeys(keys []digest.Digest, base digest.Digest, rows *node.Rows, in *table.Reader) ([]digest.Digest, error) {
	f := digest.NewFramer()
	for rec, err := range in.Batches() {
		if err != nil {
			return nil, err
		}
		deciding := pick(rec, table.Names(rows.In))
		for i := range int(rec.NumRows()) {
			for index := range rows.Fanout {
				f.Reset()
				f.Bytes(base[:])
				for _, a := range deciding {
					table.HashCell(f, a, i)
				}
				f.Uint(uint64(index))
				keys = append(keys, f.Sum())
			}
		}
	}
	return keys, nil
}

func pick(rec arrow.Record, names []string) []arrow.Array {
	arrays := make([]arrow.Array, len(names))
	for i, name := range names {
		arrays[i] = rec.Column(rec.Schema().FieldIndices(name)[0])
	}
	return arrays
}

// Pending implements node.RowTask.
func (r *rowJob) Pending() iter.Seq2[node.Unit, error] {
	return func(yield func(node.Unit, error) bool) {
		in, err := r.Table(r.inputPort())
		if err != nil {
			yield(node.Unit{}, err)
			return
		}
		defer in.Close()
		todo, first := r.todo, 0
		for rec, err := range in.Batches() {
			if err != nil {
				yield(node.Unit{}, err)
				return
			}
			end := first + int(rec.NumRows())*r.rows.Fanout
			for ; len(todo) > 0 && todo[0] < end; todo = todo[1:] {
				if r.job.drained() || r.ctx.Err() != nil || !yield(r.unit(todo[0], first, rec), nil) {
					return
				}
			}
			first = end
		}
	}
}

func (r *rowJob) unit(id, first int, rec arrow.Record) node.Unit {
	row, index := (id-first)/r.rows.Fanout, (id-first)%r.rows.Fanout
	return node.Unit{ID: id, Row: table.Row{Record: rec, I: row}, Index: index}
}

// Save implements node.RowTask.
func (r *rowJob) Save(ids []int, added arrow.Record) error {
	keys := make([]digest.Digest, len(ids))
	for i, id := range ids {
		if id < 0 || id >= len(r.keys) {
			return fmt.Errorf("the node type %s emitted a row that it wasn't asked for", r.job.Node.Type.Name)
		}
		keys[i] = r.keys[id]
	}
	segment, err := encodeSegment(r.rows.Adds, keys, added)
	if err != nil {
		return err
	}
	if err := r.space.Append(keys, segment); err != nil {
		return fmt.Errorf("saving rows: %w", err)
	}
	r.mu.Lock()
	r.index.Add(digest.Of(segment), keys)
	r.saved += int64(len(ids))
	saved := r.saved
	r.mu.Unlock()
	r.report(saved)
	return nil
}

func (r *rowJob) report(saved int64) {
	known := r.counts.Cached
	total := int64(len(r.keys)) - r.counts.Duplicate
	r.job.emit(event.Event{Kind: event.NodeProgress, Done: known + saved, Total: total, Cached: known})
}

// checkComplete finds out whether the node did what it was asked to.
func (r *rowJob) checkComplete() error {
	missing := 0
	for _, unit := range r.todo {
		if _, ok := r.index.Lookup(r.keys[unit]); !ok {
			missing++
		}
	}
	switch {
	case missing == 0:
		return nil
	case r.job.drained():
		return node.ErrDrained
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	default:
		return fmt.Errorf("the node type %s has a bug: it returned without %d of %d rows", r.job.Node.Type.Name, missing, len(r.todo))
	}
}

// assemble writes the output: for each input row, in order, its units.
func (r *rowJob) assemble() (table.Artifact, error) {
	in, err := r.Table(r.inputPort())
	if err != nil {
		return table.Artifact{}, err
	}
	defer in.Close()
	blob, err := r.store.Create()
	if err != nil {
		return table.Artifact{}, err
	}
	defer blob.Abort()
	w, err := table.NewWriter(blob, table.Concat(in.Schema(), r.rows.Adds))
	if err != nil {
		return table.Artifact{}, err
	}
	if err := r.join(in, w); err != nil {
		return table.Artifact{}, err
	}
	return commitTable(blob, w)
}

func (r *rowJob) join(in *table.Reader, w *table.Writer) error {
	kept := keptColumns(in.Schema(), r.rows.Adds)
	unit := 0
	for rec, err := range in.Batches() {
		if err != nil {
			return err
		}
		left := pick(rec, kept)
		for i := range int(rec.NumRows()) {
			for range r.rows.Fanout {
				ref, _ := r.index.Lookup(r.keys[unit])
				right, err := r.cache.row(ref)
				if err != nil {
					return err
				}
				added := right.Record.Columns()[:r.rows.Adds.NumFields()]
				if err := w.AppendJoined(left, i, added, right.I); err != nil {
					return err
				}
				unit++
			}
		}
	}
	return nil
}

func keptColumns(in, adds *arrow.Schema) []string {
	return slices.DeleteFunc(table.Names(in), adds.HasField)
}
