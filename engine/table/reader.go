package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
)

// Reader reads a table batch by batch.
type Reader struct {
	source source
}

// source is where the batches of a table come from.
type source interface {
	io.Closer
	Schema() *arrow.Schema
	// batch returns the i-th batch, or errEnd after the last.
	batch(i int) (arrow.Record, error)
}

// errEnd says that there are no more batches.
var errEnd = errors.New("no more batches")

// Open opens the table that d names in the store.
func Open(s cas.Store, d digest.Digest) (*Reader, error) {
	f, err := openFile(s, d)
	if err != nil {
		return nil, err
	}
	return &Reader{f}, nil
}

// NewReader reads a table from r. Bytes that aren't an Arrow file are an error,
// never a panic.
func NewReader(r ipc.ReadAtSeeker) (*Reader, error) {
	f, err := newFile(r)
	if err != nil {
		return nil, err
	}
	return &Reader{f}, nil
}

// FromBytes reads a table that is held in memory.
func FromBytes(b []byte) (*Reader, error) { return NewReader(bytes.NewReader(b)) }

// Schema returns the columns of the table.
func (r *Reader) Schema() *arrow.Schema { return r.source.Schema() }

// Batches yields the records of the table in order. Of a table under construction
// it yields what there is, then waits.
func (r *Reader) Batches() iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		for i := 0; ; i++ {
			rec, err := r.source.batch(i)
			if errors.Is(err, errEnd) {
				return
			}
			if errors.Is(err, io.EOF) { // of a file that was cut since it was checked
				err = fmt.Errorf("batch %d: %w", i, io.ErrUnexpectedEOF)
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// Close releases the table. Records that were read stay valid.
func (r *Reader) Close() error { return r.source.Close() }

// file is a finished table.
type file struct {
	*ipc.FileReader
	closer io.Closer
}

func openFile(s cas.Store, d digest.Digest) (*file, error) {
	b, err := s.Open(d)
	if err != nil {
		return nil, err
	}
	f, err := newFile(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		b.Close()
		return nil, err
	}
	f.closer = b
	return f, nil
}

func newFile(r ipc.ReadAtSeeker) (_ *file, err error) {
	defer recoverTo(&err)
	f, err := ipc.NewFileReader(r)
	if err != nil {
		return nil, fmt.Errorf("not an Arrow file: %w", err)
	}
	return &file{f, io.NopCloser(nil)}, nil
}

func (f *file) batch(i int) (rec arrow.Record, err error) {
	if i >= f.NumRecords() {
		return nil, errEnd
	}
	defer recoverTo(&err)
	return f.RecordAt(i)
}

func (f *file) Close() error {
	return errors.Join(f.FileReader.Close(), f.closer.Close())
}

// recoverTo turns a panic of the Arrow library on malformed bytes into an error.
func recoverTo(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("not a valid Arrow file: %v", p)
	}
}
