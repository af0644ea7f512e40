package dataset

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// writer writes problems batch by batch, and at the end the duplicates among them.
type writer struct {
	task     node.Task
	out      *table.Writer
	problems *table.Encoder[problem]
	extra    []*array.StringBuilder
	held     int
	compared comparison
}

// batch is how many problems are held before they are written.
const batch = 1024

func newWriter(p Params, t node.Task) (*writer, error) {
	out, err := t.Out("problems")
	if err != nil {
		return nil, err
	}
	w := &writer{task: t, out: out, problems: table.NewEncoder[problem](), compared: newComparison()}
	for range p.Extra {
		w.extra = append(w.extra, array.NewStringBuilder(memory.DefaultAllocator))
	}
	return w, nil
}

func (w *writer) append(q problem) error {
	w.problems.Append(q)
	for i, b := range w.extra {
		b.Append(q.extra[i])
	}
	w.compared.add(q)
	if w.held++; w.held < batch {
		return nil
	}
	return w.flush()
}

func (w *writer) flush() error {
	columns := append([]arrow.Array(nil), w.problems.Record().Columns()...)
	for _, b := range w.extra {
		columns = append(columns, b.NewArray())
	}
	n := w.held
	w.held = 0
	return w.out.Append(array.NewRecord(w.out.Schema(), columns, int64(n)))
}

// close writes what is held, and the pairs of problems that are alike.
func (w *writer) close() error {
	if err := w.flush(); err != nil {
		return err
	}
	out, err := w.task.Out("duplicates")
	if err != nil {
		return err
	}
	pairs := w.compared.duplicates()
	exact := 0
	for _, d := range pairs {
		if d.Exact {
			exact++
		}
	}
	if len(pairs) > 0 {
		w.task.Logf("prompts that cross splits: %d the same, %d nearly the same (output duplicates)", exact, len(pairs)-exact)
	}
	return table.AppendAll(out, pairs)
}
