// Package dataset reads problems: published data sets as they are downloaded, or a file
// of one's own.
package dataset

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Params of the node.
type Params struct {
	Path   node.Path         `yaml:"path" doc:"File to read: JSON, JSON lines, CSV, Parquet or Arrow, plain or compressed by gzip or zstd, or an http(s) URL. What is in it is part of the key, where it lies is not."`
	SHA256 string            `yaml:"sha256" doc:"SHA-256 of the file in hexadecimal, checked. A URL must have one."`
	Format string            `yaml:"format" enum:"auto|mbpp|mbpp_sanitized|mbpp_plus|humaneval|humaneval_plus|apps|livecodebench|codecontests|bigcodebench|json|jsonl|csv|parquet|arrow" doc:"What the file is: a data set as it is published, or only a container. auto looks at its name and first row."`
	Column map[string]string `yaml:"columns" doc:"Which field holds problem_id, split, prompt, tests, setup, reference or entry_point. Default: in a published data set what it means there, else the field of the same name."`
	Form   string            `yaml:"form" enum:"auto|asserts|functions|program" doc:"What a test is; the column form says it for each problem. asserts: statements. functions: a module with functions test_* or test cases of unittest. program: what a program reads and prints. auto: by the data set, or by the tests."`
	Rows   string            `yaml:"rows" enum:"problems|samples" doc:"What a row of the file is: a problem, or a sample of one, so that a problem_id may be there more than once."`
	Extra  []string          `yaml:"extra" doc:"Further fields of the file to keep, as columns of text: code and verdict of samples, for instance."`
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
	Form       string   `arrow:"form"` // of the tests: asserts, functions or program
	extra      []string // values of Params.Extra
}

// What a row of the file is.
const (
	rowsProblems = "problems"
	rowsSamples  = "samples"
)

// Type returns the node type dataset.
func Type() *node.Type {
	return node.Def[Params]{
		Name:    "dataset",
		Version: 2,
		Doc:     "Reads programming problems with their tests and splits. Prompts that are the same or nearly the same in two splits are listed in the output `duplicates`.",
		Defaults: Params{
			Format: "auto",
			Form:   "auto",
			Rows:   rowsProblems,
			Split:  Split{By: "auto"},
		},
		Check: check,
		Ports: func(p Params) node.Ports {
			return node.Ports{Out: []node.Port{
				{Name: "problems", Doc: "One row a problem, or a sample.", Schema: schema(p.Extra)},
				{Name: "duplicates", Doc: "Pairs of problems of different splits whose prompts are alike.", Schema: table.SchemaOf[duplicate]()},
			}}
		},
		Pin:     pin,
		Witness: witness,
		Run:     run,
	}.Type()
}

// schema is that of the problems with the extra columns.
func schema(extra []string) *arrow.Schema {
	if len(extra) == 0 {
		return table.SchemaOf[problem]()
	}
	var fields []arrow.Field
	for _, name := range extra {
		fields = append(fields, arrow.Field{Name: name, Type: table.String})
	}
	return table.Concat(table.SchemaOf[problem](), arrow.NewSchema(fields, nil))
}

// columnNames are the columns that fields are read for, in that order: what tests mean
// in APPS decides over the setup and the entry point.
var columnNames = []string{"problem_id", "split", "prompt", "setup", "reference", "entry_point", "tests"}

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
	for i, name := range p.Extra {
		if table.SchemaOf[problem]().HasField(name) || slices.Contains(p.Extra[:i], name) || name == "" {
			return node.BadField("extra", "%q is a column already, or no name", name)
		}
	}
	return checkSplit(p.Split)
}

// pin makes the content of the file part of the key. A URL isn't read for that:
// its digest is promised.
func pin(_ context.Context, p Params) (node.Pins, error) {
	container, err := containerOf(p)
	if err != nil {
		return nil, err
	}
	if isURL(p.Path) {
		return node.Pins{"content": p.SHA256, "container": container}, nil
	}
	sum, err := fileSum(p)
	if err != nil {
		return nil, err
	}
	return node.Pins{"content": sum, "container": container}, nil
}

// witness is the file that pin reads.
func witness(p Params) ([]string, bool) {
	if isURL(p.Path) {
		return nil, true
	}
	return []string{string(p.Path)}, true
}

func run(ctx context.Context, p Params, t node.Task) error {
	file, err := open(ctx, p)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := write(ctx, p, parse(p, file, t.Logf), t); err != nil {
		return fmt.Errorf("%s: %w", p.Path, err)
	}
	return nil
}

// write splits the problems, applies the filters and writes those that are kept, one
// by one: only shares need all problems at once.
func write(ctx context.Context, p Params, problems iter.Seq2[problem, error], t node.Task) error {
	out, err := newWriter(p, t)
	if err != nil {
		return err
	}
	f := &filter{p: p, seen: map[string]int{}, taken: map[string]int{}, found: map[string]bool{}}
	for q, err := range splitProblems(p.Split, problems) {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if !f.keeps(q) {
			continue
		}
		if err := out.append(q); err != nil {
			return err
		}
	}
	if err := f.check(); err != nil {
		return err
	}
	t.Logf("%d %s: %s", f.kept, p.Rows, describe(f.taken))
	return out.close()
}

// filter keeps the problems that the params ask for.
type filter struct {
	p     Params
	seen  map[string]int // by split
	taken map[string]int // of them kept
	kept  int
	found map[string]bool // of Params.IDs
}

func (f *filter) keeps(q problem) bool {
	f.seen[q.Split]++
	if slices.Contains(f.p.IDs, q.ID) {
		f.found[q.ID] = true
	} else if len(f.p.IDs) > 0 {
		return false
	}
	if len(f.p.Keep) > 0 && !slices.Contains(f.p.Keep, q.Split) || f.p.Limit > 0 && f.taken[q.Split] >= f.p.Limit {
		return false
	}
	f.taken[q.Split]++
	f.kept++
	return true
}

// check finds filters that nothing met.
func (f *filter) check() error {
	for _, id := range f.p.IDs {
		if !f.found[id] {
			return fmt.Errorf("ids names problem %q, which isn't there", id)
		}
	}
	if f.kept == 0 {
		total := 0
		for _, n := range f.seen {
			total += n
		}
		return fmt.Errorf("no problem is left of %d (%s)", total, describe(f.seen))
	}
	return nil
}

func describe(counts map[string]int) string {
	parts := make([]string, 0, len(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", orElse(name, "no split"), counts[name]))
	}
	return strings.Join(parts, ", ")
}
