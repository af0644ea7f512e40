// Package node is the contract between the engine and a node type: its
// parameters, its ports and its work. A node sees only its Task. It knows
// nothing of the cache, of retries or of other nodes.
package node

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
)

// Port is a named input or output of a node.
type Port struct {
	Name     string
	Doc      string
	Schema   *arrow.Schema // columns of a table; nil for a tree of files
	Optional bool          // an input that may stay unbound
	Metrics  bool          // an output whose rows are Metric, shown with the run
	Keeps    string        // an output table has the columns of this input before those of Schema; see EmitBeside
}

// IsTree reports whether the port carries a tree of files.
func (p Port) IsTree() bool { return p.Schema == nil }

// Ports are the inputs and outputs of a node. The first input and the first
// output are the ones that a pipeline means when it names none.
type Ports struct {
	In, Out []Port
}

// Pins are facts that the world decides and that outputs depend on: the digest
// of a file, the version of an interpreter, the revision of a model.
type Pins map[string]string

// Type is a node type as the engine sees it. Def and RowDef make one.
type Type struct {
	Name    string
	Version int    // part of every key: raised when the output changes for the same input
	Doc     string // Markdown; the first sentence is the summary
	RowWise bool
	Ports   func() Ports                    // as they are with the default params
	New     func() any                      // a pointer to a fresh copy of the default params
	Bind    func(params any) (*Node, error) // params is what New returned, filled in
}

// Node is a node type with its parameters decided.
type Node struct {
	Type    *Type
	Params  any // a struct
	Ports   Ports
	Pin     func(context.Context) (Pins, error)    // nil: nothing to pin
	Run     func(context.Context, Task) error      // whole-table nodes
	Rows    *Rows                                  // row-wise nodes
	Streams bool                                   // its first input may still be growing
	Publish func(context.Context, Published) error // nil: nothing leaves the cache
	Witness func() (files []string, ok bool)       // see Def
}

// Rows describes a row-wise node: each row of its first input becomes Fanout
// rows of its only output, each of which keeps the columns of the input row and
// gains those of Adds. Every output row is computed and cached by itself.
type Rows struct {
	In     *arrow.Schema // the input columns that decide an output row
	Adds   *arrow.Schema // the columns that the node computes
	Fanout int           // output rows per input row, at least 1
	Tokens string        // added int64 column with the tokens that a row cost; empty: none
	// Drop returns a function that says of each row of added columns whether the
	// output leaves it out. Such a row is computed and cached like all others. It is
	// nil for a node that drops none.
	Drop func(added arrow.Record) (func(i int) bool, error)
	Run  func(context.Context, RowTask) error
}

// Metric is a row of a metrics port.
type Metric struct {
	Name  string   `arrow:"name"`
	Value float64  `arrow:"value"`
	Low   *float64 `arrow:"low"`  // lower end of the 95% interval, where there is one
	High  *float64 `arrow:"high"` // upper end
}

// Registry finds node types by name.
type Registry map[string]*Type

// NewRegistry returns a registry of the given types. It panics if two share a
// name, since that is a mistake in the program.
func NewRegistry(types ...*Type) Registry {
	r := Registry{}
	for _, t := range types {
		if r[t.Name] != nil {
			panic("node: two types are named " + t.Name)
		}
		r[t.Name] = t
	}
	return r
}
