package exec

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/table"
)

// keyColumn is the last column of a segment. With it the index of a segment
// could be made again from the segment alone.
const keyColumn = "_key"

// encodeSegment writes rows with their keys as a canonical table.
func encodeSegment(adds *arrow.Schema, keys []digest.Digest, added arrow.Record) ([]byte, error) {
	b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	for _, k := range keys {
		b.Append(k[:])
	}
	fields := append(append([]arrow.Field(nil), adds.Fields()...), arrow.Field{Name: keyColumn, Type: table.Binary})
	columns := append(append([]arrow.Array(nil), added.Columns()...), b.NewArray())
	var buf bytes.Buffer
	w, err := table.NewWriter(&buf, arrow.NewSchema(fields, nil))
	if err != nil {
		return nil, err
	}
	for i := range int(added.NumRows()) {
		if err := w.AppendRow(columns, i); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// segments reads rows from the segments of a row space and keeps what it read.
type segments struct {
	space cas.RowSpace
	mu    sync.Mutex
	read  map[digest.Digest][]arrow.Record
}

func newSegments(space cas.RowSpace) *segments {
	return &segments{space: space, read: map[digest.Digest][]arrow.Record{}}
}

// row returns one row, or the Miss of its segment.
func (s *segments) row(ref cas.Ref) (table.Row, error) {
	recs, err := s.load(ref.Segment)
	if err != nil {
		return table.Row{}, err
	}
	i := ref.Row
	for _, rec := range recs {
		if i < int(rec.NumRows()) {
			return table.Row{Record: rec, I: i}, nil
		}
		i -= int(rec.NumRows())
	}
	return table.Row{}, fmt.Errorf("segment %s has no row %d", ref.Segment.Short(), ref.Row)
}

func (s *segments) load(id digest.Digest) ([]arrow.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if recs, ok := s.read[id]; ok {
		return recs, nil
	}
	b, err := s.space.Segment(id)
	if err != nil {
		return nil, err
	}
	r, err := table.FromBytes(b)
	if err != nil {
		return nil, err
	}
	var recs []arrow.Record
	for rec, err := range r.Batches() {
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	s.read[id] = recs
	return recs, nil
}
