// Package recall remembers runs of which everything is known, and recognises that
// nothing they depend on has changed, by looking at files without reading them.
//
// A memo lists the files that a run's outcome hangs on: what it read, what it
// published, and the content of its outputs. A file counts as unchanged while its
// size, its times and its inode are: make and ninja go by less than that.
package recall

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/durable"
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

// Memo is what is remembered of a run.
type Memo struct {
	Files  []File
	Nodes  int64         // number of its nodes
	Rows   int64         // that its tables have
	State  digest.Digest // of the file that tells of its nodes
	Record []byte        // the rest of its record, as JSON
}

// Holds reports whether every file is as it was.
func (m *Memo) Holds() bool {
	var changed atomic.Bool
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(m.Files) && !changed.Load(); i += workers {
				if now, err := See(m.Files[i].Path); err != nil || now != m.Files[i] {
					changed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	return !changed.Load()
}

// Folder holds memos, and the files that tell of nodes, named by their digests.
type Folder string

// MemoPath is where the memo of a key is.
func (d Folder) MemoPath(key digest.Digest) string {
	return filepath.Join(string(d), key.String()+".memo")
}

// StatePath is where the file about nodes with that digest is.
func (d Folder) StatePath(state digest.Digest) string {
	return filepath.Join(string(d), state.String()+".json")
}

// Save stores a memo, and the file about its nodes before it.
func (d Folder) Save(key digest.Digest, m *Memo, state []byte) error {
	m.State = digest.Of(state)
	if err := durable.WriteFile(durable.OS{}, string(d), d.StatePath(m.State), state, 0o444); err != nil {
		return err
	}
	return durable.WriteSealed(durable.OS{}, d.MemoPath(key), m.encode())
}

// Load returns the memo of a key, or nil if there is none that can be used.
func (d Folder) Load(key digest.Digest) *Memo {
	b, err := durable.ReadSealed(d.MemoPath(key))
	if err != nil {
		return nil
	}
	m, err := decode(b)
	if err != nil || !d.hasState(m.State) {
		return nil
	}
	return m
}

// hasState reports whether the file about nodes with that digest is there, whole.
func (d Folder) hasState(state digest.Digest) bool {
	got, err := digest.File(d.StatePath(state))
	return err == nil && got == state
}

const magic = "OFMEMO1\n"

// head is the part of a memo that is JSON.
type head struct {
	Files  int             `json:"files"`
	Nodes  int64           `json:"nodes"`
	Rows   int64           `json:"rows"`
	State  digest.Digest   `json:"state"`
	Record json.RawMessage `json:"record"`
}

// encode writes the magic, the length of the head, the head, then for each file the
// length of its path, the path, the size, both times and the inode. Numbers are varints.
func (m *Memo) encode() []byte {
	h, err := json.Marshal(head{len(m.Files), m.Nodes, m.Rows, m.State, m.Record})
	if err != nil {
		panic(err) // Record is JSON
	}
	b := append([]byte(magic), binary.AppendUvarint(nil, uint64(len(h)))...)
	b = append(b, h...)
	for _, f := range m.Files {
		b = binary.AppendUvarint(b, uint64(len(f.Path)))
		b = append(b, f.Path...)
		b = binary.AppendVarint(b, f.Size)
		b = binary.AppendVarint(b, f.Time)
		b = binary.AppendVarint(b, f.CTime)
		b = binary.AppendUvarint(b, f.Inode)
	}
	return b
}

func decode(b []byte) (*Memo, error) {
	r := &reader{b: b}
	if string(r.take(len(magic))) != magic {
		return nil, errors.New("not a memo of this format")
	}
	var h head
	if err := json.Unmarshal(r.take(int(r.uvarint())), &h); err != nil {
		return nil, err
	}
	if h.Files < 0 || h.Files > len(b) {
		return nil, fmt.Errorf("%d files don't fit into it", h.Files)
	}
	m := &Memo{Files: make([]File, h.Files), Nodes: h.Nodes, Rows: h.Rows, State: h.State, Record: h.Record}
	for i := range m.Files {
		m.Files[i] = File{string(r.take(int(r.uvarint()))), r.varint(), r.varint(), r.varint(), r.uvarint()}
	}
	if r.short || len(r.b) > 0 {
		return nil, errors.New("it is cut, or too long")
	}
	return m, nil
}

// reader takes a memo apart. After its end everything is zero.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.take(max(n, -n))
	r.short = r.short || n <= 0
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.take(max(n, -n))
	r.short = r.short || n <= 0
	return v
}
