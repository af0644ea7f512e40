// Package gomlxtrain trains a verifier in GoMLX.
package gomlxtrain

import (
	"context"
	"fmt"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// Params of the node.
type Params struct {
	Split        string  `yaml:"split" doc:"Split to train on. Rows of other splits are refused: they can't reach the weights."`
	Validation   string  `yaml:"validation" doc:"Split for early stopping and the choice of the epoch."`
	Encoder      Encoder `yaml:"encoder" doc:"Sizes of the model."`
	Epochs       int     `yaml:"epochs" min:"1" max:"100000" doc:"Most passes over the training problems."`
	Patience     int     `yaml:"patience" min:"1" doc:"Training ends after this many epochs without a better validation loss."`
	Problems     int     `yaml:"batch_problems" min:"1" max:"4096" doc:"Problems in a batch."`
	Candidates   int     `yaml:"batch_candidates" min:"2" max:"4096" doc:"Candidates of each problem in a batch: half of them passing, where there are enough."`
	LearningRate float64 `yaml:"learning_rate" min:"0" max:"1" doc:"Learning rate of AdamW."`
	WeightDecay  float64 `yaml:"weight_decay" min:"0" max:"1" doc:"Weight decay of AdamW."`
	Contrastive  float64 `yaml:"contrastive" min:"0" doc:"Weight of the loss within a problem: -log of the softmax mass that passing candidates get."`
	Pointwise    float64 `yaml:"pointwise" min:"0" doc:"Weight of the cross-entropy of each candidate, averaged by problem."`
	PassBelow    float64 `yaml:"pass_below" doc:"A label energy below this counts as a pass. The energy of a failing row scales how hard it is pushed up."`
	Seed         int     `yaml:"seed" min:"0" doc:"Seed of the initial weights and of the batches."`
}

// Encoder has the sizes of the bag encoder.
type Encoder struct {
	Vocabulary int `yaml:"vocabulary" min:"16" max:"16777216" doc:"Hash buckets for 1- and 2-grams of tokens."`
	Dim        int `yaml:"dim" min:"1" max:"4096" doc:"Width of an embedding."`
	Hidden     int `yaml:"hidden" min:"1" max:"65536" doc:"Width of the hidden layer."`
	PromptIDs  int `yaml:"prompt_ids" min:"1" max:"65536" doc:"Grams of the prompt that count; the rest is cut."`
	CodeIDs    int `yaml:"code_ids" min:"1" max:"65536" doc:"Grams of the code that count; the rest is cut."`
}

func (e Encoder) config() gomlxmodel.Config {
	return gomlxmodel.Config{
		Format: gomlxmodel.Format, Vocabulary: e.Vocabulary, Dim: e.Dim, Hidden: e.Hidden,
		PromptIDs: e.PromptIDs, CodeIDs: e.CodeIDs,
	}
}

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
	Epoch           int64    `arrow:"epoch"`
	TrainLoss       float64  `arrow:"train_loss"`
	ValidationLoss  float64  `arrow:"validation_loss"`
	ValidationAUROC *float64 `arrow:"validation_auroc"` // mean within problems; null if no problem has both outcomes
	Best            bool     `arrow:"best"`             // the lowest validation loss so far
}

// Type returns the node type gomlx_train.
func Type() *node.Type {
	return node.Def[Params]{
		Name:    "gomlx_train",
		Version: 1,
		Doc: "Trains an energy-based verifier on labelled candidates: energy low where the candidate works. " +
			"It sees the prompt and the code, never a test. The same seed gives the same weights, also after an interruption.",
		Defaults: Params{
			Split: "train", Validation: "validation",
			Encoder:  Encoder{Vocabulary: 8192, Dim: 32, Hidden: 64, PromptIDs: 64, CodeIDs: 256},
			Epochs:   40,
			Patience: 8, Problems: 16, Candidates: 8, LearningRate: 2e-3, WeightDecay: 1e-2,
			Contrastive: 1, Pointwise: 1, PassBelow: 0.5,
		},
		Check: check,
		Ports: func(Params) node.Ports {
			return node.Ports{
				In: []node.Port{{Name: "in", Doc: "Labelled candidates.", Schema: table.SchemaOf[candidate]()}},
				Out: []node.Port{
					{Name: "model", Doc: "The verifier: config.json and weights.safetensors."},
					{Name: "curve", Doc: "One row an epoch.", Schema: table.SchemaOf[epochRow]()},
				},
			}
		},
		Run: run,
	}.Type()
}

func check(p Params) error {
	switch {
	case p.Split == "":
		return node.BadField("split", "name the split to train on")
	case p.Validation == "" || p.Validation == p.Split:
		return node.BadField("validation", "name a split for validation that isn't the one to train on")
	case p.Contrastive == 0 && p.Pointwise == 0:
		return node.BadField("contrastive", "contrastive and pointwise are both 0, so there is nothing to learn")
	case p.LearningRate == 0:
		return node.BadField("learning_rate", "the learning rate must be above 0")
	}
	return nil
}

func run(ctx context.Context, p Params, t node.Task) error {
	data, err := readData(p, t)
	if err != nil {
		return err
	}
	tr, err := newTrainer(p, data, t)
	if err != nil {
		return err
	}
	if err := tr.fit(ctx); err != nil {
		return err
	}
	dir, err := t.OutTree("model")
	if err != nil {
		return err
	}
	if err := gomlxmodel.Save(dir, p.Encoder.config(), tr.best); err != nil {
		return fmt.Errorf("saving the model: %w", err)
	}
	return node.Emit(t, "curve", tr.curve)
}
