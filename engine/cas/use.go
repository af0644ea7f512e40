package cas

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The time of a file's last change tells when it was last used, give or take
// usedEvery: a lookup moves it before it reads the file, so that the collector,
// which looks at it after it has put the file aside, sees that it is wanted.
const usedEvery = time.Hour

func markUsed(path string) {
	info, err := os.Stat(path)
	if err == nil && time.Since(info.ModTime()) > usedEvery {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // of a cache that can't be changed nothing is collected
	}
}

// Use implements Store. A user is a locked file that is as old as its use.
func (s *Disk) Use() (done func(), err error) {
	path := filepath.Join(s.users(), rand.Text())
	f, err := tryLockFile(path)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		return func() {}, nil // a cache that can't be changed can still be read
	}
	if err != nil {
		return nil, err
	}
	return func() {
		_ = os.Remove(path)
		f.Close()
	}, nil
}

func (s *Disk) users() string { return filepath.Join(s.dir, "users") }

// InUseSince returns since when the store has been in use without a pause: what
// was used after that must stay. Without users it is now.
func (s *Disk) InUseSince() (time.Time, error) {
	since := time.Now()
	entries, err := os.ReadDir(s.users())
	if errors.Is(err, fs.ErrNotExist) {
		return since, nil
	}
	for _, e := range entries {
		path := filepath.Join(s.users(), e.Name())
		info, err := e.Info()
		switch {
		case err != nil:
		case !alive(path):
			_ = os.Remove(path)
		case info.ModTime().Before(since):
			since = info.ModTime()
		}
	}
	return since, err
}
