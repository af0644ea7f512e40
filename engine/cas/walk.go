package cas

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/durable"
)

// Kind says what a file of a Disk is.
type Kind string

// The kinds of files.
const (
	KindBlob    Kind = "blob"
	KindAction  Kind = "action"
	KindSegment Kind = "segment"
	KindIndex   Kind = "index"
	KindScratch Kind = "scratch" // the folder of a node that hasn't completed
	KindTemp    Kind = "temporary file"
	KindMemo    Kind = "memo"         // what is remembered of a run
	KindForeign Kind = "foreign file" // not from here
)

// Entry is a file of a Disk, or a folder of the kinds KindScratch and KindTemp.
type Entry struct {
	Kind  Kind
	Path  string
	ID    digest.Digest // of a blob, action, segment or index
	Space string        // of a segment or index
	Size  int64
	Used  time.Time // last time that it was written or looked up, give or take an hour
}

// Walk calls visit for everything that the store holds.
func (s *Disk) Walk(visit func(Entry) error) error { return s.walk(s.dir, visit) }

// WalkRows calls visit for everything in a row space.
func (s *Disk) WalkRows(space string, visit func(Entry) error) error {
	return s.walk(filepath.Join(s.dir, "rows", space), visit)
}

func (s *Disk) walk(root string, visit func(Entry) error) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since the folder was read
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(s.dir, path)
		if err != nil {
			return err
		}
		entry, keep := s.classify(strings.Split(filepath.ToSlash(rel), "/"), e)
		if !keep {
			return nil
		}
		entry.Path = path
		if entry.measure(e) == nil { // else it is gone
			err = visit(entry)
		}
		if err != nil {
			return err
		}
		if e.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// classify tells what a file is by where it lies. Folders on the way and the files
// of locks and claims are no entries.
func (s *Disk) classify(parts []string, e fs.DirEntry) (entry Entry, keep bool) {
	name := parts[len(parts)-1]
	depth := len(parts)
	switch parts[0] {
	case "blobs", "actions":
		id, err := digest.Parse(name)
		if depth == 3 && err == nil && parts[1] == name[:2] {
			return Entry{Kind: map[string]Kind{"blobs": KindBlob, "actions": KindAction}[parts[0]], ID: id}, true
		}
		return Entry{Kind: KindForeign}, !e.IsDir() || depth > 2
	case "rows":
		stem, ext := strings.TrimSuffix(name, filepath.Ext(name)), filepath.Ext(name)
		id, err := digest.Parse(stem)
		kind, known := map[string]Kind{".arrow": KindSegment, ".idx": KindIndex}[ext]
		if depth == 3 && err == nil && known {
			return Entry{Kind: kind, ID: id, Space: parts[1]}, true
		}
		return Entry{Kind: KindForeign}, !e.IsDir() || depth > 2
	case "scratch":
		return Entry{Kind: KindScratch}, depth == 2
	case "tmp":
		return Entry{Kind: KindTemp}, depth == 2
	case "memos":
		ext := filepath.Ext(name)
		id, err := digest.Parse(strings.TrimSuffix(name, ext))
		if depth == 2 && err == nil && (ext == ".memo" || ext == ".json") {
			return Entry{Kind: KindMemo, ID: id}, true
		}
		return Entry{Kind: KindForeign}, depth > 1
	case "locks", "claims", "users", "outbox":
		return Entry{}, false
	default:
		ours := depth == 1 && (e.IsDir() && name == "." || name == "README.md" || name == ".gitignore")
		return Entry{Kind: KindForeign}, !ours
	}
}

// measure sets the size and the age, of a folder those of all in it.
func (e *Entry) measure(entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	e.Size, e.Used = info.Size(), info.ModTime()
	if !entry.IsDir() {
		return nil
	}
	e.Size = 0
	return filepath.WalkDir(e.Path, func(_ string, in fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := in.Info()
		if err != nil {
			return err
		}
		if !in.IsDir() {
			e.Size += info.Size()
		}
		if info.ModTime().After(e.Used) {
			e.Used = info.ModTime()
		}
		return nil
	})
}

// Check reads an entry and returns a *Miss if it isn't what its name says.
func (s *Disk) Check(e Entry) error {
	switch e.Kind {
	case KindBlob:
		s.verified.Delete(e.ID)
		b, err := s.Open(e.ID)
		if err != nil {
			return err
		}
		return b.Close()
	case KindAction:
		_, err := s.Action(e.ID)
		return err
	case KindSegment:
		_, err := s.Rows(e.Space).Segment(e.ID)
		return err
	case KindIndex:
		return (&diskRows{store: s, dir: filepath.Dir(e.Path)}).load(NewIndex().Add, e.ID.String())
	case KindMemo:
		return checkMemo(e)
	default:
		return nil
	}
}

// checkMemo checks a sealed memo, or a file that is named by its digest.
func checkMemo(e Entry) error {
	miss := &Miss{What: "memo", ID: e.ID.String(), Path: e.Path}
	if filepath.Ext(e.Path) == ".memo" {
		_, err := durable.ReadSealed(e.Path)
		if errors.Is(err, durable.ErrBroken) {
			miss.Reason = err.Error()
			return miss
		}
		return err
	}
	b, err := os.ReadFile(e.Path)
	if err == nil && digest.Of(b) != e.ID {
		miss.Reason = "its content has digest " + digest.Of(b).Short()
		return miss
	}
	return err
}

// Remove deletes an entry, whether it is in use or not.
func (s *Disk) Remove(e Entry) error { return os.RemoveAll(e.Path) }

// RemoveUnused deletes an entry that wasn't used since a time, and reports whether
// it did. It can go on beside runs: the entry is put aside before its age is read,
// so that a lookup either moves the age before that, or finds nothing.
func (s *Disk) RemoveUnused(e Entry, since time.Time) (bool, error) {
	if info, err := os.Stat(e.Path); err != nil || info.ModTime().After(since) {
		return false, nil
	}
	aside, err := os.MkdirTemp(s.tmp(), "unused-*")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(aside)
	put := filepath.Join(aside, filepath.Base(e.Path))
	if err := os.Rename(e.Path, put); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	info, err := os.Stat(put)
	if err != nil {
		return false, err
	}
	if info.ModTime().After(since) {
		return false, os.Rename(put, e.Path)
	}
	return true, nil
}
