package tableio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

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

// Objects yields the rows of a file: plain, or compressed by gzip or zstd. Formats:
// those of Formats, and "json", an array of objects. JSON and CSV are read row by row,
// the others batch by batch from memory. Damaged data is an error that says where,
// never a panic, and what it may grow to is limited.
func Objects(format string, r io.Reader) iter.Seq2[Object, error] {
	read, ok := map[string]func(io.Reader, func(Object) bool) error{
		"jsonl": readJSONL, "json": readJSON, "csv": readCSV,
		"parquet": batched("parquet", openParquet), "arrow": batched("arrow", openArrow),
	}[format]
	return func(yield func(Object, error) bool) {
		if !ok {
			yield(nil, fmt.Errorf("unknown format %q", format))
			return
		}
		plain, err := inflated(r)
		if err == nil {
			defer plain.Close()
			err = read(plain, func(o Object) bool { return yield(o, nil) })
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// next returns further rows of a file, io.EOF after the last.
type next func() ([]Object, error)

// batched reads a file that has to be in memory, batch by batch.
func batched(format string, open func([]byte) (next, error)) func(io.Reader, func(Object) bool) error {
	return func(r io.Reader, yield func(Object) bool) error {
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		rows, err := guarded(format, func() (next, error) { return open(content) })
		if err != nil {
			return err
		}
		return deliver(format, rows, yield)
	}
}

func deliver(format string, rows next, yield func(Object) bool) error {
	for {
		batch, err := guarded(format, rows)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, o := range batch {
			if !yield(o) {
				return nil
			}
		}
	}
}

// guarded calls a function that hands bytes of a file to a library. A panic of the
// library on malformed bytes is an error. It must not call what others gave.
func guarded[T any](format string, read func() (T, error)) (out T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("not valid %s: %v", format, p)
		}
	}()
	out, err = read()
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("not valid %s: %w", format, err)
	}
	return out, err
}
