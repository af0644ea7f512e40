package inference

import (
	"context"
	"errors"
	"sync"
)

// Queue shares a verifier's workers among many callers. Requests that wait together are
// read together, which costs less than one by one.
type Queue struct {
	verifier *Verifier
	jobs     chan *job
	workers  sync.WaitGroup

	mu     sync.RWMutex // guards closing jobs
	closed bool
}

type job struct {
	ctx     context.Context
	request Request
	done    chan struct{}
	scores  []Score
	err     error
}

// ErrBusy says that as many requests wait as may.
var ErrBusy = errors.New("too many requests are waiting")

// ErrClosed says that the queue takes no more requests.
var ErrClosed = errors.New("the verifier is shutting down")

// NewQueue lets up to waiting requests wait.
func NewQueue(v *Verifier, waiting int) *Queue {
	q := &Queue{verifier: v, jobs: make(chan *job, waiting)}
	for n := range v.Workers {
		q.workers.Go(func() { q.work(n) })
	}
	return q
}

// Close waits for the requests that were taken.
func (q *Queue) Close() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.jobs)
	}
	q.mu.Unlock()
	q.workers.Wait()
}

// Waiting is the number of requests that no worker has taken.
func (q *Queue) Waiting() int { return len(q.jobs) }

// Score judges the candidates of a request, or says at once that there is no room.
func (q *Queue) Score(ctx context.Context, r Request) ([]Score, error) {
	j := &job{ctx: ctx, request: r, done: make(chan struct{})}
	if err := q.take(j); err != nil {
		return nil, err
	}
	select {
	case <-j.done:
		return j.scores, j.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (q *Queue) take(j *job) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return ErrClosed
	}
	select {
	case q.jobs <- j:
		return nil
	default:
		return ErrBusy
	}
}

// A batch has at most this many requests and, but for its first one, candidates: those
// that wait with a large one shouldn't wait for it.
const (
	mostTogether   = 16
	mostCandidates = 256
)

func (q *Queue) work(n int) {
	for first := range q.jobs {
		batch := q.gather(first)
		requests := make([]Request, len(batch))
		for i, j := range batch {
			requests[i] = j.request
		}
		scores, err := q.verifier.Score(n, requests)
		for i, j := range batch {
			if err == nil {
				j.end(scores[i], nil)
			} else {
				j.end(q.alone(n, j, len(batch), err))
			}
		}
	}
}

func (j *job) end(scores []Score, err error) {
	j.scores, j.err = scores, err
	close(j.done)
}

// alone judges one of a batch again that failed, so that a request pays for no other.
func (q *Queue) alone(n int, j *job, batch int, err error) ([]Score, error) {
	if batch == 1 {
		return nil, err
	}
	scores, err := q.verifier.Score(n, []Request{j.request})
	if err != nil {
		return nil, err
	}
	return scores[0], nil
}

// gather takes what waits already, but for what nobody waits for any more. It may come
// to nothing.
func (q *Queue) gather(first *job) []*job {
	var batch []*job
	candidates := 0
	for next := first; next != nil; next = q.next() {
		if err := next.ctx.Err(); err != nil {
			next.end(nil, err)
			continue
		}
		batch = append(batch, next)
		if candidates += len(next.request.Candidates); len(batch) == mostTogether || candidates >= mostCandidates {
			break
		}
	}
	return batch
}

// next is a job that waits, nil if none does.
func (q *Queue) next() *job {
	select {
	case j := <-q.jobs: // nil once the queue is closed and empty
		return j
	default:
		return nil
	}
}
