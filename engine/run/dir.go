package run

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/event"
	"golang.org/x/sys/unix"
)

// Names of the files in the folder of a run.
const (
	recordFile   = "record.json"
	eventsFile   = "events.jsonl"
	pipelineFile = "pipeline.yaml"
	lockFile     = "lock"
	logsDir      = "logs"
)

// Dir is a folder of runs.
type Dir string

// NewID returns an id that sorts by time, to the microsecond.
func NewID(now time.Time) string {
	return strings.Replace(now.UTC().Format("20060102-150405.000000"), ".", "-", 1)
}

// IDs lists the runs, oldest first.
func (d Dir) IDs() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(string(d), e.Name(), recordFile)); err == nil {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// Find resolves an id, a unique prefix of one, or "last".
func (d Dir) Find(name string) (string, error) {
	ids, err := d.IDs()
	if err != nil {
		return "", err
	}
	if len(ids) == 0 {
		return "", fmt.Errorf("there are no runs in %s", d)
	}
	if name == "last" || name == "" {
		return ids[len(ids)-1], nil
	}
	var found []string
	for _, id := range ids {
		if id == name {
			return id, nil
		}
		if strings.HasPrefix(id, name) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("no run in %s is named %q; `ouroflow runs` lists them", d, name)
	default:
		return "", fmt.Errorf("%d runs begin with %q: %s", len(found), name, strings.Join(found, ", "))
	}
}

// Load reads the record of a run. A run whose process lives is told from its
// events so far; one whose process died is interrupted.
func (d Dir) Load(id string) (*Record, error) {
	path := d.path(id, recordFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", path, err)
	}
	if r.Status != event.Running {
		return r, nil
	}
	alive := locked(d.path(id, lockFile))
	if err := d.replay(id, r); err != nil {
		return nil, err
	}
	if !alive {
		r.interrupt()
	}
	return r, nil
}

// replay applies the events of a run. A last line that was cut is left out.
func (d Dir) replay(id string, r *Record) error {
	f, err := os.Open(d.path(id, eventsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event.Event
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			r.Apply(e)
		}
	}
	return lines.Err()
}

// Latest returns the newest run of a pipeline, or nil.
func (d Dir) Latest(pipeline string) (*Record, error) {
	ids, err := d.IDs()
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Backward(ids) {
		if r, err := d.Load(id); err == nil && r.Pipeline == pipeline {
			return r, nil
		}
	}
	return nil, nil
}

// Pipeline returns the pipeline file as the run read it.
func (d Dir) Pipeline(id string) ([]byte, error) { return os.ReadFile(d.path(id, pipelineFile)) }

// Log returns the log of a node, empty if it wrote none.
func (d Dir) Log(id, node string) ([]byte, error) {
	b, err := os.ReadFile(d.path(id, logsDir, node+".log"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func (d Dir) path(id string, names ...string) string {
	return filepath.Join(append([]string{string(d), id}, names...)...)
}

// locked reports whether a live process holds the lock.
func locked(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}
