package cas_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/cas/castest"
	"github.com/ouroflow/ouroflow/engine/digest"
	"pgregory.net/rapid"
)

func TestMemory(t *testing.T) {
	castest.Run(t, func(*testing.T) cas.Store { return cas.NewMemory() })
}

func TestDisk(t *testing.T) {
	castest.Run(t, func(t *testing.T) cas.Store { return cas.NewDisk(t.TempDir()) })
}

func TestDiskReadsCreateNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	s := cas.NewDisk(dir)
	s.Open(digest.Of(nil))
	s.Action(digest.Of(nil))
	s.Rows("a").Index()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("reading created %s", dir)
	}
}

// Whatever is done to the files of a store, what it returns is either what was
// stored or a miss.
func TestDamageIsAMiss(t *testing.T) {
	content, body := []byte("some content"), []byte(`{"outputs":{}}`)
	key := digest.Of([]byte("key"))
	rowKeys := []digest.Digest{digest.Of([]byte("r0")), digest.Of([]byte("r1"))}
	segment := []byte("a segment")
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		s := cas.NewDisk(dir)
		d, _ := cas.Put(s, content)
		s.PutAction(key, body)
		s.Rows("a").Append(rowKeys, segment)
		files := regularFiles(rt, dir)
		damage(rt, rapid.SampledFrom(files).Draw(rt, "file"), files)

		s = cas.NewDisk(dir)
		if got, err := cas.ReadAll(s, d); err == nil && string(got) != string(content) {
			rt.Fatalf("blob: %q", got)
		} else if err != nil && !cas.IsMiss(err) {
			rt.Fatalf("blob: %v", err)
		}
		if got, err := s.Action(key); err == nil && string(got) != string(body) {
			rt.Fatalf("action: %q", got)
		} else if err != nil && !cas.IsMiss(err) {
			rt.Fatalf("action: %v", err)
		}
		checkRows(rt, s.Rows("a"), rowKeys, segment)
	})
}

func checkRows(t *rapid.T, rows cas.RowSpace, keys []digest.Digest, segment []byte) {
	x, _, err := rows.Index()
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		ref, ok := x.Lookup(k)
		if !ok {
			continue
		}
		got, err := rows.Segment(ref.Segment)
		if err == nil && (string(got) != string(segment) || ref.Row != i) {
			t.Fatalf("row %d: %q at %d", i, got, ref.Row)
		} else if err != nil && !cas.IsMiss(err) {
			t.Fatalf("segment: %v", err)
		}
	}
}

func regularFiles(t *rapid.T, dir string) []string {
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func damage(t *rapid.T, path string, files []string) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	switch rapid.SampledFrom([]string{"flip", "cut", "delete", "empty", "swap"}).Draw(t, "damage") {
	case "flip":
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		b[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	case "cut":
		b = b[:rapid.IntRange(0, len(b)-1).Draw(t, "length")]
	case "empty":
		b = nil
	case "swap":
		other := rapid.SampledFrom(files).Draw(t, "other")
		if c, err := os.ReadFile(other); err == nil {
			b = c
		}
	case "delete":
		return
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
