package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Field is one labelled value of a key, such as {"param.n", "50"}.
type Field struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Transcript lists, in order, everything that decides a key.
type Transcript []Field

// Add appends a field.
func (t *Transcript) Add(label, value string) { *t = append(*t, Field{label, value}) }

// Grow makes room for n more fields.
func (t *Transcript) Grow(n int) { *t = slices.Grow(*t, n) }

// AddMap appends the entries of m under prefix, in the order of their names.
func (t *Transcript) AddMap(prefix string, m map[string]string) {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t.Add(prefix+name, m[name])
	}
}

// Sum returns the digest of the transcript. Every label and value is framed by
// its length, so no two transcripts share an encoding.
func (t Transcript) Sum() Digest {
	h := NewFramer()
	for _, f := range t {
		h.String(f.Label)
		h.String(f.Value)
	}
	return h.Sum()
}

// Change is a field in which two transcripts differ. Old or New is empty where
// the field is missing on that side.
type Change struct {
	Label    string `json:"label"`
	Old, New string
}

// Diff lists the fields that differ from old to t, in t's order, then those that
// only old has.
func (t Transcript) Diff(old Transcript) []Change {
	before := old.index()
	var out []Change
	for _, f := range t {
		prev, ok := before[f.Label]
		if !ok || prev != f.Value {
			out = append(out, Change{f.Label, prev, f.Value})
		}
		delete(before, f.Label)
	}
	for _, f := range old {
		if _, gone := before[f.Label]; gone {
			out = append(out, Change{f.Label, f.Value, ""})
		}
	}
	return out
}

func (t Transcript) index() map[string]string {
	m := make(map[string]string, len(t))
	for _, f := range t {
		m[f.Label] = f.Value
	}
	return m
}

// Framer hashes a sequence of byte strings, each preceded by its length. It is
// the fast path for row keys, where a transcript per row would cost too much.
type Framer struct {
	buf []byte
}

// NewFramer returns an empty Framer.
func NewFramer() *Framer { return &Framer{} }

// Reset empties the framer and keeps its memory.
func (f *Framer) Reset() { f.buf = f.buf[:0] }

// Bytes appends one framed byte string.
func (f *Framer) Bytes(b []byte) {
	f.buf = binary.AppendUvarint(f.buf, uint64(len(b)))
	f.buf = append(f.buf, b...)
}

// String appends one framed string.
func (f *Framer) String(s string) {
	f.buf = binary.AppendUvarint(f.buf, uint64(len(s)))
	f.buf = append(f.buf, s...)
}

// Uint appends an unsigned number.
func (f *Framer) Uint(n uint64) { f.buf = binary.AppendUvarint(f.buf, n) }

// Equal reports whether the same was appended to both.
func (f *Framer) Equal(g *Framer) bool { return bytes.Equal(f.buf, g.buf) }

// Sum returns the digest of what was appended so far.
func (f *Framer) Sum() Digest { return sha256.Sum256(f.buf) }
