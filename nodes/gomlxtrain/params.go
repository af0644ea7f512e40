package gomlxtrain

import (
	"maps"
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
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
	Backend       string                `yaml:"backend" key:"-" doc:"What computes: go (pure Go, always there), xla (the PJRT plugin that is found), xla:PATH (that plugin), or auto: xla where a plugin is found, else go. The same seed gives the same weights on one backend; which it is, is part of the key."`
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
	Consensus     float64               `yaml:"consensus" min:"0" max:"100" doc:"Energies are lowered by this much for each e-fold of the number of candidates that compute the same: agreement steadies what was learnt. 0: not at all."`
	Variety       float64               `yaml:"variety" min:"0" max:"100" doc:"As consensus, of the number of different programs that come to the same at made-up arguments: what is found in many ways is likelier to be right."`
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
	c := gomlxmodel.Config{Encoder: p.Encoder, Fusion: p.fusion()}
	switch p.Encoder {
	case gomlxmodel.EncoderBag:
		c.Bag = &p.Bag
	case gomlxmodel.EncoderOuroboros:
		c.Ouroboros = &p.Ouroboros
	case gomlxmodel.EncoderPretrained:
		c.Pretrained = &p.Pretrained
	default:
		c.Set = &p.Set
	}
	return c
}

// fusion has the weights that aren't 0, before any are fitted; nil without any.
func (p Params) fusion() gomlxmodel.Fusion {
	weights := gomlxmodel.Fusion{"agreement": p.Consensus, "variety": p.Variety}
	maps.DeleteFunc(weights, func(_ string, weight float64) bool { return weight == 0 })
	if len(weights) == 0 {
		return nil
	}
	return weights
}

// architecture is what the params say of the encoder.
func (p Params) architecture() gomlxmodel.Architecture {
	e, err := p.config().Architecture()
	if err != nil {
		panic(err) // the schema lists the encoders
	}
	return e
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
	}
	for _, name := range p.Fusion {
		if !slices.Contains(candidateset.SignalNames, name) {
			return node.BadField("fusion", "%q is none of %v", name, candidateset.SignalNames)
		}
	}
	if _, err := gomlxmodel.ChooseBackend(p.Backend); err != nil {
		return &node.FieldError{Field: "backend", Err: err}
	}
	return p.checkEncoder()
}

// checkEncoder finds params that don't go with the encoder.
func (p Params) checkEncoder() error {
	switch {
	case p.Encoder == gomlxmodel.EncoderOuroboros && p.Ouroboros.Tokenizer == tokenize.File && p.TokenizerFile == "":
		return node.BadField("tokenizer_file", "name the tokenizer.json of the tokenizer %q", tokenize.File)
	case p.TokenizerFile != "" && p.Encoder != gomlxmodel.EncoderPretrained && (p.Encoder != gomlxmodel.EncoderOuroboros || p.Ouroboros.Tokenizer != tokenize.File):
		return node.BadField("tokenizer_file", "nothing reads it: it is for ouroboros.tokenizer %q, or for the encoder pretrained", tokenize.File)
	case p.Encoder == gomlxmodel.EncoderBag && p.Hard > 0:
		return node.BadField("hard_negatives", "the encoder bag looks at no features, by which candidates are compared")
	case p.Encoder == gomlxmodel.EncoderBag && slices.Contains(p.Fusion, "checks"):
		return node.BadField("fusion", "the encoder bag looks at no features, which the checks are made of")
	case p.Encoder == gomlxmodel.EncoderPretrained && p.Pretrained.Path == "":
		return node.BadField("pretrained.path", "name the folder or file of the encoder")
	}
	if err := p.architecture().Check(); err != nil {
		return &node.FieldError{Field: p.Encoder, Err: err}
	}
	return nil
}
