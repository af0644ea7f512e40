package gomlxmodel

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// values packs those of inputs: [n, width].
func values(inputs []Input) []any {
	var flat []float32
	for _, in := range inputs {
		flat = append(flat, in.Values...)
	}
	return []any{tensors.FromFlatDataAndDimensions(flat, len(inputs), len(inputs[0].Values))}
}

// moments are the mean and the deviation of each of n values over items.
func moments(items []Item, n int) Weights {
	mean, deviation := make([]float32, n), make([]float32, n)
	for c := range n {
		sum, squares := 0.0, 0.0
		for _, item := range items {
			sum += float64(item.Values[c])
		}
		m := sum / float64(len(items))
		for _, item := range items {
			squares += (float64(item.Values[c]) - m) * (float64(item.Values[c]) - m)
		}
		mean[c], deviation[c] = float32(m), float32(math.Sqrt(squares/float64(len(items)))+1e-6)
	}
	return Weights{
		"mean":      tensors.FromFlatDataAndDimensions(mean, n),
		"deviation": tensors.FromFlatDataAndDimensions(deviation, n),
	}
}

// outlier is how many deviations from the mean a value may lie.
const outlier = 5

// standard is values [n, width] less their means, in deviations; see moments.
func (p *Pass) standard(x *graph.Node) *graph.Node {
	constant := func(name string) *graph.Node {
		return graph.ExpandAxes(p.weight(x.Graph(), name, shapes.Make(x.DType(), x.Shape().Dim(-1))), 0)
	}
	return graph.ClipScalar(graph.Div(graph.Sub(x, constant("mean")), constant("deviation")), -outlier, outlier)
}
