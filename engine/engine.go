// Package engine runs pipelines: it puts the store, the executors, the scheduler
// and the run records together.
package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/durable"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/plan"
	"github.com/ouroflow/ouroflow/engine/remote"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/sched"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/engine/upkeep"
)

// Engine runs pipelines over one cache and one folder of runs.
type Engine struct {
	Types   node.Registry
	Store   cas.Store
	WorkDir string  // scratch folders and unfinished outputs
	Runs    run.Dir // where runs are recorded
	Version map[string]string
}

// Request is a run that someone asks for.
type Request struct {
	Plan     *plan.Plan
	Pipeline []byte        // the file as it was read
	Memo     digest.Digest // key to remember the run by: see MemoKey; zero: it isn't remembered
	Since    *Earlier      // the run since which Plan has what changed; nil: Plan has everything
	Command  run.Command
	Verify   float64         // share of what is known that is computed again and compared
	Against  string          // run that reasons compare with; empty: the newest of the pipeline
	Drain    <-chan struct{} // closed to end the run after what is in flight
	Sinks    []event.Sink    // told of every event, beside the record
}

// ErrFailed and ErrInterrupted say how a run ended that didn't succeed.
var (
	ErrFailed      = errors.New("the run failed")
	ErrInterrupted = errors.New("the run was interrupted; `ouroflow resume` continues it")
)

// Run executes a plan and returns its record. The record is there also when the
// run fails; the error is then ErrFailed or ErrInterrupted.
func (e *Engine) Run(ctx context.Context, req Request) (*run.Record, error) {
	done, err := e.Store.Use()
	if err != nil {
		return nil, fmt.Errorf("using the cache: %w", err)
	}
	defer done()
	reasons, err := e.reasonsFor(req)
	if err != nil {
		return nil, err
	}
	record, recorder, err := e.create(req)
	if err != nil {
		return nil, durable.Advise(fmt.Errorf("creating the run: %w", err))
	}
	sink := event.Tee(append([]event.Sink{recorder}, req.Sinks...)...)
	sink.Emit(event.Event{Kind: event.RunStarted, Run: record.ID, Note: record.Pipeline})
	if req.Since != nil {
		sink.Emit(event.Event{Kind: event.RunNote, Note: req.Since.rest(req.Plan)})
	}
	reach, stop := exec.UntilDrained(ctx, req.Drain)
	defer stop()
	store, finish := e.withRemote(reach, req.Plan.Pipeline.Cache.Remote, sink)
	outcomes := sched.Run(ctx, e.selected(req), e.executor(store, req), sched.Options{
		KeepGoing: req.Command.KeepGoing, Force: set(req.Command.Force), Drain: req.Drain, Sink: sink, Why: reasons.why,
	})
	sent := finish()
	e.tidy(outcomes, sink)
	state := sched.Overall(outcomes)
	if state == event.Succeeded && sent {
		e.remember(req, record, outcomes)
	}
	sink.Emit(event.Event{Kind: event.RunEnded, Run: record.ID, State: state})
	if err := recorder.Close(); err != nil {
		return record, durable.Advise(err)
	}
	return record, stateError(state)
}

func stateError(state event.State) error {
	switch state {
	case event.Failed:
		return ErrFailed
	case event.Interrupted:
		return ErrInterrupted
	default:
		return nil
	}
}

// selected is the part of the plan that the command asks for.
func (e *Engine) selected(req Request) *plan.Plan {
	if len(req.Command.To) == 0 {
		return req.Plan
	}
	return req.Plan.To(req.Command.To...)
}

// create makes the record of a run.
func (e *Engine) create(req Request) (*run.Record, *run.Recorder, error) {
	id, err := e.Runs.NextID(time.Now())
	if err != nil {
		return nil, nil, err
	}
	if req.Since != nil {
		r, m := req.Since.next(id, req.Plan), req.Since.memo
		r.Command, r.Versions = req.Command, e.Version
		recorder, err := e.Runs.CreateLike(r, req.Pipeline, e.memos().StatePath(m.State), m.State)
		return r, recorder, err
	}
	r := newRecord(id, e.selected(req))
	r.Command, r.Versions = req.Command, e.Version
	recorder, err := e.Runs.Create(r, req.Pipeline)
	return r, recorder, err
}

func newRecord(id string, p *plan.Plan) *run.Record {
	types := map[string]string{}
	for _, s := range p.Steps {
		types[s.ID] = s.Spec.Type
	}
	r := run.New(id, p.Pipeline.Name, p.IDs(), types)
	for _, param := range p.Pipeline.Params {
		r.Params[param.Name] = plain(param.Value)
	}
	return r
}

// plain turns a value into what encoding/json writes in its form.
func plain(v *spec.Value) any {
	switch v.Kind {
	case spec.Bool:
		return v.Bool
	case spec.Int:
		return v.Int
	case spec.Float:
		return v.Float
	case spec.String:
		return v.String
	case spec.List:
		out := make([]any, len(v.List))
		for i, item := range v.List {
			out[i] = plain(item)
		}
		return out
	default:
		return v.Text()
	}
}

// executor stacks the decorators: a hit needs no slot, a retry takes a new one,
// and the deadline starts with the slot.
func (e *Engine) executor(store cas.Store, req Request) exec.Executor {
	slots := exec.NewSlots(pools(req.Plan.Pipeline))
	work := func(local exec.Executor) exec.Executor {
		return &exec.Retry{Next: &exec.Limit{Slots: slots, Next: &exec.Timeout{Next: local}}}
	}
	local := &exec.Local{Store: store, WorkDir: e.WorkDir}
	cached := &exec.Cached{Store: store, Next: work(local)}
	if req.Verify > 0 {
		cached.Check = work(&exec.Recheck{Local: local, Rate: req.Verify})
	}
	return cached
}

// manySegments is from how many segments on a row space is merged after a run that
// added to it.
const manySegments = 512

// tidy merges the small segments that long work leaves.
func (e *Engine) tidy(outcomes map[string]sched.Outcome, sink event.Sink) {
	disk, ok := e.Store.(*cas.Disk)
	if !ok {
		return
	}
	for _, o := range outcomes {
		keys := o.Result.RowKeys
		if keys == nil || o.Result.Rows.Computed == 0 {
			continue
		}
		if _, err := upkeep.CompactSpace(disk, keys.Space, manySegments); err != nil {
			sink.Emit(event.Event{Kind: event.RunNote, Note: err.Error() + "; nothing is lost by that"})
		}
	}
}

// withRemote puts the remote cache that a pipeline names behind the local one, if
// there is a way to it. Its troubles are told and stop nothing.
func (e *Engine) withRemote(ctx context.Context, address string, sink event.Sink) (store cas.Store, finish func() (sent bool)) {
	disk, ok := e.Store.(*cas.Disk)
	if address == "" || !ok {
		return e.Store, func() bool { return true }
	}
	warn := func(text string) { sink.Emit(event.Event{Kind: event.RunNote, Note: text}) }
	tiered, err := openTiered(ctx, disk, address, warn)
	if err != nil {
		warn(err.Error() + "; going on with the local cache alone")
		return e.Store, func() bool { return false }
	}
	return tiered, func() bool {
		err := tiered.Close()
		if err != nil {
			warn(err.Error())
		}
		return err == nil
	}
}

func openTiered(ctx context.Context, disk *cas.Disk, address string, warn func(string)) (*cas.Tiered, error) {
	r, err := remote.Open(address)
	if err != nil {
		return nil, err
	}
	tiered, err := cas.NewTiered(ctx, disk, r, warn)
	if err != nil {
		return nil, err
	}
	tiered.CompleteWith(func(action []byte) error { return exec.Complete(tiered, action) })
	return tiered, nil
}

func pools(p *spec.Pipeline) map[string]int {
	sizes := map[string]int{plan.DefaultPool: runtime.NumCPU()}
	for name, n := range p.Pools {
		sizes[name] = n
	}
	return sizes
}

func set(names []string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// Load reads and checks the pipeline in a file whose content was read before.
// Relative paths in it belong to the folder of the file. Its error has every problem.
func Load(file string, content []byte, types node.Registry, opts spec.Options) (*plan.Plan, error) {
	p, c := spec.Parse(file, content, opts)
	return plan.Make(p, types, c)
}

// New returns an engine over the cache and runs folders, neither of which need
// exist.
func New(types node.Registry, cacheDir, runsDir string, version map[string]string) *Engine {
	return &Engine{
		Types: types, Store: cas.NewDisk(cacheDir), WorkDir: filepath.Clean(cacheDir),
		Runs: run.Dir(runsDir), Version: version,
	}
}
