package cas

import (
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
}

// stamp identifies a state of a file well enough to trust a check made before by
// the same process.
type stamp struct {
	size  int64
	mtime time.Time
}

// NewDisk returns the store in dir.
func NewDisk(dir string) *Disk { return NewDiskOn(durable.OS{}, dir) }

// NewDiskOn returns the store in dir that changes files by way of fsys.
func NewDiskOn(fsys durable.FS, dir string) *Disk { return &Disk{dir: dir, fs: fsys} }

// Dir returns the folder of the store.
func (s *Disk) Dir() string { return s.dir }

// BlobPath is where the blob that d names is, if it is there.
func (s *Disk) BlobPath(d digest.Digest) string {
	name := d.String()
	return filepath.Join(s.dir, "blobs", name[:2], name)
}

func (s *Disk) actionPath(key digest.Digest) string {
	name := key.String()
	return filepath.Join(s.dir, "actions", name[:2], name)
}

// Create implements Store.
func (s *Disk) Create() (Writer, error) {
	if err := durable.MkdirAll(s.fs, s.tmp()); err != nil {
		return nil, err
	}
	f, err := s.fs.CreateTemp(s.tmp(), "put-*")
	if err != nil {
		return nil, err
	}
	return &diskWriter{store: s, f: f, h: sha256.New()}, nil
}

// Open implements Store.
func (s *Disk) Open(d digest.Digest) (Blob, error) {
	path := s.BlobPath(d)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Miss{What: "blob", ID: d.String(), Path: path}
	}
	if err != nil {
		return nil, err
	}
	markUsed(path)
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
	path := s.actionPath(key)
	markUsed(path)
	file, err := os.ReadFile(path)
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
	return s.writeFile(s.actionPath(key), encodeAction(key, body))
}

// Rows implements Store.
func (s *Disk) Rows(space string) RowSpace {
	return &diskRows{store: s, name: space, dir: filepath.Join(s.dir, "rows", space)}
}

// Lock implements Locker.
func (s *Disk) Lock(ctx context.Context, key digest.Digest, waiting func()) (func(), error) {
	name := key.String()
	path := filepath.Join(s.dir, "locks", name[:2], name)
	f, err := waitLock(ctx, path, waiting)
	if err != nil {
		return nil, err
	}
	return func() {
		_ = os.Remove(path) // while it is held: who waits for it notices
		f.Close()
	}, nil
}

func (s *Disk) tmp() string { return filepath.Join(s.dir, "tmp") }

func (s *Disk) writeFile(path string, content []byte) error {
	return durable.WriteFile(s.fs, s.tmp(), path, content, readOnly)
}

// readOnly is the mode of everything that is stored.
const readOnly = 0o444

type diskBlob struct {
	*os.File
	size int64
}

func (b diskBlob) Size() int64 { return b.size }

type diskWriter struct {
	store *Disk
	f     durable.File
	h     hash.Hash
	n     int64
}

func (w *diskWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.h.Write(p[:n])
	w.n += int64(n)
	return n, err
}

func (w *diskWriter) Commit() (digest.Digest, int64, error) {
	defer w.Abort()
	d := digest.FromHash(w.h)
	if err := durable.Publish(w.store.fs, w.f, w.store.BlobPath(d), readOnly); err != nil {
		return digest.Digest{}, 0, err
	}
	return d, w.n, nil
}

func (w *diskWriter) ReadAt(p []byte, off int64) (int, error) { return w.f.ReadAt(p, off) }

func (w *diskWriter) Abort() { durable.Discard(w.store.fs, w.f) }
