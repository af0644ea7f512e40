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
	case s.p.Recording != "":
		n = 1
	case n == 0 && s.fleet.vllm():
		n = manyPerRequest
	case n == 0:
		n = 1
	}
	return min(n, s.p.Concurrency)
}

// run asks for all rows. The first error stops the intake; requests in flight are
// waited for, and their samples kept.
func (s *sampler) run(ctx context.Context) error {
	var wg sync.WaitGroup
	for group, err := range groups(s.w.Items(), s.perRequest()) {
		if err == nil {
			err = s.enter(ctx, len(group))
		}
		if err != nil {
			s.fail(err)
			break
		}
		wg.Go(func() {
			defer s.places.Release(int64(len(group)))
			if err := s.sample(ctx, group); err != nil {
				s.fail(err)
			}
		})
	}
	wg.Wait()
	if errors.Is(s.err, node.ErrDrained) {
		return nil
	}
	return s.err
}

func (s *sampler) fail(err error) {
	s.once.Do(func() { s.err = err; close(s.failed) })
}

// enter waits for places for n samples.
func (s *sampler) enter(ctx context.Context, n int) error {
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
	err := s.places.Acquire(waiting, int64(n))
	if err != nil && ctx.Err() == nil {
		return node.ErrDrained // or another error that came first
	}
	return err
}

// How often a request is sent whose replies are broken, or don't come.
const (
	brokenTries = 6
	hangTries   = 2
)

// sample gets the samples of items, in as many requests as it takes.
func (s *sampler) sample(ctx context.Context, items []node.Item[in]) error {
	var since time.Time // of faults without a sample in between
	for broken := 0; len(items) > 0; {
		before := len(items)
		err := s.ask(ctx, &items)
		if err == nil {
			continue
		}
		if len(items) < before {
			broken, since = 0, time.Time{}
		}
		if since.IsZero() {
			since = time.Now()
		}
		var busy *busyError
		switch waited := time.Since(since); {
		case errors.As(err, &busy) && waited > s.p.Patience:
			return node.Faultf("%s: %w; gave up after %s", name(items), err, waited.Round(time.Second))
		case errors.As(err, &busy):
			continue // the fleet waits
		case !node.IsFault(err):
			return fmt.Errorf("%s: %w", name(items), err)
		}
		if isTimeout(err) {
			broken += brokenTries/hangTries - 1
			err = fmt.Errorf("%w; raise request_timeout if the server is that slow, or lower concurrency", err)
		}
		if broken++; broken >= brokenTries {
			return fmt.Errorf("%s: after %d tries: %w", name(items), broken, err)
		}
		wait := backoff(broken)
		s.w.Logf("%s: %v; trying again in %s", name(items), err, wait.Round(time.Millisecond))
		if err := sleep(ctx, s.w.Draining(), wait); err != nil {
			return err
		}
	}
	return nil
}

// ask sends one request, for the first of the items whose indices follow each other,
// and takes those out that it got samples for.
func (s *sampler) ask(ctx context.Context, items *[]node.Item[in]) error {
	some := (*items)[:consecutive(*items)]
	call, err := newCall(s.p, s.fleet.vllm(), some)
	if err != nil {
		return err
	}
	srv, err := s.fleet.take(ctx, s.w.Draining(), len(some))
	if err != nil {
		return err
	}
	if err = s.fleet.back(ctx, srv, s.p); err == nil {
		err = s.send(ctx, srv, call, items)
	}
	s.fleet.give(srv, len(some), err)
	return err
}

func (s *sampler) send(ctx context.Context, srv *server, call call, items *[]node.Item[in]) error {
	start := time.Now()
	var first time.Duration
	var saving error
	got := map[int]bool{}
	collect := &collector{
		pieces: make([]piece, len(call.items)),
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
