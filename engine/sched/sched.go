// Package sched decides what runs next: every step whose inputs exist, at once.
// It knows neither the cache nor the slots of pools; its executor does.
package sched

import (
	"context"
	"errors"

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
		ended: make(chan ended), outcomes: map[string]Outcome{},
	}
	finished := make(chan struct{})
	defer close(finished)
	go s.forwardDrain(finished)
	s.run(p.Steps)
	return s.outcomes
}

type ended struct {
	step    *plan.Step
	outcome Outcome
}

type scheduler struct {
	ctx      context.Context
	exec     exec.Executor
	opts     Options
	drain    chan struct{} // closed by a failure or by opts.Drain
	drained  bool          // drain was closed by this scheduler
	waiting  map[*plan.Step]int
	users    map[*plan.Step][]*plan.Step
	ended    chan ended
	running  int
	outcomes map[string]Outcome
}

// forwardDrain wakes the scheduler when the run is asked to stop.
func (s *scheduler) forwardDrain(finished <-chan struct{}) {
	select {
	case <-s.opts.Drain:
		select {
		case s.ended <- ended{}:
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
		if s.waiting[step] == 0 {
			s.start(step)
		}
	}
	for s.running > 0 {
		e := <-s.ended
		if e.step == nil {
			s.stop()
			continue
		}
		s.running--
		s.settle(e.step, e.outcome)
	}
	for _, step := range steps {
		if _, ok := s.outcomes[step.ID]; !ok {
			s.end(step, Outcome{State: event.Interrupted})
		}
	}
}

// stop lets what is in flight finish and starts nothing more.
func (s *scheduler) stop() {
	if !s.drained {
		s.drained = true
		close(s.drain)
	}
}

func (s *scheduler) start(step *plan.Step) {
	if s.drained || s.ctx.Err() != nil {
		return
	}
	s.running++
	job := s.job(step)
	s.opts.Sink.Emit(event.Event{Kind: event.NodeStarted, Node: step.ID, Type: step.Spec.Type})
	go func() {
		res, err := s.exec.Execute(s.ctx, job)
		s.ended <- ended{step, s.outcome(res, err)}
	}()
}

func (s *scheduler) job(step *plan.Step) exec.Job {
	job := exec.Job{
		ID: step.ID, Node: step.Node, Inputs: map[string]table.Artifact{}, Pool: step.Pool,
		Retries: step.Retries, Timeout: step.Timeout, Force: s.opts.Force[step.ID],
		Sink: s.opts.Sink, Drain: s.drain,
	}
	for _, in := range step.Inputs {
		job.Inputs[in.Port.Name] = s.outcomes[in.From.ID].Result.Outputs[in.Output]
	}
	return job
}

func (s *scheduler) outcome(res exec.Result, err error) Outcome {
	switch {
	case err == nil && res.Cached:
		return Outcome{State: event.Cached, Result: res}
	case err == nil:
		return Outcome{State: event.Succeeded, Result: res}
	case errors.Is(err, node.ErrDrained) || s.ctx.Err() != nil:
		return Outcome{State: event.Interrupted, Result: res}
	default:
		return Outcome{State: event.Failed, Result: res, Err: err}
	}
}

// settle records how a step ended and starts or skips those that waited for it.
func (s *scheduler) settle(step *plan.Step, o Outcome) {
	s.end(step, o)
	switch o.State {
	case event.Failed:
		s.skipUsers(step)
		if !s.opts.KeepGoing {
			s.stop()
		}
	case event.Succeeded, event.Cached:
		for _, user := range s.users[step] {
			if s.waiting[user]--; s.waiting[user] == 0 {
				s.start(user)
			}
		}
	}
}

// skipUsers marks everything that depends on a failed step.
func (s *scheduler) skipUsers(step *plan.Step) {
	for _, user := range s.users[step] {
		if _, done := s.outcomes[user.ID]; !done {
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
		Fields: o.Result.Key.Fields,
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
