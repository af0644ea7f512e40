// Package passatk evaluates candidates: how often a random one passes, how often
// any of k does, and how often the one with the lowest energy does.
package passatk

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
)

// Params of the node.
type Params struct {
	Ks        []int  `yaml:"ks" doc:"The k of each pass@k to report, over the problems that have at least k samples; problems[pass@k] says how many those are if they aren't all. A k above the number of samples of every problem is an error."`
	Split     string `yaml:"split" doc:"Only rows of this split are evaluated; empty means all."`
	SelectBy  string `yaml:"select_by" doc:"Float column whose lowest value selects a candidate; empty means that none is selected."`
	GroupBy   string `yaml:"group_by" doc:"String column; pass@k is also reported for each of its values."`
	Resamples int    `yaml:"resamples" min:"100" max:"1000000" doc:"Bootstrap resamples of problems for the 95% intervals."`
	Seed      int    `yaml:"seed" min:"0" doc:"Seed of the bootstrap."`
}

// Type returns the node type pass_at_k.
func Type() *node.Type {
	return node.Def[Params]{
		Name:    "pass_at_k",
		Version: 2,
		Doc: "Evaluates candidates per problem: unbiased pass@k (Chen et al. 2021), baseline (a random candidate), oracle (any candidate) " +
			"and the candidate of lowest energy, ties counted by expectation, with 95% intervals by bootstrap over problems. " +
			"Candidates without a verdict (unsupported, quarantined) count as no samples; metrics say how many there were.",
		Defaults: Params{Ks: []int{1}, Resamples: 2000},
		Check:    check,
		Ports:    ports,
		Run:      run,
	}.Type()
}

func check(p Params) error {
	if len(p.Ks) == 0 {
		return node.BadField("ks", "list at least one k")
	}
	for _, k := range p.Ks {
		if k < 1 {
			return node.BadField("ks", "k is %d, but must be at least 1", k)
		}
	}
	return nil
}

// problemRow is a row of the table problems.
type problemRow struct {
	ProblemID string   `arrow:"problem_id"`
	Samples   int64    `arrow:"samples"`
	Passed    int64    `arrow:"passed"`
	Baseline  float64  `arrow:"baseline"` // passed / samples
	Oracle    bool     `arrow:"oracle"`
	Selected  *float64 `arrow:"selected"` // expected correctness of the lowest energy
	AUROC     *float64 `arrow:"auroc"`    // null unless candidates both pass and fail
}

func ports(p Params) node.Ports {
	fields := []arrow.Field{{Name: "problem_id", Type: table.String}, {Name: "verdict", Type: table.String}}
	if p.Split != "" {
		fields = append(fields, arrow.Field{Name: "split", Type: table.String})
	}
	if p.SelectBy != "" {
		fields = append(fields, arrow.Field{Name: p.SelectBy, Type: table.Float64})
	}
	if p.GroupBy != "" {
		fields = append(fields, arrow.Field{Name: p.GroupBy, Type: table.String, Nullable: true})
	}
	return node.Ports{
		In: []node.Port{
			{Name: "in", Doc: "Candidates with their verdicts.", Schema: arrow.NewSchema(fields, nil)},
			{Name: "duplicates", Doc: "Pairs of problems of different splits whose prompts are alike, as dataset finds them. The main metrics are given without those problems, too, as NAME[clean].", Schema: table.SchemaOf[pair](), Optional: true},
		},
		Out: []node.Port{
			{Name: "metrics", Doc: "The numbers that the run is about.", Schema: table.SchemaOf[node.Metric](), Metrics: true},
			{Name: "problems", Doc: "The same for each problem.", Schema: table.SchemaOf[problemRow]()},
		},
	}
}

// pair is a row of the input duplicates.
type pair struct {
	A string `arrow:"problem_a"`
	B string `arrow:"problem_b"`
}

// readAlike lists the problems that another split has one like.
func readAlike(t node.Task) (map[string]bool, error) {
	alike := map[string]bool{}
	if !t.Bound("duplicates") {
		return alike, nil
	}
	in, err := t.Table("duplicates")
	if err != nil {
		return nil, err
	}
	defer in.Close()
	for p, err := range table.Each[pair](in) {
		if err != nil {
			return nil, err
		}
		alike[p.A], alike[p.B] = true, true
	}
	return alike, nil
}

// problem collects the candidates of one problem.
type problem struct {
	id       string
	passed   []bool
	energies []float64
	groups   []string
}

func (p *problem) count() (n, c int) {
	for _, ok := range p.passed {
		if ok {
			c++
		}
	}
	return len(p.passed), c
}

func run(_ context.Context, p Params, t node.Task) error {
	in, err := t.Table("in")
	if err != nil {
		return err
	}
	defer in.Close()
	c, err := collect(in, p)
	if err != nil {
		return err
	}
	if len(c.problems) == 0 {
		return fmt.Errorf("there are no candidates to evaluate%s%s", ofSplit(p.Split), c.without())
	}
	alike, err := readAlike(t)
	if err != nil {
		return err
	}
	metrics, err := evaluate(c, alike, p)
	if err != nil {
		return err
	}
	if err := node.Emit(t, "metrics", metrics); err != nil {
		return err
	}
	return node.Emit(t, "problems", perProblem(c.problems, p))
}

func ofSplit(split string) string {
	if split == "" {
		return ""
	}
	return fmt.Sprintf(" of split %q", split)
}

// candidates are the problems with their candidates, in the order of their first rows.
type candidates struct {
	problems []*problem
	byID     map[string]*problem
	unjudged map[string]int // candidates without a verdict, by the reason
}

// without says how many candidates had no verdict.
func (c candidates) without() string {
	if len(c.unjudged) == 0 {
		return ""
	}
	return fmt.Sprintf("; those without a verdict count as none: %d unsupported, %d quarantined", c.unjudged[verdict.Unsupported], c.unjudged[verdict.Quarantined])
}

// collect groups the candidates by problem.
func collect(in *table.Reader, p Params) (candidates, error) {
	c := candidates{byID: map[string]*problem{}, unjudged: map[string]int{}}
	for rec, err := range in.Batches() {
		if err != nil {
			return c, err
		}
		for i := range int(rec.NumRows()) {
			if p.Split != "" && text(rec, "split").Value(i) != p.Split {
				continue
			}
			if err := c.add(rec, i, p); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// add adds a row.
func (c *candidates) add(rec arrow.Record, i int, p Params) error {
	id, outcome := text(rec, "problem_id").Value(i), text(rec, "verdict").Value(i)
	if !verdict.Known(outcome) {
		c.unjudged[outcome]++
		return nil
	}
	q := c.of(id)
	q.passed = append(q.passed, outcome == verdict.Passed)
	if p.SelectBy != "" {
		e := column(rec, p.SelectBy).(*array.Float64).Value(i)
		if math.IsNaN(e) {
			return fmt.Errorf("%s of a candidate of problem %s is not a number", p.SelectBy, id)
		}
		q.energies = append(q.energies, e)
	}
	if p.GroupBy != "" {
		q.groups = append(q.groups, text(rec, p.GroupBy).Value(i))
	}
	return nil
}

// of returns the problem of an id.
func (c *candidates) of(id string) *problem {
	q := c.byID[id]
	if q == nil {
		q = &problem{id: id}
		c.byID[id] = q
		c.problems = append(c.problems, q)
	}
	return q
}

func column(rec arrow.Record, name string) arrow.Array {
	return rec.Column(rec.Schema().FieldIndices(name)[0])
}

func text(rec arrow.Record, name string) *array.String { return column(rec, name).(*array.String) }

// split returns the problems with only the candidates of one group.
func split(problems []*problem, group string) []*problem {
	var out []*problem
	for _, q := range problems {
		part := &problem{id: q.id}
		for i, g := range q.groups {
			if g == group {
				part.passed = append(part.passed, q.passed[i])
			}
		}
		if len(part.passed) > 0 {
			out = append(out, part)
		}
	}
	return out
}

func groupsOf(problems []*problem) []string {
	seen := map[string]bool{}
	var names []string
	for _, q := range problems {
		for _, g := range q.groups {
			if !seen[g] {
				seen[g] = true
				names = append(names, g)
			}
		}
	}
	slices.Sort(names)
	return names
}

func perProblem(problems []*problem, p Params) []problemRow {
	rows := make([]problemRow, len(problems))
	for i, q := range problems {
		n, c := q.count()
		rows[i] = problemRow{
			ProblemID: q.id, Samples: int64(n), Passed: int64(c),
			Baseline: float64(c) / float64(n), Oracle: c > 0,
		}
		if p.SelectBy == "" {
			continue
		}
		s := rank.Selected(q.energies, q.passed)
		rows[i].Selected = &s
		if a, ok := rank.AUROC(q.energies, q.passed); ok {
			rows[i].AUROC = &a
		}
	}
	return rows
}
