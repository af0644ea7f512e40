// Package export writes tables to files outside of the cache.
package export

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/durable"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// Params of the node.
type Params struct {
	Path    node.Path `yaml:"path" doc:"File to write. It is put in place when the node completes, also from the cache."`
	Format  string    `yaml:"format" enum:"|arrow|csv|jsonl|parquet" doc:"Format of the file; empty means by the ending of path."`
	Columns []string  `yaml:"columns" doc:"Columns to write, in this order; empty means all."`
}

// The one file of the output tree.
const content = "table"

// Type returns the node type export.
func Type() *node.Type {
	return node.Def[Params]{
		Name:    "export",
		Version: 1,
		Doc:     "Writes a table as an Arrow, Parquet, JSON lines or CSV file. The file is replaced as a whole, and only if its content differs.",
		Check:   check,
		Ports: func(Params) node.Ports {
			return node.Ports{
				In:  []node.Port{{Name: "in", Doc: "Any table.", Schema: arrow.NewSchema(nil, nil)}},
				Out: []node.Port{{Name: "file", Doc: "The file that was written."}},
			}
		},
		Pin:     pin,
		Run:     write,
		Publish: publish,
		Witness: func(p Params) ([]string, bool) { return []string{string(p.Path)}, true },
		Streams: true,
	}.Type()
}

func check(p Params) error {
	if p.Path == "" {
		return node.BadField("path", "a file to write is missing")
	}
	for i, name := range p.Columns {
		if slices.Contains(p.Columns[:i], name) {
			return node.BadField("columns", "column %q is there twice", name)
		}
	}
	if p.Format == "" && !tableio.Known(tableio.FormatOf(string(p.Path))) {
		return node.BadField("path", "its ending names no format; end it in .arrow, .csv, .jsonl or .parquet, or set format")
	}
	return nil
}

func format(p Params) string {
	if p.Format != "" {
		return p.Format
	}
	return tableio.FormatOf(string(p.Path))
}

// pin makes the format part of the key, which the path is not.
func pin(_ context.Context, p Params) (node.Pins, error) {
	return node.Pins{"format": format(p)}, nil
}

func write(_ context.Context, p Params, t node.Task) error {
	in, err := t.Table("in")
	if err != nil {
		return err
	}
	defer in.Close()
	dir, err := t.OutTree("file")
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, content))
	if err != nil {
		return err
	}
	rows, err := tableio.Write(format(p), f, in, p.Columns)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	t.Progress(rows, rows, "")
	return nil
}

func publish(_ context.Context, p Params, out node.Published) error {
	tree, err := out.Output("file")
	if err != nil {
		return err
	}
	b, err := tree.Open(content)
	if err != nil {
		return err
	}
	defer b.Close()
	file := io.NewSectionReader(b, 0, b.Size())
	path := string(p.Path)
	same, err := hasContent(path, file)
	if same || err != nil {
		return err
	}
	out.Logf("writing %s (%d bytes)", path, b.Size())
	return replace(path, file)
}

// hasContent reports whether the file at path holds what r does. It leaves r at its
// beginning.
func hasContent(path string, r io.ReadSeeker) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	same, err := equal(f, r)
	if err != nil {
		return false, err
	}
	_, err = r.Seek(0, io.SeekStart)
	return same, err
}

// equal compares two files piece by piece.
func equal(a, b io.Reader) (bool, error) {
	pieceA, pieceB := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, errA := io.ReadFull(a, pieceA)
		m, errB := io.ReadFull(b, pieceB)
		if !bytes.Equal(pieceA[:n], pieceB[:m]) {
			return false, nil
		}
		ended := func(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
		switch {
		case ended(errA) && ended(errB):
			return true, nil
		case errA != nil || errB != nil:
			return false, errors.Join(errA, errB)
		}
	}
}

// replace writes a file so that readers see the old content or the new one.
func replace(path string, content io.Reader) error {
	return durable.Write(durable.OS{}, filepath.Dir(path), path, 0o644, func(f durable.File) error {
		_, err := io.Copy(f, content)
		return err
	})
}
