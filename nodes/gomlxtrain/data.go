package gomlxtrain

import (
	"fmt"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// problem has the distinct candidates of one problem.
type problem struct {
	id         string
	candidates []labelled
	passing    []int // indices
	failing    []int
}

func (q *problem) both() bool { return len(q.passing) > 0 && len(q.failing) > 0 }

// labelled is a candidate ready for the model.
type labelled struct {
	input  gomlxmodel.Input
	passed bool
	weight float32 // its share of the pointwise loss
}

// data is what training sees.
type data struct {
	train, validation []*problem
}

// readData groups the distinct candidates of the two splits by problem. A
// problem that is in two splits would leak: that is an error.
func readData(p Params, t node.Task) (*data, error) {
	in, err := t.Table("in")
	if err != nil {
		return nil, err
	}
	defer in.Close()
	g := &grouper{params: p, config: p.Encoder.config(), problems: map[string]*problem{}, splits: map[string]string{}, seen: map[[2]string]bool{}, refused: map[string]int{}}
	for c, err := range table.Each[candidate](in) {
		if err == nil {
			err = g.add(c)
		}
		if err != nil {
			return nil, err
		}
	}
	for split, n := range g.refused {
		t.Logf("refused %d rows of split %q", n, split)
	}
	t.Logf("%d candidates of %d rows are distinct; the code of %d is longer than the model looks", len(g.seen), g.rows, g.truncated)
	return &g.data, g.checkSplits()
}

type grouper struct {
	params    Params
	config    gomlxmodel.Config
	data      data
	problems  map[string]*problem
	splits    map[string]string
	seen      map[[2]string]bool
	refused   map[string]int
	rows      int
	truncated int
}

func (g *grouper) add(c candidate) error {
	if split, ok := g.splits[c.ProblemID]; ok && split != c.Split {
		return fmt.Errorf("problem %s is in the splits %q and %q: its candidates would leak from one into the other; split by problem", c.ProblemID, split, c.Split)
	}
	g.splits[c.ProblemID] = c.Split
	if c.Split != g.params.Split && c.Split != g.params.Validation {
		g.refused[c.Split]++
		return nil
	}
	g.rows++
	key := [2]string{c.ProblemID, c.Code}
	if g.seen[key] {
		return nil
	}
	g.seen[key] = true
	q := g.problem(c)
	l := labelled{input: g.config.Encode(c.Prompt, c.Code), passed: c.Energy < g.params.PassBelow, weight: 1}
	if l.input.Truncated {
		g.truncated++
	}
	if l.passed {
		q.passing = append(q.passing, len(q.candidates))
	} else {
		q.failing = append(q.failing, len(q.candidates))
		l.weight = float32(c.Energy)
	}
	q.candidates = append(q.candidates, l)
	return nil
}

func (g *grouper) problem(c candidate) *problem {
	q := g.problems[c.ProblemID]
	if q == nil {
		q = &problem{id: c.ProblemID}
		g.problems[c.ProblemID] = q
		if c.Split == g.params.Split {
			g.data.train = append(g.data.train, q)
		} else {
			g.data.validation = append(g.data.validation, q)
		}
	}
	return q
}

func (g *grouper) checkSplits() error {
	for _, part := range []struct {
		split    string
		problems []*problem
	}{{g.params.Split, g.data.train}, {g.params.Validation, g.data.validation}} {
		if len(part.problems) == 0 {
			return fmt.Errorf("no row has the split %q; the splits are: %v", part.split, g.names())
		}
		if pass, fail := outcomes(part.problems); pass == 0 || fail == 0 {
			return fmt.Errorf("split %q has %d passing and %d failing candidates: there must be both to learn from", part.split, pass, fail)
		}
	}
	return nil
}

func (g *grouper) names() map[string]int {
	count := map[string]int{}
	for _, split := range g.splits {
		count[split]++
	}
	return count
}

func outcomes(problems []*problem) (pass, fail int) {
	for _, q := range problems {
		pass, fail = pass+len(q.passing), fail+len(q.failing)
	}
	return pass, fail
}
