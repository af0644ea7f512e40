package engine_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/upkeep"
)

const corruptions = 1000

const small = `version: 1
name: small
nodes:
  numbers: {type: count, with: {name: numbers, from: 0, to: 20}}
  samples: {type: step, needs: numbers, with: {name: samples, add: 1000}}
  verdicts: {type: step, needs: samples, with: {name: verdicts, add: 100000}}
`

// Whatever happens to a file of the cache or of a run, verify finds it, no run gives
// a wrong result because of it, and repairing leaves nothing to find.
func TestCorruption(t *testing.T) {
	whole := t.TempDir()
	want, err := execute(t, newMill().engine(whole), small)
	if err != nil {
		t.Fatal(err)
	}
	if found := verify(t, whole, false); len(found) > 0 {
		t.Fatalf("findings in a cache that is whole: %v", found)
	}
	var workers sync.WaitGroup
	numbers := make(chan int)
	for range 4 {
		workers.Go(func() {
			for seed := range numbers {
				corrupt(t, whole, want, uint64(seed))
			}
		})
	}
	n := corruptions
	if testing.Short() {
		n /= 10
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
}

func corrupt(t *testing.T, whole string, want *run.Record, seed uint64) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
		t.Error(err)
		return
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
	files := dataFiles(t, dir)
	what := damageFile(t, rnd, files[rnd.IntN(len(files))], files)
	if what == "" {
		return
	}
	label := fmt.Sprintf("corruption %d: %s", seed, strings.ReplaceAll(what, dir, ""))
	if found := verify(t, dir, false); len(found) == 0 {
		t.Errorf("%s: verify finds nothing", label)
	}
	if seed%2 == 0 {
		verify(t, dir, true)
		for _, f := range verify(t, dir, false) {
			if f.What != string(cas.KindForeign) && f.What != "run record" && f.What != "action" {
				t.Errorf("%s: after a repair: %+v", label, f)
			}
		}
	}
	got, err := execute(t, newMill().engine(dir), small)
	if err != nil {
		t.Errorf("%s: %v", label, err)
		return
	}
	for id := range want.Nodes {
		if outputOf(got, id) != outputOf(want, id) {
			t.Errorf("%s: %s has a wrong result", label, id)
		}
	}
}

func verify(t *testing.T, dir string, repair bool) (found []upkeep.Finding) {
	v := &upkeep.Verifier{
		Store: cas.NewDisk(filepath.Join(dir, "cache")), Runs: run.Dir(filepath.Join(dir, "runs")), Repair: repair,
		Report: func(f upkeep.Finding) { found = append(found, f) },
	}
	if _, err := v.Verify(); err != nil {
		t.Errorf("verify: %v", err)
	}
	return found
}

// dataFiles lists the files whose content matters: not those that are only locked.
func dataFiles(t *testing.T, dir string) (files []string) {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && e.Name() != "lock" && filepath.Base(filepath.Dir(path)) != "locks" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return files
}

// damageFile says what it did, or nothing if the file stayed the same.
func damageFile(t *testing.T, rnd *rand.Rand, path string, files []string) string {
	before, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	after := append([]byte(nil), before...)
	kind := []string{"bit flip", "truncation", "deletion", "empty", "swap", "foreign"}[rnd.IntN(6)]
	switch kind {
	case "bit flip":
		after[rnd.IntN(len(after))] ^= 1 << rnd.IntN(8)
	case "truncation":
		after = after[:rnd.IntN(len(after))]
	case "empty":
		after = nil
	case "swap":
		other := files[rnd.IntN(len(files))]
		if after, err = os.ReadFile(other); err != nil {
			t.Error(err)
		}
	case "foreign":
		path += ".orig"
		before, after = nil, []byte("not from here")
	}
	os.Remove(path)
	if kind == "deletion" {
		return kind + " of " + path
	}
	if string(before) == string(after) {
		if err := os.WriteFile(path, before, 0o644); err != nil {
			t.Error(err)
		}
		return ""
	}
	if err := os.WriteFile(path, after, 0o644); err != nil {
		t.Error(err)
	}
	return kind + " of " + path
}
