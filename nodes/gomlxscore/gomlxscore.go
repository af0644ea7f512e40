// Package gomlxscore computes the energies of candidates with a trained verifier.
package gomlxscore

import (
	"context"
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// Params of the node; the model says the rest.
type Params struct {
	Backend string `yaml:"backend" doc:"What computes: go, xla, xla:PATH or auto, as for gomlx_train. Energies are the same to the bit on one backend."`
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
		Version: 3,
		Doc: "Adds the energy that a trained verifier gives to each candidate, which may depend on the problem's other candidates but on nothing else. " +
			"After training with folds, a problem is judged by the models that were not trained on it; without, by all, so that splits have to keep apart what is evaluated.",
		Defaults: Params{Backend: gomlxmodel.BackendAuto},
		Pin:      func(_ context.Context, p Params) (node.Pins, error) { return gomlxmodel.PinBackend(p.Backend) },
		Witness:  func(p Params) ([]string, bool) { return gomlxmodel.WitnessBackend(p.Backend) },
		Ports: func(Params) node.Ports {
			return node.Ports{
				In: []node.Port{
					{Name: "in", Doc: "Candidates, with the columns of code_features if the encoder looks at those.", Schema: table.SchemaOf[in]()},
					{Name: "model", Doc: "The verifier of gomlx_train."},
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
	problems, err := read(t, v)
	if err != nil {
		return err
	}
	rows := make([]out, problems.rows)
	for i, p := range problems.list {
		if err := ctx.Err(); err != nil {
			return err
		}
		judged, err := v.Judge(&p.Problem)
		if err != nil {
			return err
		}
		for j, row := range p.rows {
			rows[row] = out{judged[j].Energy, judged[j].Spread}
		}
		t.Progress(int64(i+1), int64(len(problems.list)), "problems")
	}
	return node.EmitBeside(t, "out", "in", slices.Values(rows))
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

func read(t node.Task, v *gomlxmodel.Verifier) (*problems, error) {
	table, err := t.Table("in")
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
