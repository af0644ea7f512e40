package upkeep

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/run"
)

// Collector removes what no kept run needs. It can go on beside runs: what they
// look up or store while they live is kept, whatever the policy says.
type Collector struct {
	Store   *cas.Disk
	Runs    run.Dir
	Newest  int           // keep what the newest so many runs need
	Younger time.Duration // and what was used, or needed by a run that began, less long ago
	DryRun  bool          // only say what would be removed
}

// Amount is a number of files and their size.
type Amount struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

func (a *Amount) add(size int64) {
	a.Files++
	a.Bytes += size
}

// Collected says what a collection removed, or would remove, and what stays.
type Collected struct {
	KeptRuns []string            `json:"kept_runs"`
	Removed  map[cas.Kind]Amount `json:"removed"`
	Kept     Amount              `json:"kept"`
	Merged   int                 `json:"merged_segments"`
}

// grace is how long what was used last stays even if nobody needs it: a run that
// starts while the collector looks around may have looked it up.
const grace = 2 * time.Hour

// Collect removes what isn't needed, and merges small row segments.
func (c *Collector) Collect() (*Collected, error) {
	c.Store = c.Store.Unmarked()
	out := &Collected{Removed: map[cas.Kind]Amount{}}
	before, err := c.Store.InUseSince()
	if err != nil {
		return nil, err
	}
	before = before.Add(-max(grace, c.Younger))
	needed, kept, err := c.reach()
	if err != nil {
		return nil, err
	}
	out.KeptRuns = kept
	entries, err := c.entries()
	if err != nil {
		return nil, err
	}
	var stay []cas.Entry
	for _, e := range entries {
		wanted, err := c.wanted(needed, e, before)
		if err != nil {
			return nil, err
		}
		if wanted {
			out.Kept.add(e.Size)
			stay = append(stay, e)
			continue
		}
		removed, err := c.remove(e, before)
		if err != nil {
			return nil, err
		}
		if removed {
			a := out.Removed[e.Kind]
			a.add(e.Size)
			out.Removed[e.Kind] = a
		}
	}
	if c.DryRun {
		return out, nil
	}
	out.Merged, err = Compact(c.Store, stay)
	return out, err
}

func (c *Collector) entries() (entries []cas.Entry, err error) {
	err = c.Store.Walk(func(e cas.Entry) error {
		entries = append(entries, e)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return entries, err
}

// reach finds out what the kept runs need. The others are marked, since their
// outputs may be gone afterwards.
func (c *Collector) reach() (*reach, []string, error) {
	ids, err := c.Runs.IDs()
	if err != nil {
		return nil, nil, err
	}
	r, kept := newReach(c.Store), []string{}
	for i, id := range ids {
		record, err := c.Runs.Load(id)
		var damage *run.Damage
		if errors.As(err, &damage) {
			continue // it can't be told what it needs; verify tells of it
		}
		if err != nil {
			return nil, nil, err
		}
		if i < len(ids)-c.Newest && time.Since(record.Started) > c.Younger && record.Status != event.Running {
			if !c.DryRun {
				if err := c.Runs.Collect(id); err != nil {
					return nil, nil, err
				}
			}
			continue
		}
		if err := r.add(record); err != nil {
			return nil, nil, err
		}
		kept = append(kept, id)
	}
	return r, kept, nil
}

// wanted reports whether an entry must stay.
func (c *Collector) wanted(needed *reach, e cas.Entry, before time.Time) (bool, error) {
	if e.Used.After(before) {
		return true, nil
	}
	switch e.Kind {
	case cas.KindBlob:
		return needed.blobs[e.ID], nil
	case cas.KindAction:
		return needed.actions[e.ID], nil
	case cas.KindSegment:
		return c.segmentWanted(needed, e)
	case cas.KindIndex: // goes with its segment
		_, err := os.Stat(stem(e) + ".arrow")
		return err == nil, nil
	case cas.KindTemp, cas.KindScratch, cas.KindMemo:
		return false, nil
	default:
		return true, nil
	}
}

func (c *Collector) segmentWanted(needed *reach, e cas.Entry) (bool, error) {
	if !needed.unfinished.IsZero() && e.Used.After(needed.unfinished) {
		return true, nil
	}
	content, err := os.ReadFile(e.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	keys, err := exec.SegmentKeys(content)
	return err == nil && slices.ContainsFunc(keys, needed.needs), nil // a damaged one is of no use
}

func (c *Collector) remove(e cas.Entry, before time.Time) (bool, error) {
	if c.DryRun {
		return true, nil
	}
	removed, err := c.Store.RemoveUnused(e, before)
	if err != nil {
		return false, fmt.Errorf("removing %s: %w", e.Path, err)
	}
	if removed && e.Kind == cas.KindSegment {
		err = os.Remove(stem(e) + ".idx")
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	return removed, err
}

// CompactSpace merges the small segments of a row space if there are more than some,
// which make every job that reads its index slower.
func CompactSpace(s *cas.Disk, space string, more int) (merged int, err error) {
	var entries []cas.Entry
	err = s.WalkRows(space, func(e cas.Entry) error {
		entries = append(entries, e)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) <= 2*more { // each has an index
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return Compact(s, entries)
}

// Segments smaller than half of this are merged into ones of about this size.
const mergedBytes = 8 << 20

// Compact merges the small row segments among entries, space by space, and returns
// how many it merged. Runs that have read the old ones find the new ones.
func Compact(s *cas.Disk, entries []cas.Entry) (merged int, err error) {
	bySpace := map[string][]cas.Entry{}
	for _, e := range entries {
		if e.Kind == cas.KindSegment {
			bySpace[e.Space] = append(bySpace[e.Space], e)
		}
	}
	for space, segments := range bySpace {
		for batch := range batches(segments) {
			n, err := merge(s, space, batch)
			merged += n
			if err != nil {
				return merged, fmt.Errorf("merging segments of %s: %w", space, err)
			}
		}
	}
	return merged, nil
}

// batches cuts small segments into lots that make one segment each, oldest rows first.
// A large segment ends a lot: rows before and after it must not change places with it.
func batches(entries []cas.Entry) iter.Seq[[]cas.Entry] {
	stored := map[digest.Digest]time.Time{}
	for _, e := range entries {
		stored[e.ID] = indexTime(e)
	}
	slices.SortFunc(entries, func(a, b cas.Entry) int { return stored[a.ID].Compare(stored[b.ID]) })
	return func(yield func([]cas.Entry) bool) {
		var batch []cas.Entry
		var size int64
		for _, e := range entries {
			small := e.Size < mergedBytes/2
			if small {
				batch, size = append(batch, e), size+e.Size
			}
			if !small || size >= mergedBytes {
				if len(batch) > 1 && !yield(batch) {
					return
				}
				batch, size = nil, 0
			}
		}
		if len(batch) > 1 {
			yield(batch)
		}
	}
}

func indexTime(e cas.Entry) time.Time {
	info, err := os.Stat(stem(e) + ".idx")
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// merge stores the rows of a batch as one segment, then drops the old ones. The new
// index is as old as the newest of the old, so that rows stored since count more.
func merge(s *cas.Disk, space string, batch []cas.Entry) (int, error) {
	rows := s.Rows(space)
	var contents [][]byte
	var newest time.Time
	for _, e := range batch {
		content, err := rows.Segment(e.ID)
		stored := indexTime(e)
		if cas.IsMiss(err) || stored.IsZero() {
			return 0, nil // damaged, or gone: nothing is lost by leaving the lot
		}
		if err != nil {
			return 0, err
		}
		contents, newest = append(contents, content), stored
	}
	keys, content, err := exec.MergeSegments(contents)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	if err := s.AppendRows(space, keys, content, newest); err != nil {
		return 0, err
	}
	id := digest.Of(content)
	for _, e := range batch {
		if e.ID == id {
			continue
		}
		if err := rows.Drop(e.ID); err != nil {
			return 0, err
		}
	}
	return len(batch), nil
}
