package cas

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Locks are flock(2) locks on files, or locks on bytes of one: the kernel ends them
// with the process that holds them, so none is ever left to be removed by hand. Over
// NFS, Linux maps them to locks of the server.

// lockFile makes the folder and the file at path if need be and waits for its
// lock. A file that its last holder removed in between doesn't count.
func lockFile(path string) (*os.File, error) {
	for {
		f, err := openLock(path)
		if err != nil {
			return nil, err
		}
		if err := flock(f, unix.LOCK_EX); err != nil {
			f.Close()
			return nil, err
		}
		if stillAt(f, path) {
			return f, nil
		}
		f.Close()
	}
}

// tryLockFile is lockFile without waiting: it returns nil if another holds it.
func tryLockFile(path string) (*os.File, error) {
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil && stillAt(f, path) {
		return f, nil
	}
	f.Close()
	if err == nil || errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, err
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}

// openLock opens a lock file, which it makes with its folder if need be: another may
// remove the folder in between.
func openLock(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return nil, err
		}
	}
}

// newLockedFile makes a file of a random name that says by its lock that its maker
// lives.
func newLockedFile(dir, ending string) (*os.File, error) {
	for {
		f, err := tryLockFile(filepath.Join(dir, rand.Text()+ending))
		if f != nil || err != nil {
			return f, err
		}
		// another took the new file for one of the dead: try again
	}
}

// withDead calls visit with a file whose maker is dead, then removes it. Nobody else
// can take it meanwhile. It does nothing if the maker lives.
func withDead(path string, visit func() error) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || err == nil && !stillAt(f, path) {
		return nil
	}
	if err == nil {
		err = visit()
	}
	if err == nil {
		err = os.Remove(path)
	}
	return err
}

// removeDead removes a file whose maker is dead and reports whether the maker lives.
func removeDead(path string) (alive bool) {
	alive = true
	_ = withDead(path, func() error { // what can't be removed now is another time
		alive = false
		return nil
	})
	return alive
}

func stillAt(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

// pollEvery is how long a wait for another process sleeps between two looks: the
// kernel's own wait can't be cancelled.
const pollEvery = 20 * time.Millisecond

// lockRange waits for the lock of one byte of a file, with a context. Each byte is a
// lock of its own, so that one file does for any number of keys.
func lockRange(ctx context.Context, path string, at int64, waiting func()) (*os.File, error) {
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	for first := true; ; first = false {
		lock := unix.Flock_t{Type: unix.F_WRLCK, Start: at, Len: 1}
		err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EINTR):
			f.Close()
			return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
		case first:
			waiting()
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(pollEvery):
		}
	}
}
