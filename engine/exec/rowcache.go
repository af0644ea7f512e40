package exec

import (
	"bytes"
	"container/list"
	"errors"
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/table"
)

// rowCache finds stored rows. It holds the index of the row space and the segments
// that were used last. It is safe for concurrent use.
type rowCache struct {
	space  cas.RowSpace
	damage func(*cas.Miss) // told of what is found damaged

	mu       sync.Mutex
	index    *cas.Index
	now      *cas.Index                 // as it was when a segment was found gone; nil if none was
	own      map[digest.Digest]bool     // segments that this job added
	passing  map[digest.Digest]*segment // of rows that hold for this run alone
	loaded   map[digest.Digest]*list.Element
	recent   *list.List // of *segment, the one used last in front
	held     int        // bytes of recent
	heldMost int
}

// segmentMemory bounds the segments that are held, beside the one in use.
const segmentMemory = 32 << 20

// segment is a decoded segment. Its last column is the key of each row.
type segment struct {
	id      digest.Digest
	records []arrow.Record
	bytes   int
}

func newRowCache(space cas.RowSpace, damage func(*cas.Miss)) *rowCache {
	return &rowCache{
		space: space, damage: damage, index: cas.NewIndex(), own: map[digest.Digest]bool{}, passing: map[digest.Digest]*segment{},
		loaded: map[digest.Digest]*list.Element{}, recent: list.New(), heldMost: segmentMemory,
	}
}

// load reads what is stored into the index.
func (c *rowCache) load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	damaged, err := c.space.Load(c.index)
	c.dropDamaged(damaged)
	if err != nil {
		return fmt.Errorf("reading the row index: %w", err)
	}
	return nil
}

// take claims keys; the index then has what others stored.
func (c *rowCache) take(claim cas.Claim, keys []digest.Digest) ([]cas.Holder, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	holders, damaged, err := claim.Take(c.index, keys)
	c.dropDamaged(damaged)
	if err != nil {
		return nil, fmt.Errorf("claiming rows: %w", err)
	}
	return holders, nil
}

func (c *rowCache) dropDamaged(damaged []*cas.Miss) {
	for _, m := range damaged {
		c.damage(m)
		id, err := digest.Parse(m.ID)
		if err == nil && !c.indexAgain(id) {
			_ = c.space.Drop(id) // if that fails it is reported again, which is no reason to stop
		}
	}
}

// indexAgain makes the index of a segment from the keys in it.
func (c *rowCache) indexAgain(id digest.Digest) bool {
	content, err := c.space.Segment(id)
	if err != nil {
		return false
	}
	keys, err := SegmentKeys(content)
	if err != nil || c.space.Append(keys, content) != nil {
		return false
	}
	c.index.AddMissing(id, keys)
	return true
}

// add stores a segment whose rows this job computed.
func (c *rowCache) add(keys []digest.Digest, content []byte) error {
	if err := c.space.Append(keys, content); err != nil {
		return fmt.Errorf("saving rows: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.adopt(digest.Of(content), keys)
	return nil
}

// hold keeps a segment in memory, for as long as this job lasts.
func (c *rowCache) hold(keys []digest.Digest, content []byte) error {
	id := digest.Of(content)
	seg, err := decodeSegment(id, content)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passing[id] = seg
	c.adopt(id, keys)
	return nil
}

// adopt puts a segment of this job's into the index.
func (c *rowCache) adopt(id digest.Digest, keys []digest.Digest) {
	c.index.Add(id, keys)
	c.own[id] = true
}

// find returns the place of the row of a key if it can be read, and whether this
// job computed it. Damage is reported and forgotten, with all rows of the segment.
func (c *rowCache) find(key digest.Digest) (p cas.Place, own, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok = c.index.Lookup(key)
	if !ok {
		return 0, false, false
	}
	ref := c.index.Ref(p)
	row, err := c.read(ref)
	if cas.IsMiss(err) {
		if moved, ok := c.moved(key, p); ok {
			p, ref = moved, c.index.Ref(moved)
			row, err = c.read(ref)
		}
	}
	if err != nil {
		c.forget(ref.Segment, err)
		return 0, false, false
	}
	if !bytes.Equal(keyOf(row), key[:]) { // a wrong index, or the other 192 bits differ
		c.index.ForgetKey(key)
		return 0, false, false
	}
	return p, c.own[ref.Segment], true
}

// count tells how many of the rows of an input the index has.
func (c *rowCache) count(keys *keyMaker, in inputs, port string) (known, all int64, err error) {
	r, err := in.Table(port)
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	err = eachKey(keys, r, func(key digest.Digest) {
		all++
		if _, ok := c.place(key); ok {
			known++
		}
	})
	return known, all, err
}

// moved looks for a row whose segment is gone among what is stored now: segments are
// merged beside runs.
func (c *rowCache) moved(key digest.Digest, from cas.Place) (cas.Place, bool) {
	gone := c.index.Ref(from).Segment
	for range 2 {
		if c.now != nil {
			if p, ok := c.now.Lookup(key); ok && c.now.Ref(p).Segment != gone {
				return c.index.Set(key, c.now.Ref(p)), true
			}
		}
		c.now = cas.NewIndex()
		if _, err := c.space.Load(c.now); err != nil {
			return 0, false
		}
	}
	return 0, false
}

func (c *rowCache) forget(id digest.Digest, why error) {
	m, damaged := cas.Damaged(why)
	if !damaged {
		m = &cas.Miss{What: "segment", ID: id.String(), Reason: why.Error()}
	}
	c.damage(m)
	c.index.Forget(id)
	if damaged && !m.Gone { // anything else may be a passing trouble of the machine
		_ = c.space.Drop(id)
	}
}

// place returns where the row of a key is that was found or added before.
func (c *rowCache) place(key digest.Digest) (cas.Place, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.index.Lookup(key)
}

// row reads the row of a key, which find or place found at p.
func (c *rowCache) row(p cas.Place, key func() digest.Digest) (table.Row, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row, err := c.read(c.index.Ref(p))
	if !cas.IsMiss(err) {
		return row, err
	}
	if p, ok := c.moved(key(), p); ok {
		return c.read(c.index.Ref(p))
	}
	return row, err
}

func keyOf(r table.Row) []byte {
	columns := r.Record.Columns()
	return columns[len(columns)-1].(*array.Binary).Value(r.I)
}

func (c *rowCache) read(ref cas.Ref) (table.Row, error) {
	seg, err := c.segment(ref.Segment)
	if err != nil {
		return table.Row{}, err
	}
	i := ref.Row
	for _, rec := range seg.records {
		if i < int(rec.NumRows()) {
			return table.Row{Record: rec, I: i}, nil
		}
		i -= int(rec.NumRows())
	}
	return table.Row{}, fmt.Errorf("segment %s has no row %d", ref.Segment.Short(), ref.Row)
}

func (c *rowCache) segment(id digest.Digest) (*segment, error) {
	if seg, ok := c.passing[id]; ok {
		return seg, nil
	}
	if e, ok := c.loaded[id]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(*segment), nil
	}
	content, err := c.space.Segment(id)
	if err != nil {
		return nil, err
	}
	seg, err := decodeSegment(id, content)
	if err != nil {
		return nil, err
	}
	c.loaded[id] = c.recent.PushFront(seg)
	c.held += seg.bytes
	for c.held > c.heldMost && c.recent.Len() > 1 {
		last := c.recent.Remove(c.recent.Back()).(*segment)
		delete(c.loaded, last.id)
		c.held -= last.bytes
	}
	return seg, nil
}

func decodeSegment(id digest.Digest, content []byte) (*segment, error) {
	r, err := table.FromBytes(content)
	if err != nil {
		return nil, err
	}
	seg := &segment{id: id, bytes: len(content)}
	for rec, err := range r.Batches() {
		if err != nil {
			return nil, err
		}
		seg.records = append(seg.records, rec)
	}
	last := r.Schema().NumFields() - 1
	if last < 0 || r.Schema().Field(last).Name != keyColumn {
		return nil, errors.New("it has no keys")
	}
	return seg, nil
}
