package cas

import "github.com/ouroflow/ouroflow/engine/digest"

// Ref locates one row.
type Ref struct {
	Segment digest.Digest
	Row     int
}

// Place is a Ref as an Index writes it, in eight bytes: the number of the segment
// and the row in it.
type Place uint64

// Index finds rows by their keys. To hold millions of rows in little memory it
// keeps 64 bits of each key, so a place is where the row of a key is if it is
// anywhere: whoever reads a row compares the whole key, which its segment has.
//
// An Index isn't safe for concurrent use.
type Index struct {
	segments []digest.Digest
	numbers  map[digest.Digest]uint32
	slots    []slot // open addressing with linear probing; a power of two
	used     int    // slots that aren't free
	rows     int    // slots that hold a place
}

type slot struct {
	print uint64
	place Place
}

const (
	free      Place = 0
	forgotten Place = 1 // keeps the chain of probes whole
	firstOf         = 2 // places are stored with this added
)

// NewIndex returns an empty index.
func NewIndex() *Index { return &Index{numbers: map[digest.Digest]uint32{}} }

// Has reports whether a segment was added, forgotten or not.
func (x *Index) Has(segment digest.Digest) bool {
	_, ok := x.numbers[segment]
	return ok
}

// Add records that the i-th row of a segment has the i-th key. Of two rows with
// one key the one added last counts.
func (x *Index) Add(segment digest.Digest, keys []digest.Digest) {
	number := x.number(segment)
	x.reserve(len(keys))
	for i, k := range keys {
		x.put(k.Uint64(), Place(number)<<32|Place(i))
	}
}

// number returns that of a segment, a new one if it was never added.
func (x *Index) number(segment digest.Digest) uint32 {
	number, ok := x.numbers[segment]
	if !ok {
		number = uint32(len(x.segments))
		x.segments = append(x.segments, segment)
		x.numbers[segment] = number
	}
	return number
}

// AddMissing is Add for the keys that the index doesn't have.
func (x *Index) AddMissing(segment digest.Digest, keys []digest.Digest) {
	number := x.number(segment)
	x.reserve(len(keys))
	for i, k := range keys {
		if _, known := x.Lookup(k); !known {
			x.put(k.Uint64(), Place(number)<<32|Place(i))
		}
	}
}

// Set records the place of one row, whatever was known of its key.
func (x *Index) Set(key digest.Digest, ref Ref) Place {
	p := Place(x.number(ref.Segment))<<32 | Place(ref.Row)
	x.reserve(1)
	x.put(key.Uint64(), p)
	return p
}

// ForgetKey removes the row of one key.
func (x *Index) ForgetKey(key digest.Digest) {
	if len(x.slots) == 0 {
		return
	}
	if s := x.find(key.Uint64()); s.place >= firstOf {
		s.place = forgotten
		x.rows--
	}
}

// Lookup returns the place of the row with that key.
func (x *Index) Lookup(key digest.Digest) (Place, bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	s := x.find(key.Uint64())
	return s.place - firstOf, s.place >= firstOf
}

// Ref says which segment and row a place is.
func (x *Index) Ref(p Place) Ref { return Ref{x.segments[p>>32], int(uint32(p))} }

// Forget removes every row of a segment that turned out to be damaged.
func (x *Index) Forget(segment digest.Digest) {
	number, ok := x.numbers[segment]
	if !ok {
		return
	}
	for i := range x.slots {
		if s := &x.slots[i]; s.place >= firstOf && uint32((s.place-firstOf)>>32) == number {
			s.place = forgotten
			x.rows--
		}
	}
}

// Len returns the number of rows.
func (x *Index) Len() int { return x.rows }

// find returns the slot of a print, or the free one where it would be.
func (x *Index) find(print uint64) *slot {
	mask := uint64(len(x.slots) - 1)
	for i := print & mask; ; i = (i + 1) & mask {
		if s := &x.slots[i]; s.place == free || s.print == print {
			return s
		}
	}
}

func (x *Index) put(print uint64, p Place) {
	s := x.find(print)
	if s.place == free {
		x.used++
	}
	if s.place < firstOf {
		x.rows++
	}
	s.print, s.place = print, p+firstOf
}

// reserve makes room for n more rows, so that at most three in four slots are
// taken.
func (x *Index) reserve(n int) {
	if 4*(x.used+n) <= 3*len(x.slots) {
		return
	}
	size := max(64, len(x.slots))
	for 4*(x.rows+n) > 3*size {
		size *= 2
	}
	old := x.slots
	x.slots, x.used, x.rows = make([]slot, size), 0, 0
	for _, s := range old {
		if s.place >= firstOf {
			x.put(s.print, s.place-firstOf)
		}
	}
}
