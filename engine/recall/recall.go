// Package recall remembers runs of which everything is known, and recognises what has
// changed since, by looking at files without reading them.
//
// A memo lists the files that a run's outcome hangs on: what its nodes read, what they
// published, and the content of their outputs. A file counts as unchanged while its
// size, its times and its inode are: make and ninja go by less than that.
package recall

import (
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
	"golang.org/x/sys/unix"
)

// File is a file as it was seen.
type File struct {
	Path  string
	Size  int64 // -1 if there was none
	Time  int64 // that its content says it was changed at, in nanoseconds since 1970
	CTime int64 // when the content or what is known of the file last changed
	Inode uint64
}

// See looks at a file. That there is none is a state, too.
func See(path string) (File, error) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	if errors.Is(err, unix.ENOENT) {
		return File{Path: path, Size: -1}, nil
	}
	if err != nil {
		return File{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return File{path, st.Size, st.Mtim.Nano(), st.Ctim.Nano(), st.Ino}, nil
}

// settling is how long after a change a file may change again without its time
// showing it: file systems keep time in steps of some milliseconds.
const settling = 50 * time.Millisecond

// Settled reports whether a later change of the file would show. Files that were
// changed just before they were seen can't be told from ones that changed again.
func (f File) Settled(seen time.Time) bool {
	return f.Size < 0 || seen.Sub(time.Unix(0, max(f.Time, f.CTime))) > settling
}

func (f File) changed() bool {
	now, err := See(f.Path)
	return err != nil || now != f
}

// Memo is what is remembered of a run.
type Memo struct {
	Pipeline digest.Digest // of the pipeline file
	Outside  digest.Digest // of what there is in it beside the lines of nodes
	Nodes    []Node
	Files    []File        // that the run hangs on as a whole
	State    digest.Digest // of the file that tells of its nodes
	Record   []byte        // the rest of its record, as JSON, with the nodes that changed since that file
}

// Node is what is remembered of a node.
type Node struct {
	ID    string
	Col   int        // where its key begins in its first line
	Lines spec.Lines // of the pipeline file; zero if they can't be told
	Text  uint64     // the first 64 bits of the digest of these lines
	Needs []int      // places of nodes in Memo.Nodes
	Rows  int64      // that its tables have
	// Metrics says that it has metrics, whose names hang on all other nodes.
	Metrics bool
	Place   run.Place // of what there is of it in the file that tells of nodes
	Uses    []File    // what it read or published
	Made    []File    // what the cache has of it
}

// Rows is the number of rows that the tables of the run have.
func (m *Memo) Rows() (rows int64) {
	for _, n := range m.Nodes {
		rows += n.Rows
	}
	return rows
}

// Changed compares a memo with the pipeline as it is written now and looks at all
// files. It returns the places of the nodes that were edited, or use a file that isn't
// as it was; ok is false if anything else has changed.
func (m *Memo) Changed(content []byte) (nodes []int, ok bool) {
	if !m.known(content) || slices.ContainsFunc(m.Files, File.changed) {
		return nil, false
	}
	var lost atomic.Bool
	changed := make([]bool, len(m.Nodes))
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(m.Nodes) && !lost.Load(); i += workers {
				changed[i] = slices.ContainsFunc(m.Nodes[i].Uses, File.changed)
				if slices.ContainsFunc(m.Nodes[i].Made, File.changed) {
					lost.Store(true)
				}
			}
		})
	}
	wg.Wait()
	for _, i := range m.Edited(content) {
		changed[i] = true
	}
	for i := range changed {
		if changed[i] {
			nodes = append(nodes, i)
		}
	}
	return nodes, !lost.Load()
}

// known reports whether all of a pipeline but the lines of nodes is as it was.
func (m *Memo) known(content []byte) bool {
	return digest.Of(content) == m.Pipeline || digest.Of(spec.Blank(content, m.lines())) == m.Outside
}

// Edited returns the places of the nodes whose lines aren't what they were, of a pipeline
// that is as it was beside.
func (m *Memo) Edited(content []byte) (nodes []int) {
	if digest.Of(content) == m.Pipeline {
		return nil
	}
	for i, text := range spec.Cut(content, m.lines()) {
		if digest.Of(text).Uint64() != m.Nodes[i].Text {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// Note remembers how the pipeline is written.
func (m *Memo) Note(content []byte) {
	m.Pipeline, m.Outside = digest.Of(content), digest.Of(spec.Blank(content, m.lines()))
	for i, text := range spec.Cut(content, m.lines()) {
		m.Nodes[i].Text = digest.Of(text).Uint64()
	}
}

func (m *Memo) lines() []spec.Lines {
	lines := make([]spec.Lines, len(m.Nodes))
	for i, n := range m.Nodes {
		lines[i] = n.Lines
	}
	return lines
}
