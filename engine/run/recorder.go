package run

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/durable"
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
	if err := durable.MkdirAll(durable.OS{}, string(d)); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o777); err != nil { // never into the folder of another run
		return nil, err
	}
	if err := durable.MkdirAll(durable.OS{}, filepath.Join(dir, logsDir)); err != nil {
		return nil, err
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
	r.Files = map[string]digest.Digest{pipelineFile: digest.Of(pipeline)}
	w.events, err = os.Create(filepath.Join(dir, eventsFile))
	if err == nil {
		err = w.writeFile(pipelineFile, pipeline)
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
	names := []string{eventsFile}
	for node, f := range w.logs {
		w.keep(f.Close())
		names = append(names, filepath.Join(logsDir, node+".log"))
	}
	w.keep(w.events.Sync())
	w.keep(w.events.Close())
	for _, name := range names {
		sum, err := digestFile(filepath.Join(w.dir, name))
		w.keep(err)
		w.record.Files[name] = sum
	}
	w.keep(w.writeRecord())
	w.keep(w.lock.Close())
	return w.err
}

func digestFile(path string) (digest.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return digest.Digest{}, err
	}
	defer f.Close()
	d, _, err := digest.Reader(f)
	return d, err
}

func (w *Recorder) writeRecord() error {
	b, err := encode(w.record)
	if err != nil {
		return err
	}
	return w.writeFile(recordFile, b)
}

func (w *Recorder) writeFile(name string, content []byte) error {
	return durable.WriteFile(durable.OS{}, w.dir, filepath.Join(w.dir, name), content, 0o666)
}
