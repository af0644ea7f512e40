// Package upkeep looks after a cache and its run records: it finds and repairs
// damage, tells what takes how much room, and collects what nobody needs.
package upkeep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/run"
)

// Finding is something that is wrong in a cache or a run record.
type Finding struct {
	Path   string `json:"path"`
	What   string `json:"what"`   // what the file is
	Reason string `json:"reason"` // what is wrong with it
	Action string `json:"action"` // what was done, or what to do
	Fixed  bool   `json:"fixed"`
}

// Verifier reads everything in a cache and its run records. What is damaged in the
// cache was computed and can be computed again: repairing removes it.
type Verifier struct {
	Store  *cas.Disk
	Runs   run.Dir
	Repair bool
	Report func(Finding)

	since time.Time
	told  map[digest.Digest]bool // keys whose outcomes are lost
}

// Verify reports each finding and returns how many files it read.
func (v *Verifier) Verify() (files int, err error) {
	v.Store, v.told = v.Store.Unmarked(), map[digest.Digest]bool{}
	if v.since, err = v.Store.InUseSince(); err != nil {
		return 0, err
	}
	err = v.Store.Walk(func(e cas.Entry) error {
		files++
		return v.entry(e)
	})
	if err == nil {
		err = v.Store.Walk(v.second)
	}
	if errors.Is(err, os.ErrNotExist) {
		err = nil // there is no cache yet
	}
	if err != nil {
		return files, err
	}
	return files, v.runs()
}

// gone reports whether a file isn't there now: others may store something meanwhile,
// so what a walk saw before doesn't count.
func gone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist)
}

// stem is what the files of a segment and of its index have in common.
func stem(e cas.Entry) string { return strings.TrimSuffix(e.Path, filepath.Ext(e.Path)) }

// entry checks one file by itself.
func (v *Verifier) entry(e cas.Entry) error {
	if e.Kind == cas.KindForeign {
		v.Report(Finding{Path: e.Path, What: string(e.Kind), Reason: "it isn't part of a cache", Action: "left alone; remove it if it isn't yours"})
		return nil
	}
	if e.Kind == cas.KindTemp && e.Used.Before(v.since) {
		return v.remove(e, "a process that died left it")
	}
	err := v.Store.Check(e)
	if m, ok := cas.Damaged(err); ok {
		return v.remove(e, m.Reason)
	}
	if cas.IsMiss(err) {
		return nil // gone since the folder was read
	}
	return err
}

func (v *Verifier) remove(e cas.Entry, reason string) error {
	f := Finding{Path: e.Path, What: string(e.Kind), Reason: reason, Action: "--repair removes it; what it held is computed again when it is needed"}
	if v.Repair {
		if err := v.Store.Remove(e); err != nil {
			return err
		}
		f.Action, f.Fixed = "removed", true
	}
	v.Report(f)
	return nil
}

// second checks what files say of each other.
func (v *Verifier) second(e cas.Entry) error {
	switch e.Kind {
	case cas.KindAction:
		return v.action(e)
	case cas.KindIndex:
		if gone(stem(e) + ".arrow") {
			return v.remove(e, "the segment that it lists is gone")
		}
	case cas.KindSegment:
		if gone(stem(e) + ".idx") {
			return v.reindex(e)
		}
	}
	return nil
}

// action checks that what an action refers to is there.
func (v *Verifier) action(e cas.Entry) error {
	_, err := exec.Lookup(v.Store, exec.Key{Digest: e.ID})
	if m, ok := cas.Damaged(err); ok {
		if m.What == "action" && m.Path == e.Path {
			return nil // was reported for itself
		}
		return v.remove(e, m.Error())
	}
	if cas.IsMiss(err) {
		return nil
	}
	return err
}

// reindex writes the index of a segment again, from the keys in it.
func (v *Verifier) reindex(e cas.Entry) error {
	rows := v.Store.Rows(e.Space)
	content, err := rows.Segment(e.ID)
	if cas.IsMiss(err) {
		return nil // was reported for itself
	}
	if err != nil {
		return err
	}
	keys, err := exec.SegmentKeys(content)
	if err != nil {
		return v.remove(e, err.Error())
	}
	f := Finding{Path: e.Path, What: string(e.Kind), Reason: "its index is gone", Action: "--repair writes it again"}
	if v.Repair {
		if err := rows.Append(keys, content); err != nil {
			return err
		}
		f.Action, f.Fixed = "index written again", true
	}
	v.Report(f)
	return nil
}

// unborn tells of runs that were killed before they began, and removes them.
func (v *Verifier) unborn() error {
	dirs, err := v.Runs.Unborn()
	if err != nil {
		return err
	}
	return v.removeRunFiles(dirs, "a run that died before it began left it")
}

func (v *Verifier) removeRunFiles(paths []string, reason string) error {
	for _, path := range paths {
		f := Finding{Path: path, What: "run record", Reason: reason, Action: "--repair removes it"}
		if v.Repair {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			f.Action, f.Fixed = "removed", true
		}
		v.Report(f)
	}
	return nil
}

// runs checks the run records, and that what they say was computed can be found.
func (v *Verifier) runs() error {
	if err := v.unborn(); err != nil {
		return err
	}
	ids, err := v.Runs.Folders()
	if err != nil {
		return err
	}
	for _, id := range ids {
		damages := v.Runs.Check(id)
		for _, d := range damages {
			v.Report(Finding{Path: d.Path, What: "run record", Reason: d.Err.Error(), Action: "`ouroflow runs rm " + id + "` removes the run; what it computed stays in the cache"})
		}
		r, err := v.Runs.Load(id)
		if err != nil {
			continue // Check has told of it
		}
		if err := v.removeRunFiles(v.Runs.Leftovers(r), "a run that died while it wrote its record left it"); err != nil {
			return err
		}
		if !v.Runs.Collected(id) {
			v.outcomes(r)
		}
	}
	return nil
}

// outcomes checks that the cache has what the nodes of a run led to.
func (v *Verifier) outcomes(r *run.Record) {
	for _, id := range r.Order {
		n := r.Nodes[id]
		if n == nil || n.State != event.Succeeded && n.State != event.Cached {
			continue
		}
		key, err := digest.Parse(n.Key)
		if err != nil {
			continue
		}
		if _, err := v.Store.Action(key); cas.IsMiss(err) && !v.told[key] {
			v.told[key] = true
			v.Report(Finding{
				Path: filepath.Join(v.Store.Dir(), "actions"), What: "action",
				Reason: fmt.Sprintf("run %s computed %s, but the cache doesn't have what it led to", r.ID, id),
				Action: "it is computed again when it is needed",
			})
		}
	}
}
