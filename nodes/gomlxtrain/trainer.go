package gomlxtrain

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
)

// trainer fits one model. What an epoch does depends on the seed, its number and
// the variables alone, so that training can go on from any checkpoint.
type trainer struct {
	params            Params
	member            gomlxmodel.Member
	encoder           gomlxmodel.Encoder
	train, validation []*problem
	host              node.Host
	dir               string // of checkpoints
	ctx               *mlctx.Context
	step              *mlctx.Exec // one step of the optimizer; returns the loss
	eval              *mlctx.Exec // the loss alone
	scorer            *gomlxmodel.Scorer

	epoch    int // epochs done
	stale    int // epochs since the best one
	bestLoss float64
	best     gomlxmodel.Weights
	curve    []epochRow
}

func newTrainer(backend backends.Backend, p Params, e gomlxmodel.Encoder, m gomlxmodel.Member, train, validation []*problem, host node.Host, dir string) (t *trainer, err error) {
	defer gomlxmodel.Recovered(&err)
	t = &trainer{params: p, member: m, encoder: e, train: train, validation: validation, host: host, dir: dir, bestLoss: math.Inf(1)}
	if err := t.restore(); err != nil {
		return nil, err
	}
	if t.ctx == nil {
		t.ctx = t.initial().Context()
	}
	if t.step, err = mlctx.NewExec(backend, t.ctx, t.stepGraph); err != nil {
		return nil, err
	}
	if t.eval, err = mlctx.NewExec(backend, t.ctx, func(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
		return t.lossGraph(&gomlxmodel.Pass{Context: ctx}, in)
	}); err != nil {
		return nil, err
	}
	t.step.SetMaxCache(gomlxmodel.MostShapes)
	t.eval.SetMaxCache(gomlxmodel.MostShapes)
	t.scorer, err = gomlxmodel.NewScorer(backend, t.encoder, t.ctx)
	return t, err
}

// initial are the weights that training starts from.
func (t *trainer) initial() gomlxmodel.Weights {
	w := gomlxmodel.Initial(t.encoder, uint64(t.member.Seed))
	for name, c := range t.encoder.Constants(itemsOf(t.train)) {
		w[name] = c
	}
	return w
}

func itemsOf(problems []*problem) []gomlxmodel.Item {
	var items []gomlxmodel.Item
	for _, q := range problems {
		for _, l := range q.items {
			items = append(items, l.Item)
		}
	}
	return items
}

// stepGraph builds a step: the learning rate, the state of random numbers, and a batch.
func (t *trainer) stepGraph(ctx *mlctx.Context, in []*graph.Node) *graph.Node {
	rate, key, rest := in[0], in[1], in[2:]
	g := rate.Graph()
	ctx.SetTraining(g, true)
	l := t.lossGraph(&gomlxmodel.Pass{Context: ctx, Key: key}, rest)
	gradients := ctx.BuildTrainableVariablesGradientsGraph(l)
	if t.params.Clip > 0 {
		clip(gradients, t.params.Clip)
	}
	optimizers.LearningRateVar(ctx, dtypes.Float32, 0).SetValueGraph(rate)
	adam := optimizers.Adam().LearningRate(0).WeightDecay(t.params.WeightDecay).Done()
	adam.(gradientOptimizer).UpdateGraphWithGradients(ctx, gradients, l.DType())
	return l
}

// gradientOptimizer is what GoMLX's optimizers are that take gradients.
type gradientOptimizer interface {
	UpdateGraphWithGradients(ctx *mlctx.Context, gradients []*graph.Node, loss dtypes.DType)
}

// clip scales gradients down together if their norm is above a limit.
func clip(gradients []*graph.Node, limit float64) {
	squares := graph.ScalarZero(gradients[0].Graph(), dtypes.Float32)
	for _, g := range gradients {
		squares = graph.Add(squares, graph.ReduceAllSum(graph.Square(g)))
	}
	scale := graph.MinScalar(graph.DivScalar(graph.Reciprocal(graph.AddScalar(graph.Sqrt(squares), 1e-12)), 1/limit), 1)
	for i, g := range gradients {
		gradients[i] = graph.Mul(g, scale)
	}
}

// lossGraph builds the loss of a batch: the model's tensors, then those of labels.
func (t *trainer) lossGraph(p *gomlxmodel.Pass, in []*graph.Node) *graph.Node {
	at := len(in) - 4
	energies := t.encoder.Energies(p, in[:at])
	return t.params.Loss.total(energies, t.encoder.OnLabelScale(energies), labels{in[at], in[at+1], in[at+2], in[at+3]})
}

// fit trains until the epochs are done or the validation loss stays worse.
func (t *trainer) fit(ctx context.Context, progress func()) (err error) {
	defer gomlxmodel.Recovered(&err)
	for t.epoch < t.params.Epochs && (t.params.Patience == 0 || t.stale < t.params.Patience) {
		if err := t.stopped(ctx); err != nil {
			return err
		}
		if err := t.runEpoch(ctx); err != nil {
			return err
		}
		if err := t.checkpoint(); err != nil {
			return fmt.Errorf("writing a checkpoint: %w", err)
		}
		progress()
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
	rng := rand.New(rand.NewPCG(uint64(t.member.Seed), uint64(t.epoch)+100))
	batches := t.batches(t.train, rng)
	sum := 0.0
	for i, b := range batches {
		if err := ctx.Err(); err != nil {
			return err
		}
		l, err := t.runStep(b, t.epoch*len(batches)+i, t.params.Epochs*len(batches), rng)
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

func (t *trainer) runStep(b *batch, step, steps int, rng *rand.Rand) (float64, error) {
	key := []uint64{rng.Uint64(), rng.Uint64(), rng.Uint64()}
	return run1(t.step, append([]any{float32(t.params.rate(step, steps)), key}, b.tensors(t.encoder)...))
}

// rate is the learning rate of a step.
func (p Params) rate(step, steps int) float64 {
	rate := p.LearningRate
	if p.Schedule == "cosine" {
		rate *= (1 + math.Cos(math.Pi*float64(step)/float64(steps))) / 2
	}
	if step < p.Warmup {
		rate *= float64(step+1) / float64(p.Warmup)
	}
	return rate
}

func run1(x *mlctx.Exec, in []any) (float64, error) {
	out, err := x.Exec(in...)
	if err != nil {
		return 0, err
	}
	return float64(tensors.ToScalar[float32](out[0])), nil
}

func (t *trainer) endEpoch(trainLoss float64) (err error) {
	row := epochRow{Seed: int64(t.member.Seed), Fold: int64(t.member.Fold), Epoch: int64(t.epoch + 1), TrainLoss: trainLoss, Best: true}
	if len(t.validation) > 0 {
		if err := t.validate(&row); err != nil {
			return err
		}
	}
	t.epoch++
	t.stale++
	if row.Best {
		t.stale = 0
	}
	if row.Best || t.params.Patience == 0 {
		if t.best, err = gomlxmodel.ReadWeights(t.ctx); err != nil {
			return err
		}
	}
	t.curve = append(t.curve, row)
	return nil
}

// validate fills in what the validation problems say.
func (t *trainer) validate(row *epochRow) error {
	loss, err := t.validationLoss()
	if err != nil {
		return err
	}
	row.ValidationLoss, row.Best = &loss, loss < t.bestLoss
	t.bestLoss = min(t.bestLoss, loss)
	row.ValidationAUROC, err = t.validationAUROC()
	return err
}

// note tells how good the best epoch is.
func (t *trainer) note() string {
	if len(t.validation) == 0 {
		return "no validation"
	}
	return fmt.Sprintf("best validation loss %.4f", t.bestLoss)
}

// batches cuts the problems, in random order, into batches, each problem with a
// random choice of its candidates.
func (t *trainer) batches(problems []*problem, rng *rand.Rand) []*batch {
	order := rng.Perm(len(problems))
	var out []*batch
	for chunk := range slices.Chunk(order, t.params.Problems) {
		b := &batch{problems: t.params.Problems}
		for i, q := range chunk {
			b.add(i, t.choose(problems[q], rng), t.params.Weights)
		}
		if t.params.Weights.Problem == "candidates" {
			b.level()
		}
		b.pad(t.params.batchStep())
		out = append(out, b)
	}
	return out
}

// choose draws items: half passing and half failing, or more of one where there are too
// few of the other. Of the failing ones a share are the hardest.
func (t *trainer) choose(q *problem, rng *rand.Rand) []labelled {
	n := t.params.Candidates
	if n == 0 {
		return q.items
	}
	pass, fail := shuffled(q.passing, rng), shuffled(q.failing, rng)
	p := min(len(pass), max(n/2, n-len(fail)))
	f := min(len(fail), n-p)
	if hard := int(math.Round(t.params.Hard * float64(f))); hard > 0 {
		fail = slices.Concat(q.failing[:hard], shuffled(q.failing[hard:], rng))
	}
	var chosen []labelled
	for _, i := range slices.Concat(pass[:p], fail[:f]) {
		chosen = append(chosen, q.items[i])
	}
	return chosen
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
	batches := t.batches(t.validation, rng)
	sum := 0.0
	for _, b := range batches {
		l, err := run1(t.eval, b.tensors(t.encoder))
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
	for _, q := range t.validation {
		if !q.both() {
			continue
		}
		passed := make([]bool, len(q.items))
		for i, l := range q.items {
			passed[i] = l.passed > 0.5
		}
		energies, err := t.scorer.Score(itemsOf([]*problem{q}))
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
