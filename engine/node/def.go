package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Def defines a whole-table node type with params of type P, a struct whose
// fields are described by tags (see Params).
type Def[P any] struct {
	Name     string
	Version  int
	Doc      string
	Defaults P
	Check    func(P) error // what tags can't say; a FieldError points at its field
	Ports    func(P) Ports
	Pin      func(context.Context, P) (Pins, error)
	Run      func(context.Context, P, Task) error
	Publish  func(context.Context, P, Published) error
	// Witness lists the files that the pins are made of, and those that Publish
	// puts in place: while none of them changes there is nothing to ask or to do.
	// It is nil, or returns false, where files alone don't tell.
	Witness func(P) (files []string, ok bool)
	// Streams says that the first input is read once from its beginning to its
	// end, so that the node may start while that table is still being made. It
	// then runs even if its input turns out to be one that it knows: for nodes
	// that cost little.
	Streams bool
}

// Type returns the type that the definition describes.
func (d Def[P]) Type() *Type {
	t := &Type{Name: d.Name, Version: d.Version, Doc: d.Doc, New: fresh(d.Defaults)}
	t.Ports = func() Ports { return d.Ports(d.Defaults) }
	run, publish := d.Run, d.Publish // a node keeps these rather than all of the definition
	t.Bind = func(params any) (*Node, error) {
		p, err := checked(params, d.Check)
		if err != nil {
			return nil, err
		}
		n := &Node{Type: t, Params: p, Ports: d.Ports(p), Pin: pinWith(d.Pin, p), Streams: d.Streams, Witness: witnessWith(d.Pin == nil, d.Witness, p)}
		n.Run = func(ctx context.Context, task Task) error { return run(ctx, p, task) }
		if publish != nil {
			n.Publish = func(ctx context.Context, out Published) error { return publish(ctx, p, out) }
		}
		return n, nil
	}
	return t
}

// RowDef defines a row-wise node type. The columns of In decide an output row;
// the columns of Out are added to it.
type RowDef[P, In, Out any] struct {
	Name     string
	Version  int
	Doc      string
	Defaults P
	Check    func(P) error
	Sides    []Port            // further inputs, read whole; their content decides every row
	Tokens   string            // column of Out with the tokens that a row cost, for estimates
	Drop     func(P, Out) bool // rows that the output leaves out; they are cached all the same
	Fanout   func(P) int
	Pin      func(context.Context, P) (Pins, error)
	Witness  func(P) (files []string, ok bool) // as of a Def
	Run      func(context.Context, P, *Work[In, Out]) error
}

// Type returns the type that the definition describes.
func (d RowDef[P, In, Out]) Type() *Type {
	t := &Type{Name: d.Name, Version: d.Version, Doc: d.Doc, RowWise: true, New: fresh(d.Defaults), Ports: d.ports}
	t.Bind = func(params any) (*Node, error) {
		p, err := checked(params, d.Check)
		if err != nil {
			return nil, err
		}
		rows := &Rows{In: table.SchemaOf[In](), Adds: table.SchemaOf[Out](), Fanout: 1, Tokens: d.Tokens}
		if d.Fanout != nil {
			rows.Fanout = d.Fanout(p)
		}
		if d.Drop != nil {
			rows.Drop = dropper(func(o Out) bool { return d.Drop(p, o) })
		}
		rows.Run = func(ctx context.Context, task RowTask) error {
			work := newWork[In, Out](task)
			if err := d.Run(ctx, p, work); err != nil {
				return firstError(work.flush(), err)
			}
			return work.flush()
		}
		return &Node{Type: t, Params: p, Ports: d.ports(), Pin: pinWith(d.Pin, p), Rows: rows, Streams: true, Witness: witnessWith(d.Pin == nil, d.Witness, p)}, nil
	}
	return t
}

// dropper makes a decision on values one on rows of a record.
func dropper[Out any](drop func(Out) bool) func(arrow.Record) (func(int) bool, error) {
	return func(added arrow.Record) (func(int) bool, error) {
		dec, err := table.NewDecoder[Out](added)
		return func(i int) bool { return drop(dec.Row(i)) }, err
	}
}

func (d RowDef[P, In, Out]) ports() Ports {
	in := Port{Name: "in", Doc: "Rows to work on; their columns are kept.", Schema: table.SchemaOf[In]()}
	out := Port{Name: "out", Doc: "The input rows with these columns added.", Schema: table.SchemaOf[Out]()}
	return Ports{In: append([]Port{in}, d.Sides...), Out: []Port{out}}
}

func fresh[P any](defaults P) func() any {
	return func() any {
		p := defaults
		return &p
	}
}

func checked[P any](params any, check func(P) error) (P, error) {
	p := *params.(*P)
	if check == nil {
		return p, nil
	}
	return p, check(p)
}

func pinWith[P any](pin func(context.Context, P) (Pins, error), p P) func(context.Context) (Pins, error) {
	if pin == nil {
		return nil
	}
	return func(ctx context.Context) (Pins, error) { return pin(ctx, p) }
}

func witnessWith[P any](nothing bool, witness func(P) ([]string, bool), p P) func() ([]string, bool) {
	return func() ([]string, bool) {
		if witness == nil {
			return nil, nothing
		}
		return witness(p)
	}
}

// firstError prefers the error of losing results over the one that ended the work.
func firstError(saving, working error) error {
	if saving != nil && !errors.Is(working, saving) {
		return fmt.Errorf("%w (while saving after: %w)", saving, working)
	}
	return working
}

// FieldError is a problem with one parameter.
type FieldError struct {
	Field string // dotted name, as in the pipeline
	Err   error
}

// Error implements error.
func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns the problem.
func (e *FieldError) Unwrap() error { return e.Err }

// BadField returns a FieldError with a formatted problem.
func BadField(field, format string, args ...any) error {
	return &FieldError{field, fmt.Errorf(format, args...)}
}
