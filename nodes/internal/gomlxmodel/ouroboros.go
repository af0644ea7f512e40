package gomlxmodel

import (
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/tokenize"
)

// Ouroboros is a bidirectional transformer with rotary positions that says of every
// position of the code how wrong it looks. With h [S, Width] what the blocks make of
// [CLS] prompt [SEP] code,
//
//	z = w2 gelu(W1 norm(h) + b1) + b2       p = mean of sigmoid(z) over the code's positions
//	energy = ln p - ln(1 - p)
//
// p is the energy of the research series that this encoder comes from; its logit orders
// candidates in the same way, and means a chance to pass as other encoders' energies do.
type Ouroboros struct {
	Sequence
	Layers  int     `json:"layers" yaml:"layers" min:"1" max:"96" doc:"Transformer blocks."`
	Width   int     `json:"width" yaml:"width" min:"8" max:"8192" doc:"Width of each position."`
	Heads   int     `json:"heads" yaml:"heads" min:"1" max:"128" doc:"Heads of attention; the width is a multiple of twice as many."`
	Inner   int     `json:"inner" yaml:"inner" min:"8" max:"65536" doc:"Width of the feed-forward networks."`
	Dropout float64 `json:"dropout" yaml:"dropout" min:"0" max:"0.95" doc:"Share that is left out in training, of attention and of what each part adds."`

	tokenizer tokenize.Tokenizer
}

func (o Ouroboros) stack() stack {
	return stack{o.Layers, o.Width, o.Heads, o.Inner, o.Dropout, 1e-5}
}

// equip implements equipped.
func (o Ouroboros) equip(a Assets, _ Backend) (Encoder, error) {
	var err error
	o.tokenizer, err = tokenize.New(o.Tokenizer, o.Vocabulary, a.Tokenizer)
	return o, err
}

// Check implements Architecture.
func (o Ouroboros) Check() error {
	if err := o.check(); err != nil {
		return fmt.Errorf("ouroboros.%w", err)
	}
	if o.Layers < 1 || o.Layers > 96 || o.Width < 8 || o.Width > 8192 || o.Inner < 8 || o.Inner > 1<<16 {
		return fmt.Errorf("ouroboros: %d layers of width %d and %d", o.Layers, o.Width, o.Inner)
	}
	if o.Heads < 1 || o.Width%(2*o.Heads) != 0 {
		return fmt.Errorf("ouroboros.heads: the width %d is no multiple of twice %d heads", o.Width, o.Heads)
	}
	return nil
}

// Relative implements Architecture.
func (Ouroboros) Relative() bool { return false }

// NeedsFeatures implements Architecture: for Python's tokens, and to know equal programs.
func (Ouroboros) NeedsFeatures() bool { return true }

// Blank implements Encoder.
func (Ouroboros) Blank() Input { return Input{Prompt: []int32{0}, Code: []int32{0}} }

// Items implements Encoder: one item for each program.
func (o Ouroboros) Items(p *candidateset.Problem) ([]Item, []int) { return o.items(o.tokenizer, p) }

// Length implements Encoder.
func (o Ouroboros) Length(in Input) int { return o.length(in) }

// Batch implements Encoder.
func (Ouroboros) Batch() int { return 16 }

// Tensors implements Encoder; see Sequence.
func (o Ouroboros) Tensors(inputs []Input) []any { return o.tensors(inputs) }

// Parameters implements Encoder.
func (o Ouroboros) Parameters() []Parameter {
	list := []Parameter{{Name: "embedding", Dims: []int{o.tokenizer.Size(), o.Width}, Deviation: initialDeviation}}
	list = append(list, o.stack().parameters()...)
	list = append(list, normParameters("norm", o.Width)...)
	list = append(list, affineParameters("head1", o.Width, o.Width, initialDeviation)...)
	return append(list, affineParameters("head2", o.Width, 1, initialDeviation)...)
}

// Constants implements Encoder: there are none.
func (Ouroboros) Constants([]Item) Weights { return nil }

// Energies implements Encoder.
func (o Ouroboros) Energies(p *Pass, in []*graph.Node) *graph.Node {
	ids, all, code := in[0], in[1], in[2]
	embedding := p.weight(ids.Graph(), "embedding", shapes.Make(dtypes.Float32, o.tokenizer.Size(), o.Width))
	x := o.stack().rotary(p, graph.Gather(embedding, graph.ExpandAxes(ids, -1)), all)
	h := activations.Gelu(p.affine(p.norm(x, "norm", o.stack().epsilon), "head1", o.Width))
	z := graph.Squeeze(p.affine(h, "head2", 1), -1)
	wrong, right := meanOver(graph.Sigmoid(z), code), meanOver(graph.Sigmoid(graph.Neg(z)), code)
	return graph.Sub(logOf(wrong), logOf(right))
}

// OnLabelScale implements Encoder: p, between 0 and 1.
func (Ouroboros) OnLabelScale(energies *graph.Node) *graph.Node { return graph.Sigmoid(energies) }

// logOf is a logarithm that stays finite.
func logOf(x *graph.Node) *graph.Node { return graph.Log(graph.MaxScalar(x, 1e-7)) }
