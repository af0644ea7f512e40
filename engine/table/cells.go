package table

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/ouroflow/ouroflow/engine/digest"
)

// copyCell appends the i-th value of a to b, which has the same type.
func copyCell(b array.Builder, a arrow.Array, i int) {
	if a.IsNull(i) {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(a.(*array.Boolean).Value(i))
	case *array.Int64Builder:
		b.Append(a.(*array.Int64).Value(i))
	case *array.Float64Builder:
		b.Append(a.(*array.Float64).Value(i))
	case *array.StringBuilder:
		b.Append(a.(*array.String).Value(i))
	case *array.BinaryBuilder:
		b.Append(a.(*array.Binary).Value(i))
	case *array.ListBuilder:
		copyList(b, a.(*array.List), i)
	default:
		panic(fmt.Sprintf("table: no column can be %T", b))
	}
}

func copyList(b *array.ListBuilder, a *array.List, i int) {
	b.Append(true)
	start, end := a.ValueOffsets(i)
	for j := start; j < end; j++ {
		copyCell(b.ValueBuilder(), a.ListValues(), int(j))
	}
}

// HashCell frames the i-th value of a into f, so that equal values of equal type
// hash alike and others don't.
func HashCell(f *digest.Framer, a arrow.Array, i int) {
	if a.IsNull(i) {
		f.String("null")
		return
	}
	switch a := a.(type) {
	case *array.Boolean:
		f.String("b")
		f.Uint(uint64(boolByte(a.Value(i))))
	case *array.Int64:
		f.String("i")
		f.Uint(uint64(a.Value(i)))
	case *array.Float64:
		f.String("f")
		f.Uint(math.Float64bits(a.Value(i)))
	case *array.String:
		f.String("s")
		f.String(a.Value(i))
	case *array.Binary:
		f.String("x")
		f.Bytes(a.Value(i))
	case *array.List:
		start, end := a.ValueOffsets(i)
		f.String("l")
		f.Uint(uint64(end - start))
		for j := start; j < end; j++ {
			HashCell(f, a.ListValues(), int(j))
		}
	default:
		panic(fmt.Sprintf("table: no column can be %T", a))
	}
}

func boolByte(v bool) byte {
	if v {
		return 1
	}
	return 0
}

// cellSize estimates the bytes that the i-th value of a takes, to bound batches.
func cellSize(a arrow.Array, i int) int {
	switch a := a.(type) {
	case *array.String:
		return a.ValueLen(i) + 4
	case *array.Binary:
		return a.ValueLen(i) + 4
	case *array.List:
		start, end := a.ValueOffsets(i)
		n := 4
		for j := start; j < end; j++ {
			n += cellSize(a.ListValues(), int(j))
		}
		return n
	default:
		return binary.MaxVarintLen64
	}
}

// Value returns the i-th value of a as a Go value: nil, bool, int64, float64,
// string, []byte or []any. Other types come as their text.
func Value(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int64:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.String:
		return a.Value(i)
	case *array.Binary:
		return a.Value(i)
	case *array.List:
		start, end := a.ValueOffsets(i)
		out := make([]any, 0, end-start)
		for j := start; j < end; j++ {
			out = append(out, Value(a.ListValues(), int(j)))
		}
		return out
	default:
		return a.ValueStr(i)
	}
}

// EqualCells reports whether two values are the same, NaN being the same as itself.
func EqualCells(a arrow.Array, i int, b arrow.Array, j int) bool {
	f, g := digest.NewFramer(), digest.NewFramer()
	HashCell(f, a, i)
	HashCell(g, b, j)
	return f.Equal(g)
}

// longest value that RowText writes whole.
const briefCell = 40

// RowText writes the i-th row of a record on one line, long values cut short.
func RowText(rec arrow.Record, i int) string {
	parts := make([]string, rec.NumCols())
	for c, column := range rec.Columns() {
		parts[c] = rec.ColumnName(c) + "=" + cellText(column, i)
	}
	return strings.Join(parts, " ")
}

// Text writes the value of a column of a row, cut short if it is long.
func (r Row) Text(column string) string {
	i := r.Record.Schema().FieldIndices(column)
	if len(i) == 0 {
		return "nothing"
	}
	return cellText(r.Record.Column(i[0]), r.I)
}

func cellText(a arrow.Array, i int) string {
	value := fmt.Sprintf("%q", fmt.Sprint(Value(a, i)))
	if len(value) > briefCell {
		value = value[:briefCell-4] + `..."`
	}
	return value
}
