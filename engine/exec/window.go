package exec

import (
	"sync"

	"github.com/ouroflow/ouroflow/engine/cas"
)

// window holds the places of units, in order, from the first that isn't in the
// output yet to the last whose key was made: the part of the table that is being
// worked on.
type window struct {
	mu     sync.Mutex
	more   *sync.Cond
	first  int // unit of places[0]
	places []cas.Place
	ended  bool
	err    error
}

// unsettled is the place of a unit whose row isn't stored yet.
const unsettled = ^cas.Place(0)

func newWindow() *window {
	w := &window{}
	w.more = sync.NewCond(&w.mu)
	return w
}

// push adds the next unit.
func (w *window) push(p cas.Place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places = append(w.places, p)
	if p != unsettled {
		w.more.Signal()
	}
}

// settle says where the rows of units are that were unsettled.
func (w *window) settle(units []int, p cas.Place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range units {
		w.places[u-w.first] = p
	}
	w.more.Signal()
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

// next waits until the first unit is settled, and takes it with those after it
// that are settled, too, at most len(into). It returns none at the end.
func (w *window) next(into []cas.Place) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.err == nil && (len(w.places) == 0 && !w.ended || len(w.places) > 0 && w.places[0] == unsettled) {
		w.more.Wait()
	}
	if w.err != nil {
		return 0, w.err
	}
	n := 0
	for n < len(into) && n < len(w.places) && w.places[n] != unsettled {
		into[n] = w.places[n]
		n++
	}
	w.places, w.first = w.places[n:], w.first+n
	return n, nil
}
