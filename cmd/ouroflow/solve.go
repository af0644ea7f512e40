package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/report"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/spec"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes"
	"github.com/ouroflow/ouroflow/nodes/inference"
	"github.com/spf13/cobra"
)

// samplingFlags say who writes candidates, and how many.
type samplingFlags struct {
	url, model, api string
	n, tokens, seed int
	temperature     float64
	execute         string // file of tests
}

func (a *app) solveCommand() *cobra.Command {
	var model modelFlags
	var problem problemFlags
	var s samplingFlags
	c := &cobra.Command{
		Use:   "solve --model MODEL --prompt PROMPT --server-model NAME",
		Short: "Have programs written, rank them, and execute the best until one passes",
		Long: "solve samples candidates from an OpenAI-compatible server such as vLLM, ranks them by energy and prints them as JSON.\n" +
			"With --execute it runs them in the sandbox, the lowest energy first, until one passes the tests in a file.\n" +
			"What was sampled is kept in the cache: the same question costs nothing the second time.",
		Example: "  ouroflow solve --model last:verifier --server-model deepseek-ai/deepseek-coder-1.3b-instruct \\\n" +
			"    --prompt 'Write a function to sort a list.' --test 'assert f([2, 1]) == [1, 2]' --execute tests.py",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.solve(cmd.Context(), model, problem, s) },
	}
	model.register(c)
	problem.register(c)
	c.Flags().StringVar(&s.url, "url", "http://127.0.0.1:8000", "server of the model that writes programs")
	c.Flags().StringVar(&s.model, "server-model", "", "model to ask the server for")
	c.Flags().StringVar(&s.api, "api", "chat", "chat for instruction-tuned models, completions for others")
	c.Flags().IntVarP(&s.n, "candidates", "n", 20, "programs to have written")
	c.Flags().IntVar(&s.tokens, "max-tokens", 512, "longest answer, in tokens")
	c.Flags().IntVar(&s.seed, "seed", 0, "seed of the first candidate")
	c.Flags().Float64Var(&s.temperature, "temperature", 0.8, "sampling temperature")
	c.Flags().StringVar(&s.execute, "execute", "", "file of statements with asserts: execute candidates, the best first, until one passes")
	_ = c.MarkFlagRequired("server-model") // it exists
	return c
}

// solution is what solve prints.
type solution struct {
	Model      string            `json:"model"`
	Candidates []rankedCandidate `json:"candidates"` // the likeliest first
	Solved     *rankedCandidate  `json:"solved,omitempty"`
	Executed   *int              `json:"executed,omitempty"`
	Saved      *int              `json:"executions_saved,omitempty"` // of executing all
}

func (a *app) solve(ctx context.Context, model modelFlags, problem problemFlags, s samplingFlags) error {
	var tests []byte
	if s.execute != "" {
		var err error
		if tests, err = os.ReadFile(s.execute); err != nil {
			return usageError{err}
		}
	}
	model.options.Workers = 1
	v, name, err := a.openVerifier(ctx, model)
	if err != nil {
		return err
	}
	defer v.Close()
	candidates, err := a.sample(problem, s)
	if err != nil {
		return err
	}
	best, err := a.order(v, problem, candidates)
	if err != nil {
		return err
	}
	out := solution{Model: name, Candidates: best}
	if s.execute != "" {
		if err := executeUntilPass(ctx, model, &out, string(tests)); err != nil {
			return err
		}
	}
	return a.printJSON(out)
}

// executeUntilPass runs equal programs once.
func executeUntilPass(ctx context.Context, model modelFlags, out *solution, tests string) error {
	model.options.Logf = func(string, ...any) {}
	e, err := inference.NewExecutor(ctx, model.options)
	if err != nil {
		return err
	}
	defer e.Close()
	known, executed := map[string]string{}, 0
	for i := range out.Candidates {
		c := &out.Candidates[i]
		verdict, again := known[c.Code]
		if !again {
			passed := false
			if verdict, passed, err = e.Execute(c.Code, tests); err != nil {
				return err
			}
			executed++
			if passed {
				out.Solved = c
			}
		}
		known[c.Code], c.Verdict = verdict, verdict
		if out.Solved != nil {
			break
		}
	}
	saved := len(out.Candidates) - executed
	out.Executed, out.Saved = &executed, &saved
	return nil
}

//go:embed solve.yaml
var solvePipeline []byte

// sample runs the pipeline that has candidates written.
func (a *app) sample(problem problemFlags, s samplingFlags) ([]candidate, error) {
	dir, err := os.MkdirTemp("", "ouroflow-solve-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := writeProblem(filepath.Join(dir, "problem.jsonl"), problem); err != nil {
		return nil, err
	}
	record, err := a.runSampling(filepath.Join(dir, "solve.yaml"), s)
	if err != nil {
		return nil, err
	}
	in, err := table.Open(a.engine("").Store, record.Nodes["programs"].Outputs["out"].Digest)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	type row struct {
		Sample int64    `arrow:"sample"`
		Code   string   `arrow:"code"`
		Sum    *float64 `arrow:"logprob_sum"`
		Tokens *int64   `arrow:"logprob_tokens"`
	}
	var out []candidate
	for r, err := range table.Each[row](in) {
		if err != nil {
			return nil, err
		}
		out = append(out, candidate{r.Code, fmt.Sprintf("sample %d", r.Sample), inference.MeanLogprob(r.Sum, r.Tokens)})
	}
	return out, nil
}

func writeProblem(file string, problem problemFlags) error {
	prompt, err := problem.text()
	if err != nil {
		return err
	}
	b, err := json.Marshal(map[string]any{
		"problem_id": "problem", "prompt": prompt, "tests": append([]string{}, problem.tests...), "entry_point": problem.entry,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o666)
}

// runSampling runs the pipeline in the project of the working folder, and shows the
// progress where errors go.
func (a *app) runSampling(file string, s samplingFlags) (*run.Record, error) {
	template := "chat"
	if s.api != "chat" {
		template = "docstring"
	}
	sets := []string{
		"url=" + s.url, "server_model=" + s.model, "api=" + s.api, "template=" + template, fmt.Sprint("n=", s.n),
		fmt.Sprint("temperature=", s.temperature), fmt.Sprint("max_tokens=", s.tokens), fmt.Sprint("seed=", s.seed),
	}
	p, err := engine.Load(file, solvePipeline, nodes.Standard(), spec.Options{Sets: sets})
	if err != nil {
		return nil, err
	}
	wd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	ctx, drain, stop := interruptible(a.stderr)
	defer stop()
	return a.engine("").Run(ctx, engine.Request{
		Plan: p, Pipeline: solvePipeline, Command: run.Command{File: file, Dir: wd, Sets: sets},
		Drain: drain, Sinks: []event.Sink{report.NewPlain(a.stderr, p.IDs())},
	})
}
