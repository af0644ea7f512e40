package run

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

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
	err    error
	save   func() error // writes the record
}

// Create makes the folder of a run and starts recording. The folder gets its name
// when everything is in it: a run that is killed before that never was.
func (d Dir) Create(r *Record, pipeline []byte) (*Recorder, error) {
	dir, err := d.newFolder()
	if err != nil {
		return nil, err
	}
	w := &Recorder{dir: dir, record: r}
	w.save = w.writeRecord
	if err := w.fill(pipeline, d.path(r.ID)); err != nil {
		w.abandon()
		return nil, err
	}
	return w, nil
}

// CreateLike is Create for a run whose nodes are as the file state tells, which has
// the digest nodes, but for those that the record has.
func (d Dir) CreateLike(r *Record, pipeline []byte, state string, nodes digest.Digest) (*Recorder, error) {
	dir, err := d.newFolder()
	if err != nil {
		return nil, err
	}
	w := &Recorder{dir: dir, record: r}
	w.save = func() error { return w.writeHeader(nodes, w.record.Nodes) }
	err = linkOrCopy(state, filepath.Join(dir, nodesName(nodes)))
	if err == nil {
		err = w.fill(pipeline, d.path(r.ID))
	}
	if err != nil {
		w.abandon()
		return nil, err
	}
	return w, nil
}

// linked is from which size on a file is shared rather than copied: copies are safer,
// since damage of one leaves the others whole.
const linked = 1 << 20

// linkOrCopy gives a file that never changes another name.
func linkOrCopy(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.Size() >= linked && os.Link(from, to) == nil {
		return nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS{}, filepath.Dir(to), to, b, 0o444)
}

func (d Dir) newFolder() (string, error) {
	if err := durable.MkdirAll(durable.OS{}, string(d)); err != nil {
		return "", err
	}
	return os.MkdirTemp(string(d), newPrefix+"*")
}

// fill puts the first files into the folder and moves it to its place.
func (w *Recorder) fill(pipeline []byte, place string) (err error) {
	if err := os.Chmod(w.dir, 0o755); err != nil {
		return err
	}
	if w.lock, err = os.Create(filepath.Join(w.dir, lockFile)); err != nil {
		return err
	}
	if err := unix.Flock(int(w.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("locking %s: %w", w.lock.Name(), err)
	}
	if w.events, err = os.Create(filepath.Join(w.dir, eventsFile)); err != nil {
		return err
	}
	w.record.Files[pipelineFile] = digest.Of(pipeline)
	if err := w.writeFile(pipelineFile, pipeline); err != nil {
		return err
	}
	if err := w.save(); err != nil {
		return err
	}
	if err := os.Rename(w.dir, place); err != nil { // fails if another run is there
		return err
	}
	w.dir = place
	return durable.OS{}.SyncDir(filepath.Dir(place))
}

func (w *Recorder) abandon() {
	_ = os.RemoveAll(w.dir)
	for _, f := range []*os.File{w.lock, w.events} {
		if f != nil {
			f.Close()
		}
	}
}

// Emit implements event.Sink.
func (w *Recorder) Emit(e event.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record.Apply(e)
	w.keep(w.write(e))
}

func (w *Recorder) write(e event.Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = w.events.Write(append(line, '\n'))
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
	w.keep(w.events.Sync())
	w.keep(w.events.Close())
	sum, err := digest.File(filepath.Join(w.dir, eventsFile))
	w.keep(err)
	w.record.Files[eventsFile] = sum
	w.keep(w.save())
	w.keep(w.lock.Close())
	return w.err
}

// writeRecord writes the file about nodes, then the record, which names it, and
// removes the one that the record named before.
func (w *Recorder) writeRecord() error {
	state, _, err := EncodeNodes(w.record)
	if err != nil {
		return err
	}
	d := digest.Of(state)
	if err := w.writeFile(nodesName(d), state); err != nil {
		return err
	}
	return w.writeHeader(d, nil)
}

func (w *Recorder) writeHeader(nodes digest.Digest, newer map[string]*Node) error {
	var before []string
	for name := range w.record.Files {
		if strings.HasPrefix(name, nodesPrefix) && name != nodesName(nodes) {
			before = append(before, name)
		}
	}
	b, err := encode(w.record, nodes, newer)
	if err == nil {
		err = w.writeFile(recordFile, b)
	}
	for _, name := range before {
		_ = os.Remove(filepath.Join(w.dir, name)) // verify tells of one that stays
	}
	return err
}

func (w *Recorder) writeFile(name string, content []byte) error {
	return durable.WriteFile(durable.OS{}, w.dir, filepath.Join(w.dir, name), content, 0o666)
}
