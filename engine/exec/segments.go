package exec

import (
	"bytes"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
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
