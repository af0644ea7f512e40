package exec

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// rowJob is the execution of a row-wise node. Three things go on at once: the
// intake finds the units that nobody has computed, the node computes them, and
// the output grows by the units whose rows are stored, in order. None of them
// holds more of the table than what is between the intake and the output.
type rowJob struct {
	inputs
	*host
	ctx     context.Context
	rows    *node.Rows
	store   cas.Store
	claim   cas.Claim // nil if the job computes what is known again
	cache   *rowCache
	window  *window
	intake  *intake
	out     *table.Growing
	total   int64 // units that there will probably be, or 0
	offer   sync.Once
	passing atomic.Bool   // some rows hold for this run alone
	busy    time.Duration // that the node ran without waiting for its input

	mu      sync.Mutex
	waiting map[digest.Digest]int // first unit with a key that isn't stored
	mine    map[int]digest.Digest // units that this job took, and their keys
	counts  event.Rows
}

func executeRows(ctx context.Context, store cas.Store, job Job, in inputs, h *host) (Result, error) {
	r := &rowJob{
		inputs: in, host: h, ctx: ctx, rows: job.Node.Rows, store: store,
		window: newWindow(), waiting: map[digest.Digest]int{}, mine: map[int]digest.Digest{},
	}
	r.cache = newRowCache(store.Rows(rowSpace(job.Node)), r.damage)
	if err := r.open(); err != nil {
		return Result{}, err
	}
	defer r.close()
	if err := r.tellReason(); err != nil {
		return Result{}, err
	}
	input, err := r.Table(r.inputPort())
	if err != nil {
		return Result{}, err
	}
	defer input.Close()
	out, err := r.run(input)
	if err != nil {
		return Result{Rows: r.counted()}, err
	}
	outputs := map[string]table.Artifact{job.Node.Ports.Out[0].Name: out}
	return Result{Outputs: outputs, Rows: r.counts, Busy: r.busy, Cached: r.counts.Computed == 0, Passing: r.passing.Load()}, nil
}

func (r *rowJob) inputPort() string { return r.job.Node.Ports.In[0].Name }

// open claims rows before it looks what is stored: what others store in between
// is then noticed. A job that is forced knows nothing and shares nothing.
func (r *rowJob) open() (err error) {
	if r.job.Force {
		return nil
	}
	if r.claim, err = r.cache.space.Claim(r.base()); err != nil {
		return fmt.Errorf("claiming rows: %w", err)
	}
	if err := r.cache.load(); err != nil {
		return errors.Join(err, r.claim.Close())
	}
	return nil
}

// tellReason says why the job runs and how many of its rows are known, where that
// can be told.
func (r *rowJob) tellReason() error {
	if r.job.Force || len(r.job.Feeds) > 0 {
		r.job.reason("")
		return nil
	}
	known, all, err := r.cache.count(newKeyMaker(r.base(), r.rows), r.inputs, r.inputPort())
	if err == nil {
		r.job.reason(fmt.Sprintf(", %d of %d rows known", known, all))
	}
	return err
}

func (r *rowJob) close() {
	if r.claim != nil {
		if err := r.claim.Close(); err != nil {
			r.Logf("giving back claimed rows: %v", err)
		}
	}
}

func (r *rowJob) base() digest.Digest {
	return rowBase(r.job.Node, r.job.Pins, r.job.Inputs)
}

// run computes what is missing while the output grows.
func (r *rowJob) run(input *table.Reader) (table.Artifact, error) {
	schema := table.Concat(input.Schema(), r.rows.Adds)
	r.total = r.expected(r.inputPort()) * int64(r.rows.Fanout)
	var err error
	if r.out, err = table.NewGrowing(r.store, schema, r.total); err != nil {
		return table.Artifact{}, err
	}
	defer r.out.Fail(errLost)
	r.intake = newIntake(r, input, newKeyMaker(r.base(), r.rows))
	defer r.intake.stop()
	r.report()
	assembled := make(chan error, 1)
	go func() { assembled <- r.assemble() }()
	defer r.window.end(errLost) // also when the node panics
	err = r.compute()
	r.window.end(err)
	if failed := <-assembled; failed != nil {
		err = failed
	}
	if err != nil {
		return table.Artifact{}, err
	}
	return r.out.Commit()
}

// errLost ends the work of those who read a table that will not be completed.
var errLost = errors.New("its input was not completed")

// IsInputLost reports whether a job ended because its input did.
func IsInputLost(err error) bool { return errors.Is(err, errLost) }

// compute has the node compute the units that nobody knows, and waits for those
// that others compute. The node isn't asked to run while there is nothing to do.
func (r *rowJob) compute() error {
	for {
		some, err := r.intake.fill()
		if err != nil {
			return err
		}
		if err := r.stopped(); err != nil {
			return err
		}
		if some || len(r.intake.foreign) > 0 {
			r.offer.Do(func() { r.job.offer(r.out) })
		}
		switch {
		case some:
			if err := r.runNode(); err != nil {
				return err
			}
		case len(r.intake.foreign) > 0:
			r.waitForOthers()
		default:
			return nil
		}
	}
}

// runNode has the node compute the units that it can get. Where its input ended
// early, that is why it failed, whatever the node made of it.
func (r *rowJob) runNode() error {
	start, waited := time.Now(), r.intake.waited
	err := r.rows.Run(r.ctx, r)
	r.busy += time.Since(start) - (r.intake.waited - waited)
	if r.intake.err != nil {
		return r.intake.err
	}
	if err != nil {
		return err
	}
	return r.checkComplete()
}

// stopping reports whether no more units should be handed out.
func (r *rowJob) stopping() bool { return r.stopped() != nil }

func (r *rowJob) stopped() error {
	switch {
	case r.job.drained():
		return node.ErrDrained
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	default:
		return r.window.failed()
	}
}

// waitForOthers lets some time pass.
func (r *rowJob) waitForOthers() {
	r.emitProgress("waiting for rows that another run computes")
	select {
	case <-r.job.Drain:
	case <-r.ctx.Done():
	case <-time.After(foreignEvery):
	}
}

// Pending implements node.RowTask.
func (r *rowJob) Pending() iter.Seq2[node.Unit, error] {
	return func(yield func(node.Unit, error) bool) {
		for {
			some, err := r.intake.fill()
			if err != nil {
				yield(node.Unit{}, err)
				return
			}
			if !some || r.stopping() || !yield(r.intake.pop(), nil) {
				return
			}
		}
	}
}

// known finds out about a unit that the intake has reached: its row is stored, or
// it has the key of one that waits. Else it is the first to wait for its key.
func (r *rowJob) known(unit int, key digest.Digest) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.waiting[key]; ok {
		r.window.push(repeated, 0)
		r.counts.Duplicate++
		return true
	}
	place, own, ok := r.cache.find(key)
	if !ok {
		r.waiting[key] = unit
		r.window.push(unsettled, 0)
		return false
	}
	if own {
		r.counts.Duplicate++
	} else {
		r.counts.Cached++
	}
	r.window.push(settled, place)
	return true
}

// take claims candidates for this job.
func (r *rowJob) take(fresh []candidate) ([]cas.Holder, error) {
	keys := make([]digest.Digest, len(fresh))
	for i, c := range fresh {
		keys[i] = c.key
	}
	holders := slices.Repeat([]cas.Holder{cas.Mine}, len(keys))
	if r.claim != nil {
		var err error
		if holders, err = r.cache.take(r.claim, keys); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, h := range holders {
		if h == cas.Mine {
			r.mine[fresh[i].unit.ID] = keys[i]
		}
	}
	return holders, nil
}

// arrived settles the unit of a key whose row another run has stored. It returns
// false if the row can't be read.
func (r *rowJob) arrived(key digest.Digest) bool {
	place, _, ok := r.cache.find(key)
	if !ok {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Cached++
	r.settle(key, place)
	return true
}

func (r *rowJob) settle(key digest.Digest, place cas.Place) {
	if unit, ok := r.waiting[key]; ok {
		r.window.settle(unit, place)
		delete(r.waiting, key)
	}
}

// Save implements node.RowTask.
func (r *rowJob) Save(ids []int, added arrow.Record) error {
	return r.settleRows(ids, added, r.cache.add)
}

// Pass implements node.RowTask.
func (r *rowJob) Pass(ids []int, added arrow.Record) error {
	r.passing.Store(true)
	return r.settleRows(ids, added, r.cache.hold)
}

// settleRows has computed rows kept, and settles their units.
func (r *rowJob) settleRows(ids []int, added arrow.Record, keep func([]digest.Digest, []byte) error) error {
	keys, err := r.keysOf(ids)
	if err != nil {
		return err
	}
	content, err := encodeSegment(r.rows.Adds, keys, added)
	if err != nil {
		return err
	}
	if err := keep(keys, content); err != nil {
		return err
	}
	r.mu.Lock()
	for _, key := range keys {
		if place, ok := r.cache.place(key); ok {
			r.settle(key, place)
		}
	}
	r.counts.Computed += int64(len(ids))
	r.mu.Unlock()
	r.report()
	return nil
}

func (r *rowJob) keysOf(ids []int) ([]digest.Digest, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := make([]digest.Digest, len(ids))
	for i, id := range ids {
		key, ok := r.mine[id]
		if !ok {
			return nil, fmt.Errorf("the node type %s emitted a row that it wasn't asked for", r.job.Node.Type.Name)
		}
		keys[i] = key
		delete(r.mine, id) // whoever emits it twice isn't asked for the second
	}
	return keys, nil
}

func (r *rowJob) damage(m *cas.Miss) {
	r.job.emit(event.Event{Kind: event.NodeDamage, Note: m.Error() + "; computing its rows again"})
}

func (r *rowJob) counted() event.Rows {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

func (r *rowJob) report() { r.emitProgress("") }

func (r *rowJob) emitProgress(note string) {
	c := r.counted()
	r.job.emit(event.Event{Kind: event.NodeProgress, Done: c.Cached + c.Duplicate + c.Computed, Total: r.total, Cached: c.Cached, Note: note})
}

// checkComplete finds out whether the node did what it was asked to.
func (r *rowJob) checkComplete() error {
	r.mu.Lock()
	missing := len(r.mine)
	r.mu.Unlock()
	if missing == 0 && len(r.intake.ready) == 0 {
		return r.stopped()
	}
	if err := r.stopped(); err != nil {
		return err
	}
	return fmt.Errorf("the node type %s has a bug: it returned without %d rows that it was asked for", r.job.Node.Type.Name, missing)
}

// assembleRows is how many rows are added to the output at once, at most.
const assembleRows = 512

// assemble adds each unit to the output as soon as it and those before it are
// stored.
func (r *rowJob) assemble() error {
	err := r.join()
	if err != nil {
		r.window.end(err)
	}
	return err
}

func (r *rowJob) join() error {
	in, err := r.Table(r.inputPort())
	if err != nil {
		return err
	}
	defer in.Close()
	j := &joiner{
		cache: r.cache, keys: newKeyMaker(r.base(), r.rows),
		kept: keptColumns(in.Schema(), r.rows.Adds), adds: r.rows.Adds.NumFields(), fanout: r.rows.Fanout, drop: r.rows.Drop,
	}
	next, stop := iter.Pull2(in.Batches())
	defer stop()
	j.next = next
	for {
		units, err := r.window.take(assembleRows)
		if err != nil || units.n == 0 {
			return err
		}
		if err := r.out.Write(func(w *table.Writer) error { return j.append(w, units) }); err != nil {
			return err
		}
	}
}

func keptColumns(in, adds *arrow.Schema) []string {
	return slices.DeleteFunc(table.Names(in), adds.HasField)
}

func pick(rec arrow.Record, names []string) []arrow.Array {
	arrays := make([]arrow.Array, len(names))
	for i, name := range names {
		arrays[i] = rec.Column(rec.Schema().FieldIndices(name)[0])
	}
	return arrays
}
