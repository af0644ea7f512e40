// Package durable puts files in place so that after a crash or a power loss a
// name leads to its old content or to its new content, whole, and what was said
// to be stored is there.
//
// The order is always: content written and synced, then renamed, then the folder
// of the name synced; the folders above it were synced when they were made.
package durable

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FS is the part of a file system that changes it. Tests put one in place that
// records, or fails.
type FS interface {
	Mkdir(dir string) error
	CreateTemp(dir, pattern string) (File, error)
	Rename(from, to string) error
	SyncDir(dir string) error
	Remove(path string) error
}

// File is a file that is being written.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Name() string
	Chmod(fs.FileMode) error
	Sync() error
}

// OS is the file system of the machine.
type OS struct{}

// Mkdir implements FS.
func (OS) Mkdir(dir string) error { return os.Mkdir(dir, 0o777) }

// CreateTemp implements FS.
func (OS) CreateTemp(dir, pattern string) (File, error) { return os.CreateTemp(dir, pattern) }

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements FS.
func (OS) Remove(path string) error { return os.Remove(path) }

// SyncDir implements FS.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// MkdirAll makes a folder and those above it, each durably.
func MkdirAll(fsys FS, dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MkdirAll(fsys, parent); err != nil {
			return err
		}
	}
	if err := fsys.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(parent)
}

// Publish gives a temporary file its final name and closes it.
func Publish(fsys FS, f File, path string, mode fs.FileMode) error {
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := MkdirAll(fsys, dir); err != nil {
		return err
	}
	if err := fsys.Rename(f.Name(), path); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}

// Discard closes and removes a temporary file that wasn't published.
func Discard(fsys FS, f File) {
	_ = f.Close()
	_ = fsys.Remove(f.Name())
}

// TempPrefix begins the names of temporary files.
const TempPrefix = ".put-"

// CreateTemp starts a file in the folder tmp, which it makes if need be.
func CreateTemp(fsys FS, tmp string) (File, error) {
	if err := MkdirAll(fsys, tmp); err != nil {
		return nil, err
	}
	return fsys.CreateTemp(tmp, TempPrefix+"*")
}

// Write puts what fill writes at path by way of a temporary file in the folder tmp,
// which must be on the same file system.
func Write(fsys FS, tmp, path string, mode fs.FileMode, fill func(File) error) error {
	f, err := CreateTemp(fsys, tmp)
	if err != nil {
		return err
	}
	if err = fill(f); err == nil {
		err = Publish(fsys, f, path, mode)
	}
	if err != nil {
		Discard(fsys, f)
	}
	return err
}

// WriteFile is Write for content that is held in memory.
func WriteFile(fsys FS, tmp, path string, content []byte, mode fs.FileMode) error {
	return Write(fsys, tmp, path, mode, func(f File) error {
		_, err := f.Write(content)
		return err
	})
}

// WriteSealed puts content and its checksum at path, for files that are read back
// by those who wrote them.
func WriteSealed(fsys FS, path string, content []byte) error {
	return Write(fsys, filepath.Dir(path), path, 0o666, func(f File) error {
		if _, err := f.Write(content); err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		_, err := f.Write(sum[:])
		return err
	})
}

// ErrBroken says that a sealed file isn't as it was written.
var ErrBroken = errors.New("its checksum differs")

// ReadSealed returns the content of a file that WriteSealed wrote.
func ReadSealed(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	end := len(b) - sha256.Size
	if end < 0 || sha256.Sum256(b[:end]) != [sha256.Size]byte(b[end:]) {
		return nil, fmt.Errorf("%s: %w", path, ErrBroken)
	}
	return b[:end], nil
}
