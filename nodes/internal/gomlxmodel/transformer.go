package gomlxmodel

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
)

// stack is a sequence of transformer blocks (Vaswani et al. 2017) in which every position
// sees every other.
type stack struct {
	layers, width, heads, inner int
	dropout                     float64
	epsilon                     float64 // of the normalisations
}

func affineParameters(name string, in, out int, deviation float64) []Parameter {
	return []Parameter{{Name: name + ".w", Dims: []int{in, out}, Deviation: deviation}, {Name: name + ".b", Dims: []int{out}}}
}

func normParameters(name string, width int) []Parameter {
	return []Parameter{{Name: name + ".g", Dims: []int{width}, Mean: 1}, {Name: name + ".b", Dims: []int{width}}}
}

// initialDeviation is that of GPT-2's weights (Radford et al. 2019).
const initialDeviation = 0.02

// parameters lists those of all blocks. What is added to the residual stream starts
// smaller the more blocks add to it, as in GPT-2.
func (s stack) parameters() []Parameter {
	var list []Parameter
	added := initialDeviation / math.Sqrt(2*float64(s.layers))
	for i := range s.layers {
		at := fmt.Sprintf("block%d.", i)
		for _, name := range []string{"q", "k", "v"} {
			list = append(list, affineParameters(at+name, s.width, s.width, initialDeviation)...)
		}
		list = append(list, affineParameters(at+"o", s.width, s.width, added)...)
		list = append(list, affineParameters(at+"up", s.width, s.inner, initialDeviation)...)
		list = append(list, affineParameters(at+"down", s.inner, s.width, added)...)
		list = append(list, normParameters(at+"norm1", s.width)...)
		list = append(list, normParameters(at+"norm2", s.width)...)
	}
	return list
}

// affine is the map whose parameters affineParameters lists.
func (p *Pass) affine(x *graph.Node, name string, out int) *graph.Node {
	return p.linear(x, name+".w", name+".b", out)
}

// norm is layer normalisation (Ba et al. 2016) over the last axis.
func (p *Pass) norm(x *graph.Node, name string, epsilon float64) *graph.Node {
	width := x.Shape().Dim(-1)
	vector := func(suffix string) *graph.Node {
		w := p.weight(x.Graph(), name+suffix, shapes.Make(x.DType(), width))
		return graph.ExpandLeftToRank(w, x.Rank())
	}
	centred := graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, -1))
	variance := graph.ReduceAndKeep(graph.Square(centred), graph.ReduceMean, -1)
	scaled := graph.Div(centred, graph.Sqrt(graph.AddScalar(variance, epsilon)))
	return graph.Add(graph.Mul(scaled, vector(".g")), vector(".b"))
}

// rotary runs x [n, S, width] through the blocks, turning queries and keys by their
// positions and normalising what goes into each part. Positions where mask [n, S] is 0
// aren't seen by others.
func (s stack) rotary(p *Pass, x, mask *graph.Node) *graph.Node {
	turned := newRotation(x.Graph(), x.Shape().Dim(1), s.width/s.heads)
	for i := range s.layers {
		at := fmt.Sprintf("block%d.", i)
		x = graph.Add(x, s.attention(p, p.norm(x, at+"norm1", s.epsilon), hidden(mask), at, turned.apply))
		x = graph.Add(x, s.feedForward(p, p.norm(x, at+"norm2", s.epsilon), at))
	}
	return x
}

// bert is the same for blocks that normalise what comes out of each part, as BERT's do
// (Devlin et al. 2019); positions are in x already.
func (s stack) bert(p *Pass, x, mask *graph.Node) *graph.Node {
	as := func(x *graph.Node) *graph.Node { return x }
	for i := range s.layers {
		at := fmt.Sprintf("block%d.", i)
		x = p.norm(graph.Add(x, s.attention(p, x, hidden(mask), at, as)), at+"norm1", s.epsilon)
		x = p.norm(graph.Add(x, s.feedForward(p, x, at)), at+"norm2", s.epsilon)
	}
	return x
}

// hidden is what is added to the logits of attention: [n, 1, 1, S].
func hidden(mask *graph.Node) *graph.Node {
	return graph.ExpandAxes(graph.MulScalar(graph.OneMinus(mask), -1e9), 1, 2)
}

// attention lets positions look at each other, queries and keys being turned before.
func (s stack) attention(p *Pass, x, hidden *graph.Node, at string, turn func(*graph.Node) *graph.Node) *graph.Node {
	n, length, size := x.Shape().Dim(0), x.Shape().Dim(1), s.width/s.heads
	split := func(name string) *graph.Node { // [n, heads, S, size]
		return graph.TransposeAllAxes(graph.Reshape(p.affine(x, at+name, s.width), n, length, s.heads, size), 0, 2, 1, 3)
	}
	q, k := turn(split("q")), turn(split("k"))
	alike := graph.DotGeneral(q, []int{3}, []int{0, 1}, k, []int{3}, []int{0, 1}) // [n, heads, S, S]
	weights := graph.Softmax(graph.Add(graph.MulScalar(alike, 1/math.Sqrt(float64(size))), hidden), -1)
	mixed := graph.DotGeneral(p.dropout(weights, s.dropout), []int{3}, []int{0, 1}, split("v"), []int{2}, []int{0, 1})
	joined := graph.Reshape(graph.TransposeAllAxes(mixed, 0, 2, 1, 3), n, length, s.width)
	return p.dropout(p.affine(joined, at+"o", s.width), s.dropout)
}

func (s stack) feedForward(p *Pass, x *graph.Node, at string) *graph.Node {
	return p.dropout(p.affine(activations.Gelu(p.affine(x, at+"up", s.inner)), at+"down", s.width), s.dropout)
}

// rotation turns pairs of values by angles that grow with the position (Su et al. 2021,
// RoFormer, section 3.2.2; pairs lie half the size apart).
type rotation struct{ cos, sin *graph.Node }

// rotationBase is that of the paper.
const rotationBase = 10000

func newRotation(g *graph.Graph, length, size int) *rotation {
	half := size / 2
	cos, sin := make([]float32, length*half), make([]float32, length*half)
	for position := range length {
		for i := range half {
			angle := float64(position) * math.Pow(rotationBase, -2*float64(i)/float64(size))
			cos[position*half+i], sin[position*half+i] = float32(math.Cos(angle)), float32(math.Sin(angle))
		}
	}
	table := func(flat []float32) *graph.Node {
		return graph.ConstTensor(g, tensors.FromFlatDataAndDimensions(flat, 1, 1, length, half))
	}
	return &rotation{table(cos), table(sin)}
}

// apply turns x [n, heads, S, size].
func (r *rotation) apply(x *graph.Node) *graph.Node {
	half := x.Shape().Dim(-1) / 2
	a := graph.SliceAxis(x, -1, graph.AxisRange(0, half))
	b := graph.SliceAxis(x, -1, graph.AxisRange(half))
	return graph.Concatenate([]*graph.Node{
		graph.Sub(graph.Mul(a, r.cos), graph.Mul(b, r.sin)),
		graph.Add(graph.Mul(b, r.cos), graph.Mul(a, r.sin)),
	}, -1)
}
