// Package gomlxmodel is the verifier: an energy for each candidate of a problem, low
// where it is likely to pass. An Encoder says what a model looks at and how it makes an
// energy of that; a Config describes a trained model, whose members are averaged.
package gomlxmodel

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/gomlx/gomlx/backends"
	_ "github.com/gomlx/gomlx/backends/simplego" // the pure-Go backend, named "go"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
)

// Encoder is an architecture with its sizes.
type Encoder interface {
	// Items returns the distinct inputs that the candidates of a problem make, and
	// which of them belongs to each candidate.
	Items(p *candidateset.Problem) (items []Item, of []int)
	// Initial draws the weights that training starts from. They depend on the seed and
	// the sizes only, not on the backend.
	Initial(seed uint64) Weights
	// Constants are weights that are set once, from what is trained on.
	Constants(items []Item) Weights
	// Tensors packs inputs for Energies.
	Tensors(inputs []Input) []any
	// Energies builds the graph of the energies of n inputs: [n] of float32.
	Energies(p *Pass, in []*graph.Node) *graph.Node
	// NeedsFeatures tells whether Items looks at what code_features found.
	NeedsFeatures() bool
	// Check finds sizes that no model can have.
	Check() error
	// Blank is an input of the right shape.
	Blank() Input
}

// Input is what a model sees of one candidate.
type Input struct {
	Prompt, Code []int32   // token ids
	Values       []float32 // what else is measured
	Truncated    bool      // the code was longer than the model looks
}

// Item is an input that one or more candidates of a problem make.
type Item struct {
	Input
	Count float64 // candidates
}

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

// dense is x W + b, x of shape [n, in].
func (p *Pass) dense(x *graph.Node, suffix string, out int) *graph.Node {
	in := x.Shape().Dim(-1)
	w := p.weight(x.Graph(), "w"+suffix, shapes.Make(x.DType(), in, out))
	b := p.weight(x.Graph(), "b"+suffix, shapes.Make(x.DType(), out))
	return graph.Add(graph.Dot(x, w), graph.ExpandAxes(b, 0))
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

// NewBackend returns a pure-Go backend for one goroutine. Models this small are computed
// fastest one operation after the other, and several models beside each other; with its
// default parallelism the library can deadlock on two processors.
func NewBackend() (backends.Backend, error) {
	greeting.Lock()
	defer greeting.Unlock()
	defer quietly()()
	return backends.NewWithConfig("go:parallelism=-1,ops_sequential")
}

// greeting guards the standard output while quietly has it.
var greeting sync.Mutex

// quietly keeps the backend's greeting out of the standard output, which other
// programs read.
func quietly() func() {
	out := os.Stdout
	os.Stdout = os.Stderr
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stdout = null
		return func() { os.Stdout = out; null.Close() }
	}
	return func() { os.Stdout = out }
}

// Weights are tensors by the name of their variable.
type Weights map[string]*tensors.Tensor

func normal(rng *rand.Rand, deviation float64, dims ...int) *tensors.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	flat := make([]float32, n)
	for i := range flat {
		flat[i] = float32(rng.NormFloat64() * deviation)
	}
	return tensors.FromFlatDataAndDimensions(flat, dims...)
}

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
