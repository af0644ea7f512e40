package table

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/ouroflow/ouroflow/engine/cas"
)

// Growing is a table under construction, which others read while it is written.
// What they haven't read yet waits in the file, so neither side ever holds more
// than a batch, and a slow reader doesn't stop the writer.
type Growing struct {
	store    cas.Store
	expected int64

	mu    sync.Mutex
	more  *sync.Cond
	blob  cas.Writer
	w     *Writer
	final *Artifact
	err   error
}

// NewGrowing starts a table of that schema. The number of rows that it will
// probably have is for progress; 0 means that nobody knows.
func NewGrowing(s cas.Store, schema *arrow.Schema, expected int64) (*Growing, error) {
	blob, err := s.Create()
	if err != nil {
		return nil, err
	}
	w, err := NewWriter(blob, schema)
	if err != nil {
		blob.Abort()
		return nil, err
	}
	g := &Growing{store: s, expected: expected, blob: blob, w: w}
	g.more = sync.NewCond(&g.mu)
	return g, nil
}

// Expected is the number of rows that the table will probably have, or 0.
func (g *Growing) Expected() int64 { return g.expected }

// Write has add append rows, which readers then see. What refers to rows that a
// crash could lose must not be added.
func (g *Growing) Write(add func(*Writer) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.more.Broadcast()
	return add(g.w)
}

// Commit ends the table and stores it.
func (g *Growing) Commit() (Artifact, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.more.Broadcast()
	if err := g.w.Close(); err != nil {
		return Artifact{}, err
	}
	d, n, err := g.blob.Commit()
	if err != nil {
		return Artifact{}, err
	}
	g.final = &Artifact{Kind: KindTable, Digest: d, Rows: g.w.Rows(), Bytes: n}
	return *g.final, nil
}

// Fail ends the table without a result: its readers get err. After Commit it does
// nothing.
func (g *Growing) Fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.more.Broadcast()
	if g.final == nil && g.err == nil {
		g.blob.Abort()
		g.err = err
	}
}

// Failed reports whether the table will never be completed.
func (g *Growing) Failed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err != nil
}

// Final returns the table once it was committed.
func (g *Growing) Final() (a Artifact, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.final == nil {
		return Artifact{}, false
	}
	return *g.final, true
}

// Reader returns a new reader from the first row on. It stops waiting for more
// with the cause of ctx.
func (g *Growing) Reader(ctx context.Context) *Reader {
	wake := context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.more.Broadcast()
	})
	return &Reader{&follower{ctx: ctx, table: g, stop: wake}}
}

// follower reads a Growing table from its first row on.
type follower struct {
	ctx   context.Context
	table *Growing
	stop  func() bool
	row   int64 // that comes next
	file  *file // once the table is finished
}

func (f *follower) Schema() *arrow.Schema { return f.table.w.Schema() }

func (f *follower) Close() error {
	f.stop()
	if f.file != nil {
		return f.file.Close()
	}
	return nil
}

// batch returns what follows the last one: a follower reads each row once.
func (f *follower) batch(int) (arrow.Record, error) {
	g := f.table
	g.mu.Lock()
	defer g.mu.Unlock()
	for f.row == g.w.Rows() {
		switch {
		case g.final != nil:
			return nil, errEnd
		case g.err != nil:
			return nil, g.err
		case f.ctx.Err() != nil:
			return nil, context.Cause(f.ctx)
		}
		g.more.Wait()
	}
	if g.err != nil {
		return nil, g.err
	}
	rec, err := f.read()
	if err != nil {
		return nil, err
	}
	f.row += rec.NumRows()
	return rec, nil
}

// read returns the rows from f.row to the end of their batch, as far as there are.
func (f *follower) read() (arrow.Record, error) {
	w := f.table.w
	first := int64(0)
	for i, b := range w.blocks {
		if f.row < b.lastRow {
			return after(f.row - first)(f.block(i))
		}
		first = b.lastRow
	}
	w.cut()
	for _, rec := range w.tail {
		if f.row < first+rec.NumRows() {
			return after(f.row-first)(rec, nil)
		}
		first += rec.NumRows()
	}
	return nil, fmt.Errorf("table: row %d is neither in a batch nor waiting for one", f.row)
}

// after leaves out the first rows of a record.
func after(skip int64) func(arrow.Record, error) (arrow.Record, error) {
	return func(rec arrow.Record, err error) (arrow.Record, error) {
		if err != nil || skip == 0 {
			return rec, err
		}
		return rec.NewSlice(skip, rec.NumRows()), nil
	}
}

// block reads a batch from the stored table, or from the file that is being
// written.
func (f *follower) block(i int) (arrow.Record, error) {
	g := f.table
	if g.final == nil {
		return readBlock(g.blob, g.w.blocks[i])
	}
	if f.file == nil {
		file, err := openFile(g.store, g.final.Digest)
		if err != nil {
			return nil, err
		}
		f.file = file
	}
	return f.file.batch(i)
}

// An Arrow file begins with this many bytes of magic and padding; then comes the
// schema, as a marker, a length and as many bytes.
const magicLen, prefixLen = 8, 8

// readBlock reads one batch of a file that has no footer yet, as a stream of the
// schema and that batch.
func readBlock(r io.ReaderAt, b block) (rec arrow.Record, err error) {
	defer recoverTo(&err)
	var prefix [prefixLen]byte
	if _, err := r.ReadAt(prefix[:], magicLen); err != nil {
		return nil, err
	}
	schemaEnd := magicLen + prefixLen + int64(binary.LittleEndian.Uint32(prefix[4:]))
	start := max(b.start, schemaEnd)
	stream, err := ipc.NewReader(io.MultiReader(
		io.NewSectionReader(r, magicLen, schemaEnd-magicLen),
		io.NewSectionReader(r, start, b.end-start),
	))
	if err != nil {
		return nil, err
	}
	return stream.Read()
}
