// Package codefeatures reads candidates without running them: what a verifier that
// never executes code can know.
package codefeatures

import (
	"context"
	_ "embed"
	"encoding/json"
	"strings"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
	"github.com/ouroflow/ouroflow/nodes/internal/execution"
)

// Params of the node.
type Params struct {
	ShowTests string `yaml:"show_tests" enum:"none|first|all" doc:"Tests of a problem that the facts may use, and a verifier may see: only asserts of one line count. Show no more than the generator was shown; with all of them, running the tests would be the better verifier."`
	execution.Place
}

type candidate struct {
	Prompt string   `arrow:"prompt"`
	Code   string   `arrow:"code"`
	Tests  []string `arrow:"tests"`
	Entry  string   `arrow:"entry_point"`
}

// Type returns the node type code_features.
func Type() *node.Type {
	return node.RowDef[Params, candidate, codefacts.Features]{
		Name:    "code_features",
		Version: 1,
		Doc: "Reads each candidate with Python's own lexer and parser, without running it: tokens, static facts, and keys that are equal for programs that are alike. " +
			"Code that doesn't parse gets a row like any other.",
		Defaults: Params{ShowTests: "none", Place: execution.DefaultPlace()},
		Check:    func(p Params) error { return p.Place.Check() },
		Pin:      func(ctx context.Context, p Params) (node.Pins, error) { return p.Place.Pin(ctx) },
		Run:      run,
	}.Type()
}

// question is what the program of features.py is asked.
type question struct {
	Code   string   `json:"code"`
	Prompt string   `json:"prompt"`
	Entry  string   `json:"entry"`
	Tests  []string `json:"tests"`
}

// answer is what it says; the keys of code that doesn't parse are missing.
type answer struct {
	Facts      json.RawMessage `json:"facts"`
	Tokens     []string        `json:"tokens"`
	Shapes     []string        `json:"shapes"`
	Edges      []string        `json:"edges"`
	AST        *string         `json:"ast"`
	Operations *string         `json:"operations"`
	Skeleton   *string         `json:"skeleton"`
	Calls      *string         `json:"calls"`
	Kinds      *string         `json:"kinds"`
}

//go:embed features.py
var reader string

// chunk is how many candidates are read at once.
const chunk = 256

func run(ctx context.Context, p Params, w *node.Work[candidate, codefacts.Features]) error {
	tool, err := execution.NewTool(ctx, p.Place, reader, w.Logf)
	if err != nil {
		return err
	}
	defer tool.Close()
	return w.Chunks(tool.Workers, chunk, func(n int, items []node.Item[candidate]) error {
		return read(p, tool, n, w, items)
	})
}

// read asks once for candidates that are equal.
func read(p Params, tool *execution.Tool, n int, w *node.Work[candidate, codefacts.Features], items []node.Item[candidate]) error {
	place := map[string]int{}
	of := make([]int, len(items))
	var questions []question
	for i, item := range items {
		q := question{item.In.Code, item.In.Prompt, item.In.Entry, shown(p.ShowTests, item.In.Tests)}
		key := strings.Join(append([]string{q.Code, q.Prompt, q.Entry}, q.Tests...), "\x00")
		at, known := place[key]
		if !known {
			at = len(questions)
			place[key], questions = at, append(questions, q)
		}
		of[i] = at
	}
	answers, err := execution.Answer[question, answer](tool, n, questions)
	if err != nil {
		return err
	}
	for i, item := range items {
		if err := w.Emit(item, features(answers[of[i]], questions[of[i]].Tests)); err != nil {
			return err
		}
	}
	return nil
}

// shown picks tests. Anything but a simple assert is left out: a whole check function
// would tell what all tests are.
func shown(which string, tests []string) []string {
	out := []string{}
	for i, test := range tests {
		if which == "none" || which == "first" && i > 0 {
			break
		}
		if test = strings.TrimSpace(test); strings.HasPrefix(test, "assert") && !strings.Contains(test, "\n") {
			out = append(out, test)
		}
	}
	return out
}

// features makes a row of an answer. Code that breaks the program is one that has no
// facts, as code that doesn't parse.
func features(a *answer, tests []string) codefacts.Features {
	if a == nil {
		a = &answer{Facts: json.RawMessage("{}")}
	}
	return codefacts.Features{
		Facts: string(a.Facts), Tokens: a.Tokens, Shapes: a.Shapes, Edges: a.Edges,
		AST: a.AST, Operations: a.Operations, Skeleton: a.Skeleton, Calls: a.Calls, Kinds: a.Kinds, Shown: tests,
	}
}
