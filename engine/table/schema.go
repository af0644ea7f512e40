// Package table reads and writes the tables and trees that flow between nodes.
//
// A table is an Arrow IPC file in one canonical form: the same rows always give
// the same bytes, whatever batches, slices or buffers they came in, so the
// digest of the file names its content. A tree is a set of files listed in a
// manifest.
package table

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Column types a table may have. Others are converted where data enters.
var (
	Bool    arrow.DataType = arrow.FixedWidthTypes.Boolean
	Int64   arrow.DataType = arrow.PrimitiveTypes.Int64
	Float64 arrow.DataType = arrow.PrimitiveTypes.Float64
	String  arrow.DataType = arrow.BinaryTypes.String
	Binary  arrow.DataType = arrow.BinaryTypes.Binary
	Strings arrow.DataType = arrow.ListOfNonNullable(arrow.BinaryTypes.String)
)

var goTypes = map[reflect.Type]arrow.DataType{
	reflect.TypeFor[bool]():     Bool,
	reflect.TypeFor[int64]():    Int64,
	reflect.TypeFor[float64]():  Float64,
	reflect.TypeFor[string]():   String,
	reflect.TypeFor[[]byte]():   Binary,
	reflect.TypeFor[[]string](): Strings,
}

// SchemaOf returns the schema of the rows that a struct describes. A field
// becomes the column that its tag `arrow:"name"` names; a pointer makes the
// column nullable, and an embedded struct has its columns in its place. Field types: bool,
// int64, float64, string, []byte, []string. It panics on any other type, since that is a
// mistake in the program.
func SchemaOf[T any]() *arrow.Schema {
	t := reflect.TypeFor[T]()
	if s, ok := schemas.Load(t); ok {
		return s.(*arrow.Schema)
	}
	var fields []arrow.Field
	for _, f := range columnsOf(t) {
		fields = append(fields, arrow.Field{Name: f.name, Type: f.typ, Nullable: f.nullable})
	}
	s, _ := schemas.LoadOrStore(t, arrow.NewSchema(fields, nil))
	return s.(*arrow.Schema)
}

// schemas holds what SchemaOf made: pipelines of many nodes share them.
var schemas sync.Map // reflect.Type to *arrow.Schema

// column is a struct field seen as a table column.
type column struct {
	name     string
	typ      arrow.DataType
	nullable bool
	field    []int // path of the field
}

func columnsOf(t reflect.Type) []column {
	var cols []column
	for _, f := range reflect.VisibleFields(t) { // those of embedded structs as well
		name := f.Tag.Get("arrow")
		if name == "" {
			continue
		}
		ft, nullable := f.Type, false
		if ft.Kind() == reflect.Pointer {
			ft, nullable = ft.Elem(), true
		}
		typ, ok := goTypes[ft]
		if !ok {
			panic(fmt.Sprintf("table: field %s.%s has type %s, which no column can hold", t, f.Name, ft))
		}
		cols = append(cols, column{name, typ, nullable, f.Index})
	}
	return cols
}

// Supported reports whether a table can have a column of that type.
func Supported(t arrow.DataType) bool {
	for _, s := range goTypes {
		if arrow.TypeEqual(s, t) {
			return true
		}
	}
	return false
}

// Misfits says, a sentence each, why a table of schema have can't be read where
// want is asked for. Further columns of have don't matter.
func Misfits(have, want *arrow.Schema) []string {
	var out []string
	for _, w := range want.Fields() {
		i := have.FieldIndices(w.Name)
		if len(i) == 0 {
			out = append(out, fmt.Sprintf("column %q (%s) is missing; there are: %s", w.Name, w.Type, strings.Join(Names(have), ", ")))
			continue
		}
		h := have.Field(i[0])
		switch {
		case !arrow.TypeEqual(h.Type, w.Type):
			out = append(out, fmt.Sprintf("column %q is %s, want %s", w.Name, h.Type, w.Type))
		case h.Nullable && !w.Nullable:
			out = append(out, fmt.Sprintf("column %q may be null, which is not allowed here", w.Name))
		}
	}
	return out
}

// Names lists the columns of a schema.
func Names(s *arrow.Schema) []string {
	names := make([]string, s.NumFields())
	for i, f := range s.Fields() {
		names[i] = f.Name
	}
	return names
}

// Concat returns the columns of a followed by those of b. A column of b replaces
// the one of a that has its name.
func Concat(a, b *arrow.Schema) *arrow.Schema {
	var fields []arrow.Field
	for _, f := range a.Fields() {
		if !b.HasField(f.Name) {
			fields = append(fields, f)
		}
	}
	return arrow.NewSchema(append(fields, b.Fields()...), nil)
}

// Beside returns the rows of a with the columns of b, which has as many rows; see
// Concat.
func Beside(a, b arrow.Record) arrow.Record {
	schema := Concat(a.Schema(), b.Schema())
	columns := make([]arrow.Array, schema.NumFields())
	for i, f := range schema.Fields() {
		from := a
		if b.Schema().HasField(f.Name) {
			from = b
		}
		columns[i] = from.Column(from.Schema().FieldIndices(f.Name)[0])
	}
	return array.NewRecord(schema, columns, a.NumRows())
}

// Describe writes a schema on one line: name type, name type? for nullable.
func Describe(s *arrow.Schema) string {
	parts := make([]string, s.NumFields())
	for i, f := range s.Fields() {
		parts[i] = f.Name + " " + TypeName(f.Type)
		if f.Nullable {
			parts[i] += "?"
		}
	}
	return strings.Join(parts, ", ")
}

// TypeName returns the short name of a column type, as documentation shows it.
func TypeName(t arrow.DataType) string {
	if l, ok := t.(*arrow.ListType); ok {
		return "list<" + TypeName(l.Elem()) + ">"
	}
	if t.ID() == arrow.STRING {
		return "string"
	}
	return t.String()
}
