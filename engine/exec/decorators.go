package exec

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/node"
)

// Retry runs a job again after infrastructure faults, as often as it allows.
type Retry struct{ Next Executor }

// Execute implements Executor.
func (r *Retry) Execute(ctx context.Context, job Job) (Result, error) {
	var res Result
	err := retry(ctx, job, func() (err error) {
		earlier := res.Rows
		res, err = r.Next.Execute(ctx, job)
		res.Rows = res.Rows.After(earlier)
		res.Cached = res.Cached && res.Rows.Computed == 0
		return err
	})
	return res, err
}

// The wait before the i-th retry is firstWait * 2^i, at most maxWait, with up to
// half of it taken off at random so that many clients don't come back at once.
const (
	firstWait = 500 * time.Millisecond
	maxWait   = 30 * time.Second
)

func retry(ctx context.Context, job Job, try func() error) error {
	for i := 0; ; i++ {
		err := try()
		if err == nil || !node.IsFault(err) || i >= job.Retries || job.drained() {
			return err
		}
		wait := backoff(i)
		note := fmt.Sprintf("try %d of %d in %s", i+2, job.Retries+1, wait.Round(time.Millisecond))
		job.emit(event.Event{Kind: event.NodeRetry, Error: err.Error(), Note: note})
		select {
		case <-time.After(wait):
		case <-job.Drain:
			return err
		case <-ctx.Done():
			return err
		}
	}
}

func backoff(i int) time.Duration {
	wait := maxWait
	if i < 10 {
		wait = min(firstWait<<i, maxWait)
	}
	return wait - rand.N(wait/2+1)
}

// Slots are the places of the pools of a run.
type Slots map[string]chan struct{}

// NewSlots returns pools of the given sizes.
func NewSlots(pools map[string]int) Slots {
	s := Slots{}
	for name, n := range pools {
		s[name] = make(chan struct{}, n)
	}
	return s
}

// Limit lets at most as many jobs of a pool run at once as the pool has slots. Jobs
// of pools that have none aren't limited.
type Limit struct {
	Slots Slots
	Next  Executor
}

// Execute implements Executor.
func (l *Limit) Execute(ctx context.Context, job Job) (Result, error) {
	slot, ok := l.Slots[job.Pool]
	if !ok {
		return l.Next.Execute(ctx, job)
	}
	select {
	case slot <- struct{}{}:
	case <-job.Drain:
		return Result{}, node.ErrDrained
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	defer func() { <-slot }()
	return l.Next.Execute(ctx, job)
}

// Timeout ends jobs that take longer than they may.
type Timeout struct{ Next Executor }

// Execute implements Executor.
func (t *Timeout) Execute(ctx context.Context, job Job) (Result, error) {
	if job.Timeout == 0 {
		return t.Next.Execute(ctx, job)
	}
	limited, cancel := context.WithTimeout(ctx, job.Timeout)
	defer cancel()
	res, err := t.Next.Execute(limited, job)
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		return res, fmt.Errorf("took longer than its timeout of %s; what was computed is kept: raise the timeout or resume (%w)", job.Timeout, err)
	}
	return res, err
}
