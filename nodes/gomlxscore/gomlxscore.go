// Package gomlxscore computes the energies of candidates with a trained verifier.
package gomlxscore

import (
	"context"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// Params of the node: there are none, the model says everything.
type Params struct{}

type in struct {
	Prompt string `arrow:"prompt"`
	Code   string `arrow:"code"`
}

type out struct {
	Energy float64 `arrow:"predicted_energy"` // any real number, low for code that is likely to pass
}

// Type returns the node type gomlx_score.
func Type() *node.Type {
	return node.RowDef[Params, in, out]{
		Name:    "gomlx_score",
		Version: 1,
		Doc:     "Adds the energy that a trained verifier gives to each candidate, from the prompt and the code alone.",
		Sides:   []node.Port{{Name: "model", Doc: "The verifier of gomlx_train."}},
		Run:     run,
	}.Type()
}

// chunk is how many candidates are scored before the results are handed over.
const chunk = 1024

func run(ctx context.Context, _ Params, w *node.Work[in, out]) error {
	tree, err := w.Tree("model")
	if err != nil {
		return err
	}
	config, weights, err := gomlxmodel.Load(tree)
	if err != nil {
		return err
	}
	scorer, err := gomlxmodel.NewScorer(config, weights.Context())
	if err != nil {
		return err
	}
	return w.Chunks(1, chunk, func(_ int, items []node.Item[in]) error {
		return score(ctx, config, scorer, w, items)
	})
}

func score(ctx context.Context, c gomlxmodel.Config, s *gomlxmodel.Scorer, w *node.Work[in, out], items []node.Item[in]) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	inputs := make([]gomlxmodel.Input, len(items))
	for i, item := range items {
		inputs[i] = c.Encode(item.In.Prompt, item.In.Code)
	}
	energies, err := s.Score(inputs)
	if err != nil {
		return err
	}
	for i, item := range items {
		if err := w.Emit(item, out{energies[i]}); err != nil {
			return err
		}
	}
	return nil
}
