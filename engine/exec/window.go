package exec

import (
	"slices"
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
	more  *sync.Cond
	spans []span
	next  int // unit that will be pushed
	ended bool
	err   error
}

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
	w.more = sync.NewCond(&w.mu)
	return w
}

// push adds the next unit. The place counts if it is settled.
func (w *window) push(s state, p cas.Place) {
	w.mu.Lock()
	defer w.mu.Unlock()
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
	w.join(i + 1)
	w.join(i)
	w.more.Signal()
}

// join makes one span of the i-th and the one before it, if they are one.
func (w *window) join(i int) {
	if i < 1 || i >= len(w.spans) {
		return
	}
	before, s := &w.spans[i-1], w.spans[i]
	if before.continues(s.state, s.place) {
		before.n += s.n
		w.spans = slices.Delete(w.spans, i, i+1)
	}
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
