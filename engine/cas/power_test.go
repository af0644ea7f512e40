package cas_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/durable/durabletest"
	"pgregory.net/rapid"
)

// stored is something that a store took, and the moment from which on it must
// survive.
type stored struct {
	moment int
	check  func(t *rapid.T, s cas.Store, must bool)
}

// Whenever the power is lost, what was said to be stored is there, and everything
// else is either right or a miss.
func TestPowerLoss(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		root, after := mkdir(t, base), mkdir(t, base)
		j := durabletest.NewJournal(root)
		s := cas.NewDiskOn(j, filepath.Join(root, "cache"))
		var all []stored
		for range rapid.IntRange(1, 6).Draw(t, "writes") {
			content := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "content")
			check := rapid.SampledFrom([]func(*rapid.T, cas.Store, []byte) func(*rapid.T, cas.Store, bool){putBlob, putAction, putRows}).Draw(t, "kind")(t, s, content)
			all = append(all, stored{j.Len(), check})
		}
		moment := rapid.IntRange(0, j.Len()).Draw(t, "moment")
		choose := func(n int) int { return rapid.IntRange(0, n).Draw(t, "survives") }
		if err := j.Crash(after, moment, choose); err != nil {
			t.Fatal(err)
		}
		found := cas.NewDisk(filepath.Join(after, "cache"))
		for _, a := range all {
			a.check(t, found, a.moment <= moment)
		}
		checkIndexes(t, found)
	})
}

// checkIndexes fails if an index lists a segment that isn't there.
func checkIndexes(t *rapid.T, s *cas.Disk) {
	indexes, err := filepath.Glob(filepath.Join(s.Dir(), "rows", "*", "*.idx"))
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range indexes {
		if info, err := os.Stat(index); err != nil || info.Size() == 0 {
			continue // its content was lost, which its checksum tells
		}
		if _, err := os.Stat(strings.TrimSuffix(index, ".idx") + ".arrow"); err != nil {
			t.Fatalf("an index without its segment: %v", err)
		}
	}
}

func mkdir(t *rapid.T, base string) string {
	dir, err := os.MkdirTemp(base, "")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// settled fails unless what was read is right, or a miss that may be one.
func settled(t *rapid.T, what string, got, want []byte, err error, must bool) {
	switch {
	case err == nil && !bytes.Equal(got, want):
		t.Fatalf("%s: a wrong hit: %q, want %q", what, got, want)
	case err != nil && !cas.IsMiss(err):
		t.Fatalf("%s: %v", what, err)
	case err != nil && must:
		t.Fatalf("%s was stored and is lost: %v", what, err)
	}
}

func putBlob(t *rapid.T, s cas.Store, content []byte) func(*rapid.T, cas.Store, bool) {
	d, err := cas.Put(s, content)
	if err != nil {
		t.Fatal(err)
	}
	return func(t *rapid.T, s cas.Store, must bool) {
		got, err := cas.ReadAll(s, d)
		settled(t, "a blob", got, content, err, must)
	}
}

func putAction(t *rapid.T, s cas.Store, content []byte) func(*rapid.T, cas.Store, bool) {
	key := digest.Of(content)
	if err := s.PutAction(key, content); err != nil {
		t.Fatal(err)
	}
	return func(t *rapid.T, s cas.Store, must bool) {
		got, err := s.Action(key)
		settled(t, "an action", got, content, err, must)
	}
}

func putRows(t *rapid.T, s cas.Store, content []byte) func(*rapid.T, cas.Store, bool) {
	key := digest.Of(content)
	if err := s.Rows("a").Append([]digest.Digest{key}, content); err != nil {
		t.Fatal(err)
	}
	return func(t *rapid.T, s cas.Store, must bool) {
		x, damaged, err := cas.ReadIndex(s.Rows("a"))
		if err != nil {
			t.Fatal(err)
		}
		place, ok := x.Lookup(key)
		if !ok {
			if must {
				t.Fatalf("rows were stored and are lost: %v", damaged)
			}
			return
		}
		got, err := s.Rows("a").Segment(x.Ref(place).Segment)
		settled(t, "a segment", got, content, err, must)
	}
}
