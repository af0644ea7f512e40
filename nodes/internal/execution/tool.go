package execution

import (
	"context"
	_ "embed" // for each.py
	"encoding/json"
	"fmt"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

//go:embed each.py
var each string

// Tool is a Python program of ouroflow's own that reads generated code without running
// it, in the sandbox all the same: what it is given may break the parser. It calls the
// function each of each.py with what answers a question, which limits each by itself.
type Tool struct {
	Workers int // each used by one goroutine

	program string
	pool    *sandbox.Pool
}

// toolLimits leave room for lots of large programs.
var toolLimits = sandbox.Limits{CPU: 60, Wall: 240, Memory: 2048, Output: 256 << 10, Processes: 4}

// NewTool starts workers for a program.
func NewTool(ctx context.Context, p Place, program string, logf func(string, ...any)) (*Tool, error) {
	pool, err := p.newPool(ctx, toolLimits, logf)
	if err != nil {
		return nil, err
	}
	t := &Tool{Workers: p.Count(), program: each + program, pool: pool}
	if output, err := pool.Run(0, t.program, "[]"); err != nil || output != "[]" {
		t.Close()
		return nil, fmt.Errorf("a program of ouroflow's own doesn't run in the sandbox: it said %.200q, %w", output, err)
	}
	return t, nil
}

// Close ends the workers.
func (t *Tool) Close() { t.pool.Close() }

// Answer asks the n-th worker about questions. An answer is nil if the question broke
// the program, which says something about the question alone.
func Answer[Q, A any](t *Tool, n int, questions []Q) ([]*A, error) {
	if len(questions) == 0 {
		return nil, nil
	}
	input, err := json.Marshal(questions)
	if err != nil {
		return nil, err
	}
	output, err := t.pool.Run(n, t.program, string(input))
	if node.IsFault(err) {
		return nil, err
	}
	var answers []*A
	if err == nil && json.Unmarshal([]byte(output), &answers) == nil && len(answers) == len(questions) {
		return answers, nil
	}
	return halves[Q, A](t, n, questions)
}

// halves finds out which of the questions breaks the program.
func halves[Q, A any](t *Tool, n int, questions []Q) ([]*A, error) {
	if len(questions) == 1 {
		return []*A{nil}, nil
	}
	half := len(questions) / 2
	first, err := Answer[Q, A](t, n, questions[:half])
	if err != nil {
		return nil, err
	}
	second, err := Answer[Q, A](t, n, questions[half:])
	return append(first, second...), err
}
