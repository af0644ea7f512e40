// Package dataset reads problems: MBPP, HumanEval, or a file of one's own.
package dataset

import (
	"context"
	"fmt"
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Params of the node.
type Params struct {
	Path   node.Path         `yaml:"path" doc:"File to read, gzip-compressed or not, or an http(s) URL. What is in it is part of the key, where it lies is not."`
	SHA256 string            `yaml:"sha256" doc:"SHA-256 of the file in hexadecimal, checked. A URL must have one."`
	Format string            `yaml:"format" enum:"auto|mbpp|mbpp_sanitized|humaneval|json|jsonl|csv|parquet|arrow" doc:"What the file is. auto looks at its name and first row."`
	Column map[string]string `yaml:"columns" doc:"For your own files: which field holds problem_id, split, prompt, tests, setup, reference or entry_point. Default: the field of the same name."`
	Split  Split             `yaml:"split" doc:"How problems are split."`
	Keep   []string          `yaml:"keep" doc:"Splits to keep; empty means all."`
	IDs    []string          `yaml:"ids" doc:"Problems to keep, by problem_id; empty means all."`
	Limit  int               `yaml:"limit" min:"0" doc:"At most this many problems of each split, in file order; 0 means all."`
}

// Split says how problems get their split.
type Split struct {
	By     string             `yaml:"by" enum:"auto|official|field|ranges|shares|none" doc:"auto: ranges or shares if given, else the field split, which for MBPP defaults to the official split by task_id, else none."`
	Ranges map[string]string  `yaml:"ranges" doc:"Split name to inclusive ranges of numeric ids: {train: 11-310, test: 361-510}. Problems outside all ranges are dropped."`
	Shares map[string]float64 `yaml:"shares" doc:"Split name to share of the problems, adding up to 1. Problems with the same prompt stay together."`
	Seed   int                `yaml:"seed" min:"0" doc:"Seed of the split by shares."`
}

// problem is a row of the output.
type problem struct {
	ID         string   `arrow:"problem_id"`
	Split      string   `arrow:"split"`
	Prompt     string   `arrow:"prompt"`
	Tests      []string `arrow:"tests"`
	Setup      string   `arrow:"setup"`
	Reference  string   `arrow:"reference"`
	EntryPoint string   `arrow:"entry_point"`
}

// Type returns the node type dataset.
func Type() *node.Type {
	return node.Def[Params]{
		Name:    "dataset",
		Version: 1,
		Doc:     "Reads programming problems with their tests and splits. Prompts that are the same or nearly the same in two splits are listed in the output `duplicates`.",
		Defaults: Params{
			Format: "auto",
			Split:  Split{By: "auto"},
		},
		Check: check,
		Ports: func(Params) node.Ports {
			return node.Ports{Out: []node.Port{
				{Name: "problems", Doc: "One row a problem.", Schema: table.SchemaOf[problem]()},
				{Name: "duplicates", Doc: "Pairs of problems of different splits whose prompts are alike.", Schema: table.SchemaOf[duplicate]()},
			}}
		},
		Pin: pin,
		Run: run,
	}.Type()
}

var columnNames = []string{"problem_id", "split", "prompt", "tests", "setup", "reference", "entry_point"}

func check(p Params) error {
	if p.Path == "" {
		return node.BadField("path", "a file to read is missing")
	}
	if isURL(p.Path) && p.SHA256 == "" {
		return node.BadField("path", "a URL needs sha256, the SHA-256 of what it leads to")
	}
	for name := range p.Column {
		if !slices.Contains(columnNames, name) {
			return node.BadField("columns."+name, "no column is named so; columns are %v", columnNames)
		}
	}
	return checkSplit(p.Split)
}

// pin makes the content of the file part of the key. A URL isn't read for that:
// its digest is promised.
func pin(_ context.Context, p Params) (node.Pins, error) {
	if isURL(p.Path) {
		return node.Pins{"content": p.SHA256, "name": baseName(p.Path)}, nil
	}
	b, err := readFile(p)
	if err != nil {
		return nil, err
	}
	return node.Pins{"content": sha(b), "name": baseName(p.Path)}, nil
}

func run(ctx context.Context, p Params, t node.Task) error {
	content, err := read(ctx, p)
	if err != nil {
		return err
	}
	problems, err := parse(p, content)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Path, err)
	}
	if problems, err = choose(p, problems); err != nil {
		return fmt.Errorf("%s: %w", p.Path, err)
	}
	w, err := t.Out("problems")
	if err != nil {
		return err
	}
	if err := table.AppendAll(w, problems); err != nil {
		return err
	}
	t.Logf("%d problems: %s", len(problems), describeSplits(problems))
	return reportDuplicates(problems, t)
}

func reportDuplicates(problems []problem, t node.Task) error {
	pairs := findDuplicates(problems)
	w, err := t.Out("duplicates")
	if err != nil {
		return err
	}
	exact := 0
	for _, d := range pairs {
		if d.Exact {
			exact++
		}
	}
	if len(pairs) > 0 {
		t.Logf("prompts that cross splits: %d the same, %d nearly the same (output duplicates)", exact, len(pairs)-exact)
	}
	return table.AppendAll(w, pairs)
}

// choose splits the problems and applies the filters.
func choose(p Params, problems []problem) ([]problem, error) {
	problems, err := applySplit(p.Split, problems)
	if err != nil {
		return nil, err
	}
	if err := checkIDs(p.IDs, problems); err != nil {
		return nil, err
	}
	taken := map[string]int{}
	var out []problem
	for _, q := range problems {
		if len(p.Keep) > 0 && !slices.Contains(p.Keep, q.Split) || len(p.IDs) > 0 && !slices.Contains(p.IDs, q.ID) {
			continue
		}
		if p.Limit > 0 && taken[q.Split] >= p.Limit {
			continue
		}
		taken[q.Split]++
		out = append(out, q)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no problem is left of %d (%s)", len(problems), describeSplits(problems))
	}
	return out, nil
}

func checkIDs(ids []string, problems []problem) error {
	for _, id := range ids {
		if !slices.ContainsFunc(problems, func(q problem) bool { return q.ID == id }) {
			return fmt.Errorf("ids names problem %q, which isn't there", id)
		}
	}
	return nil
}
