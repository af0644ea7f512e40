// Package cas is the content-addressed store behind the cache. It holds blobs
// (immutable bytes named by their SHA-256), actions (what a key led to) and row
// segments (results of single rows, with an index of their keys).
//
// Content is written before anything that refers to it, and everything read is
// checked against its digest: damage of any kind is a Miss that says what was
// found, never a wrong hit.
package cas

import (
	"errors"
	"fmt"
	"io"

	"github.com/ouroflow/ouroflow/engine/digest"
)

// Store holds blobs, actions and row spaces. Implementations are safe for
// concurrent use by many goroutines and, on disk, by many processes.
type Store interface {
	// Create starts a new blob.
	Create() (Writer, error)
	// Open returns the blob that d names, its content verified.
	// A blob that is absent or damaged is a *Miss.
	Open(d digest.Digest) (Blob, error)
	// Action returns what PutAction stored under key, or a *Miss.
	Action(key digest.Digest) ([]byte, error)
	// PutAction durably stores the outcome of key. Every blob that body refers
	// to must have been committed before.
	PutAction(key digest.Digest, body []byte) error
	// Rows returns the row space of that name. It need not exist yet.
	Rows(space string) RowSpace
	// Use announces a user until done is called or the process ends. What a user
	// looks up or stores isn't collected meanwhile.
	Use() (done func(), err error)
	Locker
}

// Writer receives the content of a new blob.
type Writer interface {
	io.Writer
	// ReadAt reads back what was written so far, until Commit or Abort.
	io.ReaderAt
	// Commit makes the blob durable and returns its name and size.
	Commit() (digest.Digest, int64, error)
	// Abort discards what was written. After Commit it does nothing.
	Abort()
}

// Blob is verified, immutable content.
type Blob interface {
	io.ReaderAt
	io.Closer
	// Size is the length of the content in bytes.
	Size() int64
}

// ReadIndex returns the index of a row space, and what of it is damaged.
func ReadIndex(r RowSpace) (*Index, []*Miss, error) {
	x := NewIndex()
	damaged, err := r.Load(x)
	return x, damaged, err
}

// RowSpace holds the rows that one version of one node type computed.
type RowSpace interface {
	// Load adds to x the keys of every durable segment that x doesn't have.
	// Damaged index files are left out and returned.
	Load(x *Index) ([]*Miss, error)
	// Segment returns the verified bytes of a segment, or a *Miss.
	Segment(id digest.Digest) ([]byte, error)
	// Append durably stores a segment whose i-th row has the i-th key: the
	// segment first, its index second.
	Append(keys []digest.Digest, segment []byte) error
	// Drop forgets a damaged segment, so that it isn't reported again.
	Drop(id digest.Digest) error
	// Claim starts a claim on rows of a group: rows of different groups never
	// have the same key.
	Claim(group digest.Digest) (Claim, error)
}

// Miss says that something isn't in the store, and why.
type Miss struct {
	What   string // "blob", "action", "segment" or "index"
	ID     string // the digest asked for
	Path   string // the file, where there is one
	Reason string // what is wrong with it; empty if it was never stored
	Gone   bool   // it was stored, but its file isn't there
}

// Error implements error.
func (m *Miss) Error() string {
	switch {
	case m.Reason == "":
		return fmt.Sprintf("%s %s is not in the cache", m.What, m.ID)
	case m.Gone:
		return fmt.Sprintf("%s %s is gone (%s)", m.What, m.ID, m.Path)
	}
	return fmt.Sprintf("%s %s is damaged: %s (%s)", m.What, m.ID, m.Reason, m.Path)
}

// Damaged reports whether err is a Miss caused by damage, and returns it.
func Damaged(err error) (*Miss, bool) {
	var m *Miss
	if errors.As(err, &m) && m.Reason != "" {
		return m, true
	}
	return nil, false
}

// IsMiss reports whether err says that something isn't in the store.
func IsMiss(err error) bool {
	var m *Miss
	return errors.As(err, &m)
}

// ReadAll returns the whole content of the blob that d names.
func ReadAll(s Store, d digest.Digest) ([]byte, error) {
	b, err := s.Open(d)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	buf := make([]byte, b.Size())
	if _, err := b.ReadAt(buf, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return buf, nil
}

// Put stores b as a blob.
func Put(s Store, b []byte) (digest.Digest, error) {
	w, err := s.Create()
	if err != nil {
		return digest.Digest{}, err
	}
	defer w.Abort()
	if _, err := w.Write(b); err != nil {
		return digest.Digest{}, err
	}
	d, _, err := w.Commit()
	return d, err
}
