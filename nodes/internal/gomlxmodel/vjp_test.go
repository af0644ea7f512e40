package gomlxmodel

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// What GoMLX registers by itself: package variables are set before init runs.
var (
	stockDot        = graph.VJPRegistration[graph.NodeTypeDot]
	stockDotGeneral = graph.VJPRegistration[graph.NodeTypeDotGeneral]
	stockSlice      = graph.VJPRegistration[graph.NodeTypeSlice]
)

func sequence(dims ...int) *tensors.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	flat := make([]float32, n)
	for i := range flat {
		flat[i] = float32(math.Sin(float64(i + 1)))
	}
	return tensors.FromFlatDataAndDimensions(flat, dims...)
}

// products are matrix products with two inputs each.
var products = map[string]struct {
	a, b []int
	of   func(a, b *graph.Node) *graph.Node
}{
	"matrices":          {[]int{3, 4}, []int{4, 5}, graph.Dot},
	"matrix and vector": {[]int{3, 4}, []int{4}, graph.Dot},
	"vectors":           {[]int{4}, []int{4}, graph.Dot},
	"batches": {[]int{2, 3, 4}, []int{2, 4, 5}, func(a, b *graph.Node) *graph.Node {
		return graph.DotGeneral(a, []int{2}, []int{0}, b, []int{1}, []int{0})
	}},
	"axes out of order": {[]int{4, 2, 3, 6}, []int{6, 5, 4, 2}, func(a, b *graph.Node) *graph.Node {
		return graph.DotGeneral(a, []int{0, 3}, []int{1}, b, []int{2, 0}, []int{3})
	}},
}

// gradientsOf are those of sum(product^2), and the largest number of values that any
// node of their graph has.
func gradientsOf(t *testing.T, a, b []int, of func(a, b *graph.Node) *graph.Node) (grads [][]float32, largest int) {
	t.Helper()
	backend, err := Go.Open()
	if err != nil {
		t.Fatal(err)
	}
	exec := graph.MustNewExec(backend, func(a, b *graph.Node) []*graph.Node {
		out := graph.Gradient(graph.ReduceAllSum(graph.Square(of(a, b))), a, b)
		for _, n := range a.Graph().Nodes() {
			if n.NumOutputs() == 1 {
				largest = max(largest, n.Shape().Size())
			}
		}
		return out
	})
	for _, g := range exec.MustExec(sequence(a...), sequence(b...)) {
		grads = append(grads, tensors.MustCopyFlatData[float32](g))
	}
	return grads, largest
}

// The gradients of products are those of the library, without its broadcasts. When the
// library's own are no larger, ours can go.
func TestProductGradients(t *testing.T) {
	for name, p := range products {
		t.Run(name, func(t *testing.T) {
			got, size := gradientsOf(t, p.a, p.b, p.of)
			ours, oursGeneral := graph.VJPRegistration[graph.NodeTypeDot], graph.VJPRegistration[graph.NodeTypeDotGeneral]
			graph.VJPRegistration[graph.NodeTypeDot], graph.VJPRegistration[graph.NodeTypeDotGeneral] = stockDot, stockDotGeneral
			defer func() {
				graph.VJPRegistration[graph.NodeTypeDot], graph.VJPRegistration[graph.NodeTypeDotGeneral] = ours, oursGeneral
			}()
			want, stockSize := gradientsOf(t, p.a, p.b, p.of)
			for side := range want {
				for i, w := range want[side] {
					if math.Abs(float64(got[side][i]-w)) > 1e-4*(1+math.Abs(float64(w))) {
						t.Fatalf("side %d, value %d: %v, the library says %v", side, i, got[side][i], w)
					}
				}
			}
			if name == "matrices" && stockSize <= size {
				t.Errorf("the library's gradient needs %d values at once, ours %d: vjp.go is no longer needed", stockSize, size)
			}
		})
	}
}

// The gradient of a slice is there on the pure-Go backend, and 0 outside. When the library's
// own is, ours can go.
func TestSliceGradient(t *testing.T) {
	middle := func(a, _ *graph.Node) *graph.Node {
		return graph.Slice(a, graph.AxisRange(), graph.AxisRange(1, 3), graph.AxisRange(2))
	}
	got, _ := gradientsOf(t, []int{2, 4, 5}, []int{1}, middle)
	x := tensors.MustCopyFlatData[float32](sequence(2, 4, 5))
	for i, g := range got[0] {
		want := float32(0)
		if row, column := i/5%4, i%5; row >= 1 && row < 3 && column >= 2 {
			want = 2 * x[i]
		}
		if g != want {
			t.Errorf("value %d: %v, want %v", i, g, want)
		}
	}
	ours := graph.VJPRegistration[graph.NodeTypeSlice]
	graph.VJPRegistration[graph.NodeTypeSlice] = stockSlice
	defer func() {
		graph.VJPRegistration[graph.NodeTypeSlice] = ours
		if recover() == nil {
			t.Error("the library's gradient of slices works: sliceVJP is no longer needed")
		}
	}()
	gradientsOf(t, []int{2, 4, 5}, []int{1}, middle)
}
