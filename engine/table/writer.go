package table

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Batches end after this many rows or bytes, whichever comes first. Both depend
// only on the rows, so the cuts are part of the canonical form.
const (
	batchRows  = 8192
	batchBytes = 16 << 20
)

// Row is one row of a record.
type Row struct {
	Record arrow.Record
	I      int
}

// Writer writes a table in canonical form. All tables are written by it.
type Writer struct {
	schema *arrow.Schema
	at     *counter
	ipc    *ipc.FileWriter
	build  *array.RecordBuilder
	tail   []arrow.Record // rows that a follower has seen and that no batch has yet
	blocks []block
	rows   int64
	held   int // rows in tail and build
	bytes  int // their size
}

// block is where a batch lies in the file.
type block struct {
	start, end int64
	lastRow    int64 // of the table, plus one
}

// NewWriter starts a table of that schema on w.
func NewWriter(w io.Writer, schema *arrow.Schema) (*Writer, error) {
	for _, f := range schema.Fields() {
		if !Supported(f.Type) {
			return nil, fmt.Errorf("column %q: no table can hold type %s", f.Name, f.Type)
		}
	}
	schema = arrow.NewSchema(plainFields(schema), nil)
	at := &counter{w: w}
	fw, err := ipc.NewFileWriter(at, ipc.WithSchema(schema))
	if err != nil {
		return nil, err
	}
	build := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	return &Writer{schema: schema, at: at, ipc: fw, build: build}, nil
}

// plainFields drops metadata and spells lists in one way.
func plainFields(s *arrow.Schema) []arrow.Field {
	fields := make([]arrow.Field, s.NumFields())
	for i, f := range s.Fields() {
		fields[i] = arrow.Field{Name: f.Name, Type: f.Type, Nullable: f.Nullable}
		if _, ok := f.Type.(*arrow.ListType); ok {
			fields[i].Type = Strings
		}
	}
	return fields
}

// Schema returns the columns of the table.
func (w *Writer) Schema() *arrow.Schema { return w.schema }

// Rows returns the number of rows appended so far.
func (w *Writer) Rows() int64 { return w.rows }

// Append adds every row of rec, whose columns are those of the table in order.
func (w *Writer) Append(rec arrow.Record) error {
	for i := range int(rec.NumRows()) {
		if err := w.AppendRow(rec.Columns(), i); err != nil {
			return err
		}
	}
	return nil
}

// AppendRow adds one row made of the i-th values of columns.
func (w *Writer) AppendRow(columns []arrow.Array, i int) error {
	for c, a := range columns {
		copyCell(w.build.Field(c), a, i)
		w.bytes += cellSize(a, i)
	}
	return w.rowDone()
}

// AppendJoined adds one row made of the i-th values of left followed by the j-th
// values of right.
func (w *Writer) AppendJoined(left []arrow.Array, i int, right []arrow.Array, j int) error {
	for c, a := range left {
		copyCell(w.build.Field(c), a, i)
		w.bytes += cellSize(a, i)
	}
	for c, a := range right {
		copyCell(w.build.Field(len(left)+c), a, j)
		w.bytes += cellSize(a, j)
	}
	return w.rowDone()
}

func (w *Writer) rowDone() error {
	w.rows++
	w.held++
	if w.held < batchRows && w.bytes < batchBytes {
		return nil
	}
	return w.flush()
}

func (w *Writer) flush() error {
	if w.held == 0 {
		return nil
	}
	rec := w.batch()
	defer rec.Release()
	start := w.at.n
	if err := w.ipc.Write(rec); err != nil {
		return err
	}
	w.blocks = append(w.blocks, block{start, w.at.n, w.rows})
	w.held, w.bytes = 0, 0
	return nil
}

// batch returns the rows that no batch has. Those that were cut off are copied,
// so that the bytes don't tell where the cuts were.
func (w *Writer) batch() arrow.Record {
	if len(w.tail) == 0 {
		return w.build.NewRecord()
	}
	w.cut()
	for _, rec := range w.tail {
		for i := range int(rec.NumRows()) {
			for c, a := range rec.Columns() {
				copyCell(w.build.Field(c), a, i)
			}
		}
	}
	w.tail = nil
	return w.build.NewRecord()
}

// cut moves the rows in build to tail, where they can be read.
func (w *Writer) cut() {
	rec := w.build.NewRecord()
	if rec.NumRows() > 0 {
		w.tail = append(w.tail, rec)
	}
}

// Close ends the table. It doesn't close what the table was written to.
func (w *Writer) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.ipc.Close()
}

// counter is the seeker that the IPC writer wants: it only ever asks where it is.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (c *counter) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, fmt.Errorf("table: unexpected seek to %d from %d", offset, whence)
	}
	return c.n, nil
}
