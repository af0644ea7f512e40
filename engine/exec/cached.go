package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/durable"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/recall"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Cached looks every job up before it runs, and stores what it led to.
type Cached struct {
	Store cas.Store
	Next  Executor
	Check Executor // given what was known, to see whether it still is; nil: nothing is checked
}

// action is the stored outcome of a key.
type action struct {
	Outputs map[string]table.Artifact `json:"outputs"`
}

// Execute implements Executor.
func (c *Cached) Execute(ctx context.Context, job Job) (Result, error) {
	res, err := c.execute(ctx, job)
	return res, durable.Advise(err)
}

func (c *Cached) execute(ctx context.Context, job Job) (Result, error) {
	seen, witnessed := see(job.Node)
	pins, err := pin(ctx, job)
	if err != nil {
		return Result{}, err
	}
	job.Pins = pins
	job.Key = KeyOf(job.Node, pins, job.Inputs)
	res, err := c.outcome(ctx, job)
	res.RowKeys = rowKeys(job.Node, pins, job.Inputs)
	if err != nil {
		return res, err
	}
	if err := c.check(ctx, job, res); err != nil {
		return res, err
	}
	if res.Metrics, err = readMetrics(c.Store, job.Node, res.Outputs); err != nil {
		return res, err
	}
	if err := c.publish(ctx, job, res); err != nil {
		return res, err
	}
	if job.Node.Publish != nil {
		seen, witnessed = see(job.Node)
	}
	res.Seen, res.Witnessed = seen, witnessed
	return res, nil
}

// see looks at the files that a node's pins are made of, before they are read, or at
// those that it published, after that. It is false where files alone don't tell, or
// one of them changed too short a time ago.
func see(n *node.Node) ([]recall.File, bool) {
	paths, ok := n.Witness()
	if !ok {
		return nil, false
	}
	var files []recall.File
	for _, path := range paths {
		f, err := recall.See(path)
		if err != nil || !f.Settled(time.Now()) && n.Publish == nil {
			return nil, false
		}
		files = append(files, f)
	}
	return files, true
}

// check has what was known computed again.
func (c *Cached) check(ctx context.Context, job Job, res Result) error {
	if c.Check == nil || res.Rows.Cached == 0 {
		return nil
	}
	var err error
	if job.Inputs, err = finalInputs(job); err != nil {
		return err
	}
	job.Feeds, job.Key, job.Known = nil, res.Key, res.Outputs
	_, err = c.Check.Execute(ctx, job)
	return err
}

// outcome looks a job up or has it computed. Of the runs that share the store one
// at a time computes a whole table; rows are divided among them instead.
func (c *Cached) outcome(ctx context.Context, job Job) (Result, error) {
	if len(job.Feeds) > 0 { // its key isn't known before its input is
		return c.compute(ctx, job)
	}
	if res, known, err := c.lookup(job); known || err != nil {
		return res, err
	}
	if job.Node.Rows != nil {
		return c.compute(ctx, job)
	}
	unlock, err := c.lock(ctx, job)
	if err != nil {
		return Result{Key: job.Key}, err
	}
	defer unlock()
	if res, known, err := c.lookup(job); known || err != nil {
		return res, err
	}
	job.reason("")
	return c.compute(ctx, job)
}

// lock waits until no other run computes the job.
func (c *Cached) lock(ctx context.Context, job Job) (unlock func(), err error) {
	ctx, stop := UntilDrained(ctx, job.Drain)
	defer stop()
	return c.Store.Lock(ctx, job.Key.Digest, func() {
		job.emit(event.Event{Kind: event.NodeProgress, Note: "waiting for another run that computes it"})
	})
}

// pin asks the world, again if it is out of reach.
func pin(ctx context.Context, job Job) (node.Pins, error) {
	if job.Node.Pin == nil {
		return nil, nil
	}
	var pins node.Pins
	err := retry(ctx, job, func() (err error) {
		pins, err = job.Node.Pin(ctx)
		return err
	})
	return pins, err
}

// lookup returns the outcome of a job if it is known.
func (c *Cached) lookup(job Job) (res Result, known bool, err error) {
	res.Key = job.Key
	if job.Force {
		return res, false, nil
	}
	outputs, err := Lookup(c.Store, job.Key)
	if m, ok := cas.Damaged(err); ok {
		job.emit(event.Event{Kind: event.NodeDamage, Note: m.Error() + "; computing again"})
	}
	if cas.IsMiss(err) {
		return res, false, nil
	}
	if err != nil {
		return res, false, err
	}
	res.Outputs, res.Rows.Cached, res.Cached = outputs, countRows(job.Node, outputs), true
	return res, true, nil
}

// Lookup returns the outputs that a key led to, checked to be whole, or a
// *cas.Miss.
func Lookup(s cas.Store, key Key) (map[string]table.Artifact, error) {
	body, err := s.Action(key.Digest)
	if err != nil {
		return nil, err
	}
	return complete(s, body)
}

// Complete makes sure that everything that a stored action refers to is there.
func Complete(s cas.Store, body []byte) error {
	_, err := complete(s, body)
	return err
}

func complete(s cas.Store, body []byte) (map[string]table.Artifact, error) {
	var a action
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, &cas.Miss{What: "action", Reason: err.Error()}
	}
	for _, out := range a.Outputs {
		if err := table.Verify(s, out); cas.IsMiss(err) {
			return nil, missing(err)
		} else if err != nil {
			return nil, err
		}
	}
	return a.Outputs, nil
}

// missing makes the absence of something that an action refers to damage.
func missing(err error) error {
	var m *cas.Miss
	if errors.As(err, &m) && m.Reason == "" {
		gone := *m
		gone.Reason, gone.Gone = "it is gone", true
		return &gone
	}
	return err
}

// compute has a job computed, and stores what it led to.
func (c *Cached) compute(ctx context.Context, job Job) (Result, error) {
	res, err := c.Next.Execute(ctx, job)
	if err == nil {
		res, err = res.Committed()
	}
	if err == nil {
		err = unchanged(ctx, job)
	}
	if err == nil {
		job.Key, err = finalKey(job)
	}
	res.Key = job.Key
	if err != nil {
		return Result{Key: job.Key, Rows: res.Rows}, err
	}
	if res.Passing {
		return res, nil
	}
	body, err := json.Marshal(action{res.Outputs})
	if err != nil {
		return res, err
	}
	if err := c.Store.PutAction(job.Key.Digest, body); err != nil {
		return res, fmt.Errorf("storing the outcome: %w", err)
	}
	return res, nil
}

// finalKey is the key of a job whose inputs are all complete by now.
func finalKey(job Job) (Key, error) {
	if len(job.Feeds) == 0 {
		return job.Key, nil
	}
	inputs, err := finalInputs(job)
	return KeyOf(job.Node, job.Pins, inputs), err
}

// finalInputs are the inputs of a job, those that were growing included.
func finalInputs(job Job) (map[string]table.Artifact, error) {
	inputs := maps.Clone(job.Inputs)
	for port, feed := range job.Feeds {
		a, ok := feed.Final()
		if !ok {
			return nil, fmt.Errorf("the node type %s has a bug: it ended before its input %q did", job.Node.Type.Name, port)
		}
		inputs[port] = a
	}
	return inputs, nil
}

// unchanged makes sure that what the job pinned is still what it was: an outcome
// made of something else must not be stored under its key.
func unchanged(ctx context.Context, job Job) error {
	pins, err := pin(ctx, job)
	if err != nil {
		return err
	}
	for name, value := range job.Pins {
		if pins[name] != value {
			return fmt.Errorf("%s changed while the node ran, from %s to %s; run again", name, value, pins[name])
		}
	}
	return nil
}

// countRows is the number of rows that a node made: those of its tables, or one
// for each of its trees if it has no tables.
func countRows(n *node.Node, outputs map[string]table.Artifact) int64 {
	var rows, trees int64
	for _, port := range n.Ports.Out {
		if a := outputs[port.Name]; a.Kind == table.KindTable {
			rows += a.Rows
		} else {
			trees++
		}
	}
	if rows == 0 {
		return trees
	}
	return rows
}

func readMetrics(s cas.Store, n *node.Node, outputs map[string]table.Artifact) ([]event.Metric, error) {
	var out []event.Metric
	for _, port := range n.Ports.Out {
		if !port.Metrics {
			continue
		}
		r, err := table.Open(s, outputs[port.Name].Digest)
		if err != nil {
			return nil, err
		}
		for m, err := range table.Each[node.Metric](r) {
			if err != nil {
				r.Close()
				return nil, err
			}
			out = append(out, event.Metric{Name: m.Name, Value: m.Value, Low: m.Low, High: m.High})
		}
		r.Close()
	}
	return out, nil
}

func (c *Cached) publish(ctx context.Context, job Job, res Result) error {
	if job.Node.Publish == nil {
		return nil
	}
	return job.Node.Publish(ctx, published{c.Store, job, res.Outputs})
}

type published struct {
	store   cas.Store
	job     Job
	outputs map[string]table.Artifact
}

// Output implements node.Published.
func (p published) Output(port string) (*table.Tree, error) {
	a, ok := p.outputs[port]
	if !ok || a.Kind != table.KindTree {
		return nil, fmt.Errorf("no output %q is a tree", port)
	}
	return table.OpenTree(p.store, a.Digest)
}

// Logf implements node.Published.
func (p published) Logf(format string, args ...any) {
	p.job.emit(event.Event{Kind: event.NodeLog, Note: fmt.Sprintf(format, args...)})
}
