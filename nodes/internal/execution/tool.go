package execution

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// Tool is a Python program of ouroflow's own that reads generated code without running
// it, in the sandbox all the same: what it is given may break the parser. It reads a
// JSON list and writes one of as many answers.
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
	return &Tool{Workers: p.count(), program: program, pool: pool}, err
}

// Close ends the workers.
func (t *Tool) Close() { t.pool.Close() }

// Answer asks the n-th worker about questions. An answer is nil if the question broke
// the program, which says something about the question alone.
func Answer[Q, A any](t *Tool, n int, questions []Q) ([]*A, error) {
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
	return oneByOne[Q, A](t, n, questions, err)
}

// oneByOne finds out which of the questions breaks the program.
func oneByOne[Q, A any](t *Tool, n int, questions []Q, broke error) ([]*A, error) {
	if len(questions) == 1 {
		return []*A{nil}, nil
	}
	answers := make([]*A, len(questions))
	some := false
	for i := range questions {
		answer, err := Answer[Q, A](t, n, questions[i:i+1])
		if err != nil {
			return nil, err
		}
		answers[i] = answer[0]
		some = some || answer[0] != nil
	}
	if !some {
		return nil, fmt.Errorf("the program can't answer any of %d questions: %w", len(questions), broke)
	}
	return answers, nil
}
