package cas

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
)

// diskRows is a row space in a folder: <id>.arrow is a segment, <id>.idx lists
// its keys, and <id> is the digest of the segment. A segment without an index
// doesn't exist yet, so a crash between the two loses one batch and no more.
type diskRows struct {
	store *Disk
	dir   string
}

func (r *diskRows) segmentPath(id digest.Digest) string {
	return filepath.Join(r.dir, id.String()+".arrow")
}

func (r *diskRows) indexPath(id digest.Digest) string {
	return filepath.Join(r.dir, id.String()+".idx")
}

// Load implements RowSpace.
func (r *diskRows) Load(x *Index) ([]*Miss, error) {
	entries, err := os.ReadDir(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	add := x.Add
	if x.Len() > 0 { // what is known already is not older than what is found now
		add = x.AddMissing
	}
	var damaged []*Miss
	for _, id := range r.unseen(x, entries) {
		err := r.load(add, id)
		var m *Miss
		switch {
		case errors.As(err, &m):
			damaged = append(damaged, m)
		case err != nil && !errors.Is(err, fs.ErrNotExist): // another process may have dropped it
			return nil, err
		}
	}
	return damaged, nil
}

// unseen lists the indexes that x doesn't have, by age: of two rows with one key,
// as a forced run makes them, the newer one counts.
func (r *diskRows) unseen(x *Index, entries []fs.DirEntry) []string {
	age := map[string]time.Time{}
	var ids []string
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".idx")
		if d, err := digest.Parse(id); !ok || err == nil && x.Has(d) {
			continue
		}
		if info, err := e.Info(); err == nil {
			ids, age[id] = append(ids, id), info.ModTime()
			x.reserve(int(info.Size()) / digest.Size)
		}
	}
	slices.SortStableFunc(ids, func(a, b string) int { return age[a].Compare(age[b]) })
	return ids
}

// load adds the rows of one index. A file that can be read but isn't right is a
// *Miss.
func (r *diskRows) load(add func(digest.Digest, []digest.Digest), id string) error {
	path := filepath.Join(r.dir, id+".idx")
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	segment, keys, err := decodeIndexOf(id, file)
	if err != nil {
		return &Miss{What: "index", ID: id, Path: path, Reason: err.Error()}
	}
	add(segment, keys)
	return nil
}

// Segment implements RowSpace.
func (r *diskRows) Segment(id digest.Digest) ([]byte, error) {
	path := r.segmentPath(id)
	b, err := used(r.store, path, os.ReadFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Miss{What: "segment", ID: id.String(), Path: path, Reason: "its file is gone", Gone: true}
	}
	if err != nil {
		return nil, err
	}
	if got := digest.Of(b); got != id {
		reason := "its content has digest " + got.Short()
		return nil, &Miss{What: "segment", ID: id.String(), Path: path, Reason: reason}
	}
	return b, nil
}

// Append implements RowSpace.
func (r *diskRows) Append(keys []digest.Digest, segment []byte) error {
	return r.appendAt(keys, segment, time.Now())
}

// AppendRows is Append for rows that were stored at some time before.
func (s *Disk) AppendRows(space string, keys []digest.Digest, segment []byte, at time.Time) error {
	return s.Rows(space).(*diskRows).appendAt(keys, segment, at)
}

func (r *diskRows) appendAt(keys []digest.Digest, segment []byte, at time.Time) error {
	id := digest.Of(segment)
	if err := r.store.writeFile(r.segmentPath(id), segment); err != nil {
		return err
	}
	return r.store.writeFileAt(r.indexPath(id), encodeIndex(id, keys), at)
}

// Drop implements RowSpace. The index goes first: a segment without one is
// invisible, the opposite would be damage.
func (r *diskRows) Drop(id digest.Digest) error {
	for _, path := range []string{r.indexPath(id), r.segmentPath(id)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
