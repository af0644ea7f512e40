// Package gomlxmodel is the verifier: an energy for each candidate of a problem, low
// where it is likely to pass. An Encoder says what a model looks at and how it makes an
// energy of that; a Config describes a trained model, whose members are averaged.
package gomlxmodel

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
)

// scope is where the model's variables live in a context.
const scope = "energy"

// Pass is one evaluation of a model's graph.
type Pass struct {
	Context *context.Context
	Key     *graph.Node // state of the random numbers for dropout; nil when not training
}

// weight is a variable of the model in a graph.
func (p *Pass) weight(g *graph.Graph, name string, shape shapes.Shape) *graph.Node {
	return p.Context.In(scope).VariableWithShape(name, shape).ValueGraph(g)
}

// dense is the affine map of the weights "w" and "b" with a suffix.
func (p *Pass) dense(x *graph.Node, suffix string, out int) *graph.Node {
	return p.linear(x, "w"+suffix, "b"+suffix, out)
}

// linear is x W + b over the last axis, by the names of W and b.
func (p *Pass) linear(x *graph.Node, weights, bias string, out int) *graph.Node {
	in := x.Shape().Dim(-1)
	w := p.weight(x.Graph(), weights, shapes.Make(x.DType(), in, out))
	b := p.weight(x.Graph(), bias, shapes.Make(x.DType(), out))
	y := graph.Add(graph.Dot(graph.Reshape(x, -1, in), w), graph.ExpandAxes(b, 0))
	return graph.Reshape(y, append(x.Shape().Dimensions[:x.Rank()-1:x.Rank()-1], out)...)
}

// dropout leaves out a share of the values while training, and scales up the others.
func (p *Pass) dropout(x *graph.Node, rate float64) *graph.Node {
	if p.Key == nil || rate == 0 {
		return x
	}
	var u *graph.Node
	p.Key, u = graph.RandomUniform(p.Key, x.Shape())
	kept := graph.ConvertDType(graph.GreaterOrEqual(u, graph.Scalar(x.Graph(), x.DType(), rate)), x.DType())
	return graph.Mul(x, graph.DivScalar(kept, 1-rate))
}

// Weights are tensors by the name of their variable.
type Weights map[string]*tensors.Tensor

// constants are weights that training leaves alone.
var constants = []string{"mean", "deviation"}

// Context returns a context that holds the weights as variables, in the order of their
// names: that of the variables decides in which order their gradients are added up. The
// context owns the tensors from then on.
func (w Weights) Context() *context.Context {
	ctx := context.New().Checked(false)
	for _, name := range slices.Sorted(maps.Keys(w)) {
		v := ctx.In(scope).VariableWithValue(name, w[name])
		v.SetTrainable(!slices.Contains(constants, name))
	}
	return ctx
}

// Split takes apart what a checkpoint holds by the full names of variables: the model's
// weights, by their short names, and the rest, such as the state of an optimizer.
func Split(state Weights) (weights, rest Weights) {
	weights, rest = Weights{}, Weights{}
	for full, t := range state {
		if name, ok := strings.CutPrefix(full, context.ScopeSeparator+scope+context.ScopeSeparator); ok && !strings.Contains(name, context.ScopeSeparator) {
			weights[name] = t
		} else {
			rest[full] = t
		}
	}
	return weights, rest
}

// ReadWeights copies the model's variables out of a context.
func ReadWeights(ctx *context.Context) (Weights, error) {
	w := Weights{}
	for v := range ctx.In(scope).IterVariablesInScope() {
		if v.Scope() != ctx.In(scope).Scope() {
			continue
		}
		t, err := v.Value()
		if err != nil {
			return nil, err
		}
		if w[v.Name()], err = t.LocalClone(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Recovered makes an error of the panics that GoMLX reports mistakes by.
func Recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("GoMLX: %v", p)
	}
}
