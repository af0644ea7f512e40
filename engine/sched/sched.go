// Package sched decides what runs next: every step whose inputs exist, at once,
// and every step that can work on its first input while that is being made. It
// knows neither the cache nor the slots of pools; its executor does.
package sched

import (
	"context"
	"errors"
	"slices"

	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/plan"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Options say how a run behaves.
type Options struct {
	KeepGoing bool            // after a failure, run what doesn't depend on it
	Force     map[string]bool // steps to compute again
	Drain     <-chan struct{} // closed to end the run after what is in flight
	Sink      event.Sink
	Why       func(id string, key exec.Key) string // says what makes a key one that nobody knows
}

// Outcome is how a step ended.
type Outcome struct {
	State  event.State
	Result exec.Result
	Err    error // of a failed step
}

// Run executes the steps of a plan and returns how each ended.
func Run(ctx context.Context, p *plan.Plan, x exec.Executor, opts Options) map[string]Outcome {
	s := &scheduler{
		ctx: ctx, exec: x, opts: opts, drain: make(chan struct{}),
		waiting: map[*plan.Step]int{}, users: map[*plan.Step][]*plan.Step{},
		running: map[*plan.Step]bool{}, started: map[string]int{}, queue: map[string][]*plan.Step{}, left: map[*plan.Step]exec.Result{}, growing: map[*plan.Step]*table.Growing{},
		news: make(chan news), outcomes: map[string]Outcome{},
	}
	finished := make(chan struct{})
	defer close(finished)
	go s.forwardDrain(finished)
	s.run(p.Steps)
	return s.outcomes
}

// news is what the scheduler is told: a step ended, or offers its output while it
// grows, or the run is asked to stop (no step).
type news struct {
	step    *plan.Step
	growing *table.Growing
	result  exec.Result
	err     error
}

// inFlight is how many steps of a pool are handed to the executor at once, at most:
// far more than any pool has slots, and few enough for their memory and threads.
const inFlight = 256

type scheduler struct {
	ctx      context.Context
	exec     exec.Executor
	opts     Options
	drain    chan struct{}      // closed by a failure or by opts.Drain
	drained  bool               // drain was closed by this scheduler
	waiting  map[*plan.Step]int // inputs that aren't complete
	users    map[*plan.Step][]*plan.Step
	growing  map[*plan.Step]*table.Growing // newest offer of each step
	running  map[*plan.Step]bool
	started  map[string]int             // running steps by pool
	queue    map[string][]*plan.Step    // ready steps by pool that wait for others to end
	left     map[*plan.Step]exec.Result // of steps that stopped before their end
	news     chan news
	outcomes map[string]Outcome
}

// forwardDrain wakes the scheduler when the run is asked to stop.
func (s *scheduler) forwardDrain(finished <-chan struct{}) {
	select {
	case <-s.opts.Drain:
		select {
		case s.news <- news{}:
		case <-finished:
		}
	case <-finished:
	}
}

func (s *scheduler) run(steps []*plan.Step) {
	for _, step := range steps {
		s.waiting[step] = len(step.Inputs)
		for _, in := range step.Inputs {
			s.users[in.From] = append(s.users[in.From], step)
		}
	}
	for _, step := range steps {
		s.consider(step)
	}
	for len(s.running) > 0 {
		s.hear(<-s.news)
	}
	for _, step := range steps {
		switch {
		case s.hasEnded(step):
		case s.doomed(step):
			s.end(step, Outcome{State: event.Skipped, Result: s.left[step]})
		default:
			s.end(step, Outcome{State: event.Interrupted, Result: s.left[step]})
		}
	}
}

// doomed reports whether something that a step needs failed.
func (s *scheduler) doomed(step *plan.Step) bool {
	return slices.ContainsFunc(step.Inputs, func(in plan.Input) bool {
		o := s.outcomes[in.From.ID]
		return o.State == event.Failed || o.State == event.Skipped
	})
}

func (s *scheduler) hear(n news) {
	switch {
	case n.step == nil:
		s.stop()
	case n.growing != nil:
		s.growing[n.step] = n.growing
		s.considerUsers(n.step)
	default:
		delete(s.running, n.step)
		s.started[n.step.Pool]--
		s.settle(n.step, n.result, n.err)
		s.startQueued(n.step.Pool)
	}
}

// startQueued starts the step of a pool that has waited longest.
func (s *scheduler) startQueued(pool string) {
	for len(s.queue[pool]) > 0 && s.started[pool] < inFlight {
		next := s.queue[pool][0]
		s.queue[pool] = s.queue[pool][1:]
		s.consider(next)
	}
}

func (s *scheduler) hasEnded(step *plan.Step) bool {
	_, ok := s.outcomes[step.ID]
	return ok
}

// stop lets what is in flight finish and starts nothing more.
func (s *scheduler) stop() {
	if !s.drained {
		s.drained = true
		close(s.drain)
	}
}

// consider starts a step if all that it needs is there.
func (s *scheduler) consider(step *plan.Step) {
	if s.running[step] || s.hasEnded(step) || s.doomed(step) || s.drained || s.ctx.Err() != nil {
		return
	}
	job, ok := s.job(step)
	if !ok {
		return
	}
	if s.started[step.Pool] >= inFlight {
		s.queue[step.Pool] = append(s.queue[step.Pool], step)
		return
	}
	s.running[step] = true
	s.started[step.Pool]++
	s.opts.Sink.Emit(event.Event{Kind: event.NodeStarted, Node: step.ID, Type: step.Spec.Type})
	go func() {
		res, err := s.exec.Execute(s.ctx, job)
		s.news <- news{step: step, result: res, err: err}
	}()
}

func (s *scheduler) considerUsers(step *plan.Step) {
	for _, user := range s.users[step] {
		s.consider(user)
	}
}

// job is the work of a step whose inputs are complete, but for the first one,
// which may be growing.
func (s *scheduler) job(step *plan.Step) (exec.Job, bool) {
	feeds := s.feeds(step)
	if s.waiting[step] > len(feeds) {
		return exec.Job{}, false
	}
	job := exec.Job{
		ID: step.ID, Node: step.Node, Inputs: map[string]table.Artifact{}, Feeds: feeds, Pool: step.Pool,
		Retries: step.Retries, Timeout: step.Timeout, Force: s.opts.Force[step.ID],
		Sink: s.opts.Sink, Drain: s.drain,
		Why:   func(key exec.Key) string { return s.opts.Why(step.ID, key) },
		Offer: func(g *table.Growing) { s.news <- news{step: step, growing: g} },
	}
	for _, in := range step.Inputs {
		if feeds[in.Port.Name] == nil {
			job.Inputs[in.Port.Name] = s.outcomes[in.From.ID].Result.Outputs[in.Output]
		}
	}
	return job, true
}

// feeds returns the first input of a step if it is growing and the step can work
// on it. A step with a timeout can't: the time would pass while it waits for rows.
func (s *scheduler) feeds(step *plan.Step) map[string]*table.Growing {
	if !step.Node.Streams || step.Timeout != 0 {
		return nil
	}
	for _, in := range step.Inputs {
		g := s.growing[in.From]
		if in.Port.Name == step.Node.Ports.In[0].Name && g != nil && !s.hasEnded(in.From) && !g.Failed() {
			return map[string]*table.Growing{in.Port.Name: g}
		}
	}
	return nil
}

func (s *scheduler) outcome(res exec.Result, err error) Outcome {
	switch {
	case err == nil && res.Cached && res.Rows.Computed == 0:
		return Outcome{State: event.Cached, Result: res}
	case err == nil:
		return Outcome{State: event.Succeeded, Result: res}
	case errors.Is(err, node.ErrDrained) || exec.IsInputLost(err) || s.ctx.Err() != nil:
		return Outcome{State: event.Interrupted, Result: res}
	default:
		return Outcome{State: event.Failed, Result: res, Err: err}
	}
}

// settle records how a step ended and starts or skips those that waited for it.
// A step that was interrupted, or whose growing input was lost, hasn't ended: the
// second is started again when its input is back.
func (s *scheduler) settle(step *plan.Step, res exec.Result, err error) {
	res.Rows = res.Rows.After(s.left[step].Rows)
	o := s.outcome(res, err)
	switch o.State {
	case event.Interrupted:
		s.left[step] = res
		s.consider(step)
		return
	case event.Succeeded, event.Cached:
		s.end(step, o)
		for _, user := range s.users[step] {
			s.waiting[user]--
			s.consider(user)
		}
	default:
		s.end(step, o)
		s.skipUsers(step)
		if !s.opts.KeepGoing {
			s.stop()
		}
	}
}

// skipUsers marks everything that depends on a failed step. What is running on its
// output learns of it by the loss of its input.
func (s *scheduler) skipUsers(step *plan.Step) {
	for _, user := range s.users[step] {
		if !s.hasEnded(user) && !s.running[user] {
			s.end(user, Outcome{State: event.Skipped})
			s.skipUsers(user)
		}
	}
}

func (s *scheduler) end(step *plan.Step, o Outcome) {
	s.outcomes[step.ID] = o
	rows := o.Result.Rows
	e := event.Event{
		Kind: event.NodeEnded, Node: step.ID, Type: step.Spec.Type, State: o.State,
		Rows: &rows, Outputs: outputsOf(o.Result), Metrics: o.Result.Metrics,
		Fields: o.Result.Key.Fields, RowKeys: o.Result.RowKeys, Busy: o.Result.Busy.Seconds(),
	}
	if !o.Result.Key.Digest.IsZero() {
		e.Key = o.Result.Key.Digest.String()
	}
	if o.Err != nil {
		e.Error = o.Err.Error()
	}
	s.opts.Sink.Emit(e)
}

func outputsOf(res exec.Result) map[string]event.Output {
	if len(res.Outputs) == 0 {
		return nil
	}
	out := make(map[string]event.Output, len(res.Outputs))
	for port, a := range res.Outputs {
		out[port] = event.Output{Kind: a.Kind, Digest: a.Digest, Rows: a.Rows, Bytes: a.Bytes}
	}
	return out
}

// Overall sums up the outcomes of a run.
func Overall(outcomes map[string]Outcome) event.State {
	state := event.Succeeded
	for _, o := range outcomes {
		switch o.State {
		case event.Failed, event.Skipped:
			return event.Failed
		case event.Interrupted:
			state = event.Interrupted
		}
	}
	return state
}
