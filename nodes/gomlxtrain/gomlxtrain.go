// Package gomlxtrain trains a verifier in GoMLX.
package gomlxtrain

import (
	"context"
	"fmt"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// candidate is a row of the input.
type candidate struct {
	ProblemID string  `arrow:"problem_id"`
	Split     string  `arrow:"split"`
	Prompt    string  `arrow:"prompt"`
	Code      string  `arrow:"code"`
	Energy    float64 `arrow:"energy"`
}

// epochRow is a row of the training curve.
type epochRow struct {
	Seed            int64    `arrow:"seed"`
	Fold            int64    `arrow:"fold"` // left out; -1 without folds
	Epoch           int64    `arrow:"epoch"`
	TrainLoss       float64  `arrow:"train_loss"`
	ValidationLoss  *float64 `arrow:"validation_loss"`  // null with folds
	ValidationAUROC *float64 `arrow:"validation_auroc"` // mean within problems; null if no problem has both outcomes
	Best            bool     `arrow:"best"`             // the lowest validation loss so far
}

// Type returns the node type gomlx_train.
func Type() *node.Type {
	return node.Def[Params]{
		Name:    "gomlx_train",
		Version: 5,
		Doc: "Trains an energy-based verifier on labelled candidates: energy low where the candidate works. " +
			"The same seed gives the same weights, also after an interruption.",
		Defaults: Params{
			Split: "train", Validation: "validation", Deals: "once", Encoder: gomlxmodel.EncoderSet,
			Set: gomlxmodel.Set{Use: []string{gomlxmodel.UseFacts, gomlxmodel.UsePeers, gomlxmodel.UseOutcomes}, Layers: 1, Hidden: 96, Dropout: 0.1},
			Ouroboros: gomlxmodel.Ouroboros{
				Sequence: gomlxmodel.Sequence{Tokenizer: "python", Vocabulary: 4096, MaxTokens: 192, PromptTokens: 64},
				Layers:   2, Width: 64, Heads: 4, Inner: 256, Dropout: 0.1,
			},
			Pretrained: gomlxmodel.Pretrained{MaxTokens: 192, PromptTokens: 64, Hidden: 128, Dropout: 0.1},
			Backend:    gomlxmodel.BackendAuto,
			Bag:        gomlxmodel.Bag{Vocabulary: 8192, Dim: 32, Hidden: 64, PromptIDs: 64, CodeIDs: 256},
			Epochs:     24, Problems: 16, LearningRate: 2e-3, Schedule: "cosine", WeightDecay: 1e-2, Clip: 5,
			Loss: Loss{Contrastive: 0.3, Pointwise: 1}, Consensus: 0.2, Variety: 0.9, PassBelow: 0.5, Seeds: 5, Weights: Weights{Class: "sampled", Problem: "equal"},
		},
		Check:   check,
		Ports:   ports,
		Pin:     pin,
		Witness: witness,
		Run:     run,
	}.Type()
}

func ports(p Params) node.Ports {
	schema := table.SchemaOf[candidate]()
	if p.architecture().NeedsFeatures() {
		schema = table.Concat(schema, table.SchemaOf[codefacts.Features]())
	}
	return node.Ports{
		In: []node.Port{
			{Name: "in", Doc: "Labelled candidates.", Schema: schema},
			{Name: "degenerate", Doc: "Labelled degenerate versions of candidates, to be trained on beside them.", Schema: schema, Optional: true},
		},
		Out: []node.Port{
			{Name: "model", Doc: "The verifier: config.json and weights.safetensors."},
			{Name: "curve", Doc: "One row an epoch.", Schema: table.SchemaOf[epochRow]()},
		},
	}
}

func run(ctx context.Context, p Params, t node.Task) (err error) {
	defer gomlxmodel.Recovered(&err)
	config, assets, err := p.load()
	if err != nil {
		return err
	}
	backend, err := gomlxmodel.ChooseBackend(p.Backend)
	if err != nil {
		return err
	}
	encoder, err := gomlxmodel.Equip(config, assets, backend)
	if err != nil {
		return err
	}
	data, err := readData(p, encoder, t)
	if err != nil {
		return err
	}
	dir, err := t.Scratch()
	if err != nil {
		return err
	}
	e := &ensemble{params: p, encoder: encoder, backend: backend, data: data, host: t, dir: dir}
	members, err := e.train(ctx)
	if err != nil {
		return err
	}
	if p.Encoder == gomlxmodel.EncoderPretrained && p.Pretrained.Tune {
		assets.Base = nil // each member has its own
	}
	m := gomlxmodel.Model{Config: config, Assets: assets}
	m.Folds, m.Shown = data.folds, data.shown
	return p.save(m, data, members, backend, t)
}

// save writes the model with its members, fused with the signals that the params name, and
// the curve.
func (p Params) save(m gomlxmodel.Model, d *data, members []trained, backend gomlxmodel.Backend, t node.Task) error {
	var curve []epochRow
	for _, of := range members {
		m.Members, m.Weights = append(m.Members, of.Member), append(m.Weights, of.weights)
		curve = append(curve, of.curve...)
	}
	dir, err := t.OutTree("model")
	if err != nil {
		return err
	}
	if err := gomlxmodel.Save(dir, m); err != nil {
		return fmt.Errorf("saving the model: %w", err)
	}
	if len(p.Fusion) > 0 {
		if m.Fusion, err = p.fuse(dir, d.pools, backend, t); err != nil {
			return fmt.Errorf("fitting the weights of %v: %w", p.Fusion, err)
		}
		if err := gomlxmodel.Save(dir, m); err != nil {
			return fmt.Errorf("saving the model: %w", err)
		}
	}
	return node.Emit(t, "curve", curve)
}
