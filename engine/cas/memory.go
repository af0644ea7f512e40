package cas

import (
	"bytes"
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
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		blobs:   map[digest.Digest][]byte{},
		actions: map[digest.Digest][]byte{},
		spaces:  map[string]*memoryRows{},
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
		r = &memoryRows{segments: map[digest.Digest]memorySegment{}}
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

func (w *memoryWriter) Commit() (digest.Digest, int64, error) {
	b := bytes.Clone(w.buf.Bytes())
	d := digest.Of(b)
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.blobs[d] = b
	return d, int64(len(b)), nil
}

func (w *memoryWriter) Abort() { w.buf.Reset() }

type memorySegment struct {
	keys []digest.Digest
	data []byte
}

type memoryRows struct {
	mu       sync.Mutex
	segments map[digest.Digest]memorySegment
}

// Index implements RowSpace.
func (r *memoryRows) Index() (*Index, []*Miss, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := NewIndex()
	for id, seg := range r.segments {
		x.Add(id, seg.keys)
	}
	return x, nil, nil
}

// Segment implements RowSpace.
func (r *memoryRows) Segment(id digest.Digest) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seg, ok := r.segments[id]
	if !ok {
		return nil, &Miss{What: "segment", ID: id.String()}
	}
	return seg.data, nil
}

// Append implements RowSpace.
func (r *memoryRows) Append(keys []digest.Digest, segment []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	data := bytes.Clone(segment)
	r.segments[digest.Of(data)] = memorySegment{append([]digest.Digest(nil), keys...), data}
	return nil
}

// Drop implements RowSpace.
func (r *memoryRows) Drop(id digest.Digest) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.segments, id)
	return nil
}
