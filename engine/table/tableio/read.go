package tableio

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Object is a row of foreign data: numbers are json.Number or float64 or int64,
// lists are []any.
type Object map[string]any

// ReadObjects reads all rows of a file in memory: see Objects.
func ReadObjects(format string, content []byte) ([]Object, error) {
	var rows []Object
	for o, err := range Objects(format, bytes.NewReader(content)) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, o)
	}
	return rows, nil
}

// Objects yields the rows of a file, gzip-compressed or not. Formats: those of
// Formats, and "json", an array of objects. JSON lines and CSV are read row by row,
// the others at once. Damaged data is an error that says where, never a panic.
func Objects(format string, r io.Reader) iter.Seq2[Object, error] {
	read, ok := map[string]func(io.Reader, func(Object) bool) error{
		"jsonl": readJSONL, "csv": readCSV,
		"json": whole("json", readJSON), "parquet": whole("parquet", readParquet), "arrow": whole("arrow", readArrow),
	}[format]
	return func(yield func(Object, error) bool) {
		if !ok {
			yield(nil, fmt.Errorf("unknown format %q", format))
			return
		}
		plain, err := gunzip(r)
		if err == nil {
			err = read(plain, func(o Object) bool { return yield(o, nil) })
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// whole makes a reader of all rows one that hands them out. A panic of the library
// on malformed bytes is an error.
func whole(format string, read func([]byte) ([]Object, error)) func(io.Reader, func(Object) bool) error {
	guarded := func(content []byte) (rows []Object, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("not valid %s: %v", format, p)
			}
		}()
		return read(content)
	}
	return func(r io.Reader, yield func(Object) bool) error {
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		rows, err := guarded(content)
		if err != nil {
			return err
		}
		for _, o := range rows {
			if !yield(o) {
				return nil
			}
		}
		return nil
	}
}

// maxUnpacked bounds what a small compressed file may grow to.
const maxUnpacked = 64 << 30

func gunzip(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	head, _ := b.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("not valid gzip: %w", err)
		}
		return io.LimitReader(z, maxUnpacked), nil
	case bytes.Equal(head, []byte("\xef\xbb\xbf")):
		_, err := b.Discard(len(head))
		return b, err
	default:
		return b, nil
	}
}

func decodeObject(b []byte) (Object, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var o Object
	if err := d.Decode(&o); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more than one value")
	}
	return o, nil
}

func readJSONL(r io.Reader, yield func(Object) bool) error {
	lines := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			o, err := decodeObject(line)
			if err != nil {
				return fmt.Errorf("line %d: want a JSON object: %w", n, err)
			}
			if !yield(o) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

func readJSON(content []byte) ([]Object, error) {
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	var rows []Object
	if err := d.Decode(&rows); err != nil {
		return nil, fmt.Errorf("want a JSON array of objects: %w", err)
	}
	return rows, nil
}

func readCSV(r io.Reader, yield func(Object) bool) error {
	lines := csv.NewReader(r)
	names, err := lines.Read()
	if err != nil {
		return fmt.Errorf("reading the header: %w", err)
	}
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		o := Object{}
		for i, name := range names {
			o[strings.TrimSpace(name)] = line[i]
		}
		if !yield(o) {
			return nil
		}
	}
}

func readParquet(content []byte) ([]Object, error) {
	pf, err := file.NewParquetReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	defer pf.Close()
	fr, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	tbl, err := fr.ReadTable(context.Background())
	if err != nil {
		return nil, err
	}
	var rows []Object
	batches := array.NewTableReader(tbl, 0)
	for batches.Next() {
		rows = appendRecord(rows, batches.Record())
	}
	return rows, batches.Err()
}

func readArrow(content []byte) ([]Object, error) {
	r, err := table.FromBytes(content)
	if err != nil {
		return nil, err
	}
	var rows []Object
	for rec, err := range r.Batches() {
		if err != nil {
			return nil, err
		}
		rows = appendRecord(rows, rec)
	}
	return rows, nil
}

func appendRecord(rows []Object, rec arrow.Record) []Object {
	for i := range int(rec.NumRows()) {
		o := Object{}
		for c, f := range rec.Schema().Fields() {
			o[f.Name] = foreign(rec.Column(c), i)
		}
		rows = append(rows, o)
	}
	return rows
}

// foreign is table.Value for columns of any type.
func foreign(a arrow.Array, i int) any {
	if table.Supported(a.DataType()) || a.IsNull(i) {
		return table.Value(a, i)
	}
	if l, ok := a.(array.ListLike); ok {
		start, end := l.ValueOffsets(i)
		out := make([]any, 0, end-start)
		for j := start; j < end; j++ {
			out = append(out, foreign(l.ListValues(), int(j)))
		}
		return out
	}
	return a.ValueStr(i)
}

// Text returns a field as text; numbers are written out. It is "" if absent.
func (o Object) Text(name string) string {
	switch v := o[name].(type) {
	case json.Number:
		return v.String()
	default:
		return Text(v)
	}
}

// Texts returns a field that is a list of strings. A string that holds a JSON
// list, as CSV has it, counts as one; any other is a list of itself.
func (o Object) Texts(name string) []string {
	v := o[name]
	if s, ok := v.(string); ok {
		var list []any
		if json.Unmarshal([]byte(s), &list) == nil {
			v = list
		} else if s != "" {
			return []string{s}
		}
	}
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, item := range list {
		out = append(out, Text(item))
	}
	return out
}
