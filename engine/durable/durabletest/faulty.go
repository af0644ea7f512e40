package durabletest

import (
	"io/fs"
	"sync"

	"github.com/ouroflow/ouroflow/engine/durable"
)

// Faulty is a durable.FS whose changes fail with an error from some write on.
type Faulty struct {
	durable.OS
	Err error

	mu     sync.Mutex
	writes int // that still succeed
}

// NewFaulty returns a file system in which the first writes succeed.
func NewFaulty(err error, writes int) *Faulty { return &Faulty{Err: err, writes: writes} }

// fail returns the error of a change of path, if its time has come.
func (f *Faulty) fail(op, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writes > 0 {
		f.writes--
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: f.Err}
}

// CreateTemp implements durable.FS.
func (f *Faulty) CreateTemp(dir, pattern string) (durable.File, error) {
	if err := f.fail("open", dir); err != nil {
		return nil, err
	}
	file, err := f.OS.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	return &faultyFile{file, f}, nil
}

type faultyFile struct {
	durable.File
	fs *Faulty
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if err := f.fs.fail("write", f.Name()); err != nil {
		n, _ := f.File.Write(p[:len(p)/2]) // a full disk takes part of it
		return n, err
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if err := f.fs.fail("sync", f.Name()); err != nil {
		return err
	}
	return f.File.Sync()
}
