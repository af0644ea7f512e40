package cas

import (
	"bytes"
	"context"
	"sync"

	"github.com/ouroflow/ouroflow/engine/digest"
)

// Memory is a Store that lives in memory: for tests, and for runs that should
// leave nothing behind.
type Memory struct {
	mu      sync.Mutex
	blobs   map[digest.Digest][]byte
	actions map[digest.Digest][]byte
	spaces  map[string]*memoryRows
	locks   map[digest.Digest]chan struct{} // closed when they are free
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		blobs:   map[digest.Digest][]byte{},
		actions: map[digest.Digest][]byte{},
		spaces:  map[string]*memoryRows{},
		locks:   map[digest.Digest]chan struct{}{},
	}
}

// Create implements Store.
func (s *Memory) Create() (Writer, error) { return &memoryWriter{store: s}, nil }

// Open implements Store.
func (s *Memory) Open(d digest.Digest) (Blob, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blobs[d]
	if !ok {
		return nil, &Miss{What: "blob", ID: d.String()}
	}
	return memoryBlob{bytes.NewReader(b)}, nil
}

// Action implements Store.
func (s *Memory) Action(key digest.Digest) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, ok := s.actions[key]
	if !ok {
		return nil, &Miss{What: "action", ID: key.String()}
	}
	return bytes.Clone(body), nil
}

// PutAction implements Store.
func (s *Memory) PutAction(key digest.Digest, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.actions[key] = bytes.Clone(body)
	return nil
}

// Rows implements Store.
func (s *Memory) Rows(space string) RowSpace {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.spaces[space]
	if !ok {
		r = &memoryRows{claims: map[digest.Digest]map[digest.Digest]*memoryClaim{}}
		s.spaces[space] = r
	}
	return r
}

type memoryBlob struct{ *bytes.Reader }

func (memoryBlob) Close() error { return nil }

type memoryWriter struct {
	store *Memory
	buf   bytes.Buffer
}

func (w *memoryWriter) Write(p []byte) (int, error) { return w.buf.Write(p) }

func (w *memoryWriter) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(w.buf.Bytes()).ReadAt(p, off)
}

func (w *memoryWriter) Commit() (digest.Digest, int64, error) {
	b := bytes.Clone(w.buf.Bytes())
	d := digest.Of(b)
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.blobs[d] = b
	return d, int64(len(b)), nil
}

func (w *memoryWriter) Abort() { w.buf.Reset() }

// Use implements Store. Nothing is ever collected from memory.
func (s *Memory) Use() (done func(), err error) { return func() {}, nil }

// Lock implements Locker.
func (s *Memory) Lock(ctx context.Context, key digest.Digest, waiting func()) (func(), error) {
	for first := true; ; first = false {
		busy := s.lock(key)
		if busy == nil {
			return func() { s.unlock(key) }, nil
		}
		if first {
			waiting()
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// lock takes the lock of key, or returns a channel that is closed when it is free.
func (s *Memory) lock(key digest.Digest) (busy chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.locks[key]; ok {
		return c
	}
	s.locks[key] = make(chan struct{})
	return nil
}

func (s *Memory) unlock(key digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.locks[key])
	delete(s.locks, key)
}
