package cas

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
)

// Disk is a Store in a folder. Nothing is created before the first write.
type Disk struct {
	dir      string
	verified sync.Map // digest.Digest -> stamp of the file whose content was checked
}

// stamp identifies a state of a file well enough to trust a check made before by
// the same process.
type stamp struct {
	size  int64
	mtime time.Time
}

// NewDisk returns the store in dir.
func NewDisk(dir string) *Disk { return &Disk{dir: dir} }

// Dir returns the folder of the store.
func (s *Disk) Dir() string { return s.dir }

func (s *Disk) blobPath(d digest.Digest) string {
	name := d.String()
	return filepath.Join(s.dir, "blobs", name[:2], name)
}

func (s *Disk) actionPath(key digest.Digest) string {
	name := key.String()
	return filepath.Join(s.dir, "actions", name[:2], name)
}

// Create implements Store.
func (s *Disk) Create() (Writer, error) {
	f, err := createTemp(s.dir)
	if err != nil {
		return nil, err
	}
	return &diskWriter{store: s, f: f, h: sha256.New()}, nil
}

// Open implements Store.
func (s *Disk) Open(d digest.Digest) (Blob, error) {
	path := s.blobPath(d)
	f, err := os.Open(path)
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
	path := s.actionPath(key)
	file, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Miss{What: "action", ID: key.String(), Path: path}
	}
	if err != nil {
		return nil, err
	}
	body, err := decodeAction(file)
	if err != nil {
		return nil, &Miss{What: "action", ID: key.String(), Path: path, Reason: err.Error()}
	}
	return body, nil
}

// PutAction implements Store.
func (s *Disk) PutAction(key digest.Digest, body []byte) error {
	return s.writeFile(s.actionPath(key), encodeAction(body))
}

// Rows implements Store.
func (s *Disk) Rows(space string) RowSpace {
	return &diskRows{store: s, name: space, dir: filepath.Join(s.dir, "rows", space)}
}

func (s *Disk) writeFile(path string, content []byte) error {
	f, err := createTemp(s.dir)
	if err != nil {
		return err
	}
	defer discard(f)
	if _, err := f.Write(content); err != nil {
		return err
	}
	return publish(f, path)
}

func createTemp(dir string) (*os.File, error) {
	tmp := filepath.Join(dir, "tmp")
	if err := os.MkdirAll(tmp, 0o777); err != nil {
		return nil, err
	}
	return os.CreateTemp(tmp, "put-*")
}

// discard removes a temporary file that publish has not moved away.
func discard(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}

// publish makes a temporary file durable under its final name: its content
// first, then the name, then the folder that holds the name.
func publish(f *os.File, path string) error {
	if err := f.Chmod(0o444); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

type diskBlob struct {
	*os.File
	size int64
}

func (b diskBlob) Size() int64 { return b.size }

type diskWriter struct {
	store *Disk
	f     *os.File
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
	if err := publish(w.f, w.store.blobPath(d)); err != nil {
		return digest.Digest{}, 0, err
	}
	return d, w.n, nil
}

func (w *diskWriter) Abort() { discard(w.f) }

var _ io.Writer = (*diskWriter)(nil)
