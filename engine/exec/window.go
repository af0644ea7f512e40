package exec

import (
	"sort"
	"sync"

	"github.com/ouroflow/ouroflow/engine/cas"
)

// window says where the rows of units are, in order, from the first unit that isn't
// in the output yet to the last whose key was made: the part of the table that is
// being worked on. However many units wait behind one that takes long, it stays
// small where their rows lie in a row.
type window struct {
	mu    sync.Mutex
	more  *sync.Cond // units were settled, or the end was
	room  *sync.Cond // units were taken
	spans []span
	next  int // unit that will be pushed
	ended bool
	err   error

	changes int // since spans were joined
}

// spansMost is how many spans the window has at least before it is looked through, and
// before the intake waits for an output that is behind.
const spansMost = 4096

// span is a number of consecutive units.
type span struct {
	first, n int
	state    state
	place    cas.Place // of the first, if settled; the others follow it
}

// state says what is known of the units of a span.
type state int

const (
	settled   state = iota // their rows are stored
	unsettled              // the row will be stored
	repeated               // they have keys of units before them
)

func newWindow() *window {
	w := &window{}
	w.more, w.room = sync.NewCond(&w.mu), sync.NewCond(&w.mu)
	return w
}

// push adds the next unit. The place counts if it is settled. It waits while the
// output is far behind, unless that waits for a unit itself.
func (w *window) push(s state, p cas.Place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.spans) >= spansMost && w.spans[0].state != unsettled && !w.ended {
		w.room.Wait()
	}
	unit := w.next
	w.next++
	if s != unsettled {
		w.more.Signal()
	}
	if i := len(w.spans) - 1; i >= 0 && w.spans[i].continues(s, p) {
		w.spans[i].n++
		return
	}
	w.spans = append(w.spans, span{unit, 1, s, p})
	w.changed()
}

func (s span) continues(state state, p cas.Place) bool {
	switch state {
	case settled:
		return s.state == settled && s.place+cas.Place(s.n) == p
	case repeated:
		return s.state == repeated
	default:
		return false
	}
}

// settle says where the row of an unsettled unit is.
func (w *window) settle(unit int, p cas.Place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := sort.Search(len(w.spans), func(i int) bool { return w.spans[i].first >= unit })
	w.spans[i].state, w.spans[i].place = settled, p
	w.changed()
	w.more.Signal()
}

// changed now and then makes one span of those that are one by now: seldom enough to
// cost next to nothing, often enough for the window to stay small.
func (w *window) changed() {
	if w.changes++; w.changes < max(spansMost, len(w.spans)) {
		return
	}
	w.changes = 0
	kept := w.spans[:0]
	for _, s := range w.spans {
		if i := len(kept) - 1; i >= 0 && kept[i].continues(s.state, s.place) {
			kept[i].n += s.n
		} else {
			kept = append(kept, s)
		}
	}
	w.spans = kept
}

// end says that no unit comes after those that were pushed, or with an error that
// the output can't be completed.
func (w *window) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.ended, w.err = true, err
	}
	w.more.Signal()
	w.room.Broadcast()
}

// failed returns the error that ended the window, or nil.
func (w *window) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// take waits until the first units are stored, and takes them, at most so many. It
// returns none at the end.
func (w *window) take(most int) (span, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.err == nil && (len(w.spans) == 0 && !w.ended || len(w.spans) > 0 && w.spans[0].state == unsettled) {
		w.more.Wait()
	}
	if w.err != nil || len(w.spans) == 0 {
		return span{}, w.err
	}
	s := w.spans[0]
	w.room.Broadcast()
	if s.n <= most {
		w.spans = w.spans[1:]
		return s, nil
	}
	rest := &w.spans[0]
	rest.first, rest.n = rest.first+most, rest.n-most
	if s.state == settled {
		rest.place += cas.Place(most)
	}
	s.n = most
	return s, nil
}
