package exec

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
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

// SegmentKeys returns the keys of the rows of a segment.
func SegmentKeys(content []byte) ([]digest.Digest, error) {
	seg, err := decodeSegment(digest.Digest{}, content)
	if err != nil {
		return nil, err
	}
	var keys []digest.Digest
	for _, rec := range seg.records {
		for i := range int(rec.NumRows()) {
			key := keyOf(table.Row{Record: rec, I: i})
			if len(key) != digest.Size {
				return nil, fmt.Errorf("key %d has %d bytes, want %d", len(keys), len(key), digest.Size)
			}
			keys = append(keys, digest.Digest(key))
		}
	}
	return keys, nil
}

// MergeSegments makes one segment of the rows of several, the last of those that share
// a key.
func MergeSegments(contents [][]byte) (keys []digest.Digest, merged []byte, err error) {
	var rows []table.Row
	at := map[digest.Digest]int{}
	var schema *arrow.Schema
	for _, content := range contents {
		seg, err := decodeSegment(digest.Digest{}, content)
		if err != nil {
			return nil, nil, err
		}
		for _, rec := range seg.records {
			schema = rec.Schema()
			for i := range int(rec.NumRows()) {
				row := table.Row{Record: rec, I: i}
				key := digest.Digest(keyOf(row))
				if j, ok := at[key]; ok {
					rows[j] = row
				} else {
					at[key] = len(rows)
					keys, rows = append(keys, key), append(rows, row)
				}
			}
		}
	}
	if len(rows) == 0 {
		return nil, nil, nil
	}
	var buf bytes.Buffer
	w, err := table.NewWriter(&buf, schema)
	if err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		if err := w.AppendRow(row.Record.Columns(), row.I); err != nil {
			return nil, nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	return keys, buf.Bytes(), nil
}

// EachRowKey calls visit with the key of every row that a node made of a table.
func EachRowKey(rk *event.RowKeys, in *table.Reader, visit func(digest.Digest)) error {
	for _, name := range rk.Columns {
		if !in.Schema().HasField(name) {
			return fmt.Errorf("the input has no column %q", name)
		}
	}
	return eachKey(&keyMaker{base: rk.Base, names: rk.Columns, fanout: rk.Fanout, framer: digest.NewFramer()}, in, visit)
}

func eachKey(keys *keyMaker, in *table.Reader, visit func(digest.Digest)) error {
	for rec, err := range in.Batches() {
		if err != nil {
			return err
		}
		keys.read(rec)
		for unit := range int(rec.NumRows()) * keys.fanout {
			visit(keys.key(unit/keys.fanout, unit%keys.fanout))
		}
	}
	return nil
}
