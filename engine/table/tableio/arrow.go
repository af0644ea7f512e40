package tableio

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
)

// openArrow reads an Arrow file, or a stream, which datasets' save_to_disk writes.
func openArrow(content []byte) (next, error) {
	records, err := openIPC(content)
	if err != nil {
		return nil, err
	}
	c := &columnar{left: maxValues(len(content))}
	rows := 0
	return func() ([]Object, error) {
		rec, err := records()
		if err != nil {
			return nil, err
		}
		defer rec.Release()
		batch, err := c.objects(rec, rows)
		rows += len(batch)
		return batch, err
	}, nil
}

// openIPC returns what reads the next record, io.EOF after the last.
func openIPC(content []byte) (func() (arrow.Record, error), error) {
	mem := ipc.WithAllocator(newFrugal(len(content)))
	if bytes.HasPrefix(content, []byte("FEA1")) {
		return nil, errors.New("it is Feather version 1; write version 2, which is Arrow")
	}
	if err := checkIPC(content); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(content, ipc.Magic) {
		s, err := ipc.NewReader(&completeReader{bytes.NewReader(content)}, mem)
		if err != nil {
			return nil, err
		}
		return s.Read, nil
	}
	f, err := ipc.NewFileReader(bytes.NewReader(content), mem)
	if err != nil {
		return nil, err
	}
	return fileRecords(f), nil
}

func fileRecords(f *ipc.FileReader) func() (arrow.Record, error) {
	i := 0
	return func() (arrow.Record, error) {
		if i >= f.NumRecords() {
			return nil, io.EOF
		}
		rec, err := f.RecordAt(i)
		i++
		return rec, noEOF(err)
	}
}

func (c *columnar) objects(rec arrow.Record, before int) ([]Object, error) {
	var rows []Object
	for i := range int(rec.NumRows()) {
		o := make(Object, rec.NumCols())
		if c.left--; c.left < 0 {
			return nil, errTooMany
		}
		for n, f := range rec.Schema().Fields() {
			v, err := c.value(rec.Column(n), i)
			if err != nil {
				return nil, fmt.Errorf("row %d, column %q: %w", before+i+1, f.Name, err)
			}
			if _, twice := o[f.Name]; twice {
				return nil, fmt.Errorf("the column %q is there twice", f.Name)
			}
			o[f.Name] = v
		}
		rows = append(rows, o)
	}
	return rows, nil
}

// completeReader takes the end of its bytes for a cut: a stream has a mark at its end,
// after which nothing is read.
type completeReader struct{ r io.Reader }

func (c *completeReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the stream is cut, or isn't Arrow: %w", io.ErrUnexpectedEOF)
	}
	return n, err
}
