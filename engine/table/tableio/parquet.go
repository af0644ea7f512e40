package tableio

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// Parquet is read column by column in the goroutine of the caller, page by page. The
// library's reader of whole tables works in goroutines of its own, where a panic on
// malformed bytes can't be caught. What it would believe, sizes and counts, is
// checked before it sees them; records are put together here.

// rowsAtOnce is how many rows are read before they are handed out.
const rowsAtOnce = 256

// parquetFile reads the rows of a file.
type parquetFile struct {
	file    *file.Reader
	content []byte
	mem     memory.Allocator
	values  int64 // that a column may have
	group   int   // the next row group
	left    int64 // rows of the current one
	before  int   // rows of all that were read
	root    []*field
	leaves  []*leaf
}

func openParquet(content []byte) (next, error) {
	mem := newFrugal(len(content))
	r, err := file.NewParquetReader(bytes.NewReader(content), file.WithReadProps(parquet.NewReaderProperties(mem)))
	if err != nil {
		return nil, err
	}
	f := &parquetFile{file: r, content: content, mem: mem, values: maxValues(len(content))}
	if f.root, f.leaves, err = fieldsOf(r.MetaData().Schema); err != nil {
		return nil, err
	}
	return f.next, nil
}

// next reads rows of the current row group, or of the one after it.
func (f *parquetFile) next() ([]Object, error) {
	if f.left == 0 {
		if f.group == f.file.NumRowGroups() {
			return nil, io.EOF
		}
		if err := f.open(f.group); err != nil {
			return nil, fmt.Errorf("row group %d: %w", f.group, err)
		}
		f.group++
	}
	var rows []Object
	for range min(f.left, rowsAtOnce) {
		o, err := f.row()
		if err != nil {
			return nil, fmt.Errorf("row %d, %w", f.before+1, err)
		}
		rows = append(rows, o)
		f.before++
		f.left--
	}
	if f.left == 0 {
		return rows, f.exhausted()
	}
	return rows, nil
}

// open points the leaves at the columns of a row group.
func (f *parquetFile) open(group int) error {
	g := f.file.RowGroup(group)
	if n := g.NumRows(); n < 0 || n > f.values {
		return fmt.Errorf("it promises %d rows", n)
	}
	if g.NumColumns() != len(f.leaves) {
		return fmt.Errorf("it has %d columns, but the schema has %d", g.NumColumns(), len(f.leaves))
	}
	f.left = g.NumRows()
	for i, l := range f.leaves {
		if err := f.openColumn(g, i, l); err != nil {
			return fmt.Errorf("column %q: %w", l.name, err)
		}
	}
	return nil
}

func (f *parquetFile) openColumn(g *file.RowGroupReader, i int, l *leaf) error {
	c, err := g.MetaData().ColumnChunk(i)
	if err != nil {
		return err
	}
	start, size := c.DataPageOffset(), int64(len(f.content))
	if c.HasDictionaryPage() && c.DictionaryPageOffset() > 0 {
		start = min(start, c.DictionaryPageOffset())
	}
	switch n := c.TotalCompressedSize(); {
	case start < 0 || n < 0 || n > size || start > size-n:
		return errors.New("it lies outside of the file")
	case c.NumValues() < 0 || c.NumValues() > f.values:
		return fmt.Errorf("it promises %d values", c.NumValues())
	}
	if c.CryptoMetadata() != nil {
		return errors.New("it is encrypted")
	}
	codec, err := compress.GetCodec(c.Compression())
	if err != nil {
		return err
	}
	pages := &pageReader{
		data: f.content[start : start+c.TotalCompressedSize()], codec: codec, stored: c.Compression() == compress.Codecs.Uncompressed, mem: f.mem, column: l.column, most: c.NumValues(),
	}
	return l.open(pages, f.mem, f.file.BufferPool())
}

// row puts the next row together.
func (f *parquetFile) row() (Object, error) {
	o := make(Object, len(f.root))
	for _, n := range f.root {
		v, err := n.read(0)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", n.name, err)
		}
		if _, twice := o[n.name]; twice {
			return nil, fmt.Errorf("column %q: it is there twice", n.name)
		}
		o[n.name] = v
	}
	return o, nil
}

// exhausted checks that no column has more than the rows of its group.
func (f *parquetFile) exhausted() error {
	for _, l := range f.leaves {
		if _, ok, err := l.peek(); ok || err != nil {
			return errors.Join(fmt.Errorf("column %q has more values than the rows of its group", l.name), err)
		}
	}
	return nil
}
