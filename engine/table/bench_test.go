package table_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/table"
)

// bigTable is the size of the table in BenchmarkStore.
const bigTable = 1 << 30

// BenchmarkStore writes a table of 1 GiB into a cache on disk and reads it back,
// beside copying a file of that size and hashing it.
func BenchmarkStore(b *testing.B) {
	dir := b.TempDir()
	s := cas.NewDisk(filepath.Join(dir, "cache"))
	e := table.NewEncoder[line]()
	for i := range 4096 {
		e.Append(line{int64(i), fmt.Sprint(i, strings.Repeat("def f(x): return x\n", 200))})
	}
	batch := e.Record()
	var stored table.Artifact
	b.Run("write", func(b *testing.B) {
		b.SetBytes(bigTable)
		for b.Loop() {
			g, err := table.NewGrowing(s, table.SchemaOf[line](), 0)
			for size := 0; err == nil && size < bigTable; size += 4096 * 3800 {
				err = g.Write(func(w *table.Writer) error { return w.Append(batch) })
			}
			if err == nil {
				stored, err = g.Commit()
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(bigTable)
		for b.Loop() {
			readAll(b, cas.NewDisk(s.Dir()), stored.Digest) // a store that has checked nothing yet
		}
	})
	path := s.BlobPath(stored.Digest)
	b.Run("copy and sha256", func(b *testing.B) {
		b.SetBytes(bigTable)
		for b.Loop() {
			copyAndHash(b, path, filepath.Join(dir, "copy"))
		}
	})
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(bigTable)
		for b.Loop() {
			copyAndHash(b, path, os.DevNull)
		}
	})
}

func readAll(b *testing.B, s cas.Store, d digest.Digest) {
	r, err := table.Open(s, d)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for _, err := range r.Batches() {
		if err != nil {
			b.Fatal(err)
		}
	}
}

// copyAndHash is what a careful user would do: the copy is synced, too.
func copyAndHash(b *testing.B, from, to string) {
	in, err := os.Open(from)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(io.MultiWriter(out, sha256.New()), in); err != nil {
		b.Fatal(err)
	}
	if to != os.DevNull {
		if err := out.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}
