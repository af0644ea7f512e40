package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ouroflow/ouroflow/engine/event"
	"golang.org/x/sys/unix"
)

// Recorder is the sink that writes the record of a run while it runs. A failure
// to write is kept for Close: it must not stop the work.
type Recorder struct {
	dir    string
	lock   *os.File
	events *os.File

	mu     sync.Mutex
	record *Record
	logs   map[string]*os.File
	err    error
}

// Create makes the folder of a run and starts recording.
func (d Dir) Create(r *Record, pipeline []byte) (*Recorder, error) {
	dir := d.path(r.ID)
	if err := os.MkdirAll(string(d), 0o777); err != nil {
		return nil, err
	}
	for _, path := range []string{dir, filepath.Join(dir, logsDir)} {
		if err := os.Mkdir(path, 0o777); err != nil { // never into the folder of another run
			return nil, err
		}
	}
	lock, err := os.Create(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	w := &Recorder{dir: dir, lock: lock, record: r, logs: map[string]*os.File{}}
	w.events, err = os.Create(filepath.Join(dir, eventsFile))
	if err == nil {
		err = writeAtomically(filepath.Join(dir, pipelineFile), pipeline)
	}
	if err == nil {
		err = w.writeRecord()
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return w, nil
}

// Emit implements event.Sink.
func (w *Recorder) Emit(e event.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record.Apply(e)
	w.keep(w.write(e))
}

func (w *Recorder) write(e event.Event) error {
	if e.Kind == event.NodeLog {
		return w.log(e)
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = w.events.Write(append(line, '\n'))
	return err
}

func (w *Recorder) log(e event.Event) error {
	f, ok := w.logs[e.Node]
	if !ok {
		var err error
		if f, err = os.Create(filepath.Join(w.dir, logsDir, e.Node+".log")); err != nil {
			return err
		}
		w.logs[e.Node] = f
	}
	_, err := fmt.Fprintf(f, "%s %s\n", e.Time.Format(time.RFC3339), e.Note)
	return err
}

func (w *Recorder) keep(err error) {
	if w.err == nil && err != nil {
		w.err = fmt.Errorf("recording the run: %w", err)
	}
}

// Close writes the final record and releases the lock. Its error is the first
// thing that couldn't be recorded.
func (w *Recorder) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keep(w.writeRecord())
	for _, f := range w.logs {
		w.keep(f.Close())
	}
	w.keep(w.events.Close())
	w.keep(w.lock.Close())
	return w.err
}

func (w *Recorder) writeRecord() error {
	b, err := json.MarshalIndent(w.record, "", "  ")
	if err != nil {
		return err
	}
	return writeAtomically(filepath.Join(w.dir, recordFile), append(b, '\n'))
}

func writeAtomically(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
