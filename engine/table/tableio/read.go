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

// ReadObjects reads all rows of a file in memory, gzip-compressed or not.
// Formats: those of Formats, and "json", an array of objects. Damaged data is an
// error that says where, never a panic.
func ReadObjects(format string, content []byte) (rows []Object, err error) {
	defer func() {
		if p := recover(); p != nil {
			rows, err = nil, fmt.Errorf("not valid %s: %v", format, p)
		}
	}()
	content, err = gunzip(content)
	if err != nil {
		return nil, err
	}
	switch format {
	case "jsonl":
		return readJSONL(content)
	case "json":
		return readJSON(content)
	case "csv":
		return readCSV(content)
	case "parquet":
		return readParquet(content)
	case "arrow":
		return readArrow(content)
	default:
		return nil, fmt.Errorf("unknown format %q", format)
	}
}

// maxUnpacked bounds what a small compressed file may grow to.
const maxUnpacked = 4 << 30

func gunzip(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), nil
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("not valid gzip: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(z, maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("not valid gzip: %w", err)
	}
	return out, nil
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

func readJSONL(content []byte) ([]Object, error) {
	var rows []Object
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, len(content)+1)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		o, err := decodeObject(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("line %d: want a JSON object: %w", n, err)
		}
		rows = append(rows, o)
	}
	return rows, lines.Err()
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

func readCSV(content []byte) ([]Object, error) {
	r := csv.NewReader(bytes.NewReader(content))
	names, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	var rows []Object
	for {
		line, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		o := Object{}
		for i, name := range names {
			o[strings.TrimSpace(name)] = line[i]
		}
		rows = append(rows, o)
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
