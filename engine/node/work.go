package node

import (
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/table"
)

// RowTask is what the engine hands to a row-wise node: the rows that nobody has
// computed yet, and the place for their results. Nodes use it through Work.
type RowTask interface {
	Inputs
	Host
	// Pending yields the output rows to compute. It ends early when the run is
	// asked to stop.
	Pending() iter.Seq2[Unit, error]
	// Save makes results durable: row i of added belongs to unit ids[i].
	Save(ids []int, added arrow.Record) error
	// Pass hands over rows that are in the output of this run and nowhere else: the
	// next run computes them again.
	Pass(ids []int, added arrow.Record) error
}

// Unit is one output row to compute.
type Unit struct {
	ID    int       // names the unit within the task
	Row   table.Row // the deciding columns of its input row
	Index int       // its place among the rows of that input row, from 0
}

// Results are saved as soon as they come, unless that was done a moment ago: then when
// this many wait, or when the moment is over. The moment is longer the more was saved,
// so that long work doesn't leave very many small segments.
const saveRows = 4096

func moment(saves int) time.Duration {
	switch {
	case saves < 100:
		return 20 * time.Millisecond
	case saves < 1000:
		return 100 * time.Millisecond
	case saves < 5000:
		return 250 * time.Millisecond
	default:
		return time.Second
	}
}

// Work gives a row-wise node its rows as values of In and takes values of Out.
type Work[In, Out any] struct {
	Inputs
	Host
	task RowTask

	mu    sync.Mutex
	enc   *table.Encoder[Out]
	ids   []int
	timer *time.Timer // saves what waits, when the moment is over
	saves int
	saved time.Time // last
	err   error     // of the first save that failed; nothing is saved after it
}

// Item is one output row to compute.
type Item[In any] struct {
	In    In
	Index int // place among the rows of its input row, from 0
	id    int
}

func newWork[In, Out any](task RowTask) *Work[In, Out] {
	return &Work[In, Out]{Inputs: task, Host: task, task: task, enc: table.NewEncoder[Out]()}
}

// Items yields the rows to compute. It ends early when the run is asked to stop;
// a node then finishes what it took and returns nil.
func (w *Work[In, Out]) Items() iter.Seq2[Item[In], error] {
	return func(yield func(Item[In], error) bool) {
		var dec *table.Decoder[In]
		var of arrow.Record
		for u, err := range w.task.Pending() {
			if err == nil && u.Row.Record != of {
				of = u.Row.Record
				dec, err = table.NewDecoder[In](of)
			}
			if err != nil {
				yield(Item[In]{}, err)
				return
			}
			if !yield(Item[In]{dec.Row(u.Row.I), u.Index, u.ID}, nil) {
				return
			}
		}
	}
}

// Emit hands over the result of an item. It may be called from any goroutine and
// in any order.
func (w *Work[In, Out]) Emit(item Item[In], out Out) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids = append(w.ids, item.id)
	w.enc.Append(out)
	wait := moment(w.saves) - time.Since(w.saved)
	if len(w.ids) >= saveRows || wait <= 0 {
		return w.save()
	}
	if len(w.ids) == 1 {
		w.timer = time.AfterFunc(wait, func() { _ = w.flush() }) // save keeps its error
	}
	return w.err
}

// EmitUncached hands over a result that holds for this run alone. It is in the output,
// but isn't recorded: the next run computes the item again.
func (w *Work[In, Out]) EmitUncached(item Item[In], out Out) error {
	enc := table.NewEncoder[Out]()
	enc.Append(out)
	return w.task.Pass([]int{item.id}, enc.Record())
}

// flush saves what waits.
func (w *Work[In, Out]) flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.save()
}

func (w *Work[In, Out]) save() error {
	if w.err != nil || len(w.ids) == 0 {
		return w.err
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	w.err = w.task.Save(w.ids, w.enc.Record())
	w.ids = nil
	w.saves++
	w.saved = time.Now()
	return w.err
}

// Parallel computes every pending item with the given number of workers. The
// first error stops the intake; items in flight are still finished and saved.
func (w *Work[In, Out]) Parallel(workers int, compute func(worker int, item Item[In]) (Out, error)) error {
	return spread(workers, w.Items(), func(n int, item Item[In]) error {
		out, err := compute(n, item)
		if err != nil {
			return err
		}
		return w.Emit(item, out)
	})
}

// Chunks is Parallel for nodes that compute up to size items at once, and emit their
// results themselves.
func (w *Work[In, Out]) Chunks(workers, size int, compute func(worker int, items []Item[In]) error) error {
	all := func(_, _ Item[In]) bool { return true }
	return spread(workers, Together(w.Items(), size, all), compute)
}

// Together puts items into chunks of at most size. An item that doesn't join the one
// before it begins a chunk.
func Together[T any](items iter.Seq2[T, error], size int, join func(before, item T) bool) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var chunk []T
		for item, err := range items {
			if err != nil {
				yield(nil, err)
				return
			}
			if n := len(chunk); n > 0 && !join(chunk[n-1], item) {
				if !yield(chunk, nil) {
					return
				}
				chunk = nil
			}
			if chunk = append(chunk, item); len(chunk) == size {
				if !yield(chunk, nil) {
					return
				}
				chunk = nil
			}
		}
		if len(chunk) > 0 {
			yield(chunk, nil)
		}
	}
}

// spread has workers do what there is to do, until the first error.
func spread[T any](workers int, source iter.Seq2[T, error], do func(worker int, t T) error) error {
	queue := make(chan T)
	failed := make(chan struct{})
	var once sync.Once
	var first error
	fail := func(err error) {
		once.Do(func() { first = err; close(failed) })
	}
	var wg sync.WaitGroup
	for n := range workers {
		wg.Go(func() {
			for t := range queue {
				if err := do(n, t); err != nil {
					fail(err)
				}
			}
		})
	}
	feed(source, queue, failed, fail)
	close(queue)
	wg.Wait()
	if errors.Is(first, ErrDrained) {
		return nil
	}
	return first
}

func feed[T any](source iter.Seq2[T, error], queue chan<- T, failed <-chan struct{}, fail func(error)) {
	for t, err := range source {
		if err != nil {
			fail(err)
			return
		}
		select {
		case queue <- t:
		case <-failed:
			return
		}
	}
}
