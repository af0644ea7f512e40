// Package codefeatures reads candidates without running them: what a verifier that
// never executes code can know.
package codefeatures

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ouroflow/ouroflow/engine/digest"
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
		Version: 3,
		Doc: "Reads each candidate with Python's own lexer and parser, without running it: tokens, static facts, what it computes as a term, what that comes to at made-up arguments, and keys that are equal for programs that are alike. " +
			"Code that doesn't parse gets a row like any other.",
		Defaults: Params{ShowTests: "none", Place: execution.DefaultPlace()},
		Check:    func(p Params) error { return p.Place.Check() },
		Pin:      pin,
		Run:      run,
	}.Type()
}

// Question is a candidate to read, with the tests that its facts may use.
type Question struct {
	Code   string   `json:"code"`
	Prompt string   `json:"prompt"`
	Entry  string   `json:"entry"` // name of the function that is asked for; may be empty
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
	Constants  *string         `json:"constants"`
	Control    *string         `json:"control"`
	Results    *string         `json:"results"`
	Calls      *string         `json:"calls"`
	Kinds      *string         `json:"kinds"`
	Value      *string         `json:"value"`
	Terms      []string        `json:"terms"`
	Outcomes   []string        `json:"outcomes"`
}

//go:embed *.py
var sources embed.FS

// program is the reader: features.py, with the modules that it imports.
var program = modules("terms", "effects", "loops", "values", "bounds", "texts", "operations", "outcomes", "inputs") + source("features")

func source(name string) string {
	b, err := sources.ReadFile(name + ".py")
	if err != nil {
		panic(err) // it is part of the program
	}
	return string(b)
}

// modules returns Python code that makes modules of their sources.
func modules(names ...string) string {
	var code strings.Builder
	for _, name := range names {
		fmt.Fprintf(&code, "import sys, types\nsys.modules[%[1]q] = types.ModuleType(%[1]q)\nexec(%[2]q, sys.modules[%[1]q].__dict__)\n", name, source(name))
	}
	return code.String()
}

// pin says what else the features depend on: what runs the reader, and the reader itself.
func pin(ctx context.Context, p Params) (node.Pins, error) {
	pins, err := p.Pin(ctx)
	if err != nil {
		return nil, err
	}
	pins["reader"] = digest.Of([]byte(program)).String()[:16]
	return pins, nil
}

// chunk is how many candidates are read at once.
const chunk = 256

func run(ctx context.Context, p Params, w *node.Work[candidate, codefacts.Features]) error {
	r, err := NewReader(ctx, p.Place, w.Logf)
	if err != nil {
		return err
	}
	defer r.Close()
	return w.Chunks(r.Workers, chunk, func(n int, items []node.Item[candidate]) error {
		questions := make([]Question, len(items))
		for i, item := range items {
			questions[i] = Question{item.In.Code, item.In.Prompt, item.In.Entry, Shown(p.ShowTests, item.In.Tests)}
		}
		features, err := r.Read(n, questions)
		if err != nil {
			return err
		}
		for i, item := range items {
			if err := w.Emit(item, features[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Reader reads candidates in the sandbox.
type Reader struct {
	Workers int // each used by one goroutine

	tool *execution.Tool
}

// NewReader starts the workers.
func NewReader(ctx context.Context, p execution.Place, logf func(string, ...any)) (*Reader, error) {
	tool, err := execution.NewTool(ctx, p, program, logf)
	if err != nil {
		return nil, err
	}
	return &Reader{tool.Workers, tool}, nil
}

// Close ends the workers.
func (r *Reader) Close() { r.tool.Close() }

// Read has the n-th worker read candidates, equal ones once.
func (r *Reader) Read(n int, candidates []Question) ([]codefacts.Features, error) {
	place, of := map[string]int{}, make([]int, len(candidates))
	var questions []Question
	for i, q := range candidates {
		key := strings.Join(append([]string{q.Code, q.Prompt, q.Entry}, q.Tests...), "\x00")
		at, known := place[key]
		if !known {
			at = len(questions)
			place[key], questions = at, append(questions, q)
		}
		of[i] = at
	}
	answers, err := execution.Answer[Question, answer](r.tool, n, questions)
	if err != nil {
		return nil, err
	}
	out := make([]codefacts.Features, len(candidates))
	for i, at := range of {
		out[i] = row(answers[at], questions[at].Tests)
	}
	return out, nil
}

// Shown picks the tests that may be seen: none, the first or all. Anything but a simple
// assert is left out: a whole check function would tell what all tests are.
func Shown(which string, tests []string) []string {
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

// row makes a row of an answer. Code that breaks the program is one that has no
// facts, as code that doesn't parse.
func row(a *answer, tests []string) codefacts.Features {
	if a == nil {
		a = &answer{Facts: json.RawMessage("{}")}
	}
	return codefacts.Features{
		Facts: string(a.Facts), Tokens: a.Tokens, Shapes: a.Shapes, Edges: a.Edges,
		AST: a.AST, Operations: a.Operations, Skeleton: a.Skeleton, Constants: a.Constants, Control: a.Control, Results: a.Results, Calls: a.Calls, Kinds: a.Kinds,
		Value: a.Value, Terms: a.Terms, Outcomes: a.Outcomes, Shown: tests,
	}
}
