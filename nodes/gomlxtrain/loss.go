package gomlxtrain

import (
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// batch holds the items of up to P problems, one after the other: n of them, padded with
// items that belong to none.
type batch struct {
	problems int // P
	inputs   []gomlxmodel.Input
	owner    []int     // problem of each item; those that pad have none
	passed   []float32 // share of its candidates that pass
	energy   []float32 // label
	weight   []float32 // adds up to that of the problem
}

// add adds the items of the next problem.
func (b *batch) add(owner int, items []labelled, w Weights) {
	for i, weight := range w.within(items) {
		l := items[i]
		b.inputs = append(b.inputs, l.Input)
		b.owner = append(b.owner, owner)
		b.passed, b.energy = append(b.passed, l.passed), append(b.energy, l.energy)
		b.weight = append(b.weight, weight)
	}
}

// within are the weights of a problem's items. They add up to that of the problem.
func (w Weights) within(items []labelled) []float32 {
	var sums [2]float32 // of the failing and the passing ones
	side := func(l labelled) int {
		if w.Class == "balanced" && l.passed > 0.5 {
			return 1
		}
		return 0
	}
	for _, l := range items {
		sums[side(l)] += l.weight
	}
	sides := float32(1)
	if sums[0] > 0 && sums[1] > 0 {
		sides = 2
	}
	out := make([]float32, len(items))
	for i, l := range items {
		out[i] = l.weight / sums[side(l)] / sides
		if w.Problem == "candidates" {
			out[i] *= float32(len(items))
		}
	}
	return out
}

// level scales weights so that the problems of the batch weigh 1 on average: that is what
// the parts of the loss are balanced for.
func (b *batch) level() {
	sum, present := float32(0), map[int]bool{}
	for i, w := range b.weight {
		sum += w
		present[b.owner[i]] = true
	}
	for i := range b.weight {
		b.weight[i] *= float32(len(present)) / sum
	}
}

// batchStep is what sizes of batches are multiples of, so that a few graphs serve all.
func (p Params) batchStep() int {
	if p.Candidates == 0 {
		return 256
	}
	return p.Problems * p.Candidates
}

// pad fills up the batch to a multiple of step.
func (b *batch) pad(step int) {
	for len(b.inputs)%step != 0 {
		b.inputs = append(b.inputs, b.inputs[0])
		b.passed, b.energy, b.weight = append(b.passed, 0), append(b.energy, 0), append(b.weight, 0)
	}
}

// tensors returns what the model wants, then the labels.
func (b *batch) tensors(e gomlxmodel.Encoder) []any {
	return append(e.Tensors(b.inputs), b.labels()...)
}

// labels returns membership [P, n], passed, energy and weight [n].
func (b *batch) labels() []any {
	n := len(b.inputs)
	membership := make([]float32, b.problems*n)
	for i, p := range b.owner {
		membership[p*n+i] = 1
	}
	return []any{
		tensors.FromFlatDataAndDimensions(membership, b.problems, n),
		tensors.FromFlatDataAndDimensions(b.passed, n),
		tensors.FromFlatDataAndDimensions(b.energy, n),
		tensors.FromFlatDataAndDimensions(b.weight, n),
	}
}

// labels are the inputs of the loss in a graph; see batch.labels.
type labels struct {
	membership, passed, energy, weight *graph.Node
}

// Scores are cut here before they are exponents.
const largestScore = 20

// Weight of the mean squared energy, which keeps the scale of energies from
// drifting.
const energyDecay = 1e-3

// total builds the training loss from energies [n] and the same on the scale of labels, E'.
// With the score s = -E, y = share that passes, t = label energy and w = weight, for each
// problem
//
//	pointwise   = sum w (softplus(s) - y s)
//	contrastive = log sum exp(s) - log sum exp(s where y > 1/2)     (if it has both)
//	margin      = mean over passing i and failing j of relu(t_j - t_i - (E'_j - E'_i))
//	mse         = sum w (E' - t)^2
//
// and the loss is the mean of each over the problems that it is defined for, weighted by
// the params, plus energyDecay w E^2. Contrastive is InfoNCE with many positives at
// temperature 1; it counts each distinct item once, however often it was sampled.
func (l Loss) total(energies, onLabels *graph.Node, y labels) *graph.Node {
	score := graph.Neg(energies)
	present := isSome(y.sum(graph.OnesLike(energies)))
	bce := graph.Sub(graph.Softplus(score), graph.Mul(y.passed, score))
	total := graph.MulScalar(meanWhere(y.sum(graph.Mul(y.weight, graph.Square(energies))), present), energyDecay)
	add := func(weight float64, part func() *graph.Node) {
		if weight > 0 {
			total = graph.Add(total, graph.MulScalar(part(), weight))
		}
	}
	add(l.Pointwise, func() *graph.Node { return meanWhere(y.sum(graph.Mul(y.weight, bce)), present) })
	add(l.Contrastive, func() *graph.Node { return y.contrastive(score) })
	add(l.Margin, func() *graph.Node { return y.margin(onLabels) })
	add(l.MSE, func() *graph.Node {
		return meanWhere(y.sum(graph.Mul(y.weight, graph.Square(graph.Sub(onLabels, y.energy)))), present)
	})
	return total
}

// sum adds up the values of each problem's items: [n] to [P].
func (y labels) sum(values *graph.Node) *graph.Node { return graph.Dot(y.membership, values) }

// spread gives each item its problem's value: [P] to [n].
func (y labels) spread(values *graph.Node) *graph.Node {
	return graph.DotGeneral(values, []int{0}, nil, y.membership, []int{0}, nil)
}

// sides are 1 for items that pass and for items that fail, and for problems with both.
func (y labels) sides() (pass, fail, both *graph.Node) {
	member := isSome(graph.ReduceSum(y.membership, 0))
	pass = graph.Mul(member, isSome(graph.AddScalar(y.passed, -0.5)))
	fail = graph.Sub(member, pass)
	return pass, fail, graph.Mul(isSome(y.sum(pass)), isSome(y.sum(fail)))
}

func (y labels) contrastive(score *graph.Node) *graph.Node {
	pass, _, both := y.sides()
	mass := graph.Exp(graph.ClipScalar(score, -largestScore, largestScore))
	absent := graph.OneMinus(both) // whose logarithm isn't asked for
	all := graph.Log(graph.Add(y.sum(mass), absent))
	passing := graph.Log(graph.Add(y.sum(graph.Mul(mass, pass)), absent))
	return meanWhere(graph.Sub(all, passing), both)
}

// margin weighs every pair of a problem alike, and every problem.
func (y labels) margin(energies *graph.Node) *graph.Node {
	pass, fail, both := y.sides()
	share := func(side *graph.Node) *graph.Node {
		return graph.Div(side, graph.MaxScalar(y.spread(y.sum(side)), 1))
	}
	gap := func(x *graph.Node) *graph.Node { // of x_j - x_i at [i, j]
		return graph.Sub(graph.ExpandAxes(x, 0), graph.ExpandAxes(x, 1))
	}
	same := graph.DotGeneral(y.membership, []int{0}, nil, y.membership, []int{0}, nil)
	short := graph.Sub(gap(y.energy), gap(energies))
	hinge := graph.MaxScalar(short, 0)
	pairs := graph.Mul(graph.Mul(graph.ExpandAxes(share(pass), 1), graph.ExpandAxes(share(fail), 0)), same)
	return graph.Div(graph.ReduceAllSum(graph.Mul(hinge, pairs)), graph.MaxScalar(graph.ReduceAllSum(both), 1))
}

// isSome is 1 where x is above 0, else 0.
func isSome(x *graph.Node) *graph.Node {
	return graph.ConvertDType(graph.GreaterThan(x, graph.ZerosLike(x)), x.DType())
}

// meanWhere is the mean of x over the places where mask is 1, 0 if there are none.
func meanWhere(x, mask *graph.Node) *graph.Node {
	return graph.Div(graph.ReduceAllSum(graph.Mul(x, mask)), graph.MaxScalar(graph.ReduceAllSum(mask), 1))
}
