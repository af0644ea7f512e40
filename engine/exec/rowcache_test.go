package exec

import (
	"testing"
	"testing/synctest"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/table"
)

type cell struct {
	N int64 `arrow:"n"`
}

// An index keeps 64 bits of each key: a key that shares them with another must not
// lead to its row.
func TestKeysThatShareTheirBeginning(t *testing.T) {
	a := digest.Of([]byte("a"))
	b := a
	b[digest.Size-1] ^= 1
	e := table.NewEncoder[cell]()
	e.Append(cell{1})
	content, err := encodeSegment(table.SchemaOf[cell](), []digest.Digest{a}, e.Record())
	if err != nil {
		t.Fatal(err)
	}
	c := newRowCache(cas.NewMemory().Rows("x"), func(m *cas.Miss) { t.Error(m) })
	if err := c.add([]digest.Digest{a}, content); err != nil {
		t.Fatal(err)
	}
	if _, own, ok := c.find(a); !ok || !own {
		t.Error("the row isn't found")
	}
	if _, _, ok := c.find(b); ok {
		t.Error("a wrong hit: the row of another key")
	}
}

// However little of the segments may be held, every row is read right.
func TestRowCacheHoldsLittle(t *testing.T) {
	c := newRowCache(cas.NewMemory().Rows("x"), func(m *cas.Miss) { t.Error(m) })
	c.heldMost = 1
	var keys []digest.Digest
	for i := range 20 {
		key := digest.Of([]byte{byte(i)})
		keys = append(keys, key)
		e := table.NewEncoder[cell]()
		e.Append(cell{int64(i)})
		content, err := encodeSegment(table.SchemaOf[cell](), []digest.Digest{key}, e.Record())
		if err == nil {
			err = c.add([]digest.Digest{key}, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, key := range append(keys, keys...) {
		p, _, ok := c.find(key)
		if !ok {
			t.Fatalf("row %d isn't found", i)
		}
		row, err := c.row(p, nil)
		if err != nil || table.Value(row.Record.Column(0), row.I) != int64(i%len(keys)) {
			t.Fatalf("row %d: %v, %v", i, row, err)
		}
		if len(c.loaded) > 1 || c.recent.Len() != len(c.loaded) {
			t.Fatalf("%d segments are held", len(c.loaded))
		}
	}
}

// An index that is whole but leads a key to the row of another, as a remote could hold,
// doesn't know that key from then on.
func TestIndexOfOtherRows(t *testing.T) {
	a, b := digest.Of([]byte("a")), digest.Of([]byte("b"))
	e := table.NewEncoder[cell]()
	e.Append(cell{1})
	content, err := encodeSegment(table.SchemaOf[cell](), []digest.Digest{a}, e.Record())
	if err != nil {
		t.Fatal(err)
	}
	space := cas.NewMemory().Rows("x")
	if err := space.Append([]digest.Digest{b}, content); err != nil {
		t.Fatal(err)
	}
	claim, err := space.Claim(digest.Of(nil))
	if err != nil {
		t.Fatal(err)
	}
	c := newRowCache(space, func(m *cas.Miss) { t.Error(m) })
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := c.find(b); ok {
		t.Error("a wrong hit")
	}
	if holders, err := c.take(claim, []digest.Digest{b}); err != nil || holders[0] != cas.Mine {
		t.Errorf("holders %v, %v: nobody would ever compute the row", holders, err)
	}
}

// However many units wait behind one that takes long, the window stays small.
func TestWindowStaysSmall(t *testing.T) {
	w := newWindow()
	const units = 100_000
	w.push(unsettled, 0)
	for i := 1; i < units; i++ {
		w.push(unsettled, 0)
		w.settle(i, cas.Place(i))
	}
	if len(w.spans) > spansMost {
		t.Errorf("%d spans for one unit that waits and the rest, whose rows lie in a row", len(w.spans))
	}
	w.settle(0, cas.Place(0))
	w.end(nil)
	next := cas.Place(0)
	for {
		s, err := w.take(512)
		if err != nil {
			t.Fatal(err)
		}
		if s.n == 0 {
			break
		}
		if s.place != next {
			t.Fatalf("at %d, want %d", s.place, next)
		}
		next += cas.Place(s.n)
	}
	if next != units {
		t.Errorf("took %d units", next)
	}
}

// The intake waits for an output that is behind, but not for one that waits itself.
func TestWindowHoldsTheIntakeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow()
		w.push(unsettled, 0)
		for i := range 2 * spansMost { // places that don't follow each other
			w.push(settled, cas.Place(10*i))
		}
		w.settle(0, cas.Place(5))
		pushed := false
		go func() {
			w.push(settled, cas.Place(7))
			pushed = true
		}()
		for taken := range 2*spansMost + 1 - (spansMost - 1) { // until one less than spansMost is left
			synctest.Wait()
			if pushed {
				t.Fatalf("the intake went on when %d units had been taken", taken)
			}
			if _, err := w.take(1); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if !pushed {
			t.Error("the intake still waits, though the output isn't behind any more")
		}
	})
}
