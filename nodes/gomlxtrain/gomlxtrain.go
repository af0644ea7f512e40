// Package gomlxtrain trains a verifier in GoMLX.
package gomlxtrain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
	"github.com/ouroflow/ouroflow/nodes/internal/tokenize"
)

// Params of the node.
type Params struct {
	Split         string                `yaml:"split" doc:"Split to train on. Rows of other splits are refused: they can't reach the weights. With folds it may be empty: all rows."`
	Validation    string                `yaml:"validation" doc:"Split for early stopping and the choice of the epoch. Not read with folds."`
	Folds         int                   `yaml:"folds" min:"0" max:"1000" doc:"Deal the problems of split to this many folds and train models that haven't seen one of them each; gomlx_score then judges a problem by those that haven't seen it. 0: no folds."`
	Deals         string                `yaml:"deals" enum:"each|once" doc:"each: every seed deals folds of its own, so that a problem is judged by models that were trained on different parts of the others. once: all seeds share the same folds."`
	Encoder       string                `yaml:"encoder" enum:"set|bag|ouroboros|pretrained" doc:"What the model looks at. set: a program relative to the problem's other candidates. bag: hashed n-grams of the prompt and the code of one candidate. ouroboros: a transformer over the prompt and the code of one candidate. pretrained: a small network on an encoder like BERT that others trained."`
	Set           gomlxmodel.Set        `yaml:"set" doc:"Sizes of the encoder set."`
	Bag           gomlxmodel.Bag        `yaml:"bag" doc:"Sizes of the encoder bag."`
	Ouroboros     gomlxmodel.Ouroboros  `yaml:"ouroboros" doc:"Sizes of the encoder ouroboros."`
	Pretrained    gomlxmodel.Pretrained `yaml:"pretrained" doc:"Sizes of the encoder pretrained."`
	TokenizerFile node.Path             `yaml:"tokenizer_file" doc:"A tokenizer.json, for the tokenizer file. The model keeps a copy of it."`
	Backend       string                `yaml:"backend" doc:"What computes: go (pure Go, always there), xla (the PJRT plugin that is found), xla:PATH (that plugin), or auto: xla where a plugin is found, else go. The same seed gives the same weights on one backend; it is part of the key."`
	Limit         int                   `yaml:"candidates" min:"0" doc:"Train on at most this many candidates of each problem, the first ones: for learning curves. 0: all."`
	Epochs        int                   `yaml:"epochs" min:"1" max:"100000" doc:"Most passes over the training problems."`
	Patience      int                   `yaml:"patience" min:"0" doc:"Training ends after this many epochs without a better validation loss, and the best epoch counts. 0: it goes on to the end, and the last one counts."`
	Problems      int                   `yaml:"batch_problems" min:"1" max:"4096" doc:"Problems in a batch."`
	Candidates    int                   `yaml:"batch_candidates" min:"0" max:"4096" doc:"Distinct candidates of each problem in a batch: half of them passing, where there are enough. 0: all of them."`
	Hard          float64               `yaml:"hard_negatives" min:"0" max:"1" doc:"Share of the failing candidates in a batch that are those most like a passing one (Jaccard index of token bigrams). The others are drawn. It needs batch_candidates."`
	Weights       Weights               `yaml:"weights" doc:"What counts how much in the parts pointwise and mse of the loss."`
	LearningRate  float64               `yaml:"learning_rate" min:"0" max:"1" doc:"Learning rate of AdamW."`
	Schedule      string                `yaml:"schedule" enum:"constant|cosine" doc:"How the learning rate goes: it stays, or falls to 0 along a cosine."`
	Warmup        int                   `yaml:"warmup" min:"0" doc:"Steps in which the learning rate rises from 0."`
	WeightDecay   float64               `yaml:"weight_decay" min:"0" max:"1" doc:"Weight decay of AdamW."`
	Clip          float64               `yaml:"clip" min:"0" doc:"Largest norm of a gradient; longer ones are scaled down. 0: none."`
	Loss          Loss                  `yaml:"loss" doc:"Weights of the parts of the loss."`
	Consensus     float64               `yaml:"consensus" min:"0" max:"100" doc:"Energies are lowered by this much for each e-fold of the number of candidates that are the same program: agreement steadies what was learnt. 0: not at all."`
	Fusion        []string              `yaml:"fusion" doc:"Signals by which energies are lowered, with weights fitted on the validation problems: agreement (starting from consensus), logprob, length, checks. Not with folds, which leave no problems for it."`
	PassBelow     float64               `yaml:"pass_below" doc:"A label energy below this counts as a pass."`
	Seed          int                   `yaml:"seed" min:"0" doc:"Seed of the folds, and of the initial weights and the batches of the first model."`
	Seeds         int                   `yaml:"seeds" min:"1" max:"1000" doc:"Models to train, each with a seed of its own. The energy is their mean."`
}

// Weights say what counts how much in a loss that is averaged over candidates.
type Weights struct {
	CountCap int    `yaml:"count_cap" min:"0" doc:"A program weighs as the square root of the number of candidates that are the same, at most this many. 0: however many they are."`
	Class    string `yaml:"class" enum:"sampled|balanced" doc:"sampled: as candidates were sampled. balanced: the passing programs of a problem weigh as much as the failing ones, where there are both."`
	Problem  string `yaml:"problem" enum:"equal|candidates" doc:"equal: every problem weighs the same. candidates: as many as it has distinct programs."`
}

// Loss has the weights of its parts; see docs/VERIFIER.md for the formulas.
type Loss struct {
	Contrastive float64 `yaml:"contrastive" min:"0" doc:"-log of the softmax mass that the passing candidates of a problem get."`
	Pointwise   float64 `yaml:"pointwise" min:"0" doc:"Cross-entropy of each candidate, averaged by problem."`
	Margin      float64 `yaml:"margin" min:"0" doc:"How far pairs of a passing and a failing candidate are from lying as far apart as their label energies."`
	MSE         float64 `yaml:"mse" min:"0" doc:"Squared distance of the energy from the label's."`
}

const dealOnce = "once"

// deals is how often problems are dealt to folds.
func (p Params) deals() int {
	if p.Deals == dealOnce {
		return 1
	}
	return p.Seeds
}

// config describes the model to be trained.
func (p Params) config() gomlxmodel.Config {
	c := gomlxmodel.Config{Encoder: p.Encoder}
	if p.Consensus > 0 {
		c.Fusion = gomlxmodel.Fusion{"agreement": p.Consensus}
	}
	switch p.Encoder {
	case "bag":
		c.Bag = &p.Bag
	case "ouroboros":
		c.Ouroboros = &p.Ouroboros
	case "pretrained":
		c.Pretrained = &p.Pretrained
	default:
		c.Set = &p.Set
	}
	return c
}

// architecture is what the params say of the encoder.
func (p Params) architecture() gomlxmodel.Architecture {
	e, err := p.config().Architecture()
	if err != nil {
		panic(err) // the schema lists the encoders
	}
	return e
}

// load reads the files that the encoder needs, which may tell its sizes.
func (p Params) load() (c gomlxmodel.Config, a gomlxmodel.Assets, err error) {
	c = p.config()
	if c.Pretrained != nil {
		if c.Pretrained.BERT, a, err = gomlxmodel.ReadBERT(string(p.Pretrained.Path), p.Pretrained.AttentionHeads); err != nil {
			return c, a, err
		}
	}
	if p.TokenizerFile != "" {
		a.Tokenizer, err = os.ReadFile(string(p.TokenizerFile))
	}
	return c, a, err
}

// files lists what the encoder is read from.
func (p Params) files() (files []string, err error) {
	if p.Encoder == "pretrained" {
		files, err = gomlxmodel.BERTFiles(string(p.Pretrained.Path))
	}
	if p.TokenizerFile != "" {
		files = append(files, string(p.TokenizerFile))
	}
	return files, err
}

// pin names what computes, and what the files hold that the encoder is read from.
func pin(_ context.Context, p Params) (node.Pins, error) {
	pins, err := gomlxmodel.PinBackend(p.Backend)
	if err != nil {
		return nil, err
	}
	files, err := p.files()
	if err != nil {
		return nil, &node.FieldError{Field: "pretrained.path", Err: err}
	}
	for _, file := range files {
		d, err := digest.File(file)
		switch {
		case errors.Is(err, fs.ErrNotExist) && file != string(p.TokenizerFile):
			continue // a folder needn't have all of them
		case err != nil:
			return nil, err
		}
		pins[filepath.Base(file)] = d.String()
	}
	return pins, nil
}

func witness(p Params) ([]string, bool) {
	files, ok := gomlxmodel.WitnessBackend(p.Backend)
	more, err := p.files()
	return append(files, more...), ok && err == nil
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
		Version: 3,
		Doc: "Trains an energy-based verifier on labelled candidates: energy low where the candidate works. " +
			"The same seed gives the same weights, also after an interruption.",
		Defaults: Params{
			Split: "train", Validation: "validation", Deals: "once", Encoder: "set",
			Set: gomlxmodel.Set{Use: []string{gomlxmodel.UseFacts, gomlxmodel.UsePeers}, Layers: 1, Hidden: 96, Dropout: 0.1},
			Ouroboros: gomlxmodel.Ouroboros{
				Sequence: gomlxmodel.Sequence{Tokenizer: "python", Vocabulary: 4096, MaxTokens: 192, PromptTokens: 64},
				Layers:   2, Width: 64, Heads: 4, Inner: 256, Dropout: 0.1,
			},
			Pretrained: gomlxmodel.Pretrained{MaxTokens: 192, PromptTokens: 64, Hidden: 128, Dropout: 0.1},
			Backend:    gomlxmodel.BackendAuto,
			Bag:        gomlxmodel.Bag{Vocabulary: 8192, Dim: 32, Hidden: 64, PromptIDs: 64, CodeIDs: 256},
			Epochs:     24, Problems: 16, LearningRate: 2e-3, Schedule: "cosine", WeightDecay: 1e-2, Clip: 5,
			Loss: Loss{Contrastive: 0.3, Pointwise: 1}, Consensus: 0.15, PassBelow: 0.5, Seeds: 5, Weights: Weights{Class: "sampled", Problem: "equal"},
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

func check(p Params) error {
	switch {
	case p.Split == "" && p.Folds == 0:
		return node.BadField("split", "name the split to train on")
	case p.Folds == 1:
		return node.BadField("folds", "one fold would leave nothing to train on; take 2 or more, or 0 for none")
	case p.Folds == 0 && (p.Validation == "" || p.Validation == p.Split):
		return node.BadField("validation", "name a split for validation that isn't the one to train on")
	case p.Folds > 0 && len(p.Fusion) > 0:
		return node.BadField("fusion", "with folds there are no validation problems to fit weights on; set consensus instead")
	case p.Loss == Loss{}:
		return node.BadField("loss", "every part of the loss has weight 0, so there is nothing to learn")
	case p.LearningRate == 0:
		return node.BadField("learning_rate", "the learning rate must be above 0")
	case p.Hard > 0 && p.Candidates == 0:
		return node.BadField("hard_negatives", "set batch_candidates: with all candidates in every batch there is nothing to choose")
	case p.Candidates == 1:
		return node.BadField("batch_candidates", "one candidate can't be told from another; take 2 or more, or 0 for all")
	case p.Encoder == "ouroboros" && (p.Ouroboros.Tokenizer == tokenize.File) != (p.TokenizerFile != ""):
		return node.BadField("tokenizer_file", "it belongs to the tokenizer %q: name both or neither", tokenize.File)
	case p.Encoder == "pretrained" && p.Pretrained.Path == "":
		return node.BadField("pretrained.path", "name the folder or file of the encoder")
	}
	for _, name := range p.Fusion {
		if !slices.Contains(candidateset.SignalNames, name) {
			return node.BadField("fusion", "%q is none of %v", name, candidateset.SignalNames)
		}
	}
	if _, err := gomlxmodel.ChooseBackend(p.Backend); err != nil {
		return &node.FieldError{Field: "backend", Err: err}
	}
	if err := p.architecture().Check(); err != nil {
		return &node.FieldError{Field: p.Encoder, Err: err}
	}
	return nil
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
	if p.Encoder == "pretrained" && p.Pretrained.Tune {
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
