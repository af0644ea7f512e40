package cas

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/durable"
)

// Disk is a Store in a folder. Nothing is created before the first write.
type Disk struct {
	dir      string
	fs       durable.FS
	verified sync.Map // digest.Digest -> stamp of the file whose content was checked
	syncs    chan struct{}
	unmarked bool // see Unmarked
}

// syncsAtOnce is how many files are made durable at the same time: a disk takes many
// together in little more time than one, but each costs a thread.
const syncsAtOnce = 64

// stamp identifies a state of a file well enough to trust a check made before by
// the same process.
type stamp struct {
	size  int64
	mtime time.Time
}

// NewDisk returns the store in dir.
func NewDisk(dir string) *Disk { return NewDiskOn(durable.OS{}, dir) }

// NewDiskOn returns the store in dir that changes files by way of fsys.
func NewDiskOn(fsys durable.FS, dir string) *Disk {
	return &Disk{dir: dir, fs: fsys, syncs: make(chan struct{}, syncsAtOnce)}
}

// Dir returns the folder of the store.
func (s *Disk) Dir() string { return s.dir }

// BlobPath is where the blob that d names is, if it is there.
func (s *Disk) BlobPath(d digest.Digest) string {
	name := d.String()
	return filepath.Join(s.dir, "blobs", name[:2], name)
}

// ActionPath is where the outcome of a key is, if it is there.
func (s *Disk) ActionPath(key digest.Digest) string {
	name := key.String()
	return filepath.Join(s.dir, "actions", name[:2], name)
}

// Create implements Store.
func (s *Disk) Create() (Writer, error) {
	return &diskWriter{store: s, h: sha256.New()}, nil
}

// Open implements Store.
func (s *Disk) Open(d digest.Digest) (Blob, error) {
	path := s.BlobPath(d)
	f, err := used(s, path, os.Open)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Miss{What: "blob", ID: d.String(), Path: path}
	}
	if err != nil {
		return nil, err
	}
	size, err := s.verify(f, d)
	if err != nil {
		f.Close()
		return nil, err
	}
	return diskBlob{f, size}, nil
}

// verify checks the content of f against its name, once per state of the file.
func (s *Disk) verify(f *os.File, d digest.Digest) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	now := stamp{info.Size(), info.ModTime()}
	if seen, ok := s.verified.Load(d); ok && seen == now {
		return now.size, nil
	}
	got, n, err := digest.Reader(f)
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	if got != d {
		reason := fmt.Sprintf("its content has digest %s", got.Short())
		return 0, &Miss{What: "blob", ID: d.String(), Path: f.Name(), Reason: reason}
	}
	s.verified.Store(d, now)
	return n, nil
}

// Action implements Store.
func (s *Disk) Action(key digest.Digest) ([]byte, error) {
	path := s.ActionPath(key)
	file, err := used(s, path, os.ReadFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Miss{What: "action", ID: key.String(), Path: path}
	}
	if err != nil {
		return nil, err
	}
	body, err := decodeAction(key, file)
	if err != nil {
		return nil, &Miss{What: "action", ID: key.String(), Path: path, Reason: err.Error()}
	}
	return body, nil
}

// PutAction implements Store.
func (s *Disk) PutAction(key digest.Digest, body []byte) error {
	return s.writeFile(s.ActionPath(key), encodeAction(key, body))
}

// Rows implements Store.
func (s *Disk) Rows(space string) RowSpace {
	return &diskRows{store: s, dir: filepath.Join(s.dir, "rows", space)}
}

// Lock implements Locker. Keys that share their first 63 bits wait for each other
// without need. There are 256 files, since the kernel keeps the locks of each in a
// list.
func (s *Disk) Lock(ctx context.Context, key digest.Digest, waiting func()) (func(), error) {
	path := filepath.Join(s.dir, "locks", key.String()[:2])
	f, err := lockRange(ctx, path, int64(key.Uint64()>>1), waiting)
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

func (s *Disk) tmp() string { return filepath.Join(s.dir, "tmp") }

func (s *Disk) writeFile(path string, content []byte) error {
	s.syncs <- struct{}{}
	defer func() { <-s.syncs }()
	return durable.WriteFile(s.fs, s.tmp(), path, content, readOnly)
}

// writeFileAt is writeFile for a file that has its age before it has its name.
func (s *Disk) writeFileAt(path string, content []byte, at time.Time) error {
	s.syncs <- struct{}{}
	defer func() { <-s.syncs }()
	return durable.Write(s.fs, s.tmp(), path, readOnly, func(f durable.File) error {
		if _, err := f.Write(content); err != nil {
			return err
		}
		return os.Chtimes(f.Name(), at, at)
	})
}

// readOnly is the mode of everything that is stored.
const readOnly = 0o444

type diskBlob struct {
	*os.File
	size int64
}

func (b diskBlob) Size() int64 { return b.size }

// diskWriter writes a blob into a temporary file. Small ones stay in memory until
// they are committed: many are there already, and making a file takes time.
type diskWriter struct {
	store *Disk
	h     hash.Hash
	n     int64
	small []byte       // the content, while f is nil
	f     durable.File // once it isn't small any more
}

// smallBlob is the size up to which a blob is held in memory.
const smallBlob = 64 << 10

func (w *diskWriter) Write(p []byte) (n int, err error) {
	if w.f == nil && len(w.small)+len(p) <= smallBlob {
		w.small = append(w.small, p...)
		n = len(p)
	} else {
		if err := w.open(); err != nil {
			return 0, err
		}
		n, err = w.f.Write(p)
	}
	w.h.Write(p[:n])
	w.n += int64(n)
	return n, err
}

// open moves what is in memory to a file.
func (w *diskWriter) open() error {
	if w.f != nil {
		return nil
	}
	f, err := durable.CreateTemp(w.store.fs, w.store.tmp())
	if err != nil {
		return err
	}
	w.f = f
	_, err = f.Write(w.small)
	w.small = nil
	return err
}

func (w *diskWriter) ReadAt(p []byte, off int64) (int, error) {
	if w.f == nil {
		return bytes.NewReader(w.small).ReadAt(p, off)
	}
	return w.f.ReadAt(p, off)
}

func (w *diskWriter) Commit() (digest.Digest, int64, error) {
	defer w.Abort()
	d := digest.FromHash(w.h)
	if w.store.isWhole(d) || w.f == nil && w.store.has(d) {
		return d, w.n, nil
	}
	if err := w.open(); err != nil {
		return digest.Digest{}, 0, err
	}
	if err := w.store.publish(w.f, d); err != nil {
		return digest.Digest{}, 0, err
	}
	w.f = nil
	return d, w.n, nil
}

func (w *diskWriter) Abort() {
	if w.f != nil {
		durable.Discard(w.store.fs, w.f)
		w.f = nil
	}
}

// publish makes a file the blob that d names.
func (s *Disk) publish(f durable.File, d digest.Digest) error {
	s.syncs <- struct{}{}
	defer func() { <-s.syncs }()
	path := s.BlobPath(d)
	if err := durable.Publish(s.fs, f, path, readOnly); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil {
		s.verified.Store(d, stamp{info.Size(), info.ModTime()})
	}
	return nil
}

// has reports whether that blob is there and whole. It reads the blob, which for a small
// one takes less time than writing it again.
func (s *Disk) has(d digest.Digest) bool {
	b, err := s.Open(d)
	if err != nil {
		return false
	}
	return b.Close() == nil
}

// isWhole reports whether this process has stored or checked that blob, and its file
// is as it was then.
func (s *Disk) isWhole(d digest.Digest) bool {
	seen, ok := s.verified.Load(d)
	if !ok {
		return false
	}
	info, err := os.Stat(s.BlobPath(d))
	return err == nil && seen == stamp{info.Size(), info.ModTime()}
}
