package table

import (
	"bytes"
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
	file   *ipc.FileReader
	closer io.Closer
}

// Open opens the table that d names in the store.
func Open(s cas.Store, d digest.Digest) (*Reader, error) {
	b, err := s.Open(d)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		b.Close()
		return nil, err
	}
	r.closer = b
	return r, nil
}

// NewReader reads a table from r. Bytes that aren't an Arrow file are an error,
// never a panic.
func NewReader(r ipc.ReadAtSeeker) (_ *Reader, err error) {
	defer recoverTo(&err)
	f, err := ipc.NewFileReader(r)
	if err != nil {
		return nil, fmt.Errorf("not an Arrow file: %w", err)
	}
	return &Reader{file: f, closer: io.NopCloser(nil)}, nil
}

// FromBytes reads a table that is held in memory.
func FromBytes(b []byte) (*Reader, error) { return NewReader(bytes.NewReader(b)) }

// recoverTo turns a panic of the Arrow library on malformed bytes into an error.
func recoverTo(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("not a valid Arrow file: %v", p)
	}
}

// Schema returns the columns of the table.
func (r *Reader) Schema() *arrow.Schema { return r.file.Schema() }

// Batches yields the records of the table in order.
func (r *Reader) Batches() iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		for i := range r.file.NumRecords() {
			rec, err := r.record(i)
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

func (r *Reader) record(i int) (rec arrow.Record, err error) {
	defer recoverTo(&err)
	return r.file.RecordAt(i)
}

// Close releases the table. Records that were read stay valid.
func (r *Reader) Close() error {
	r.file.Close()
	return r.closer.Close()
}

// Only returns the record of a table that has a single batch, as segments do.
func (r *Reader) Only() (arrow.Record, error) {
	if n := r.file.NumRecords(); n != 1 {
		return nil, fmt.Errorf("table has %d batches, want 1", n)
	}
	return r.record(0)
}
