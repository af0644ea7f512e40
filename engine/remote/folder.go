package remote

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ouroflow/ouroflow/engine/durable"
)

// Folder is a remote in a folder, with the names of files as they are in a cache.
type Folder struct{ dir string }

// Name implements cas.Remote.
func (f *Folder) Name() string { return "file://" + f.dir }

// Get implements cas.Remote.
func (f *Folder) Get(_ context.Context, name string) (io.ReadCloser, error) {
	return os.Open(f.path(name))
}

// Put implements cas.Remote.
func (f *Folder) Put(_ context.Context, name string, content io.ReadSeeker, _ int64) error {
	return durable.Write(durable.OS{}, filepath.Join(f.dir, "tmp"), f.path(name), 0o444, func(w durable.File) error {
		_, err := io.Copy(w, content)
		return err
	})
}

// List implements cas.Remote.
func (f *Folder) List(_ context.Context, prefix string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(f.path(prefix), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(f.dir, path)
		if name := filepath.ToSlash(rel); err == nil && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

func (f *Folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }
