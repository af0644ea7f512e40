package gomlxmodel

import (
	"reflect"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// GoMLX v0.26.0 computes the gradients of matrix products as a broadcast product that it
// then sums, which takes many times the memory and time of the product itself. The
// gradients are matrix products, too, and are registered as such here, for every layer
// that uses them. TestProductGradients notices when that is no longer needed. That of a
// slice is a padding, which the pure-Go backend doesn't have: here it is a concatenation.
// TestSliceGradient notices.
func init() {
	graph.VJPRegistration[graph.NodeTypeDotGeneral] = dotGeneralVJP
	graph.VJPRegistration[graph.NodeTypeDot] = dotVJP
	graph.VJPRegistration[graph.NodeTypeSlice] = sliceVJP(graph.VJPRegistration[graph.NodeTypeSlice])
}

// product is a matrix product: the axes that are summed over, those that go along, and
// the others, of each side.
type product struct{ contracted, batch, cross []int }

// dotVJP is for the product of a vector or matrix with a vector or matrix.
func dotVJP(n *graph.Node, v []*graph.Node, _ shapes.Shape) []*graph.Node {
	in := n.Inputs()
	left := newProduct(in[0], []int{in[0].Rank() - 1}, nil)
	right := newProduct(in[1], []int{0}, nil)
	return gradients(in, v[0], left, right)
}

func dotGeneralVJP(n *graph.Node, v []*graph.Node, _ shapes.Shape) []*graph.Node {
	in := n.Inputs()
	left := newProduct(in[0], axes(n, "lhsContractingAxes"), axes(n, "lhsBatchAxes"))
	right := newProduct(in[1], axes(n, "rhsContractingAxes"), axes(n, "rhsBatchAxes"))
	return gradients(in, v[0], left, right)
}

// sliceVJP puts zeros around the gradient of a slice; one that skips values within is left to
// another.
func sliceVJP(skipping graph.VJP) graph.VJP {
	return func(n *graph.Node, v []*graph.Node, shape shapes.Shape) []*graph.Node {
		if slices.Max(append(axes(n, "strides"), 1)) > 1 {
			return skipping(n, v, shape)
		}
		g, starts, limits := v[0], axes(n, "starts"), axes(n, "limits")
		for axis, size := range n.Inputs()[0].Shape().Dimensions {
			parts := []*graph.Node{zeros(g, axis, starts[axis]), g, zeros(g, axis, size-limits[axis])}
			parts = slices.DeleteFunc(parts, func(part *graph.Node) bool { return part == nil })
			if len(parts) > 1 {
				g = graph.Concatenate(parts, axis)
			}
		}
		return []*graph.Node{g}
	}
}

// zeros are what lies beside x along an axis; nil for none.
func zeros(x *graph.Node, axis, size int) *graph.Node {
	if size == 0 {
		return nil
	}
	dims := slices.Clone(x.Shape().Dimensions)
	dims[axis] = size
	return graph.Zeros(x.Graph(), shapes.Make(x.DType(), dims...))
}

// axes reads what the library knows of a node and doesn't export.
func axes(n *graph.Node, name string) []int {
	list := reflect.ValueOf(n).Elem().FieldByName("inputs").Elem().Elem().FieldByName(name)
	out := make([]int, list.Len())
	for i := range out {
		out[i] = int(list.Index(i).Int())
	}
	return out
}

func newProduct(x *graph.Node, contracted, batch []int) product {
	p := product{contracted: contracted, batch: batch}
	for axis := range x.Rank() {
		if !slices.Contains(contracted, axis) && !slices.Contains(batch, axis) {
			p.cross = append(p.cross, axis)
		}
	}
	return p
}

// gradients are those of left and right, v being that of the product, whose axes are the
// batch, what is left of left and what is left of right.
func gradients(in []*graph.Node, v *graph.Node, left, right product) []*graph.Node {
	b, l := len(left.batch), len(left.cross)
	batch := count(0, b)
	leftCross, rightCross := count(b, l), count(b+l, len(right.cross))
	return []*graph.Node{
		gradient(v, rightCross, batch, in[1], right, left),
		gradient(v, leftCross, batch, in[0], left, right),
	}
}

// gradient is that of one side: v times the other, summed over what the product kept of
// the other. Its axes come out as the batch, this side's cross axes and then the
// contracted ones in the order of the other's axes.
func gradient(v *graph.Node, summed, batch []int, x *graph.Node, other, this product) *graph.Node {
	g := graph.DotGeneral(v, summed, batch, x, other.cross, other.batch)
	at := make([]int, g.Rank()) // where the axes of g belong
	copy(at, this.batch)
	copy(at[len(this.batch):], this.cross)
	order := slices.Clone(other.contracted)
	slices.Sort(order)
	for i, axis := range order {
		at[len(this.batch)+len(this.cross)+i] = this.contracted[slices.Index(other.contracted, axis)]
	}
	permutation := make([]int, len(at))
	for from, to := range at {
		permutation[to] = from
	}
	if slices.IsSorted(permutation) {
		return g
	}
	return graph.TransposeAllAxes(g, permutation...)
}

// count lists n numbers from first on.
func count(first, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = first + i
	}
	return out
}
