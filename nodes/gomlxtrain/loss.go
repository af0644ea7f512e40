package gomlxtrain

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// batch holds P problems of C candidates each; places that no candidate takes
// have weight 0.
type batch struct {
	inputs []gomlxmodel.Input
	passed []float32 // 1 or 0
	weight []float32
}

func (b *batch) add(l labelled) {
	b.inputs = append(b.inputs, l.input)
	b.weight = append(b.weight, l.weight)
	b.passed = append(b.passed, map[bool]float32{true: 1}[l.passed])
}

// pad fills up to n places with copies that have no weight.
func (b *batch) pad(n int) {
	for len(b.inputs) < n {
		b.inputs = append(b.inputs, b.inputs[0])
		b.weight, b.passed = append(b.weight, 0), append(b.passed, 0)
	}
}

// tensors returns prompt, code and surface as the model wants them, then passed
// and weight of shape [P, C].
func (b *batch) tensors(c gomlxmodel.Config, problems, candidates int) []any {
	p, k, s := c.Batch(b.inputs)
	return []any{
		p, k, s,
		tensors.FromFlatDataAndDimensions(b.passed, problems, candidates),
		tensors.FromFlatDataAndDimensions(b.weight, problems, candidates),
	}
}

// Added to the logits of what a softmax must not see.
const minusInfinity = -1e9

// Weight of the mean squared energy, which keeps the scale of energies from
// drifting.
const energyDecay = 1e-3

// loss builds the training loss from energies, passed and weight, all [P, C]. With the score
// s = -E, y = passed and w = weight, for each problem that has candidates
//
//	pointwise   = sum w (softplus(s) - y s) / sum w
//	contrastive = logsumexp(s) - logsumexp(s where y)       (if it has both outcomes)
//
// and the loss is the mean of each over the problems that it is defined for,
// weighted by the params, plus energyDecay E^2. The second is InfoNCE with many
// positives at temperature 1.
func loss(p Params, energies, passed, weight *graph.Node) *graph.Node {
	score := graph.Neg(energies)
	present := graph.ConvertDType(graph.GreaterThan(weight, graph.ZerosLike(weight)), score.DType())
	positive := graph.Mul(present, passed)
	negative := graph.Mul(present, graph.OneMinus(passed))

	bce := graph.Sub(graph.Softplus(score), graph.Mul(passed, score))
	total := graph.ReduceSum(weight, 1)
	perProblem := graph.Div(graph.ReduceSum(graph.Mul(weight, bce), 1), graph.MaxScalar(total, 1e-6))
	pointwise := meanWhere(perProblem, isSome(total))

	nce := graph.Sub(logSumExp(score, present), logSumExp(score, positive))
	both := graph.Mul(isSome(graph.ReduceSum(positive, 1)), isSome(graph.ReduceSum(negative, 1)))
	contrastive := meanWhere(nce, both)

	decay := meanWhere(graph.Mul(energies, energies), present)
	return graph.Add(
		graph.Add(graph.MulScalar(pointwise, p.Pointwise), graph.MulScalar(contrastive, p.Contrastive)),
		graph.MulScalar(decay, energyDecay))
}

// isSome is 1 where x is above 0, else 0.
func isSome(x *graph.Node) *graph.Node {
	return graph.ConvertDType(graph.GreaterThan(x, graph.ZerosLike(x)), x.DType())
}

// meanWhere is the mean of x over the places where mask is 1, 0 if there are none.
func meanWhere(x, mask *graph.Node) *graph.Node {
	return graph.Div(graph.ReduceAllSum(graph.Mul(x, mask)), graph.MaxScalar(graph.ReduceAllSum(mask), 1))
}

// logSumExp is taken along the candidates where mask is 1: [P, C] to [P].
func logSumExp(x, mask *graph.Node) *graph.Node {
	masked := graph.Add(graph.Mul(x, mask), graph.MulScalar(graph.OneMinus(mask), minusInfinity))
	top := graph.StopGradient(graph.ReduceMax(masked, 1))
	sum := graph.ReduceSum(graph.Exp(graph.Sub(masked, graph.ExpandAxes(top, -1))), 1)
	return graph.Add(top, graph.Log(sum))
}
