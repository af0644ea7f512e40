package gomlxtrain

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
)

// trainer fits a model. What an epoch does depends on the seed, its number and
// the variables alone, so that training can go on from any checkpoint.
type trainer struct {
	params Params
	config gomlxmodel.Config
	data   *data
	host   node.Host
	ctx    *mlctx.Context
	step   *mlctx.Exec // one step of the optimizer; returns the loss
	eval   *mlctx.Exec // the loss alone
	scorer *gomlxmodel.Scorer

	epoch    int // epochs done
	stale    int // epochs since the best one
	bestLoss float64
	best     gomlxmodel.Weights
	curve    []epochRow
}

func newTrainer(p Params, d *data, host node.Host) (*trainer, error) {
	t := &trainer{params: p, config: p.Encoder.config(), data: d, host: host, bestLoss: math.Inf(1)}
	if err := t.restore(); err != nil {
		return nil, err
	}
	if t.ctx == nil {
		t.ctx = t.config.Initial(uint64(p.Seed)).Context()
	}
	backend, err := gomlxmodel.Backend()
	if err != nil {
		return nil, err
	}
	adam := optimizers.Adam().LearningRate(p.LearningRate).WeightDecay(p.WeightDecay).Done()
	if t.step, err = mlctx.NewExec(backend, t.ctx, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
		ctx.SetTraining(in[0].Graph(), true)
		l := t.graph(ctx, in)
		adam.UpdateGraph(ctx, in[0].Graph(), l)
		return l
	}); err != nil {
		return nil, err
	}
	if t.eval, err = mlctx.NewExec(backend, t.ctx, t.graph); err != nil {
		return nil, err
	}
	t.scorer, err = gomlxmodel.NewScorer(t.config, t.ctx)
	return t, err
}

// graph builds the loss of a batch: prompt, code, surface, passed, weight.
func (t *trainer) graph(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
	energies := t.config.Energies(ctx, in[0], in[1], in[2])
	return loss(t.params, graph.Reshape(energies, in[3].Shape().Dimensions...), in[3], in[4])
}

// fit trains until the epochs are done or the validation loss stays worse.
func (t *trainer) fit(ctx context.Context) (err error) {
	defer func() { // GoMLX reports errors while building a graph by panics
		if p := recover(); p != nil {
			err = fmt.Errorf("training: %v", p)
		}
	}()
	for t.epoch < t.params.Epochs && t.stale < t.params.Patience {
		if err := t.stopped(ctx); err != nil {
			return err
		}
		if err := t.runEpoch(ctx); err != nil {
			return err
		}
		if err := t.checkpoint(); err != nil {
			return fmt.Errorf("writing a checkpoint: %w", err)
		}
		if testHookEpoch != nil {
			testHookEpoch(t.epoch)
		}
	}
	return nil
}

// testHookEpoch, if a test sets it, is called after each epoch.
var testHookEpoch func(epoch int)

// stopped tells whether to end before the next epoch; the last checkpoint has
// everything.
func (t *trainer) stopped(ctx context.Context) error {
	select {
	case <-t.host.Draining():
		return node.ErrDrained
	default:
		return ctx.Err()
	}
}

func (t *trainer) runEpoch(ctx context.Context) error {
	rng := rand.New(rand.NewPCG(uint64(t.params.Seed), uint64(t.epoch)+100))
	batches := t.batches(t.data.train, rng)
	sum := 0.0
	for _, b := range batches {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, err := t.run(t.step, b)
		if err != nil {
			return err
		}
		if math.IsNaN(l) || math.IsInf(l, 0) {
			return fmt.Errorf("training diverged in epoch %d: the loss is %v; lower learning_rate", t.epoch+1, l)
		}
		sum += l
	}
	return t.endEpoch(sum / float64(len(batches)))
}

func (t *trainer) endEpoch(trainLoss float64) error {
	valLoss, err := t.validationLoss()
	if err != nil {
		return err
	}
	row := epochRow{Epoch: int64(t.epoch + 1), TrainLoss: trainLoss, ValidationLoss: valLoss, Best: valLoss < t.bestLoss}
	if row.ValidationAUROC, err = t.validationAUROC(); err != nil {
		return err
	}
	t.epoch++
	t.stale++
	if row.Best {
		t.stale, t.bestLoss = 0, valLoss
		if t.best, err = gomlxmodel.ReadWeights(t.ctx); err != nil {
			return err
		}
	}
	t.curve = append(t.curve, row)
	note := fmt.Sprintf("loss %.4f, validation %.4f", trainLoss, valLoss)
	t.host.Progress(int64(t.epoch), int64(t.params.Epochs), note)
	t.host.Logf("epoch %d: %s, best %.4f", t.epoch, note, t.bestLoss)
	return nil
}

func (t *trainer) run(x *mlctx.Exec, b *batch) (float64, error) {
	out, err := x.Exec(b.tensors(t.config, t.params.Problems, t.params.Candidates)...)
	if err != nil {
		return 0, err
	}
	return float64(tensors.ToScalar[float32](out[0])), nil
}

// batches cuts the problems, in random order, into batches, each problem with a
// random choice of its candidates.
func (t *trainer) batches(problems []*problem, rng *rand.Rand) []*batch {
	order := rng.Perm(len(problems))
	var out []*batch
	for chunk := range slices.Chunk(order, t.params.Problems) {
		b := &batch{}
		for i, q := range chunk {
			for _, c := range choose(problems[q], t.params.Candidates, rng) {
				b.add(problems[q].candidates[c])
			}
			b.pad((i + 1) * t.params.Candidates)
		}
		b.pad(t.params.Problems * t.params.Candidates)
		out = append(out, b)
	}
	return out
}

// choose draws up to n candidates: half passing and half failing, or more of one
// where there are too few of the other.
func choose(q *problem, n int, rng *rand.Rand) []int {
	pass, fail := shuffled(q.passing, rng), shuffled(q.failing, rng)
	p := min(len(pass), max(n/2, n-len(fail)))
	return append(pass[:p], fail[:min(len(fail), n-p)]...)
}

func shuffled(list []int, rng *rand.Rand) []int {
	c := slices.Clone(list)
	rng.Shuffle(len(c), func(i, j int) { c[i], c[j] = c[j], c[i] })
	return c
}

// validationLoss is the loss on the validation problems, with the same choice of
// candidates every time.
func (t *trainer) validationLoss() (float64, error) {
	rng := rand.New(rand.NewPCG(uint64(t.params.Seed), 2))
	batches := t.batches(t.data.validation, rng)
	sum := 0.0
	for _, b := range batches {
		l, err := t.run(t.eval, b)
		if err != nil {
			return 0, err
		}
		sum += l
	}
	return sum / float64(len(batches)), nil
}

// validationAUROC is the mean over problems with both outcomes of the chance that
// a passing candidate has a lower energy than a failing one.
func (t *trainer) validationAUROC() (*float64, error) {
	sum, n := 0.0, 0
	for _, q := range t.data.validation {
		if !q.both() {
			continue
		}
		inputs, passed := make([]gomlxmodel.Input, len(q.candidates)), make([]bool, len(q.candidates))
		for i, c := range q.candidates {
			inputs[i], passed[i] = c.input, c.passed
		}
		energies, err := t.scorer.Score(inputs)
		if err != nil {
			return nil, err
		}
		if a, ok := rank.AUROC(energies, passed); ok {
			sum, n = sum+a, n+1
		}
	}
	if n == 0 {
		return nil, nil
	}
	mean := sum / float64(n)
	return &mean, nil
}
