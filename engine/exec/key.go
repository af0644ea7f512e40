package exec

import (
	"fmt"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// keyFormat is raised when keys are made of other fields, so that old ones are
// never met by accident. docs/format/key.md describes them.
const keyFormat = "1"

// KeyOf returns the key of a node with pins and inputs: what decides its output.
func KeyOf(n *node.Node, pins node.Pins, inputs map[string]table.Artifact) Key {
	t := baseFields(n, pins, node.ScopeTable)
	for _, port := range n.Ports.In {
		if a, ok := inputs[port.Name]; ok {
			t.Add("input."+port.Name, a.Digest.String())
		}
	}
	return Key{t.Sum(), t}
}

// rowBase returns the part that all row keys of a row-wise node share: its side
// inputs are in it, its first input and how many rows it makes are not.
func rowBase(n *node.Node, pins node.Pins, inputs map[string]table.Artifact) digest.Digest {
	return rowFields(n, pins, inputs).Sum()
}

func rowFields(n *node.Node, pins node.Pins, inputs map[string]table.Artifact) digest.Transcript {
	t := baseFields(n, pins, node.ScopeRow)
	for _, port := range n.Ports.In[1:] {
		if a, ok := inputs[port.Name]; ok {
			t.Add("input."+port.Name, a.Digest.String())
		}
	}
	return t
}

// rowKeys says what the row keys of a node are made of, nil if it has none.
func rowKeys(n *node.Node, pins node.Pins, inputs map[string]table.Artifact) *event.RowKeys {
	if n.Rows == nil {
		return nil
	}
	fields := rowFields(n, pins, inputs)
	return &event.RowKeys{
		Space: rowSpace(n), Base: fields.Sum(), Fields: fields, Columns: table.Names(n.Rows.In),
		Fanout: n.Rows.Fanout, Port: n.Ports.In[0].Name,
	}
}

func baseFields(n *node.Node, pins node.Pins, scope node.Scope) digest.Transcript {
	params := node.Params(n.Params)
	var t digest.Transcript
	t.Grow(3 + len(params) + len(pins) + len(n.Ports.In))
	t.Add("format", keyFormat)
	t.Add("type", n.Type.Name)
	t.Add("version", strconv.Itoa(n.Type.Version))
	for _, p := range params {
		if p.Scope <= scope {
			t.Add(p.Label, p.Canonical())
		}
	}
	t.AddMap("pin.", pins)
	return t
}

// rowSpace names the row space of a node: rows of other types, versions or
// columns never meet.
func rowSpace(n *node.Node) string {
	columns := digest.Of([]byte(table.Describe(n.Rows.Adds)))
	return fmt.Sprintf("%s-%d-%s", n.Type.Name, n.Type.Version, columns.Short())
}

// keyMaker makes the keys of the output rows of a node.
type keyMaker struct {
	base     digest.Digest
	names    []string // of the columns that decide a row
	fanout   int
	framer   *digest.Framer
	deciding []arrow.Array // of the batch at hand
}

func newKeyMaker(base digest.Digest, rows *node.Rows) *keyMaker {
	return &keyMaker{base: base, names: table.Names(rows.In), fanout: rows.Fanout, framer: digest.NewFramer()}
}

// read turns to a batch of the input.
func (k *keyMaker) read(rec arrow.Record) { k.deciding = pick(rec, k.names) }

// unit returns one of the output rows of a batch, counted from its first, which has a
// number in the table.
func (k *keyMaker) unit(rec arrow.Record, first, at int) node.Unit {
	return node.Unit{ID: first + at, Row: table.Row{Record: rec, I: at / k.fanout}, Index: at % k.fanout}
}

// key returns the key of one of the rows that the i-th row of the batch becomes.
func (k *keyMaker) key(i, index int) digest.Digest {
	f := k.framer
	f.Reset()
	f.Bytes(k.base[:])
	for _, a := range k.deciding {
		table.HashCell(f, a, i)
	}
	f.Uint(uint64(index))
	return f.Sum()
}
