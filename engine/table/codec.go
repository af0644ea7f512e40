package table

import (
	"fmt"
	"iter"
	"reflect"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Each yields the rows of r as values of T, reading the columns that T's tags
// name and leaving the others alone.
func Each[T any](r *Reader) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		for rec, err := range r.Batches() {
			if err != nil {
				yield(zero, err)
				return
			}
			d, err := NewDecoder[T](rec)
			if err != nil {
				yield(zero, err)
				return
			}
			for i := range int(rec.NumRows()) {
				if !yield(d.Row(i), nil) {
					return
				}
			}
		}
	}
}

// Rows yields the rows of r.
func Rows(r *Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for rec, err := range r.Batches() {
			if err != nil {
				yield(Row{}, err)
				return
			}
			for i := range int(rec.NumRows()) {
				if !yield(Row{rec, i}, nil) {
					return
				}
			}
		}
	}
}

// All reads every row of r.
func All[T any](r *Reader) ([]T, error) {
	var rows []T
	for row, err := range Each[T](r) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Decoder reads rows of one record as values of T.
type Decoder[T any] struct {
	cols   []column
	arrays []arrow.Array
}

// NewDecoder checks that rec has the columns of T.
func NewDecoder[T any](rec arrow.Record) (*Decoder[T], error) {
	if misfits := Misfits(rec.Schema(), SchemaOf[T]()); len(misfits) > 0 {
		return nil, fmt.Errorf("table doesn't fit: %s", misfits[0])
	}
	d := &Decoder[T]{cols: columnsOf(reflect.TypeFor[T]())}
	for _, c := range d.cols {
		d.arrays = append(d.arrays, rec.Column(rec.Schema().FieldIndices(c.name)[0]))
	}
	return d, nil
}

// Row returns the i-th row.
func (d *Decoder[T]) Row(i int) T {
	var row T
	v := reflect.ValueOf(&row).Elem()
	for c, col := range d.cols {
		dst, a := v.FieldByIndex(col.field), d.arrays[c]
		if a.IsNull(i) {
			continue
		}
		if col.nullable {
			dst.Set(reflect.New(dst.Type().Elem()))
			dst = dst.Elem()
		}
		load(dst, a, i)
	}
	return row
}

func load(dst reflect.Value, a arrow.Array, i int) {
	switch a := a.(type) {
	case *array.Boolean:
		dst.SetBool(a.Value(i))
	case *array.Int64:
		dst.SetInt(a.Value(i))
	case *array.Float64:
		dst.SetFloat(a.Value(i))
	case *array.String:
		dst.SetString(a.Value(i))
	case *array.Binary:
		dst.SetBytes(append([]byte(nil), a.Value(i)...))
	case *array.List:
		start, end := a.ValueOffsets(i)
		values := a.ListValues().(*array.String)
		out := make([]string, 0, end-start)
		for j := start; j < end; j++ {
			out = append(out, values.Value(int(j)))
		}
		dst.Set(reflect.ValueOf(out))
	}
}

// Encoder builds a record from values of T.
type Encoder[T any] struct {
	cols  []column
	build *array.RecordBuilder
}

// NewEncoder returns an empty Encoder.
func NewEncoder[T any]() *Encoder[T] {
	build := array.NewRecordBuilder(memory.DefaultAllocator, SchemaOf[T]())
	return &Encoder[T]{columnsOf(reflect.TypeFor[T]()), build}
}

// Append adds one row.
func (e *Encoder[T]) Append(row T) {
	v := reflect.ValueOf(row)
	for c, col := range e.cols {
		store(e.build.Field(c), v.FieldByIndex(col.field))
	}
}

// Record returns the rows appended since the last call.
func (e *Encoder[T]) Record() arrow.Record { return e.build.NewRecord() }

func store(b array.Builder, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			b.AppendNull()
			return
		}
		v = v.Elem()
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(v.Bool())
	case *array.Int64Builder:
		b.Append(v.Int())
	case *array.Float64Builder:
		b.Append(v.Float())
	case *array.StringBuilder:
		b.Append(v.String())
	case *array.BinaryBuilder:
		b.Append(v.Bytes())
	case *array.ListBuilder:
		b.Append(true)
		for i := range v.Len() {
			b.ValueBuilder().(*array.StringBuilder).Append(v.Index(i).String())
		}
	}
}

// Mean is the mean of the values of an int64 column that aren't null, 0 if there
// are none.
func Mean(r *Reader, column string) (float64, error) {
	var sum, n float64
	for rec, err := range r.Batches() {
		if err != nil {
			return 0, err
		}
		i := rec.Schema().FieldIndices(column)
		if len(i) == 0 {
			return 0, fmt.Errorf("there is no column %q", column)
		}
		values, ok := rec.Column(i[0]).(*array.Int64)
		if !ok {
			return 0, fmt.Errorf("column %q holds no integers", column)
		}
		for i := range values.Len() {
			if values.IsValid(i) {
				sum += float64(values.Value(i))
				n++
			}
		}
	}
	return sum / max(n, 1), nil
}

// AppendAll appends rows to w, whose schema is that of T.
func AppendAll[T any](w *Writer, rows []T) error {
	e := NewEncoder[T]()
	for len(rows) > 0 {
		n := min(len(rows), batchRows)
		for _, row := range rows[:n] {
			e.Append(row)
		}
		if err := w.Append(e.Record()); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
