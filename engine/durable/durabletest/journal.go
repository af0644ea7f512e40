// Package durabletest plays power losses: a Journal records what is done to a file
// system and builds the states that a loss of power at some moment may leave.
package durabletest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/ouroflow/ouroflow/engine/durable"
)

// Journal is a durable.FS on the file system of the machine that records every
// change under a root.
type Journal struct {
	durable.OS
	root string

	mu     sync.Mutex
	ops    []op
	inodes int
	names  map[string]int // path to inode
}

type opKind int

const (
	opMkdir opKind = iota
	opCreate
	opWrite
	opSync
	opRename
	opSyncDir
	opRemove
)

type op struct {
	kind  opKind
	path  string
	to    string // of a rename
	inode int
	data  []byte
}

// NewJournal records changes of an empty folder.
func NewJournal(root string) *Journal { return &Journal{root: root, names: map[string]int{}} }

// Len is the number of changes so far: a moment.
func (j *Journal) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.ops)
}

func (j *Journal) add(o op) {
	j.mu.Lock()
	defer j.mu.Unlock()
	o.path, o.to = j.rel(o.path), j.rel(o.to)
	switch o.kind {
	case opCreate:
		j.inodes++
		o.inode = j.inodes
		j.names[o.path] = o.inode
	case opRename:
		o.inode = j.names[o.path]
		j.names[o.to] = o.inode
		delete(j.names, o.path)
	case opRemove:
		delete(j.names, o.path)
	case opWrite, opSync:
		o.inode = j.names[o.path]
	}
	j.ops = append(j.ops, o)
}

func (j *Journal) rel(path string) string {
	if rel, err := filepath.Rel(j.root, path); err == nil && path != "" {
		return rel
	}
	return ""
}

// Mkdir implements durable.FS.
func (j *Journal) Mkdir(dir string) error {
	err := j.OS.Mkdir(dir)
	if err == nil {
		j.add(op{kind: opMkdir, path: dir})
	}
	return err
}

// CreateTemp implements durable.FS.
func (j *Journal) CreateTemp(dir, pattern string) (durable.File, error) {
	f, err := j.OS.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	j.add(op{kind: opCreate, path: f.Name()})
	return &journalFile{f, j}, nil
}

// Rename implements durable.FS.
func (j *Journal) Rename(from, to string) error {
	err := j.OS.Rename(from, to)
	if err == nil {
		j.add(op{kind: opRename, path: from, to: to})
	}
	return err
}

// SyncDir implements durable.FS.
func (j *Journal) SyncDir(dir string) error {
	err := j.OS.SyncDir(dir)
	if err == nil {
		j.add(op{kind: opSyncDir, path: dir})
	}
	return err
}

// Remove implements durable.FS.
func (j *Journal) Remove(path string) error {
	err := j.OS.Remove(path)
	if err == nil {
		j.add(op{kind: opRemove, path: path})
	}
	return err
}

type journalFile struct {
	durable.File
	j *Journal
}

func (f *journalFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.j.add(op{kind: opWrite, path: f.Name(), data: slices.Clone(p[:n])})
	return n, err
}

func (f *journalFile) Sync() error {
	err := f.File.Sync()
	if err == nil {
		f.j.add(op{kind: opSync, path: f.Name()})
	}
	return err
}

// content is what a file holds: what was synced survives, of what came later any
// part may.
type content struct{ synced, later []byte }

// entry is a change of a folder: a name leads to an inode, to a folder (-1) or to
// nothing (0).
type entry struct {
	name  string
	inode int
}

// Crash writes into an empty folder what the root may hold if the power is lost
// after the first moment changes. Choose returns a number from 0 to n: how much of
// what wasn't synced survives.
func (j *Journal) Crash(into string, moment int, choose func(n int) int) error {
	j.mu.Lock()
	ops := slices.Clone(j.ops[:moment])
	j.mu.Unlock()
	files, folders := map[int]*content{}, map[string]map[string]int{}
	pending := map[string][]entry{}
	change := func(path string, inode int) {
		dir := filepath.Dir(path)
		pending[dir] = append(pending[dir], entry{filepath.Base(path), inode})
	}
	for _, o := range ops {
		switch o.kind {
		case opMkdir:
			change(o.path, -1)
		case opCreate:
			files[o.inode] = &content{}
			change(o.path, o.inode)
		case opWrite:
			files[o.inode].later = append(files[o.inode].later, o.data...)
		case opSync:
			c := files[o.inode]
			c.synced, c.later = append(c.synced, c.later...), nil
		case opRename:
			change(o.to, o.inode)
			change(o.path, 0)
		case opRemove:
			change(o.path, 0)
		case opSyncDir:
			apply(folders, o.path, pending[o.path], func(int) int { return 1 })
			delete(pending, o.path)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(pending)) {
		apply(folders, dir, pending[dir], choose)
	}
	return write(into, ".", folders, files, choose)
}

// apply makes those changes of a folder that choose(1) says survive.
func apply(folders map[string]map[string]int, dir string, changes []entry, choose func(int) int) {
	if folders[dir] == nil {
		folders[dir] = map[string]int{}
	}
	for _, e := range changes {
		switch {
		case choose(1) == 0:
		case e.inode == 0:
			delete(folders[dir], e.name)
		default:
			folders[dir][e.name] = e.inode
		}
	}
}

func write(into, dir string, folders map[string]map[string]int, files map[int]*content, choose func(int) int) error {
	for _, name := range slices.Sorted(maps.Keys(folders[dir])) {
		path, inode := filepath.Join(dir, name), folders[dir][name]
		if inode < 0 {
			if err := os.MkdirAll(filepath.Join(into, path), 0o777); err != nil {
				return err
			}
			if err := write(into, path, folders, files, choose); err != nil {
				return err
			}
			continue
		}
		c := files[inode]
		b := append(slices.Clone(c.synced), c.later[:choose(len(c.later))]...)
		if err := os.WriteFile(filepath.Join(into, path), b, 0o666); err != nil {
			return err
		}
	}
	return nil
}
