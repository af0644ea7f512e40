package cas

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
)

// Remote is a second level of a cache: files by their names in a Disk, such as
// blobs/ab/abcd. It may be out of reach, and what it returns is checked.
// Implementations are safe for concurrent use.
type Remote interface {
	// Name says where it is, for messages.
	Name() string
	// Get opens a file. One that isn't there is fs.ErrNotExist.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// Put stores a file, whole or not at all.
	Put(ctx context.Context, name string, content io.ReadSeeker, size int64) error
	// List returns the names that begin with prefix.
	List(ctx context.Context, prefix string) ([]string, error)
}

// Tiered is a Disk with a Remote behind it. What the disk doesn't have is looked
// for in the remote and kept on the disk; what is stored goes to the disk first and
// to the remote later, content before what refers to it. When the remote fails it
// isn't asked again: the disk goes on alone.
type Tiered struct {
	*Disk
	remote   Remote
	ctx      context.Context
	complete func(action []byte) error
	warn     func(string)
	away     atomic.Bool
	slow     sync.Once // for telling that the remote takes its time
	up       *uploader

	mu     sync.Mutex
	spaces map[string]*tieredRows
}

// NewTiered puts a remote behind a disk. Before an action of the remote is used,
// complete must make sure that all it refers to is in the store. Troubles of the
// remote are told to warn.
func NewTiered(ctx context.Context, disk *Disk, remote Remote, warn func(string)) (*Tiered, error) {
	t := &Tiered{Disk: disk, remote: remote, ctx: ctx, warn: warn, spaces: map[string]*tieredRows{}}
	up, err := newUploader(t)
	t.up = up
	return t, err
}

// CompleteWith sets what makes sure that all that an action refers to is there.
func (t *Tiered) CompleteWith(complete func(action []byte) error) { t.complete = complete }

// Close waits until everything that was stored is in the remote, too. What couldn't
// be sent is sent by the next run.
func (t *Tiered) Close() error { return t.up.close() }

// fail notes that the remote can't be used, and says so once.
func (t *Tiered) fail(err error) {
	if !t.away.Swap(true) {
		t.warn(fmt.Sprintf("the remote cache %s can't be used: %v; going on with the local one alone, nothing that is computed is lost", t.remote.Name(), err))
	}
}

// patience is after how long people are told what they wait for.
const patience = 2 * time.Second

// await tells, once, of a remote that hasn't answered for a while.
func (t *Tiered) await() (answered func()) {
	timer := time.AfterFunc(patience, func() {
		t.slow.Do(func() { t.warn(fmt.Sprintf("waiting for the remote cache %s to answer", t.remote.Name())) })
	})
	return func() { timer.Stop() }
}

// open opens a file of the remote, nil if it isn't there or can't be reached.
func (t *Tiered) open(name string) io.ReadCloser {
	if t.away.Load() {
		return nil
	}
	answered := t.await()
	r, err := t.remote.Get(t.ctx, name)
	answered()
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			t.fail(err)
		}
		return nil
	}
	return r
}

// get reads a file of the remote, nil if it isn't there or can't be reached.
func (t *Tiered) get(name string) []byte {
	r := t.open(name)
	if r == nil {
		return nil
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.fail(err)
		return nil
	}
	return b
}

// wrong tells of a file of the remote that isn't what its name says: a miss.
func (t *Tiered) wrong(name string, err error) {
	t.warn(fmt.Sprintf("%s in the remote cache %s is damaged: %v; it isn't used", name, t.remote.Name(), err))
}

func (t *Tiered) nameOf(path string) string {
	rel, err := filepath.Rel(t.dir, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

// Open implements Store.
func (t *Tiered) Open(d digest.Digest) (Blob, error) {
	b, err := t.Disk.Open(d)
	if IsMiss(err) && t.fetchBlob(d) {
		return t.Disk.Open(d)
	}
	return b, err
}

func (t *Tiered) fetchBlob(d digest.Digest) bool {
	name := t.nameOf(t.BlobPath(d))
	r := t.open(name)
	if r == nil {
		return false
	}
	defer r.Close()
	w, err := t.Disk.Create()
	if err != nil {
		return false
	}
	defer w.Abort()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), r); err != nil {
		t.fail(err)
		return false
	}
	if got := digest.FromHash(h); got != d {
		t.wrong(name, fmt.Errorf("its content has digest %s", got.Short()))
		return false
	}
	_, _, err = w.Commit()
	return err == nil
}

// Action implements Store. An action of the remote is kept when what it refers to
// has been.
func (t *Tiered) Action(key digest.Digest) ([]byte, error) {
	body, err := t.Disk.Action(key)
	if !IsMiss(err) {
		return body, err
	}
	name := t.nameOf(t.ActionPath(key))
	file := t.get(name)
	if file == nil {
		return nil, err
	}
	body, decodeErr := decodeAction(key, file)
	if decodeErr != nil {
		t.wrong(name, decodeErr)
		return nil, err
	}
	if t.complete(body) != nil || t.Disk.PutAction(key, body) != nil {
		return nil, err
	}
	return body, nil
}

// PutAction implements Store.
func (t *Tiered) PutAction(key digest.Digest, body []byte) error {
	if err := t.Disk.PutAction(key, body); err != nil {
		return err
	}
	t.up.add(t.nameOf(t.ActionPath(key)))
	return nil
}

// Create implements Store.
func (t *Tiered) Create() (Writer, error) {
	w, err := t.Disk.Create()
	if err != nil {
		return nil, err
	}
	return &tieredWriter{w, t}, nil
}

type tieredWriter struct {
	Writer
	t *Tiered
}

func (w *tieredWriter) Commit() (digest.Digest, int64, error) {
	d, n, err := w.Writer.Commit()
	if err == nil {
		w.t.up.add(w.t.nameOf(w.t.BlobPath(d)))
	}
	return d, n, err
}

// Rows implements Store.
func (t *Tiered) Rows(space string) RowSpace {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.spaces[space]
	if !ok {
		r = &tieredRows{diskRows: t.Disk.Rows(space).(*diskRows), t: t, keys: map[digest.Digest][]digest.Digest{}}
		t.spaces[space] = r
	}
	return r
}

// tieredRows is a row space of a Tiered. Which indexes the remote has is asked once,
// its segments are read when a row of theirs is wanted.
type tieredRows struct {
	*diskRows
	t *Tiered

	mu    sync.Mutex
	asked bool
	keys  map[digest.Digest][]digest.Digest // of the segments that only the remote has
}

// Load implements RowSpace. Rows on the disk count more than those of the remote.
func (r *tieredRows) Load(x *Index) ([]*Miss, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.asked && !r.t.away.Load() {
		r.asked = true
		r.ask()
	}
	damaged, err := r.diskRows.Load(x)
	for _, segment := range slices.SortedFunc(maps.Keys(r.keys), digest.Compare) {
		if !x.Has(segment) {
			x.AddMissing(segment, r.keys[segment])
		}
	}
	return damaged, err
}

// ask reads the indexes that the disk doesn't have.
func (r *tieredRows) ask() {
	answered := r.t.await()
	names, err := r.t.remote.List(r.t.ctx, r.t.nameOf(r.dir)+"/")
	answered()
	if err != nil {
		r.t.fail(err)
		return
	}
	for _, name := range names {
		id, ok := strings.CutSuffix(filepath.Base(name), ".idx")
		if !ok {
			continue
		}
		if _, err := os.Stat(filepath.Join(r.dir, id+".idx")); err == nil {
			continue
		}
		file := r.t.get(name)
		if file == nil {
			continue
		}
		segment, keys, err := decodeIndexOf(id, file)
		if err != nil {
			r.t.wrong(name, err)
			continue
		}
		r.keys[segment] = keys
	}
}

// Segment implements RowSpace.
func (r *tieredRows) Segment(id digest.Digest) ([]byte, error) {
	content, err := r.diskRows.Segment(id)
	r.mu.Lock()
	keys, onlyRemote := r.keys[id]
	r.mu.Unlock()
	if !IsMiss(err) || !onlyRemote {
		return content, err
	}
	name := r.t.nameOf(r.segmentPath(id))
	content = r.t.get(name)
	if content == nil {
		return nil, err
	}
	if got := digest.Of(content); got != id {
		r.t.wrong(name, fmt.Errorf("its content has digest %s", got.Short()))
		return nil, err
	}
	if err := r.diskRows.Append(keys, content); err != nil {
		return nil, err
	}
	return content, nil
}

// Append implements RowSpace.
func (r *tieredRows) Append(keys []digest.Digest, segment []byte) error {
	if err := r.diskRows.Append(keys, segment); err != nil {
		return err
	}
	id := digest.Of(segment)
	r.t.up.add(r.t.nameOf(r.segmentPath(id)))
	r.t.up.add(r.t.nameOf(r.indexPath(id)))
	return nil
}

// send puts one file of the disk into the remote. One that is gone needs no sending.
func (t *Tiered) send(name string) error {
	f, err := os.Open(filepath.Join(t.dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return t.remote.Put(t.ctx, name, f, info.Size())
}
