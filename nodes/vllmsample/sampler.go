package vllmsample

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
	"golang.org/x/sync/semaphore"
)

// sampler turns rows into requests, so many that as many samples are in flight as
// asked for.
type sampler struct {
	p      Params
	w      *node.Work[in, out]
	fleet  *fleet
	places *semaphore.Weighted // samples in flight
	tally  *tally

	recorded map[string]int // samples that a recording has of each problem; nil: sampled live

	waiting context.Context // is over when nothing is waited for any more

	once   sync.Once
	failed chan struct{}
	err    error // the first, which closed failed
}

func newSampler(p Params, w *node.Work[in, out], f *fleet) *sampler {
	return &sampler{p: p, w: w, fleet: f, places: semaphore.NewWeighted(int64(p.Concurrency)), tally: newTally(), failed: make(chan struct{})}
}

// manyPerRequest is how many samples one request asks vLLM for. More share the work on
// the prompt, fewer keep the end short, when the last requests run alone.
const manyPerRequest = 16

func (s *sampler) perRequest() int {
	n := s.p.PerRequest
	switch {
	case s.p.Recording != "" || s.p.omits("n"):
		n = 1
	case n == 0 && s.fleet.vllm():
		n = manyPerRequest
	case n == 0:
		n = 1
	}
	return min(n, s.p.Concurrency)
}

// run asks for all rows. The first error, or the end of the run, stops the intake and
// those that wait; requests in flight are waited for, and their samples kept.
func (s *sampler) run(ctx context.Context) error {
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-s.failed:
		case <-s.w.Draining():
		case <-waiting.Done():
		}
		stop()
	}()
	s.waiting = waiting
	s.intake(ctx)
	if errors.Is(s.err, node.ErrDrained) {
		return nil
	}
	return s.err
}

func (s *sampler) intake(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for group, err := range node.Together(s.w.Items(), s.perRequest(), follows) {
		if err == nil {
			err = s.stopped(ctx, s.places.Acquire(s.waiting, int64(len(group))))
		}
		if err != nil {
			s.fail(err)
			return
		}
		wg.Go(func() {
			defer s.places.Release(int64(len(group)))
			if err := s.sample(ctx, group); err != nil {
				s.fail(err)
			}
		})
	}
}

func (s *sampler) fail(err error) {
	s.once.Do(func() { s.err = err; close(s.failed) })
}

// stopped tells an end of waiting that comes from the end of the run, or after another
// error, from one that comes from the context.
func (s *sampler) stopped(ctx context.Context, err error) error {
	if err != nil && s.waiting.Err() != nil && ctx.Err() == nil {
		return node.ErrDrained
	}
	return err
}

// sample gets the samples of items, in as many requests as it takes.
func (s *sampler) sample(ctx context.Context, items []node.Item[in]) error {
	if s.missing(items[0]) {
		return s.w.Emit(items[0], none)
	}
	var t trouble
	for len(items) > 0 {
		before := len(items)
		err := s.ask(ctx, &items)
		if len(items) < before {
			t.broken = 0
		}
		if err == nil || len(items) == 0 && passing(err) {
			continue // after the last sample, nothing that the server says matters
		}
		if err := s.bear(&t, err); err != nil {
			return s.stopped(ctx, fmt.Errorf("%s: %w", name(items), err))
		}
	}
	return nil
}

// missing reports whether a recording has no sample for an item, and needn't.
func (s *sampler) missing(item node.Item[in]) bool {
	if s.recorded == nil {
		return false
	}
	n := s.recorded[item.In.ProblemID]
	return n == 0 && s.p.Missing == "skip" || n > 0 && s.p.all() && item.Index >= n
}

// How often a request is sent whose replies are broken, or don't come.
const (
	brokenTries = 6
	hangTries   = 2
)

// trouble is what a request has met.
type trouble struct {
	broken int       // replies in a row
	since  time.Time // that its server is away or busy, and nothing else happens
}

// bear waits before a request is sent again, or says why it isn't.
func (s *sampler) bear(t *trouble, err error) error {
	var busy *busyError
	away := errors.As(err, &busy)
	if !away || t.since.IsZero() {
		t.since = time.Now()
	}
	switch waited := s.tally.idle(t.since); {
	case away && waited > s.p.Patience:
		return node.Faultf("%w; gave up after %s", err, waited.Round(time.Second))
	case away:
		return nil // the fleet waits
	case !node.IsFault(err):
		return err
	}
	if isTimeout(err) {
		t.broken += brokenTries/hangTries - 1
		err = fmt.Errorf("%w; raise request_timeout if the server is that slow, or lower concurrency", err)
	}
	if t.broken++; t.broken >= brokenTries {
		return fmt.Errorf("after %d tries: %w", t.broken, err)
	}
	wait := backoff(t.broken)
	s.w.Logf("%v; trying again in %s", err, wait.Round(time.Millisecond))
	return sleep(s.waiting, wait)
}

// ask sends one request, for the first of the items whose indices follow each other,
// and takes those out that it got samples for.
func (s *sampler) ask(ctx context.Context, items *[]node.Item[in]) error {
	some := (*items)[:consecutive(*items)]
	call, err := newCall(s.p, s.fleet.vllm(), some)
	if err != nil {
		return err
	}
	srv, err := s.fleet.take(s.waiting, len(some))
	if err != nil {
		return err
	}
	err = s.send(ctx, srv, call, items)
	s.fleet.give(srv, len(some), err)
	return err
}

func (s *sampler) send(ctx context.Context, srv *server, call call, items *[]node.Item[in]) error {
	start := time.Now()
	var first time.Duration
	var saving error
	got := map[int]bool{}
	collect := &collector{
		pieces:      make([]piece, len(call.items)),
		fingerprint: srv.identity.fingerprint,
		first: func() {
			if s.p.Stream {
				first = time.Since(start)
			}
		},
		done: func(i int, c completion) {
			got[i] = true
			s.tally.sample(c)
			saving = errors.Join(saving, s.w.Emit(call.items[i], row(s.p, call.items[i], c)))
		},
	}
	err := s.fleet.client.complete(ctx, srv.base, call, collect)
	if refused := (*refusedError)(nil); errors.As(err, &refused) {
		for i := range call.items {
			collect.done(i, completion{reason: "refused", refusal: refused.reason})
		}
		err = nil
	}
	*items = append(left(call.items, got), (*items)[len(call.items):]...)
	if err == nil {
		took := time.Since(start)
		s.tally.request(took, first)
		s.w.Logf("%s from %s in %s%s", name(call.items), srv.base, took.Round(time.Millisecond), firstToken(first))
	}
	if saving != nil {
		return saving
	}
	return err
}

// firstToken says when the first token came, if that is known.
func firstToken(after time.Duration) string {
	if after == 0 {
		return ""
	}
	return fmt.Sprintf(", the first token after %s", after.Round(time.Millisecond))
}

// follows reports whether b is the sample after a, of the same problem.
func follows(a, b node.Item[in]) bool { return a.In == b.In && b.Index == a.Index+1 }

// consecutive counts the items from the first on whose indices follow each other.
func consecutive(items []node.Item[in]) int {
	n := 1
	for n < len(items) && follows(items[n-1], items[n]) {
		n++
	}
	return n
}

// left returns the items that nothing was got for.
func left(items []node.Item[in], got map[int]bool) []node.Item[in] {
	var rest []node.Item[in]
	for i, item := range items {
		if !got[i] {
			rest = append(rest, item)
		}
	}
	return rest
}
