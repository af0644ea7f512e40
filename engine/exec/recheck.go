package exec

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Recheck computes a share of what is known again and compares: of row-wise nodes a
// share of the rows, of others a share of the nodes. What differs is an error that
// names the first difference: either the node isn't deterministic, or something that
// it depends on isn't in its key. Which share it is depends on the keys alone.
type Recheck struct {
	Local *Local
	Rate  float64 // from 0 to 1
}

// Execute implements Executor for a job whose outputs are known.
func (c *Recheck) Execute(ctx context.Context, job Job) (Result, error) {
	if job.Node.Rows != nil {
		return Result{}, c.rows(ctx, job)
	}
	if !c.chosen(job.Key.Digest) {
		return Result{}, nil
	}
	res, err := c.Local.Execute(ctx, job)
	if err == nil {
		res, err = res.Committed()
	}
	if err != nil {
		return Result{}, err
	}
	for _, port := range job.Node.Ports.Out {
		known, again := job.Known[port.Name], res.Outputs[port.Name]
		if known.Digest == again.Digest {
			continue
		}
		where, err := c.firstDifference(known, again)
		if err != nil {
			return Result{}, err
		}
		return Result{}, fmt.Errorf("computing it again gave another output %q under the key %s: %s; the node isn't deterministic, or depends on something that isn't in its key", port.Name, job.Key.Digest.Short(), where)
	}
	job.emit(event.Event{Kind: event.NodeLog, Note: "computed again: the same"})
	return Result{}, nil
}

func (c *Recheck) chosen(key digest.Digest) bool {
	return float64(key.Uint64()) < c.Rate*math.MaxUint64
}

// firstDifference says where two outputs differ first.
func (c *Recheck) firstDifference(known, again table.Artifact) (string, error) {
	if known.Kind == table.KindTree {
		return c.firstFile(known, again)
	}
	a, err := table.Open(c.Local.Store, known.Digest)
	if err != nil {
		return "", err
	}
	defer a.Close()
	b, err := table.Open(c.Local.Store, again.Digest)
	if err != nil {
		return "", err
	}
	defer b.Close()
	nextA, stopA := iter.Pull2(table.Rows(a))
	defer stopA()
	nextB, stopB := iter.Pull2(table.Rows(b))
	defer stopB()
	for i := 0; ; i++ {
		rowA, errA, okA := nextA()
		rowB, errB, okB := nextB()
		switch {
		case errA != nil || errB != nil:
			return "", errors.Join(errA, errB)
		case !okA || !okB:
			return fmt.Sprintf("it had %d rows and has %d", known.Rows, again.Rows), nil
		}
		if column := differs(rowA, rowB); column != "" {
			return fmt.Sprintf("row %d, column %s: was %s, is %s", i, column, rowA.Text(column), rowB.Text(column)), nil
		}
	}
}

// differs names the first column of a row in which another differs, or nothing.
func differs(a, b table.Row) string {
	for c, name := range table.Names(a.Record.Schema()) {
		if !table.EqualCells(a.Record.Column(c), a.I, b.Record.Column(c), b.I) {
			return name
		}
	}
	return ""
}

func (c *Recheck) firstFile(known, again table.Artifact) (string, error) {
	a, err := table.OpenTree(c.Local.Store, known.Digest)
	if err != nil {
		return "", err
	}
	b, err := table.OpenTree(c.Local.Store, again.Digest)
	if err != nil {
		return "", err
	}
	if !slices.Equal(a.Names(), b.Names()) {
		return fmt.Sprintf("it had the files %v and has %v", a.Names(), b.Names()), nil
	}
	for i, name := range a.Names() {
		if a.Digests()[i] != b.Digests()[i] {
			return "file " + name, nil
		}
	}
	return "its list of files", nil
}

// rows computes a share of the rows of a row-wise node again.
func (c *Recheck) rows(ctx context.Context, job Job) (err error) {
	defer recoverTo(&err, job)
	reading, stop := UntilDrained(ctx, job.Drain)
	defer stop()
	h := &host{job: job, dir: c.Local.WorkDir}
	defer h.release(true)
	v := &rowRecheck{
		inputs: inputs{reading, c.Local.Store, job.Inputs, nil}, host: h, ctx: ctx, chosen: c.chosen,
		cache: newRowCache(c.Local.Store.Rows(rowSpace(job.Node)), func(*cas.Miss) {}), units: map[int]checked{},
	}
	if err := v.cache.load(); err != nil {
		return err
	}
	if some, err := v.any(); err != nil || !some {
		return err
	}
	if err := job.Node.Rows.Run(ctx, v); err != nil {
		return err
	}
	v.Logf("computed %d rows again: the same", v.same)
	return nil
}

// rowRecheck hands known rows to a node and compares what it makes of them.
type rowRecheck struct {
	inputs
	*host
	ctx    context.Context
	chosen func(digest.Digest) bool
	cache  *rowCache

	mu    sync.Mutex
	units map[int]checked // handed out
	same  int
}

// checked is a unit that was handed out, with the row that is stored.
type checked struct {
	key   digest.Digest
	known table.Row
}

// any reports whether there is a row to check: else the node isn't run.
func (v *rowRecheck) any() (bool, error) {
	for _, err := range v.Pending() {
		v.units = map[int]checked{}
		return true, err
	}
	return false, nil
}

// Pending implements node.RowTask.
func (v *rowRecheck) Pending() iter.Seq2[node.Unit, error] {
	return func(yield func(node.Unit, error) bool) {
		in, err := v.Table(v.job.Node.Ports.In[0].Name)
		if err != nil {
			yield(node.Unit{}, err)
			return
		}
		defer in.Close()
		keys := newKeyMaker(rowBase(v.job.Node, v.job.Pins, v.job.Inputs), v.job.Node.Rows)
		seen := map[digest.Digest]bool{}
		first := 0
		for rec, err := range in.Batches() {
			if err != nil {
				yield(node.Unit{}, err)
				return
			}
			keys.read(rec)
			units := int(rec.NumRows()) * keys.fanout
			for at := range units {
				u := keys.unit(rec, first, at)
				key := keys.key(u.Row.I, u.Index)
				if v.job.drained() || v.ctx.Err() != nil {
					return
				}
				if !v.chosen(key) || seen[key] || !v.remember(u.ID, key) {
					continue
				}
				seen[key] = true
				if !yield(u, nil) {
					return
				}
			}
			first += units
		}
	}
}

// remember reads the stored row of a unit; one that can't be read isn't checked.
func (v *rowRecheck) remember(unit int, key digest.Digest) bool {
	place, _, ok := v.cache.find(key)
	if !ok {
		return false
	}
	row, err := v.cache.row(place, func() digest.Digest { return key })
	if err != nil {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.units[unit] = checked{key, row}
	return true
}

// Pass implements node.RowTask. A row that holds for one run alone is compared with nothing.
func (v *rowRecheck) Pass(ids []int, _ arrow.Record) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, id := range ids {
		delete(v.units, id)
	}
	return nil
}

// Save implements node.RowTask: it compares.
func (v *rowRecheck) Save(ids []int, added arrow.Record) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, id := range ids {
		c, ok := v.units[id]
		if !ok {
			return fmt.Errorf("the node type %s emitted a row that it wasn't asked for", v.job.Node.Type.Name)
		}
		again := table.Row{Record: added, I: i}
		if column := differs(again, c.known); column != "" {
			return fmt.Errorf("computing row %d again gave another result under the key %s: column %s was %s, is %s; the node isn't deterministic, or depends on something that isn't in its key", id, c.key.Short(), column, c.known.Text(column), again.Text(column))
		}
		delete(v.units, id)
		v.same++
	}
	return nil
}
