package cas

import (
	"bytes"
	"slices"
	"sync"

	"github.com/ouroflow/ouroflow/engine/digest"
)

type memorySegment struct {
	id   digest.Digest
	keys []digest.Digest
	data []byte
}

type memoryRows struct {
	mu       sync.Mutex
	segments []memorySegment                                  // oldest first
	claims   map[digest.Digest]map[digest.Digest]*memoryClaim // group and key to the holder
}

// Load implements RowSpace.
func (r *memoryRows) Load(x *Index) ([]*Miss, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.load(x)
	return nil, nil
}

func (r *memoryRows) load(x *Index) {
	for _, seg := range r.segments {
		if !x.Has(seg.id) {
			x.Add(seg.id, seg.keys)
		}
	}
}

func (r *memoryRows) find(id digest.Digest) int {
	return slices.IndexFunc(r.segments, func(s memorySegment) bool { return s.id == id })
}

// Segment implements RowSpace.
func (r *memoryRows) Segment(id digest.Digest) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.find(id)
	if i < 0 {
		return nil, &Miss{What: "segment", ID: id.String()}
	}
	return r.segments[i].data, nil
}

// Append implements RowSpace.
func (r *memoryRows) Append(keys []digest.Digest, segment []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := digest.Of(segment)
	if r.find(id) < 0 {
		r.segments = append(r.segments, memorySegment{id, slices.Clone(keys), bytes.Clone(segment)})
	}
	return nil
}

// Drop implements RowSpace.
func (r *memoryRows) Drop(id digest.Digest) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.segments = slices.DeleteFunc(r.segments, func(s memorySegment) bool { return s.id == id })
	return nil
}

// Claim implements RowSpace.
func (r *memoryRows) Claim(group digest.Digest) (Claim, error) {
	return &memoryClaim{r, group}, nil
}

type memoryClaim struct {
	rows  *memoryRows
	group digest.Digest
}

// Take implements Claim.
func (c *memoryClaim) Take(x *Index, keys []digest.Digest) ([]Holder, []*Miss, error) {
	c.rows.mu.Lock()
	defer c.rows.mu.Unlock()
	c.rows.load(x)
	taken := c.rows.claims[c.group]
	if taken == nil {
		taken = map[digest.Digest]*memoryClaim{}
		c.rows.claims[c.group] = taken
	}
	holders := make([]Holder, len(keys))
	for i, key := range keys {
		_, known := x.Lookup(key)
		switch holder := taken[key]; {
		case known:
			holders[i] = Known
		case holder == nil || holder == c:
			holders[i], taken[key] = Mine, c
		default:
			holders[i] = Theirs
		}
	}
	return holders, nil, nil
}

// Close implements Claim.
func (c *memoryClaim) Close() error {
	c.rows.mu.Lock()
	defer c.rows.mu.Unlock()
	taken := c.rows.claims[c.group]
	for key, holder := range taken {
		if holder == c {
			delete(taken, key)
		}
	}
	if len(taken) == 0 {
		delete(c.rows.claims, c.group)
	}
	return nil
}
