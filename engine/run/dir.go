package run

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/durable"
	"github.com/ouroflow/ouroflow/engine/event"
	"golang.org/x/sys/unix"
)

// Names of the files in the folder of a run.
const (
	recordFile   = "record.json"
	eventsFile   = "events.jsonl"
	pipelineFile = "pipeline.yaml"
	lockFile     = "lock"
	// nodesPrefix begins the name of the file about nodes, which goes on with its digest.
	nodesPrefix = "nodes-"
	// newPrefix begins the names of folders that aren't runs yet.
	newPrefix = ".new-"
	// collectedFile marks a run whose outputs may be gone from the cache.
	collectedFile = "collected"
)

// Dir is a folder of runs.
type Dir string

// idLayout is the form of an id with its last hyphen as a point.
const idLayout = "20060102-150405.000000"

// NewID returns an id that sorts by time, to the microsecond.
func NewID(now time.Time) string {
	return strings.Replace(now.UTC().Format(idLayout), ".", "-", 1)
}

// IDs lists the runs, oldest first.
func (d Dir) IDs() ([]string, error) {
	ids, err := d.Folders()
	return slices.DeleteFunc(ids, func(id string) bool {
		_, err := os.Stat(d.path(id, recordFile))
		return err != nil
	}), err
}

// Folders lists the folders of runs, oldest first, those that lost their record
// included.
func (d Dir) Folders() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			ids = append(ids, e.Name())
		}
	}
	return ids, err
}

// Unborn lists the folders of runs that were killed before they began.
func (d Dir) Unborn() ([]string, error) {
	found, err := filepath.Glob(filepath.Join(string(d), newPrefix+"*"))
	return slices.DeleteFunc(found, func(dir string) bool {
		info, err := os.Stat(dir)
		return err != nil || time.Since(info.ModTime()) < time.Minute || locked(filepath.Join(dir, lockFile))
	}), err
}

// Find resolves an id, a unique prefix of one, or "last".
func (d Dir) Find(name string) (string, error) {
	ids, err := d.Folders()
	if err != nil {
		return "", err
	}
	if name == "" {
		return "", errors.New("the name of a run is empty")
	}
	if name == "last" {
		return d.last()
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

func (d Dir) last() (string, error) {
	ids, err := d.IDs()
	if err == nil && len(ids) == 0 {
		err = fmt.Errorf("there are no runs in %s", d)
	}
	if err != nil {
		return "", err
	}
	return ids[len(ids)-1], nil
}

// Load reads the record of a run. A run whose process lives is told from its
// events so far; one whose process died is interrupted.
func (d Dir) Load(id string) (*Record, error) {
	r, err := d.read(id)
	if err != nil || r.Status != event.Running {
		return r, err
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

// read reads the files of a record, again if the run ended in between: then the record
// names another file about nodes.
func (d Dir) read(id string) (*Record, error) {
	path := d.path(id, recordFile)
	b, err := os.ReadFile(path)
	for err == nil {
		r, broken := decode(b, func(name string) ([]byte, error) { return os.ReadFile(d.path(id, filepath.Base(name))) })
		if broken == nil {
			return r, nil
		}
		before := b
		if b, err = os.ReadFile(path); err == nil && bytes.Equal(b, before) {
			return nil, &Damage{path, broken}
		}
	}
	return nil, err
}

// replay applies the events of a run.
func (d Dir) replay(id string, r *Record) error { return d.eachEvent(id, r.Apply) }

// eachEvent visits the events of a run as far as there are. A last line that was cut
// is left out.
func (d Dir) eachEvent(id string, visit func(event.Event)) error {
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
			visit(e)
		}
	}
	return lines.Err()
}

// Newest returns the newest of some runs that is of a pipeline, or nil.
func (d Dir) Newest(ids []string, pipeline string) *Record {
	for _, id := range slices.Backward(ids) {
		if r, err := d.Load(id); err == nil && r.Pipeline == pipeline {
			return r
		}
	}
	return nil
}

// NextID returns the id of a run that starts now. Ids sort by time even if the
// clock was set back since the last one.
func (d Dir) NextID(now time.Time) (string, error) {
	ids, err := d.Folders()
	id := NewID(now)
	if err != nil || len(ids) == 0 || ids[len(ids)-1] < id {
		return id, err
	}
	return idAfter(ids[len(ids)-1], id), nil
}

// idAfter returns the id that comes next after one, or the other if that is no id.
func idAfter(newest, otherwise string) string {
	i := max(0, strings.LastIndex(newest, "-"))
	at, err := time.Parse(idLayout, newest[:i]+"."+strings.TrimPrefix(newest[i:], "-"))
	if err != nil {
		return otherwise
	}
	return NewID(at.Add(time.Microsecond))
}

// Damage says what is wrong with a file of a run.
type Damage struct {
	Path string
	Err  error
}

// Error implements error.
func (d *Damage) Error() string {
	return fmt.Sprintf("%s is damaged: %v; what the run computed is in the cache: run its pipeline again", d.Path, d.Err)
}

// Unwrap returns the cause.
func (d *Damage) Unwrap() error { return d.Err }

var errOther = errors.New("its content isn't what the record says")

// Pipeline returns the pipeline file as the run read it.
func (d Dir) Pipeline(r *Record) ([]byte, error) {
	path := d.path(r.ID, pipelineFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, &Damage{path, err}
	}
	if digest.Of(b) != r.Files[pipelineFile] {
		return nil, &Damage{path, errOther}
	}
	return b, nil
}

// Check returns what is wrong with the files of a run that isn't running.
func (d Dir) Check(id string) []*Damage {
	r, err := d.Load(id)
	if err != nil {
		return []*Damage{asDamage(d.path(id, recordFile), err)}
	}
	var found []*Damage
	if r.Status == event.Running {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		path := d.path(id, name)
		got, err := digest.File(path)
		if err == nil && got != r.Files[name] {
			err = errOther
		}
		if err != nil {
			found = append(found, asDamage(path, err))
		}
	}
	return append(found, d.strangers(r)...)
}

func asDamage(path string, err error) *Damage {
	var d *Damage
	if errors.As(err, &d) {
		return d
	}
	return &Damage{path, err}
}

// isLeftover reports whether a file of that name is one that the process of a run which
// died was about to put in place, or to remove.
func isLeftover(name string) bool {
	return strings.HasPrefix(name, durable.TempPrefix) || nodesFile.MatchString(name)
}

var nodesFile = regexp.MustCompile(`^` + nodesPrefix + `[0-9a-f]{12}\.json$`)

// Leftovers lists what a process that died left unfinished in the folder of a run.
func (d Dir) Leftovers(r *Record) (left []string) {
	entries, err := os.ReadDir(d.path(r.ID))
	if err != nil || r.Status == event.Running {
		return nil
	}
	for _, e := range entries {
		if r.Files[e.Name()].IsZero() && isLeftover(e.Name()) {
			left = append(left, d.path(r.ID, e.Name()))
		}
	}
	return left
}

// strangers finds files that no run writes.
func (d Dir) strangers(r *Record) []*Damage {
	var found []*Damage
	ours := map[string]bool{recordFile: true, eventsFile: true, pipelineFile: true, lockFile: true, collectedFile: true}
	root := d.path(r.ID)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if name, err := filepath.Rel(root, path); err == nil && !ours[name] && r.Files[name].IsZero() && !isLeftover(name) {
			found = append(found, &Damage{path, errors.New("it is no file of a run")})
		}
		return nil
	})
	if err != nil {
		found = append(found, &Damage{root, err})
	}
	return found
}

// Remove deletes the record of a run that isn't running.
func (d Dir) Remove(id string) error {
	if locked(d.path(id, lockFile)) {
		return fmt.Errorf("run %s is still running", id)
	}
	return os.RemoveAll(d.path(id))
}

// Collect marks a run whose outputs may be gone from the cache.
func (d Dir) Collect(id string) error {
	return os.WriteFile(d.path(id, collectedFile), nil, 0o666)
}

// Collected reports whether a run was marked by Collect.
func (d Dir) Collected(id string) bool {
	_, err := os.Stat(d.path(id, collectedFile))
	return err == nil
}

// Log returns what each node of a run logged, a line for each entry.
func (d Dir) Log(id string) (map[string]string, error) {
	logs := map[string]string{}
	err := d.eachEvent(id, func(e event.Event) {
		if e.Kind == event.NodeLog {
			logs[e.Node] += fmt.Sprintf("%s %s\n", e.Time.Format(time.RFC3339), e.Note)
		}
	})
	return logs, err
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
