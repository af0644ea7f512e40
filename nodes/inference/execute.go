package inference

import (
	"cmp"
	"context"

	"github.com/ouroflow/ouroflow/nodes/internal/execution"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// Executor runs candidates in the sandbox, one at a time.
type Executor struct{ pool *execution.Executor }

// NewExecutor starts a worker.
func NewExecutor(ctx context.Context, o Options) (*Executor, error) {
	p := execution.Defaults()
	p.Runtime, p.Python, p.Workers = cmp.Or(o.Runtime, p.Runtime), cmp.Or(o.Python, p.Python), 1
	pool, err := execution.New(ctx, p, o.Logf)
	if err != nil {
		return nil, err
	}
	return &Executor{pool}, nil
}

// Close ends the worker.
func (e *Executor) Close() { e.pool.Close() }

// Execute runs a candidate against statements with asserts and returns its verdict.
func (e *Executor) Execute(code, tests string) (name string, passed bool, err error) {
	v, err := e.pool.Execute(execution.Candidate{Code: code, Tests: []string{tests}, Form: sandbox.Asserts})
	return v.Verdict, v.Verdict == verdict.Passed, err
}
