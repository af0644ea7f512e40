package pythonroot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Folder returns a folder with a copy of the root, made on first use. It lies in the user's
// cache, or among temporary files where there is none, and stays for the next time.
func (r *Root) Folder(ctx context.Context) (string, error) {
	base, err := cacheFolder()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, "python-"+r.Fingerprint())
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := r.AddLinked(ctx); err != nil {
		return "", err
	}
	made, err := os.MkdirTemp(base, "making-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(made)
	if err := r.copyTo(made); err != nil {
		return "", fmt.Errorf("copying Python for candidates to %s: %w", made, err)
	}
	err = os.Rename(made, dir)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTEMPTY) {
		err = nil // another process was first
	}
	return dir, err
}

// cacheFolder is a folder of this user's that nobody else writes to.
func cacheFolder() (string, error) {
	dir, err := os.UserCacheDir()
	if err == nil {
		dir = filepath.Join(dir, "ouroflow")
		if err = os.MkdirAll(dir, 0o755); err == nil {
			return dir, nil
		}
	}
	dir = filepath.Join(os.TempDir(), fmt.Sprintf("ouroflow-cache-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Getuid() || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%s isn't a folder of this user's alone; remove it", dir)
	}
	return dir, nil
}

func (r *Root) copyTo(dir string) error {
	for _, place := range folders {
		if err := os.MkdirAll(filepath.Join(dir, place), 0o755); err != nil {
			return err
		}
	}
	for at, path := range r.Files {
		if err := copyFile(filepath.Join(dir, at), path); err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o755)
}

// copyFile copies a file with its time, against which Python checks what it compiled.
func copyFile(to, from string) error {
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil // a link to nothing, or to a folder
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	mode := fs.FileMode(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Chmod(mode), out.Close()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
