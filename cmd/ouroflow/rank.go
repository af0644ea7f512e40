package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/ouroflow/ouroflow/nodes/inference"
	"github.com/spf13/cobra"
)

// problemFlags describe what candidates are for.
type problemFlags struct {
	prompt string
	tests  []string
	entry  string
}

func (f *problemFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.prompt, "prompt", "", "what is asked for: a text, or a file with it")
	c.Flags().StringArrayVar(&f.tests, "test", nil, "assert that the generator was shown (may be repeated)")
	c.Flags().StringVar(&f.entry, "entry-point", "", "name of the function that is asked for")
	_ = c.MarkFlagRequired("prompt") // it exists
}

// text reads the prompt, which may be in a file.
func (f *problemFlags) text() (string, error) {
	if !isFile(f.prompt) {
		return f.prompt, nil
	}
	b, err := os.ReadFile(f.prompt)
	return string(b), err
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// candidate is a program with where it comes from.
type candidate struct {
	Code    string
	From    string
	Logprob float64 // mean by token; NaN if it isn't known
}

func (a *app) rankCommand() *cobra.Command {
	var model modelFlags
	var problem problemFlags
	var files []string
	c := &cobra.Command{
		Use:   "rank --model MODEL --prompt PROMPT [--candidates] FILE...",
		Short: "Rank candidate programs by energy, the likeliest to pass first",
		Long: "rank reads candidates, without running them, and prints them as JSON, the lowest energy first.\n" +
			"A file is a candidate; a file .jsonl has one a line, as its field code or completion, and the\n" +
			"log-probability that its generator gave it, if known, as logprob_sum and logprob_tokens.",
		Example: "  ouroflow rank --model last:verifier --prompt 'Write a function to sort a list.' a.py b.py c.py",
		RunE: func(cmd *cobra.Command, args []string) error {
			candidates, err := readCandidates(append(files, args...))
			if err != nil {
				return usageError{err}
			}
			return a.rank(cmd.Context(), model, problem, candidates)
		},
	}
	model.register(c)
	problem.register(c)
	c.Flags().StringArrayVar(&files, "candidates", nil, "files of candidates, also without the flag")
	return c
}

func readCandidates(files []string) ([]candidate, error) {
	var out []candidate
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(file, ".jsonl") {
			out = append(out, candidate{string(b), file, math.NaN()})
			continue
		}
		lines, err := readLines(file, b)
		if err != nil {
			return nil, err
		}
		out = append(out, lines...)
	}
	if len(out) == 0 {
		return nil, errors.New("name at least one file of candidates")
	}
	return out, nil
}

// candidateLine is a row of a table of candidates or of samples, as far as it is read.
type candidateLine struct {
	Code       *string  `json:"code"`
	Completion *string  `json:"completion"`
	Sum        *float64 `json:"logprob_sum"`
	Tokens     *float64 `json:"logprob_tokens"`
}

func readLines(file string, content []byte) ([]candidate, error) {
	var out []candidate
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, 64<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var line candidateLine
		at := fmt.Sprintf("%s:%d", file, n)
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		code := cmp.Or(line.Code, line.Completion)
		if code == nil {
			return nil, fmt.Errorf("%s: there is no field code or completion", at)
		}
		out = append(out, candidate{*code, at, inference.MeanLogprob(line.Sum, line.Tokens)})
	}
	return out, lines.Err()
}

// rankedCandidate is an element of what rank and solve print.
type rankedCandidate struct {
	inference.Score
	From    string `json:"from,omitempty"`
	Verdict string `json:"verdict,omitempty"`
	Code    string `json:"code,omitempty"`
}

func (a *app) rank(ctx context.Context, model modelFlags, problem problemFlags, candidates []candidate) error {
	model.options.Workers = 1
	v, digest, err := a.openVerifier(ctx, model)
	if err != nil {
		return err
	}
	defer v.Close()
	best, err := a.order(v, problem, candidates)
	if err != nil {
		return err
	}
	for i := range best {
		best[i].Code = ""
	}
	return a.printJSON(map[string]any{"model": digest, "candidates": best})
}

func (a *app) openVerifier(ctx context.Context, model modelFlags) (*inference.Verifier, string, error) {
	files, name, err := a.modelFiles(model.model)
	if err != nil {
		return nil, "", err
	}
	model.options.Logf = func(string, ...any) {}
	v, err := inference.Open(ctx, files, model.options)
	return v, name, err
}

// order ranks candidates and warns of a ranking that can't be relative.
func (a *app) order(v *inference.Verifier, problem problemFlags, candidates []candidate) ([]rankedCandidate, error) {
	prompt, err := problem.text()
	if err != nil {
		return nil, err
	}
	request := inference.Request{Prompt: prompt, Tests: problem.tests, Entry: problem.entry}
	for _, c := range candidates {
		request.Candidates = append(request.Candidates, c.Code)
		request.Logprobs = append(request.Logprobs, c.Logprob)
	}
	if v.Relative && len(candidates) < inference.Few {
		fmt.Fprintf(a.stderr, "ouroflow: %d candidates are few for energies relative to each other; what is known of each by itself decides\n", len(candidates))
	}
	scores, err := v.Score(0, []inference.Request{request})
	if err != nil {
		return nil, err
	}
	var out []rankedCandidate
	for _, s := range inference.Ranked(scores[0]) {
		out = append(out, rankedCandidate{Score: s, From: candidates[s.Index].From, Code: candidates[s.Index].Code})
	}
	return out, nil
}

func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
