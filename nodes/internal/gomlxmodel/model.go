// Package gomlxmodel is the verifier: an energy function over a prompt and a
// candidate, low where the candidate is likely to pass.
//
// The encoder "bag" embeds hashed 1- and 2-grams and averages them per segment:
//
//	p = mean of E[id] over the prompt's ids      c = mean over the code's ids
//	h = gelu(W1 [c; p; c*p; surface] + b1)       energy = W2 h + b2
//
// with E of shape [Vocabulary, Dim], W1 [3 Dim + 12, Hidden], W2 [Hidden, 1].
package gomlxmodel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sync"

	"github.com/gomlx/gomlx/backends"
	_ "github.com/gomlx/gomlx/backends/simplego" // the pure-Go backend, named "go"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
)

// Config gives the sizes of a model.
type Config struct {
	Format     int `json:"format"`
	Vocabulary int `json:"vocabulary"` // hash buckets, the padding included
	Dim        int `json:"dim"`        // width of an embedding
	Hidden     int `json:"hidden"`     // width of the hidden layer
	PromptIDs  int `json:"prompt_ids"` // grams of the prompt that count
	CodeIDs    int `json:"code_ids"`   // grams of the code that count
}

// Format is the version of the model artifact.
const Format = 1

// scope is where the model's variables live in a context.
const scope = "energy"

// Backend returns the pure-Go backend. With its default parallelism it can
// deadlock on two processors; unlimited parallelism never did.
var Backend = sync.OnceValues(func() (backends.Backend, error) {
	defer quietly()()
	return backends.NewWithConfig("go:parallelism=-1")
})

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

// Initial draws the weights that training starts from. They depend on the seed
// and the sizes only, not on the backend.
func (c Config) Initial(seed uint64) Weights {
	rng := rand.New(rand.NewPCG(seed, 1))
	in := 3*c.Dim + surfaceSize
	return Weights{
		"embedding": normal(rng, 0.1, c.Vocabulary, c.Dim),
		"w1":        normal(rng, math.Sqrt(2/float64(in)), in, c.Hidden),
		"b1":        normal(rng, 0, c.Hidden),
		"w2":        normal(rng, math.Sqrt(1/float64(c.Hidden)), c.Hidden, 1),
		"b2":        normal(rng, 0, 1),
	}
}

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

// Context returns a context that holds the weights as variables. The context
// owns the tensors from then on.
func (w Weights) Context() *context.Context {
	ctx := context.New().Checked(false)
	for name, t := range w {
		ctx.In(scope).VariableWithValue(name, t)
	}
	return ctx
}

// Energies builds the graph of the energy of n candidates: prompt is
// [n, PromptIDs] and code [n, CodeIDs] of int32, surface [n, 12]; the result is
// [n] of float32, any real number.
func (c Config) Energies(ctx *context.Context, prompt, code, surface *graph.Node) *graph.Node {
	g := code.Graph()
	v := func(name string, dims ...int) *graph.Node {
		return ctx.In(scope).VariableWithShape(name, shapes.Make(surface.DType(), dims...)).ValueGraph(g)
	}
	embedding := v("embedding", c.Vocabulary, c.Dim)
	cv, pv := pool(embedding, code), pool(embedding, prompt)
	x := graph.Concatenate([]*graph.Node{cv, pv, graph.Mul(cv, pv), surface}, -1)
	in := 3*c.Dim + surfaceSize
	h := activations.Gelu(graph.Add(graph.Dot(x, v("w1", in, c.Hidden)), graph.ExpandAxes(v("b1", c.Hidden), 0)))
	e := graph.Add(graph.Dot(h, v("w2", c.Hidden, 1)), graph.ExpandAxes(v("b2", 1), 0))
	return graph.Squeeze(e, -1)
}

// pool is the mean embedding of the ids that aren't padding: [n, dim].
func pool(embedding, ids *graph.Node) *graph.Node {
	vectors := graph.Gather(embedding, graph.ExpandAxes(ids, -1))
	mask := graph.ConvertDType(graph.NotEqual(ids, graph.ZerosLike(ids)), embedding.DType())
	sum := graph.ReduceSum(graph.Mul(vectors, graph.ExpandAxes(mask, -1)), 1)
	count := graph.MaxScalar(graph.ReduceSum(mask, 1), 1)
	return graph.Div(sum, graph.ExpandAxes(count, -1))
}

// Batch packs inputs into the three tensors that Energies takes.
func (c Config) Batch(inputs []Input) (prompt, code, surface *tensors.Tensor) {
	n := len(inputs)
	p, k := make([]int32, 0, n*c.PromptIDs), make([]int32, 0, n*c.CodeIDs)
	s := make([]float32, 0, n*surfaceSize)
	for _, in := range inputs {
		p, k, s = append(p, in.Prompt...), append(k, in.Code...), append(s, in.Surface...)
	}
	return tensors.FromFlatDataAndDimensions(p, n, c.PromptIDs),
		tensors.FromFlatDataAndDimensions(k, n, c.CodeIDs),
		tensors.FromFlatDataAndDimensions(s, n, surfaceSize)
}

// Scorer computes energies in batches of one size, so that one graph serves all.
type Scorer struct {
	config Config
	exec   *context.Exec
}

// scoreBatch is how many candidates are scored at once.
const scoreBatch = 128

// NewScorer returns a scorer over the variables in ctx.
func NewScorer(c Config, ctx *context.Context) (*Scorer, error) {
	backend, err := Backend()
	if err != nil {
		return nil, err
	}
	exec, err := context.NewExec(backend, ctx, c.Energies)
	if err != nil {
		return nil, err
	}
	return &Scorer{c, exec}, nil
}

// Score returns the energy of each input. A candidate's energy doesn't depend on
// the others.
func (s *Scorer) Score(inputs []Input) ([]float64, error) {
	var energies []float64
	for start := 0; start < len(inputs); start += scoreBatch {
		chunk := inputs[start:min(start+scoreBatch, len(inputs))]
		n := len(chunk)
		full := append([]Input(nil), chunk...)
		for len(full) < scoreBatch {
			full = append(full, chunk[0])
		}
		p, k, sf := s.config.Batch(full)
		out, err := s.exec.Exec(p, k, sf)
		if err != nil {
			return nil, err
		}
		for _, e := range tensors.MustCopyFlatData[float32](out[0])[:n] {
			if math.IsNaN(float64(e)) || math.IsInf(float64(e), 0) {
				return nil, fmt.Errorf("the model gives the energy %v: its weights are damaged or its training diverged", e)
			}
			energies = append(energies, float64(e))
		}
	}
	return energies, nil
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
