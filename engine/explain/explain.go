// Package explain says what keys were made of and how runs differ. It reads run
// records and tables, and computes nothing.
package explain

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Neighbour is a node of some run and how its key differs from another.
type Neighbour struct {
	Run     string          `json:"run"`
	Node    string          `json:"node"`
	Changes []digest.Change `json:"changes"` // Old is the neighbour's
}

// Nearest finds, among the runs before one, the node of the same type whose key has
// the fewest other fields than that of a node, the newest of those. It is nil if
// there is none; one without changes has the same key.
func Nearest(runs run.Dir, r *run.Record, id string) (*Neighbour, error) {
	ids, err := runs.IDs()
	if err != nil {
		return nil, err
	}
	var best *Neighbour
	for _, other := range slices.Backward(ids) {
		if other >= r.ID {
			continue
		}
		record, err := runs.Load(other)
		if err != nil {
			continue
		}
		for name, n := range record.Nodes {
			if n.Type != r.Nodes[id].Type || len(n.Fields) == 0 {
				continue
			}
			changes := r.Nodes[id].Fields.Diff(n.Fields)
			if best == nil || len(changes) < len(best.Changes) {
				best = &Neighbour{other, name, changes}
			}
		}
		if best != nil && len(best.Changes) == 0 {
			break
		}
	}
	return best, nil
}

// Row says what the key of an output row was made of, and where the row is.
type Row struct {
	Number  int64             `json:"number"` // in the output, from 0
	Key     digest.Digest     `json:"key"`
	Base    digest.Digest     `json:"base"` // part that all rows of the node share
	Fields  digest.Transcript `json:"fields"`
	Index   int               `json:"index"`             // among the rows of its input row
	Segment string            `json:"segment,omitempty"` // file that holds it; empty if it isn't stored
	At      int               `json:"at"`                // row of the segment
}

// FindRow finds an output row of a row-wise node by its number, from 0, or by the
// beginning of its key in hexadecimal, of at least four characters.
func FindRow(s cas.Store, n *run.Node, name string) (*Row, error) {
	if n.RowKeys == nil {
		return nil, fmt.Errorf("%s is not row-wise: its output has one key", n.Type)
	}
	wanted, err := rowMatcher(name)
	if err != nil {
		return nil, err
	}
	input, ok := n.RowInput()
	if !ok {
		return nil, fmt.Errorf("its input %q was never complete in this run", n.RowKeys.Port)
	}
	in, err := table.Open(s, input)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var found *Row
	number := int64(0)
	err = exec.EachRowKey(n.RowKeys, in, func(key digest.Digest) {
		if found == nil && wanted(number, key) {
			found = &Row{Number: number, Key: key, Base: n.RowKeys.Base, Index: int(number % int64(n.RowKeys.Fanout))}
		}
		number++
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, fmt.Errorf("none of its %d rows is %q: give a row number, from 0, or the beginning of a key", number, name)
	}
	if err := found.readFields(s, input, n); err != nil {
		return nil, err
	}
	return found, found.locate(s.Rows(n.RowKeys.Space))
}

func rowMatcher(name string) (func(int64, digest.Digest) bool, error) {
	if number, err := strconv.ParseInt(name, 10, 64); err == nil && len(name) < 16 {
		return func(n int64, _ digest.Digest) bool { return n == number }, nil
	}
	if _, err := hex.DecodeString(name + name); err != nil || len(name) < 4 {
		return nil, fmt.Errorf("%q is neither a row number nor the beginning of a key", name)
	}
	name = strings.ToLower(name)
	return func(_ int64, key digest.Digest) bool { return strings.HasPrefix(key.String(), name) }, nil
}

// readFields adds what every key of the node has, then the columns that decide the
// row.
func (r *Row) readFields(s cas.Store, input digest.Digest, n *run.Node) error {
	r.Fields = append(r.Fields, n.RowKeys.Fields...)
	in, err := table.Open(s, input)
	if err != nil {
		return err
	}
	defer in.Close()
	left := r.Number / int64(n.RowKeys.Fanout)
	for rec, err := range in.Batches() {
		if err != nil {
			return err
		}
		if left < rec.NumRows() {
			r.addColumns(rec, n.RowKeys.Columns, int(left))
			return nil
		}
		left -= rec.NumRows()
	}
	return fmt.Errorf("the input has no row %d", r.Number)
}

func (r *Row) addColumns(rec arrow.Record, names []string, i int) {
	for _, name := range names {
		column := rec.Column(rec.Schema().FieldIndices(name)[0])
		r.Fields.Add("column."+name, fmt.Sprint(table.Value(column, i)))
	}
	r.Fields.Add("index", strconv.Itoa(r.Index))
}

// locate finds where the row is stored.
func (r *Row) locate(rows cas.RowSpace) error {
	index, _, err := cas.ReadIndex(rows)
	if err != nil {
		return err
	}
	if place, ok := index.Lookup(r.Key); ok {
		ref := index.Ref(place)
		r.Segment, r.At = ref.Segment.String(), ref.Row
	}
	return nil
}
