package vllmsample

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
)

// fleet is the servers that share the work. Each request goes to the one with the
// fewest samples outstanding: all are asked for the same most tokens, so that is the
// one with the fewest tokens outstanding, too. A server that went away is tried again
// after a while, and used again if it is what it was.
type fleet struct {
	client  *client
	logf    func(string, ...any)
	servers []*server

	mu sync.Mutex
}

// server is one of a fleet.
type server struct {
	base        string
	identity    identity
	outstanding int       // samples
	fails       int       // in a row
	until       time.Time // it isn't used before
}

func newFleet(bases []string, c *client, logf func(string, ...any)) *fleet {
	f := &fleet{client: c, logf: logf}
	for _, base := range bases {
		f.servers = append(f.servers, &server{base: trimBase(base)})
	}
	return f
}

// settle finds out what the servers are. They have to be the same.
func (f *fleet) settle(ctx context.Context, p Params) error {
	if p.Recording != "" {
		return nil
	}
	for _, s := range f.servers {
		var err error
		if s.identity, err = f.client.identify(ctx, s.base, p); err != nil {
			return err
		}
	}
	return same(f.servers, p.Pin)
}

// vllm reports whether the servers are vLLM.
func (f *fleet) vllm() bool { return f.servers[0].identity.version != "" }

// take returns the server for n samples, waiting for one if all are away, and until
// when it is to wait at most.
func (f *fleet) take(ctx context.Context, drain <-chan struct{}, n int) (*server, error) {
	for {
		s, wait := f.choose(n)
		if s != nil {
			return s, nil
		}
		if err := sleep(ctx, drain, wait); err != nil {
			return nil, err
		}
	}
}

// choose returns a server that is up, or how long to wait for one.
func (f *fleet) choose(n int) (*server, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var best *server
	soonest := maxWait
	now := time.Now()
	for _, s := range f.servers {
		if wait := s.until.Sub(now); wait > 0 {
			soonest = min(soonest, wait)
		} else if best == nil || s.outstanding < best.outstanding {
			best = s
		}
	}
	if best == nil {
		return nil, soonest
	}
	best.outstanding += n
	return best, 0
}

const firstWait = 500 * time.Millisecond

// give tells how n samples of a server ended.
func (f *fleet) give(s *server, n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.outstanding -= n
	var busy *busyError
	if !errors.As(err, &busy) {
		s.fails = 0
		return
	}
	if s.fails == 0 {
		f.logf("%s: %v; waiting for it", s.base, err)
	}
	if now := time.Now(); now.After(s.until) { // not once more for each request that was under way
		s.until = now.Add(max(busy.wait, backoff(s.fails)))
		s.fails++
	}
}

// backoff is the wait after the n-th failure in a row.
func backoff(n int) time.Duration {
	wait := min(firstWait<<min(n, 10), maxWait)
	return wait/2 + rand.N(wait/2)
}

// back makes sure that a server that was away is what it was.
func (f *fleet) back(ctx context.Context, s *server, p Params) error {
	f.mu.Lock()
	away := s.fails > 0
	f.mu.Unlock()
	if !away || p.Recording != "" {
		return nil
	}
	now, err := f.client.identify(ctx, s.base, p)
	if err != nil {
		return err
	}
	if changes := s.identity.differences(now, p.Pin); changes != "" {
		return fmt.Errorf("the server %s came back as another: %s; what was sampled is kept, run again to sample the rest from what it is now", s.base, changes)
	}
	f.logf("%s is back", s.base)
	return nil
}

// sleep waits, unless the run is to end.
func sleep(ctx context.Context, drain <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-drain:
		return node.ErrDrained
	case <-ctx.Done():
		return ctx.Err()
	}
}
