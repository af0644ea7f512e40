package cas

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ouroflow/ouroflow/engine/digest"
)

// diskRows is a row space in a folder: <id>.arrow is a segment, <id>.idx lists
// its keys, and <id> is the digest of the segment. A segment without an index
// doesn't exist yet, so a crash between the two loses one batch and no more.
type diskRows struct {
	store *Disk
	name  string
	dir   string
}

func (r *diskRows) segmentPath(id digest.Digest) string {
	return filepath.Join(r.dir, id.String()+".arrow")
}

func (r *diskRows) indexPath(id digest.Digest) string {
	return filepath.Join(r.dir, id.String()+".idx")
}

// Index implements RowSpace.
func (r *diskRows) Index() (*Index, []*Miss, error) {
	x := NewIndex()
	entries, err := os.ReadDir(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return x, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var damaged []*Miss
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".idx")
		if !ok {
			continue
		}
		if err := r.load(x, id); err != nil {
			path := filepath.Join(r.dir, e.Name())
			damaged = append(damaged, &Miss{What: "index", ID: id, Path: path, Reason: err.Error()})
		}
	}
	return x, damaged, nil
}

func (r *diskRows) load(x *Index, id string) error {
	file, err := os.ReadFile(filepath.Join(r.dir, id+".idx"))
	if err != nil {
		return err
	}
	segment, keys, err := decodeIndex(file)
	if err != nil {
		return err
	}
	if segment.String() != id {
		return errors.New("it is the index of segment " + segment.Short())
	}
	x.Add(segment, keys)
	return nil
}

// Segment implements RowSpace.
func (r *diskRows) Segment(id digest.Digest) ([]byte, error) {
	path := r.segmentPath(id)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Miss{What: "segment", ID: id.String(), Path: path, Reason: "its file is gone"}
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
	id := digest.Of(segment)
	if err := r.store.writeFile(r.segmentPath(id), segment); err != nil {
		return err
	}
	return r.store.writeFile(r.indexPath(id), encodeIndex(id, keys))
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
