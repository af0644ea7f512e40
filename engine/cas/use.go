package cas

import (
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

func (s *Disk) markUsed(path string) (there bool) {
	info, err := os.Stat(path)
	if err == nil && !s.unmarked && time.Since(info.ModTime()) > usedEvery {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // of a cache that can't be changed nothing is collected
	}
	return err == nil
}

// A file that was there a moment ago may be aside while the collector looks at its
// age: it is back soon.
const (
	backTries = 20
	backAfter = 5 * time.Millisecond
)

// used opens or reads a file that is looked up, and notes that.
func used[T any](s *Disk, path string, open func(string) (T, error)) (T, error) {
	there := s.markUsed(path)
	for i := 0; ; i++ {
		v, err := open(path)
		if !there || i == backTries || !errors.Is(err, fs.ErrNotExist) {
			return v, err
		}
		time.Sleep(backAfter)
	}
}

// Unmarked returns the store as one that looks files up without noting that they are
// used: for those who look after it.
func (s *Disk) Unmarked() *Disk {
	return &Disk{dir: s.dir, fs: s.fs, syncs: s.syncs, unmarked: true}
}

// Use implements Store. A user is a locked file that is as old as its use.
func (s *Disk) Use() (done func(), err error) {
	f, err := newLockedFile(s.users(), "")
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		return func() {}, nil // a cache that can't be changed can still be read
	}
	if err != nil {
		return nil, err
	}
	return func() {
		_ = os.Remove(f.Name())
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
		case err != nil || !removeDead(path):
		case info.ModTime().Before(since):
			since = info.ModTime()
		}
	}
	return since, err
}
