package cas_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

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
	cas.ReadIndex(s.Rows("a"))
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
	x, _, err := cas.ReadIndex(rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		place, ok := x.Lookup(k)
		if !ok {
			continue
		}
		ref := x.Ref(place)
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

// An index answers as a map would.
func TestIndexProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, model := cas.NewIndex(), map[digest.Digest]cas.Ref{}
		key := rapid.Custom(func(t *rapid.T) digest.Digest {
			return digest.Of([]byte{rapid.Byte().Draw(t, "key")})
		})
		for i := range rapid.IntRange(1, 30).Draw(t, "segments") {
			segment := digest.Of([]byte{byte(i)})
			keys := rapid.SliceOfN(key, 0, 20).Draw(t, "keys")
			x.Add(segment, keys)
			for row, k := range keys {
				model[k] = cas.Ref{Segment: segment, Row: row}
			}
			if rapid.IntRange(0, 4).Draw(t, "forget") == 0 {
				x.Forget(segment)
				maps.DeleteFunc(model, func(_ digest.Digest, r cas.Ref) bool { return r.Segment == segment })
			}
		}
		if x.Len() != len(model) {
			t.Fatalf("%d rows, want %d", x.Len(), len(model))
		}
		for b := range 256 {
			k := digest.Of([]byte{byte(b)})
			want, known := model[k]
			place, ok := x.Lookup(k)
			if ok != known || ok && x.Ref(place) != want {
				t.Fatalf("row %d: %v, %v; want %v, %v", b, place, ok, want, known)
			}
		}
	})
}

// What is looked up between the moment when the collector has listed it and the moment
// when it removes it stays.
func TestRemoveUnusedNoticesUse(t *testing.T) {
	s := cas.NewDisk(t.TempDir())
	old := time.Now().Add(-24 * time.Hour)
	for _, used := range []bool{true, false} {
		d, err := cas.Put(s, []byte("content"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(s.BlobPath(d), old, old); err != nil {
			t.Fatal(err)
		}
		var entry cas.Entry
		err = s.Walk(func(e cas.Entry) error {
			if e.Kind == cas.KindBlob {
				entry = e
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if used {
			if _, err := cas.ReadAll(s, d); err != nil {
				t.Fatal(err)
			}
		}
		removed, err := s.RemoveUnused(entry, time.Now().Add(-time.Hour))
		if err != nil || removed == used {
			t.Errorf("used since: %v, removed: %v, %v", used, removed, err)
		}
		if _, err := s.Open(d); cas.IsMiss(err) == used {
			t.Errorf("used since: %v, then %v", used, err)
		}
	}
}

// A user or an outbox is never taken for one of the dead while it is made.
func TestNewFilesOfTheLivingStay(t *testing.T) {
	s := cas.NewDisk(t.TempDir())
	done := make(chan struct{})
	var lookers sync.WaitGroup
	for range 2 {
		lookers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					if _, err := s.InUseSince(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for i := range 500 {
		leave, err := s.Use()
		if err != nil {
			t.Fatal(err)
		}
		in := time.Now()
		since, err := s.InUseSince()
		if err != nil || since.After(in) {
			t.Fatalf("use %d was overlooked: in use since %s, %v", i, since, err)
		}
		leave()
	}
	close(done)
	lookers.Wait()
}

// Rows that are found later than others don't take their place.
func TestIndexAddMissing(t *testing.T) {
	x := cas.NewIndex()
	old, other := digest.Of([]byte("old")), digest.Of([]byte("other"))
	k, l := digest.Of([]byte("k")), digest.Of([]byte("l"))
	x.Add(old, []digest.Digest{k})
	x.AddMissing(other, []digest.Digest{l, k})
	for key, want := range map[digest.Digest]cas.Ref{k: {Segment: old, Row: 0}, l: {Segment: other, Row: 0}} {
		if p, ok := x.Lookup(key); !ok || x.Ref(p) != want {
			t.Errorf("%v, want %v", x.Ref(p), want)
		}
	}
	x.ForgetKey(k)
	if _, ok := x.Lookup(k); ok || x.Len() != 1 {
		t.Error("a key that was forgotten is found")
	}
}
