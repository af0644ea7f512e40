package sandbox

import (
	"context"
	"time"
)

// Counted is a runtime that counts the workers that it starts, and whose workers have
// to answer soon: only one that a candidate broke doesn't, and it would be waited for
// for minutes.
type Counted struct {
	Runtime
	N int
}

// shortPatience is longer than a worker waits for a candidate that is starved.
const shortPatience = 45 * time.Second

// Start implements Runtime.
func (r *Counted) Start(ctx context.Context, n int) (*Worker, error) {
	r.N++
	w, err := r.Runtime.Start(ctx, n)
	if err == nil {
		w.patience = shortPatience
	}
	return w, err
}

// Watch has a pool count the workers that it starts.
func Watch(p *Pool) *Counted {
	r := &Counted{Runtime: p.runtime}
	p.runtime = r
	p.workers[0].patience = shortPatience
	return r
}

// Renew has the pool start another worker.
func Renew(p *Pool) {
	p.stop(0)
	_, _ = p.Judge(0, Job{Code: "x = 1", Tests: []string{"assert x"}, Form: Asserts})
}

// Bare is the runtime of processes on a machine that grants no namespaces.
func Bare(python string, limits Limits) Runtime {
	return &processes{python: python, limits: limits, chosen: &namespaces{reason: "it is a test"}}
}
