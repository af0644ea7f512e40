package engine_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/engine/upkeep"
)

func collector(dir string, newest int) *upkeep.Collector {
	return &upkeep.Collector{Store: cas.NewDisk(filepath.Join(dir, "cache")), Runs: run.Dir(filepath.Join(dir, "runs")), Newest: newest}
}

// age makes everything in the cache look unused for a day.
func age(t *testing.T, dir string) {
	t.Helper()
	old := time.Now().Add(-24 * time.Hour)
	err := filepath.WalkDir(filepath.Join(dir, "cache"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, old, old)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func filesIn(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "cache"), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCollectKeepsWhatKeptRunsNeed(t *testing.T) {
	dir := t.TempDir()
	other := strings.Replace(small, "add: 1000", "add: 2000", 1)
	for _, text := range []string{other, small} {
		if _, err := execute(t, newMill().engine(dir), text); err != nil {
			t.Fatal(err)
		}
	}
	age(t, dir)
	all := filesIn(t, dir)
	c := collector(dir, 1)
	c.DryRun = true
	would, err := c.Collect()
	if err != nil || filesIn(t, dir) != all {
		t.Fatalf("a dry run removed something: %v", err)
	}
	c.DryRun = false
	did, err := c.Collect()
	if err != nil {
		t.Fatal(err)
	}
	// Of the other configuration: two tables, two actions, and at least two segments (their indexes go with them).
	for kind, want := range map[cas.Kind]int64{cas.KindBlob: 2, cas.KindAction: 2, cas.KindSegment: 2} {
		n := did.Removed[kind].Files
		if n != want && (kind != cas.KindSegment || n < want) || would.Removed[kind] != did.Removed[kind] {
			t.Errorf("%s: removed %+v, the dry run said %+v, want %d files", kind, did.Removed[kind], would.Removed[kind], want)
		}
	}
	m := newMill()
	if _, err := execute(t, m.engine(dir), small); err != nil || len(m.computed)+len(m.ran) > 0 {
		t.Errorf("what the kept run needs was computed again: %v %v %v", m.computed, m.ran, err)
	}
	if _, err := execute(t, m.engine(dir), other); err != nil || len(m.computed) != 40 {
		t.Errorf("%d rows of the other run were computed again, want 40; %v", len(m.computed), err)
	}
	if found := verify(t, dir, false); len(found) > 0 {
		t.Errorf("the cache isn't whole after a collection: %+v", found)
	}
}

// What a live run has looked up stays, even if the collector knows of no run record
// that tells of it: the records may be in another folder.
func TestCollectBesideALiveRun(t *testing.T) {
	dir := t.TempDir()
	if _, err := execute(t, newMill().engine(dir), small); err != nil {
		t.Fatal(err)
	}
	age(t, dir)
	if err := os.RemoveAll(filepath.Join(dir, "runs")); err != nil {
		t.Fatal(err)
	}
	m := newMill()
	m.hook = func(name string, _ int64) error {
		if name == "verdicts" { // numbers and samples were found in the cache
			c := collector(dir, 0)
			c.Runs = run.Dir(t.TempDir())
			if _, err := c.Collect(); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	r, err := execute(t, m.engine(dir), strings.Replace(small, "add: 100000", "add: 7", 1))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.ran) > 0 || len(m.computed) != 20 {
		t.Errorf("computed %v %v", m.ran, m.computed)
	}
	for _, id := range []string{"numbers", "samples"} {
		if _, err := cas.NewDisk(filepath.Join(dir, "cache")).Open(outputOf(r, id).Digest); err != nil {
			t.Errorf("%s was collected: %v", id, err)
		}
	}
}

// Small segments are merged beside a run that has read their index: it finds the
// rows in the merged one.
func TestCompactBesideALiveRun(t *testing.T) {
	dir := t.TempDir()
	for _, to := range []string{"5", "10", "15", "20"} {
		if _, err := execute(t, newMill().engine(dir), strings.Replace(small, "to: 20", "to: "+to, 1)); err != nil {
			t.Fatal(err)
		}
	}
	before := filesIn(t, dir)
	m := newMill()
	compacted := false
	m.hook = func(name string, _ int64) error {
		if name == "samples" && !compacted {
			compacted = true
			if done, err := collector(dir, 100).Collect(); err != nil || done.Merged < 8 {
				t.Errorf("merged %+v, %v; want 8 segments or more", done, err)
			}
		}
		return nil
	}
	// The new row comes first, so that the known ones are found before the merge and read after it.
	r, err := execute(t, m.engine(dir), strings.Replace(small, "from: 0, to: 20", "from: -1, to: 20", 1))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.computed) != 2 {
		t.Errorf("computed %v, want one row a step", m.computed)
	}
	for id, n := range r.Nodes {
		if len(n.Damage) > 0 {
			t.Errorf("%s: %v", id, n.Damage)
		}
	}
	if after := filesIn(t, dir); after >= before {
		t.Errorf("%d files before, %d after", before, after)
	}
	if found := verify(t, dir, false); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

func TestUsageNamesNodes(t *testing.T) {
	dir := t.TempDir()
	if _, err := execute(t, newMill().engine(dir), small); err != nil {
		t.Fatal(err)
	}
	shares, err := upkeep.Usage(cas.NewDisk(filepath.Join(dir, "cache")), run.Dir(filepath.Join(dir, "runs")))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int64{}
	for _, s := range shares {
		found[s.Pipeline+"/"+s.Node] = s.Files
	}
	for name, files := range map[string]int64{"small/numbers": 2, "small/samples": 2, "small/verdicts": 2} {
		if found[name] != files {
			t.Errorf("%s has %d files, want %d: %v", name, found[name], files, found)
		}
	}
}

// A row space is merged when it has many segments, and left alone before.
func TestCompactSpace(t *testing.T) {
	dir := t.TempDir()
	var r *run.Record
	for _, to := range []string{"5", "10", "15", "20"} {
		var err error
		if r, err = execute(t, newMill().engine(dir), strings.Replace(small, "to: 20", "to: "+to, 1)); err != nil {
			t.Fatal(err)
		}
	}
	s, space := cas.NewDisk(filepath.Join(dir, "cache")), r.Nodes["samples"].RowKeys.Space
	segments, err := filepath.Glob(filepath.Join(s.Dir(), "rows", space, "*.arrow"))
	if err != nil {
		t.Fatal(err)
	}
	for _, more := range []int{len(segments), len(segments) - 1} {
		want := len(segments) * (len(segments) - more)
		if merged, err := upkeep.CompactSpace(s, space, more); err != nil || merged != want {
			t.Errorf("more than %d: merged %d of %d, %v", more, merged, len(segments), err)
		}
	}
	if merged, err := upkeep.CompactSpace(s, "none", 0); err != nil || merged != 0 {
		t.Errorf("a space that isn't there: %d, %v", merged, err)
	}
}

// Of a row that was computed twice the newer one counts, before and after a merge, also
// if it lies in a segment that is too large to be merged.
func TestMergeKeepsTheNewerRow(t *testing.T) {
	s := cas.NewDisk(t.TempDir())
	k, other := digest.Of([]byte("k")), digest.Of([]byte("other"))
	now := time.Now()
	put := func(age time.Duration, key digest.Digest, text string) digest.Digest {
		content := segmentOf(t, key, text)
		if err := s.AppendRows("x", []digest.Digest{key}, content, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
		return digest.Of(content)
	}
	put(4*time.Hour, k, "old")
	put(3*time.Hour, other, "one")
	newer := put(2*time.Hour, k, strings.Repeat("x", 5<<20))
	put(time.Hour, other, "two")
	put(time.Minute, digest.Of([]byte("third")), "three")
	if merged, err := upkeep.CompactSpace(s, "x", 0); err != nil || merged != 4 {
		t.Errorf("merged %d, %v; want two lots of two", merged, err)
	}
	x, _, err := cas.ReadIndex(s.Rows("x"))
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := x.Lookup(k); !ok || x.Ref(p).Segment != newer {
		t.Error("the older row counts")
	}
}

func segmentOf(t *testing.T, key digest.Digest, text string) []byte {
	t.Helper()
	type row struct {
		Text string `arrow:"text"`
		Key  []byte `arrow:"_key"`
	}
	var b bytes.Buffer
	w, err := table.NewWriter(&b, table.SchemaOf[row]())
	if err == nil {
		err = table.AppendAll(w, []row{{text, key[:]}})
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is stored while verify goes on isn't taken for damage.
func TestRepairBesideALiveRun(t *testing.T) {
	s := cas.NewDisk(t.TempDir())
	key := digest.Of([]byte("k"))
	if err := s.PutAction(key, []byte("not an action")); err != nil {
		t.Fatal(err)
	}
	stored := false
	v := &upkeep.Verifier{Store: s, Runs: run.Dir(t.TempDir()), Repair: true, Report: func(upkeep.Finding) {
		if !stored { // a run stores rows between the two walks, or in one
			stored = true
			if err := s.Rows("x").Append([]digest.Digest{key}, segmentOf(t, key, "row")); err != nil {
				t.Error(err)
			}
		}
	}}
	if _, err := v.Verify(); err != nil || !stored {
		t.Fatal(stored, err)
	}
	x, _, err := cas.ReadIndex(s.Rows("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := x.Lookup(key); !ok {
		t.Error("rows that a run had just stored were removed")
	}
}

// Looking after a cache isn't using it.
func TestVerifyIsNoUse(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{strings.Replace(small, "add: 1000", "add: 2000", 1), small} {
		if _, err := execute(t, newMill().engine(dir), text); err != nil {
			t.Fatal(err)
		}
	}
	age(t, dir)
	verify(t, dir, false)
	if _, err := upkeep.Usage(cas.NewDisk(filepath.Join(dir, "cache")), run.Dir(filepath.Join(dir, "runs"))); err != nil {
		t.Fatal(err)
	}
	did, err := collector(dir, 1).Collect()
	if err != nil || did.Removed[cas.KindBlob].Files != 2 {
		t.Errorf("removed %v, %v; want the two tables of the older run", did.Removed, err)
	}
}
