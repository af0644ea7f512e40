package node

import (
	"errors"
	"fmt"
	"iter"

	"github.com/ouroflow/ouroflow/engine/table"
)

// Task is all that a whole-table node sees while it runs.
type Task struct {
	Inputs
	Outputs
	Host
}

// Inputs gives access to what is bound to the input ports.
type Inputs interface {
	// Bound reports whether an optional port has something bound to it.
	Bound(port string) bool
	// Table opens the table bound to a port. The caller closes it.
	Table(port string) (*table.Reader, error)
	// Tree opens the tree of files bound to a port.
	Tree(port string) (*table.Tree, error)
}

// Outputs receives what the node makes.
type Outputs interface {
	// Out returns the writer of an output table. The engine closes it.
	Out(port string) (*table.Writer, error)
	// OutTree returns an empty folder whose files become the output tree.
	OutTree(port string) (string, error)
}

// Emit writes rows to an output table.
func Emit[T any](out Outputs, port string, rows []T) error {
	w, err := out.Out(port)
	if err != nil {
		return err
	}
	return table.AppendAll(w, rows)
}

// EmitBeside writes an output that keeps an input: each row of the input, in order,
// with the columns of the next of rows, of which there must be as many.
func EmitBeside[T any](t Task, out, in string, rows iter.Seq[T]) error {
	r, err := t.Table(in)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := t.Out(out)
	if err != nil {
		return err
	}
	next, stop := iter.Pull(rows)
	defer stop()
	added := table.NewEncoder[T]()
	for rec, err := range r.Batches() {
		if err != nil {
			return err
		}
		for range rec.NumRows() {
			row, ok := next()
			if !ok {
				return fmt.Errorf("the input %q has more rows than there are results", in)
			}
			added.Append(row)
		}
		if err := w.Append(table.Beside(rec, added.Record())); err != nil {
			return err
		}
	}
	if _, more := next(); more {
		return fmt.Errorf("the input %q has fewer rows than there are results", in)
	}
	return nil
}

// Host is what the engine offers to every node.
type Host interface {
	// Scratch returns a folder that belongs to this node's key. It survives a
	// crash and is removed when the node completes.
	Scratch() (string, error)
	// Draining is closed when the run was asked to stop: a node that can stop
	// early and continue later saves its state and returns ErrDrained.
	Draining() <-chan struct{}
	// Pins returns the facts that the node's key was made with.
	Pins() Pins
	// Progress reports done of total units of work and a short note.
	Progress(done, total int64, note string)
	// Logf writes a line to the node's log.
	Logf(format string, args ...any)
}

// Published gives access to the outputs of a node that succeeded, computed or
// cached, so that it can put them where the pipeline wants them.
type Published interface {
	// Output opens the tree of an output port.
	Output(port string) (*table.Tree, error)
	// Logf writes a line to the node's log.
	Logf(format string, args ...any)
}

// ErrDrained is returned by a node that stopped early because the run is ending.
var ErrDrained = errors.New("stopped before the end because the run was asked to stop")

// Fault is a failure of the infrastructure, not of the work: a lost server, a
// killed worker. It is worth another try and says nothing about the rows.
type Fault struct{ Err error }

// Error implements error.
func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Faultf returns a Fault with a formatted cause.
func Faultf(format string, args ...any) error { return &Fault{fmt.Errorf(format, args...)} }

// IsFault reports whether err is a failure of the infrastructure.
func IsFault(err error) bool {
	var f *Fault
	return errors.As(err, &f)
}
