package cas

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// uploader sends files to the remote of a Tiered in the background. Files that refer
// to others wait until those before them are there. The names of what wasn't sent
// yet are in the outbox, a file that the next uploader takes over if this process
// dies.
type uploader struct {
	t      *Tiered
	outbox *os.File // locked

	mu     sync.Mutex
	more   *sync.Cond
	queue  []string
	closed bool
	err    error // of the first file that couldn't be sent; none is sent after it
	left   int   // files that weren't sent
	done   chan struct{}
}

// OutboxDir is the folder of the outboxes in a Disk.
const OutboxDir = "outbox"

// uploadWorkers is how many files are sent at the same time.
const uploadWorkers = 8

func newUploader(t *Tiered) (*uploader, error) {
	u := &uploader{t: t, done: make(chan struct{})}
	u.more = sync.NewCond(&u.mu)
	dir := filepath.Join(t.dir, OutboxDir)
	var err error
	if u.outbox, err = newLockedFile(dir, ""); err != nil {
		return nil, fmt.Errorf("the list of what the remote cache lacks: %w", err)
	}
	if err := u.adopt(dir); err != nil {
		u.outbox.Close()
		return nil, err
	}
	go u.run()
	return u, nil
}

// adopt takes over what processes that died, or had no remote, left in their
// outboxes.
func (u *uploader) adopt(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if path == u.outbox.Name() {
			continue
		}
		err := withDead(path, func() error {
			names, err := readLines(path)
			for _, name := range names {
				if filepath.IsLocal(name) {
					u.add(name)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func readLines(path string) (lines []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	return lines, s.Err()
}

// add queues a file.
func (u *uploader) add(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, err := fmt.Fprintln(u.outbox, name); err != nil {
		u.t.warn(fmt.Sprintf("noting that %s is to be sent to the remote cache: %v", name, err))
	}
	u.queue = append(u.queue, name)
	u.more.Signal()
}

// refers reports whether a file refers to others, which must be there first.
func refers(name string) bool {
	return strings.HasPrefix(name, "actions/") || strings.HasSuffix(name, ".idx")
}

// run sends what is queued, in lots: the files that nothing has to come before, then
// those that refer to them.
func (u *uploader) run() {
	defer close(u.done)
	for {
		lot := u.take()
		if lot == nil {
			return
		}
		var content, references []string
		for _, name := range lot {
			if refers(name) {
				references = append(references, name)
			} else {
				content = append(content, name)
			}
		}
		u.sendAll(content)
		u.sendAll(references)
	}
}

// take waits for files, and returns nil when there will be none.
func (u *uploader) take() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.queue) == 0 && !u.closed {
		u.more.Wait()
	}
	lot := u.queue
	u.queue = nil
	return lot
}

func (u *uploader) sendAll(names []string) {
	slots := make(chan struct{}, uploadWorkers)
	var wg sync.WaitGroup
	for _, name := range names {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			u.send(name)
		})
	}
	wg.Wait()
}

func (u *uploader) send(name string) {
	var err error
	if u.failed() || u.t.away.Load() {
		err = errors.New("it is out of reach")
	} else if err = u.t.send(name); err != nil {
		u.t.fail(err)
	}
	if err == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.left++
	if u.err == nil {
		u.err = err
	}
}

func (u *uploader) failed() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err != nil
}

// close sends what is left. If all of it was sent the outbox isn't needed any more.
func (u *uploader) close() error {
	u.mu.Lock()
	u.closed = true
	u.more.Signal()
	u.mu.Unlock()
	<-u.done
	defer u.outbox.Close()
	if u.err != nil {
		return fmt.Errorf("%d files were not sent to the remote cache %s: %w; they are in the local one, and the next run sends them", u.left, u.t.remote.Name(), u.err)
	}
	return os.Remove(u.outbox.Name())
}
