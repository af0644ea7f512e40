// Package tableio converts tables to and from the formats that people and other
// tools use: JSON lines, CSV, Parquet and Arrow files.
package tableio

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Formats lists the names of the formats that Write knows.
func Formats() []string { return []string{"arrow", "csv", "jsonl", "parquet"} }

// FormatOf guesses the format from a file name, "" if nothing fits.
func FormatOf(path string) string {
	path = strings.ToLower(path)
	for _, compressed := range []string{".gz", ".zst", ".zstd"} {
		path = strings.TrimSuffix(path, compressed)
	}
	for _, f := range Formats() {
		if strings.HasSuffix(path, "."+f) {
			return f
		}
	}
	switch {
	case strings.HasSuffix(path, ".ndjson"):
		return "jsonl"
	case strings.HasSuffix(path, ".json"):
		return "json"
	case strings.HasSuffix(path, ".feather"), strings.HasSuffix(path, ".ipc"):
		return "arrow"
	}
	return ""
}

// Sink receives records and writes them in some format.
type Sink interface {
	Write(arrow.Record) error
	Close() error
}

// NewSink starts writing records of that schema to w. Close ends the file and
// leaves w open.
func NewSink(format string, w io.Writer, schema *arrow.Schema) (Sink, error) {
	switch format {
	case "arrow":
		tw, err := table.NewWriter(w, schema)
		if err != nil {
			return nil, err
		}
		return arrowSink{tw}, nil
	case "csv":
		return newCSVSink(w, schema)
	case "jsonl":
		return newJSONLSink(w, schema)
	case "parquet":
		return newParquetSink(w, schema)
	default:
		return nil, fmt.Errorf("unknown format %q; known: %s", format, strings.Join(Formats(), ", "))
	}
}

// Write converts the chosen columns of a table, all of them if none are named.
func Write(format string, w io.Writer, r *table.Reader, columns []string) (int64, error) {
	schema, err := Select(r.Schema(), columns)
	if err != nil {
		return 0, err
	}
	sink, err := NewSink(format, w, schema)
	if err != nil {
		return 0, err
	}
	var rows int64
	for rec, err := range r.Batches() {
		if err != nil {
			return rows, err
		}
		if err := sink.Write(Project(rec, schema)); err != nil {
			return rows, err
		}
		rows += rec.NumRows()
	}
	return rows, sink.Close()
}

// Select returns the schema with the named columns in the order given.
func Select(s *arrow.Schema, columns []string) (*arrow.Schema, error) {
	if len(columns) == 0 {
		return s, nil
	}
	var fields []arrow.Field
	for _, name := range columns {
		i := s.FieldIndices(name)
		if len(i) == 0 {
			return nil, fmt.Errorf("the table has no column %q; it has: %s", name, strings.Join(table.Names(s), ", "))
		}
		fields = append(fields, s.Field(i[0]))
	}
	return arrow.NewSchema(fields, nil), nil
}

// Project returns the columns of rec that schema has.
func Project(rec arrow.Record, schema *arrow.Schema) arrow.Record {
	columns := make([]arrow.Array, schema.NumFields())
	for i, f := range schema.Fields() {
		columns[i] = rec.Column(rec.Schema().FieldIndices(f.Name)[0])
	}
	return array.NewRecord(schema, columns, rec.NumRows())
}

type arrowSink struct{ w *table.Writer }

func (s arrowSink) Write(rec arrow.Record) error { return s.w.Append(rec) }
func (s arrowSink) Close() error                 { return s.w.Close() }

// jsonlSink writes one object a line, with the columns in their order.
type jsonlSink struct {
	w     *bufio.Writer
	names [][]byte
}

func newJSONLSink(w io.Writer, schema *arrow.Schema) (Sink, error) {
	s := &jsonlSink{w: bufio.NewWriter(w)}
	for _, name := range table.Names(schema) {
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		s.names = append(s.names, quoted)
	}
	return s, nil
}

func (s *jsonlSink) Write(rec arrow.Record) error {
	for i := range int(rec.NumRows()) {
		for c, a := range rec.Columns() {
			s.w.WriteByte("{,"[min(c, 1)])
			s.w.Write(s.names[c])
			s.w.WriteByte(':')
			if err := s.value(a, i); err != nil {
				return err
			}
		}
		if _, err := s.w.WriteString("}\n"); err != nil {
			return err
		}
	}
	return nil
}

// value writes one value. JSON has no NaN and no infinity: they become null.
func (s *jsonlSink) value(a arrow.Array, i int) error {
	v := table.Value(a, i)
	if f, ok := v.(float64); ok && (f != f || f-f != 0) {
		v = nil
	}
	enc := json.NewEncoder(trimNewline{s.w})
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// trimNewline drops the line end that a json.Encoder adds to each value.
type trimNewline struct{ w *bufio.Writer }

func (t trimNewline) Write(p []byte) (int, error) {
	if n := len(p); n > 0 && p[n-1] == '\n' {
		_, err := t.w.Write(p[:n-1])
		return n, err
	}
	return t.w.Write(p)
}

func (s *jsonlSink) Close() error { return s.w.Flush() }

// csvSink writes a header and one line a row. Lists are JSON, null is empty.
type csvSink struct{ w *csv.Writer }

func newCSVSink(w io.Writer, schema *arrow.Schema) (Sink, error) {
	cw := csv.NewWriter(w)
	return csvSink{cw}, cw.Write(table.Names(schema))
}

func (s csvSink) Write(rec arrow.Record) error {
	line := make([]string, rec.NumCols())
	for i := range int(rec.NumRows()) {
		for c, a := range rec.Columns() {
			line[c] = Text(table.Value(a, i))
		}
		if err := s.w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

func (s csvSink) Close() error {
	s.w.Flush()
	return s.w.Error()
}

// parquetSink writes zstd-compressed Parquet. What it writes depends on the rows
// alone.
type parquetSink struct{ w *pqarrow.FileWriter }

func newParquetSink(w io.Writer, schema *arrow.Schema) (_ Sink, err error) {
	defer func() { // the library panics when it can't write its first bytes
		if p := recover(); p != nil {
			err = fmt.Errorf("writing Parquet: %v", p)
		}
	}()
	props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd))
	pw, err := pqarrow.NewFileWriter(schema, keepOpen{w}, props, pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, err
	}
	return parquetSink{pw}, nil
}

// keepOpen hides Close from the Parquet writer, which would close what it is given.
type keepOpen struct{ io.Writer }

func (s parquetSink) Write(rec arrow.Record) error { return s.w.Write(rec) }
func (s parquetSink) Close() error                 { return s.w.Close() }

// Known reports whether Write knows the format.
func Known(format string) bool { return slices.Contains(Formats(), format) }
