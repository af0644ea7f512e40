package explain

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Pair is a value of two runs; empty where a run doesn't have it.
type Pair struct {
	Name string `json:"name"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// NodeDiff says how a node differs between two runs.
type NodeDiff struct {
	Node    string          `json:"node"`
	States  Pair            `json:"states"`
	Changes []digest.Change `json:"changes"` // of the key; Old is run A's
	Outputs []OutputDiff    `json:"outputs"` // that differ
}

// OutputDiff says how an output differs.
type OutputDiff struct {
	Port string       `json:"port"`
	A    event.Output `json:"a"`
	B    event.Output `json:"b"`
	Rows *RowsDiff    `json:"rows,omitempty"` // of a table that both runs still have
}

// RowsDiff compares two tables row by row, whatever the order.
type RowsDiff struct {
	Same  int64    `json:"same"`
	OnlyA int64    `json:"only_a"`
	OnlyB int64    `json:"only_b"`
	A     []string `json:"a"` // the first rows that only run A has, as text
	B     []string `json:"b"`
}

// RunDiff says how two runs differ.
type RunDiff struct {
	A        string     `json:"a"`
	B        string     `json:"b"`
	Params   []Pair     `json:"params"`
	Versions []Pair     `json:"versions"`
	Nodes    []NodeDiff `json:"nodes"`   // that differ
	Metrics  []Pair     `json:"metrics"` // all, side by side
}

// Diff compares two runs. Of rows that differ it keeps the first few.
func Diff(s cas.Store, a, b *run.Record, few int) (*RunDiff, error) {
	d := &RunDiff{A: a.ID, B: b.ID, Params: pairs(a.Params, b.Params, true), Versions: pairs(a.Versions, b.Versions, true), Metrics: pairs(a.Metrics, b.Metrics, false)}
	for _, id := range union(a.Order, b.Order) {
		n, err := diffNode(s, id, a.Nodes[id], b.Nodes[id], few)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		if n != nil {
			d.Nodes = append(d.Nodes, *n)
		}
	}
	return d, nil
}

// pairs puts the values of two maps side by side, in the order of their names.
func pairs[V any](a, b map[string]V, onlyChanged bool) []Pair {
	names := slices.Sorted(maps.Keys(a))
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	var out []Pair
	for _, name := range names {
		va, inA := a[name]
		vb, inB := b[name]
		if onlyChanged && inA && inB && reflect.DeepEqual(va, vb) {
			continue
		}
		out = append(out, Pair{name, text(va, inA), text(vb, inB)})
	}
	return out
}

func text(v any, ok bool) string {
	if !ok {
		return ""
	}
	return fmt.Sprint(v)
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, id := range b {
		if !slices.Contains(a, id) {
			out = append(out, id)
		}
	}
	return out
}

func diffNode(s cas.Store, id string, a, b *run.Node, few int) (*NodeDiff, error) {
	d := &NodeDiff{Node: id, States: Pair{A: state(a), B: state(b)}}
	if a == nil || b == nil {
		return d, nil
	}
	d.Changes = b.Fields.Diff(a.Fields)
	for _, port := range union(slices.Sorted(maps.Keys(a.Outputs)), slices.Sorted(maps.Keys(b.Outputs))) {
		oa, ob := a.Outputs[port], b.Outputs[port]
		if oa.Digest == ob.Digest {
			continue
		}
		out := OutputDiff{Port: port, A: oa, B: ob}
		var err error
		if out.Rows, err = diffRows(s, oa, ob, few); err != nil {
			return nil, err
		}
		d.Outputs = append(d.Outputs, out)
	}
	if len(d.Changes) == 0 && len(d.Outputs) == 0 {
		return nil, nil
	}
	return d, nil
}

func state(n *run.Node) string {
	if n == nil {
		return ""
	}
	return string(n.State)
}

// diffRows compares two tables that are still in the store, else it returns nil.
func diffRows(s cas.Store, a, b event.Output, few int) (*RowsDiff, error) {
	if a.Kind != table.KindTable || b.Kind != table.KindTable {
		return nil, nil
	}
	inA, err := countRows(s, a.Digest)
	if err != nil || inA == nil {
		return nil, err
	}
	d := &RowsDiff{}
	d.B, err = eachRow(s, b.Digest, few, func(row digest.Digest) bool {
		if inA[row] > 0 {
			inA[row]--
			d.Same++
			return false
		}
		d.OnlyB++
		return true
	})
	if cas.IsMiss(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d.A, err = eachRow(s, a.Digest, few, func(row digest.Digest) bool {
		if inA[row] == 0 {
			return false
		}
		inA[row]--
		d.OnlyA++
		return true
	})
	return d, err
}

// countRows counts the equal rows of a table, nil if it is gone.
func countRows(s cas.Store, d digest.Digest) (map[digest.Digest]int, error) {
	counts := map[digest.Digest]int{}
	_, err := eachRow(s, d, 0, func(row digest.Digest) bool {
		counts[row]++
		return false
	})
	if cas.IsMiss(err) {
		return nil, nil
	}
	return counts, err
}

// eachRow calls visit with the digest of each row and returns the texts of the
// first few for which it returns true.
func eachRow(s cas.Store, d digest.Digest, few int, visit func(digest.Digest) bool) (texts []string, err error) {
	in, err := table.Open(s, d)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	f := digest.NewFramer()
	number := 0
	for rec, err := range in.Batches() {
		if err != nil {
			return nil, err
		}
		for i := range int(rec.NumRows()) {
			f.Reset()
			for c, column := range rec.Columns() {
				f.String(rec.ColumnName(c))
				table.HashCell(f, column, i)
			}
			if visit(f.Sum()) && len(texts) < few {
				texts = append(texts, fmt.Sprintf("row %d: %s", number, table.RowText(rec, i)))
			}
			number++
		}
	}
	return texts, nil
}
