// Package gomlxscore computes the energies of candidates with a trained verifier.
package gomlxscore

import (
	"context"
	"fmt"
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// Params of the node; the model says the rest.
type Params struct {
	Backend string `yaml:"backend" key:"-" doc:"What computes: go, xla, xla:PATH or auto, as for gomlx_train. Energies are the same to the bit on one backend."`
}

type in struct {
	ProblemID string `arrow:"problem_id"`
	Prompt    string `arrow:"prompt"`
	Code      string `arrow:"code"`
}

type out struct {
	Energy float64 `arrow:"predicted_energy"` // any real number, low for code that is likely to pass
	Spread float64 `arrow:"energy_spread"`    // standard deviation over the models of an ensemble
}

// Type returns the node type gomlx_score.
func Type() *node.Type {
	return node.Def[Params]{
		Name:    "gomlx_score",
		Version: 5,
		Doc: "Adds the energy that a trained verifier gives to each candidate, which may depend on the problem's other candidates but on nothing else. " +
			"After training with folds, a problem is judged by the models that were not trained on it; without, by all, so that splits have to keep apart what is evaluated.",
		Defaults: Params{Backend: gomlxmodel.BackendAuto},
		Pin:      func(_ context.Context, p Params) (node.Pins, error) { return gomlxmodel.PinBackend(p.Backend) },
		Witness:  func(p Params) ([]string, bool) { return gomlxmodel.WitnessBackend(p.Backend), true },
		Ports: func(Params) node.Ports {
			return node.Ports{
				In: []node.Port{
					{Name: "in", Doc: "Candidates, with the columns of code_features if the encoder looks at those.", Schema: table.SchemaOf[in]()},
					{Name: "model", Doc: "The verifier of gomlx_train."},
					{Name: "among", Doc: "Candidates that those of in are judged among, each as if it alone joined those of its problem.", Schema: table.SchemaOf[in](), Optional: true},
				},
				Out: []node.Port{{Name: "out", Doc: "The candidates with these columns added.", Schema: table.SchemaOf[out](), Keeps: "in"}},
			}
		},
		Run: run,
	}.Type()
}

func run(ctx context.Context, p Params, t node.Task) error {
	v, err := load(p, t)
	if err != nil {
		return err
	}
	rows, err := energies(ctx, t, v)
	if err != nil {
		return err
	}
	return node.EmitBeside(t, "out", "in", slices.Values(rows))
}

// energies are those of each row of the input.
func energies(ctx context.Context, t node.Task, v *gomlxmodel.Verifier) ([]out, error) {
	if t.Bound("among") {
		pools, err := read(t, "among", v)
		if err != nil {
			return nil, err
		}
		return pools.judgeJoining(ctx, t, v)
	}
	problems, err := read(t, "in", v)
	if err != nil {
		return nil, err
	}
	return problems.judge(ctx, t, v)
}

// judge scores the candidates of each problem together.
func (p *problems) judge(ctx context.Context, t node.Task, v *gomlxmodel.Verifier) ([]out, error) {
	rows := make([]out, p.rows)
	for i, q := range p.list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		judged, err := v.Judge(&q.Problem)
		if err != nil {
			return nil, err
		}
		for j, row := range q.rows {
			rows[row] = out{judged[j].Energy, judged[j].Spread}
		}
		t.Progress(int64(i+1), int64(len(p.list)), "problems")
	}
	return rows, nil
}

// joiners are rows of the input, by problem, that join its candidates.
type joiners struct {
	texts map[string][]candidateset.Text
	rows  map[string][]int
	count int
}

// judgeJoining scores each row of the input among the candidates of its problem.
func (p *problems) judgeJoining(ctx context.Context, t node.Task, v *gomlxmodel.Verifier) ([]out, error) {
	j, err := p.readJoiners(t, v)
	if err != nil {
		return nil, err
	}
	rows := make([]out, j.count)
	for i, q := range p.list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		judged, err := v.JudgeJoining(&q.Problem, j.texts[q.ID])
		if err != nil {
			return nil, err
		}
		for k, row := range j.rows[q.ID] {
			rows[row] = out{judged[k].Energy, judged[k].Spread}
		}
		t.Progress(int64(i+1), int64(len(p.list)), "problems")
	}
	return rows, nil
}

func (p *problems) readJoiners(t node.Task, v *gomlxmodel.Verifier) (*joiners, error) {
	table, err := t.Table("in")
	if err != nil {
		return nil, err
	}
	defer table.Close()
	j := &joiners{texts: map[string][]candidateset.Text{}, rows: map[string][]int{}}
	return j, candidateset.Each(table, v.Encoder.NeedsFeatures(), func(c candidateset.Candidate[in]) error {
		id := c.Row.ProblemID
		if p.byID[id] == nil {
			return fmt.Errorf("problem %s has no candidates in the input %q", id, "among")
		}
		text, err := c.Text(c.Row.Code)
		j.texts[id], j.rows[id] = append(j.texts[id], text), append(j.rows[id], j.count)
		j.count++
		return err
	})
}

func load(p Params, t node.Task) (*gomlxmodel.Verifier, error) {
	tree, err := t.Tree("model")
	if err != nil {
		return nil, err
	}
	model, err := gomlxmodel.Load(tree)
	if err != nil {
		return nil, err
	}
	backend, err := gomlxmodel.ChooseBackend(p.Backend)
	if err != nil {
		return nil, err
	}
	return gomlxmodel.NewVerifier(model, backend)
}

// problem knows where its candidates are in the table.
type problem struct {
	candidateset.Problem
	rows []int
}

type problems struct {
	list  []*problem
	byID  map[string]*problem
	rows  int
	shown int
}

func read(t node.Task, port string, v *gomlxmodel.Verifier) (*problems, error) {
	table, err := t.Table(port)
	if err != nil {
		return nil, err
	}
	defer table.Close()
	p := &problems{byID: map[string]*problem{}}
	if err := candidateset.Each(table, v.Encoder.NeedsFeatures(), p.add); err != nil {
		return nil, err
	}
	if min(p.shown, 2) != min(v.Config.Shown, 2) {
		t.Logf("the verifier was shown up to %d tests of a problem in training, and here up to %d: give code_features the same show_tests", v.Config.Shown, p.shown)
	}
	return p, nil
}

func (p *problems) add(c candidateset.Candidate[in]) error {
	q := p.byID[c.Row.ProblemID]
	if q == nil {
		q = &problem{Problem: candidateset.Problem{ID: c.Row.ProblemID, Prompt: c.Row.Prompt}}
		p.byID[q.ID], p.list = q, append(p.list, q)
	}
	q.rows = append(q.rows, p.rows)
	p.rows++
	p.shown = max(p.shown, c.Shown())
	return c.AddTo(&q.Problem, c.Row.Code)
}
