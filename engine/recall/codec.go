package recall

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
)

const magic = "OFMEMO2\n"

// head is the part of a memo that is JSON.
type head struct {
	Pipeline digest.Digest   `json:"pipeline"`
	Outside  digest.Digest   `json:"outside"`
	State    digest.Digest   `json:"state"`
	Record   json.RawMessage `json:"record"`
}

// nodeSize is about how many bytes a node takes.
const nodeSize = 512

// encode writes the magic, the head, the files and the nodes. Texts and lists come after
// their length; numbers are varints.
func (m *Memo) encode() []byte {
	h, err := json.Marshal(head{m.Pipeline, m.Outside, m.State, m.Record})
	if err != nil {
		panic(err) // Record is JSON
	}
	w := &writer{b: make([]byte, 0, nodeSize*len(m.Nodes))}
	w.b = append(w.b, magic...)
	w.text(string(h))
	w.files(m.Files)
	w.uvarint(uint64(len(m.Nodes)))
	for _, n := range m.Nodes {
		w.node(n)
	}
	return w.b
}

// writer puts a memo together.
type writer struct{ b []byte }

func (w *writer) uvarint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) varint(v int64)   { w.b = binary.AppendVarint(w.b, v) }

func (w *writer) text(s string) {
	w.uvarint(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) files(files []File) {
	w.uvarint(uint64(len(files)))
	for _, f := range files {
		w.text(f.Path)
		w.varint(f.Size)
		w.varint(f.Time)
		w.varint(f.CTime)
		w.uvarint(f.Inode)
	}
}

func (w *writer) node(n Node) {
	w.text(n.ID)
	w.varint(int64(n.Col))
	w.varint(int64(n.Lines.First))
	w.varint(int64(n.Lines.After))
	w.uvarint(n.Text)
	w.uvarint(uint64(len(n.Needs)))
	for _, need := range n.Needs {
		w.uvarint(uint64(need))
	}
	w.varint(n.Rows)
	w.uvarint(uint64(map[bool]int{true: 1}[n.Metrics]))
	w.varint(n.Place.At)
	w.varint(n.Place.Size)
	w.files(n.Uses)
	w.files(n.Made)
}

func decode(b []byte) (*Memo, error) {
	r := &reader{b: b, all: string(b)}
	if string(r.take(len(magic))) != magic {
		return nil, errors.New("not a memo of this format")
	}
	var h head
	if err := json.Unmarshal([]byte(r.text()), &h); err != nil {
		return nil, err
	}
	m := &Memo{Pipeline: h.Pipeline, Outside: h.Outside, State: h.State, Record: h.Record, Files: r.files()}
	if nodes := r.length(); nodes > 0 {
		m.Nodes = make([]Node, nodes)
	}
	for i := range m.Nodes {
		n, err := r.node(len(m.Nodes))
		if err != nil {
			return nil, err
		}
		m.Nodes[i] = n
	}
	if r.short || len(r.b) > 0 {
		return nil, errors.New("it is cut, or too long")
	}
	return m, nil
}

// reader takes a memo apart. After its end everything is zero.
type reader struct {
	b     []byte // what is left
	all   string // of which all texts are parts
	short bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.take(max(n, -n))
	r.short = r.short || n <= 0
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.take(max(n, -n))
	r.short = r.short || n <= 0
	return v
}

// length reads the length of a list or text, none of whose members is shorter than a byte.
func (r *reader) length() int {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.short = true
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.length()
	at := len(r.all) - len(r.b)
	r.take(n)
	return r.all[at : at+n]
}

func (r *reader) files() []File {
	n := r.length()
	if n == 0 {
		return nil
	}
	files := make([]File, n)
	for i := range files {
		files[i] = File{r.text(), r.varint(), r.varint(), r.varint(), r.uvarint()}
	}
	return files
}

// node reads one of so many nodes.
func (r *reader) node(nodes int) (Node, error) {
	n := Node{ID: r.text(), Col: int(r.varint()), Lines: spec.Lines{First: int(r.varint()), After: int(r.varint())}, Text: r.uvarint()}
	for range r.length() {
		need := r.uvarint()
		if need >= uint64(nodes) {
			return n, fmt.Errorf("node %q needs the %dth of %d", n.ID, need, nodes)
		}
		n.Needs = append(n.Needs, int(need))
	}
	n.Rows, n.Metrics, n.Place = r.varint(), r.uvarint() > 0, run.Place{At: r.varint(), Size: r.varint()}
	if n.Place.At < 0 || n.Place.Size < 0 || n.Lines.First < 0 || n.Lines.After < n.Lines.First {
		return n, fmt.Errorf("node %q is nowhere", n.ID)
	}
	n.Uses, n.Made = r.files(), r.files()
	return n, nil
}
