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
	p       Params
	client  *client
	logf    func(string, ...any)
	servers []*server

	mu   sync.Mutex
	dead error // why none of them can be used any more
}

// server is one of a fleet.
type server struct {
	base        string
	identity    identity
	outstanding int       // samples
	doubtful    bool      // it may have become another: it is asked before it is used
	asking      bool      // somebody does that
	fails       int       // in a row, to answer
	until       time.Time // it isn't used before
}

func newFleet(p Params, bases []string, c *client, logf func(string, ...any)) *fleet {
	f := &fleet{p: p, client: c, logf: logf}
	for _, base := range bases {
		f.servers = append(f.servers, &server{base: trimBase(base)})
	}
	return f
}

// settle finds out what the servers are. They have to be the same, and what they were
// when the keys of the samples were made.
func (f *fleet) settle(ctx context.Context, keyed node.Pins) error {
	if f.p.Recording != "" {
		return nil
	}
	if err := f.identify(ctx); err != nil || len(f.p.Serve.Command) > 0 {
		return err // the pins of a server that was started are of its command
	}
	if d := differences(keyed, f.servers[0].identity.pins(f.p.Pin)); d != "" {
		return fmt.Errorf("the server changed since the run began: %s; run again", d)
	}
	return nil
}

// identify asks the servers what they are, and makes sure that they can share the work.
func (f *fleet) identify(ctx context.Context) error {
	first := f.servers[0]
	for _, s := range f.servers {
		var err error
		if s.identity, err = f.client.identifySoon(ctx, s.base, f.p); err != nil {
			return err
		}
		if d := first.identity.differences(s.identity, f.p.Pin); d != "" {
			return fmt.Errorf("the servers %s and %s differ: %s; start them alike, or set pin: {NAME: ignore} for what makes no difference to you", first.base, s.base, d)
		}
	}
	return nil
}

// vllm reports whether the servers are vLLM.
func (f *fleet) vllm() bool { return f.servers[0].identity.version != "" }

// take returns the server for n samples, waiting for one if all are away.
func (f *fleet) take(ctx context.Context, n int) (*server, error) {
	for {
		c, err := f.choose(n)
		switch {
		case err != nil:
			return nil, err
		case c.server == nil:
			if err := sleep(ctx, c.wait); err != nil {
				return nil, err
			}
			continue
		case c.ask:
			if err := f.ask(ctx, c.server); err != nil {
				f.give(c.server, n, err)
				return nil, err
			}
		}
		return c.server, nil
	}
}

// lookAgain is how soon a server is looked for again that somebody asks what it is.
const lookAgain = 50 * time.Millisecond

// serverChoice is a server that is up, maybe to be asked what it is before it is used, or
// how long to wait for one.
type serverChoice struct {
	server *server
	ask    bool
	wait   time.Duration
}

func (f *fleet) choose(n int) (serverChoice, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var best *server
	soonest := maxWait
	now := time.Now()
	for _, s := range f.servers {
		switch wait := s.until.Sub(now); {
		case wait > 0:
			soonest = min(soonest, wait)
		case s.asking:
			soonest = min(soonest, lookAgain)
		case best == nil || s.outstanding < best.outstanding:
			best = s
		}
	}
	if best == nil || f.dead != nil {
		return serverChoice{wait: soonest}, f.dead
	}
	best.outstanding += n
	best.asking = best.doubtful
	return serverChoice{server: best, ask: best.asking}, nil
}

// ask makes sure that a server is what it was.
func (f *fleet) ask(ctx context.Context, s *server) error {
	now, err := f.client.card(ctx, s.base, f.p)
	now.fingerprint = s.identity.fingerprint // which each reply tells
	f.mu.Lock()
	defer f.mu.Unlock()
	s.asking = false
	if err != nil {
		return err
	}
	if d := s.identity.differences(now, f.p.Pin); d != "" {
		f.dead = errAnother("the server "+s.base, d)
		return f.dead
	}
	if s.fails > 0 {
		f.logf("%s is back", s.base)
	}
	s.doubtful, s.fails = false, 0
	return nil
}

const firstWait = 500 * time.Millisecond

// give tells how n samples of a server ended.
func (f *fleet) give(s *server, n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.outstanding -= n
	var busy *busyError
	if away := errors.As(err, &busy); !away {
		s.doubtful = s.doubtful || node.IsFault(err)
		if err == nil && !s.doubtful {
			s.fails = 0
		}
		return
	}
	if s.fails == 0 {
		f.logf("%s: %v; waiting for it", s.base, err)
	}
	s.doubtful = s.doubtful || !busy.answered
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

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
