package gomlxmodel

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
)

// Bag embeds hashed 1- and 2-grams and averages them per segment:
//
//	p = mean of E[id] over the prompt's ids      c = mean over the code's ids
//	h = gelu(W1 [c; p; c*p; surface] + b1)       energy = W2 h + b2
//
// with E of shape [Vocabulary, Dim], W1 [3 Dim + 12, Hidden], W2 [Hidden, 1]. It sees
// each candidate by itself.
type Bag struct {
	perItem
	Vocabulary int     `json:"vocabulary" yaml:"vocabulary" min:"16" max:"16777216" doc:"Hash buckets for 1- and 2-grams of tokens."`
	Dim        int     `json:"dim" yaml:"dim" min:"1" max:"4096" doc:"Width of an embedding."`
	Hidden     int     `json:"hidden" yaml:"hidden" min:"1" max:"65536" doc:"Width of the hidden layer."`
	PromptIDs  int     `json:"prompt_ids" yaml:"prompt_ids" min:"1" max:"65536" doc:"Grams of the prompt that count; the rest is cut."`
	CodeIDs    int     `json:"code_ids" yaml:"code_ids" min:"1" max:"65536" doc:"Grams of the code that count; the rest is cut."`
	Dropout    float64 `json:"dropout" yaml:"dropout" min:"0" max:"0.95" doc:"Share of the hidden layer that is left out in training."`
}

// Check implements Architecture.
func (b Bag) Check() error {
	for name, size := range map[string]int{"dim": b.Dim, "hidden": b.Hidden, "prompt_ids": b.PromptIDs, "code_ids": b.CodeIDs} {
		if size < 1 || size > 1<<16 {
			return fmt.Errorf("bag.%s: %d", name, size)
		}
	}
	if b.Vocabulary < 16 || b.Vocabulary > 1<<24 {
		return fmt.Errorf("bag.vocabulary: %d", b.Vocabulary)
	}
	return nil
}

// Blank implements Encoder.
func (b Bag) Blank() Input { return b.Encode("", "") }

// Relative implements Architecture.
func (Bag) Relative() bool { return false }

// NeedsFeatures implements Architecture.
func (Bag) NeedsFeatures() bool { return false }

// Items implements Encoder: one item for each distinct text.
func (b Bag) Items(p *candidateset.Problem) ([]Item, []int) {
	items := make([]Item, len(p.Texts))
	for i, t := range p.Texts {
		items[i].Input = b.Encode(p.Prompt, t.Code)
	}
	for _, i := range p.Of {
		items[i].Count++
	}
	return items, p.Of
}

// Parameters implements Encoder.
func (b Bag) Parameters() []Parameter {
	in := 3*b.Dim + surfaceSize
	return []Parameter{
		{Name: "embedding", Dims: []int{b.Vocabulary, b.Dim}, Deviation: 0.1},
		{Name: "w1", Dims: []int{in, b.Hidden}, Deviation: math.Sqrt(2 / float64(in))},
		{Name: "b1", Dims: []int{b.Hidden}},
		{Name: "w2", Dims: []int{b.Hidden, 1}, Deviation: math.Sqrt(1 / float64(b.Hidden))},
		{Name: "b2", Dims: []int{1}},
	}
}

// Constants implements Encoder: there are none.
func (Bag) Constants([]Item) Weights { return nil }

// Tensors implements Encoder: prompt [n, PromptIDs], code [n, CodeIDs] of int32,
// surface [n, 12].
func (b Bag) Tensors(inputs []Input) []any {
	n := len(inputs)
	p, k := make([]int32, 0, n*b.PromptIDs), make([]int32, 0, n*b.CodeIDs)
	s := make([]float32, 0, n*surfaceSize)
	for _, in := range inputs {
		p, k, s = append(p, in.Prompt...), append(k, in.Code...), append(s, in.Values...)
	}
	return []any{
		tensors.FromFlatDataAndDimensions(p, n, b.PromptIDs),
		tensors.FromFlatDataAndDimensions(k, n, b.CodeIDs),
		tensors.FromFlatDataAndDimensions(s, n, surfaceSize),
	}
}

// Energies implements Encoder.
func (b Bag) Energies(p *Pass, in []*graph.Node) *graph.Node {
	prompt, code, surface := in[0], in[1], in[2]
	embedding := p.weight(code.Graph(), "embedding", shapes.Make(dtypes.Float32, b.Vocabulary, b.Dim))
	cv, pv := pool(embedding, code), pool(embedding, prompt)
	x := graph.Concatenate([]*graph.Node{cv, pv, graph.Mul(cv, pv), surface}, -1)
	h := p.dropout(activations.Gelu(p.dense(x, "1", b.Hidden)), b.Dropout)
	return graph.Squeeze(p.dense(h, "2", 1), -1)
}

// pool is the mean embedding of the ids that aren't padding: [n, dim].
func pool(embedding, ids *graph.Node) *graph.Node {
	vectors := graph.Gather(embedding, graph.ExpandAxes(ids, -1))
	return meanOver(vectors, graph.ConvertDType(graph.NotEqual(ids, graph.ZerosLike(ids)), embedding.DType()))
}

// meanOver is the mean of x [n, S] or [n, S, width] over the positions where mask [n, S] is
// 1: [n] or [n, width].
func meanOver(x, mask *graph.Node) *graph.Node {
	if x.Rank() > mask.Rank() {
		mask = graph.ExpandAxes(mask, -1)
	}
	return graph.Div(graph.ReduceSum(graph.Mul(x, mask), 1), graph.MaxScalar(graph.ReduceSum(mask, 1), 1))
}
