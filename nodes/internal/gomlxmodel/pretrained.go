package gomlxmodel

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/tokenize"
)

// Pretrained puts a small network on an encoder like BERT that others have trained. With
// h [S, width] what that makes of [CLS] prompt [SEP] code [SEP],
//
//	v = [mean of h over the code; mean of h over the prompt]
//	energy = w2 gelu(W1 norm(v) + b1) + b2
//
// If the encoder isn't tuned, v is computed once for each program, and only the network is
// trained; norm then is v less its mean over the programs that are trained on, in deviations.
// Else it is layer normalisation.
type Pretrained struct {
	Path           node.Path `json:"-" yaml:"path" doc:"The encoder: a folder with model.safetensors or model.onnx, config.json and tokenizer.json, or an ONNX file that PyTorch exported, with tokenizer_file. Its kind is BERT's."`
	AttentionHeads int       `json:"-" yaml:"heads" min:"0" max:"1024" doc:"Heads of attention, where no config.json beside the weights tells."`
	Tune           bool      `json:"tune" yaml:"tune" doc:"Train the encoder, too. Otherwise it stays as it is, and what it makes of each program is computed once."`
	MaxTokens      int       `json:"max_tokens" yaml:"max_tokens" min:"16" max:"8192" doc:"Longest sequence; what is beyond is cut from the end of the code, counted, and reported."`
	PromptTokens   int       `json:"prompt_tokens" yaml:"prompt_tokens" min:"2" max:"8192" doc:"Most of it that the prompt and the tests that are shown may take; the rest of them is cut."`
	Hidden         int       `json:"hidden" yaml:"hidden" min:"1" max:"65536" doc:"Width of the network's hidden layer."`
	Dropout        float64   `json:"dropout" yaml:"dropout" min:"0" max:"0.95" doc:"Share of the hidden layer that is left out in training."`
	BERT           BERT      `json:"bert"`

	tokenizer tokenize.Tokenizer
}

func (p Pretrained) sequence() Sequence {
	return Sequence{Tokenizer: tokenize.File, MaxTokens: p.MaxTokens, PromptTokens: p.PromptTokens}
}

// Check implements Architecture. What belongs to the encoder is checked when it is read.
func (p Pretrained) Check() error {
	if err := p.sequence().check(); err != nil {
		return fmt.Errorf("pretrained.%w", err)
	}
	if p.Hidden < 1 || p.Hidden > 1<<16 {
		return fmt.Errorf("pretrained.hidden: %d", p.Hidden)
	}
	return nil
}

// equip implements equipped.
func (p Pretrained) equip(a Assets, on Backend) (Encoder, error) {
	var err error
	if p.tokenizer, err = tokenize.New(tokenize.File, 0, a.Tokenizer); err != nil {
		return nil, err
	}
	if err := p.BERT.Check(); err != nil {
		return nil, err
	}
	if n := p.tokenizer.Size(); n > p.BERT.Vocabulary {
		return nil, fmt.Errorf("the tokenizer has %d ids, but the encoder only %d: they don't belong together", n, p.BERT.Vocabulary)
	}
	if p.MaxTokens > p.BERT.Positions {
		return nil, fmt.Errorf("pretrained.max_tokens: %d; the encoder has %d positions", p.MaxTokens, p.BERT.Positions)
	}
	if p.Tune {
		return tuned{p, a.Base}, nil
	}
	backend, err := on.Open()
	if err != nil {
		return nil, err
	}
	return newFrozen(p, backend, a.Base)
}

// Relative implements Architecture.
func (Pretrained) Relative() bool { return false }

// NeedsFeatures implements Architecture: to know equal programs.
func (Pretrained) NeedsFeatures() bool { return true }

// items makes one item of each program: its ids.
func (p Pretrained) items(of *candidateset.Problem) ([]Item, []int) {
	return p.sequence().items(p.tokenizer, of)
}

// vector is v, from ids and masks as Sequence packs them.
func (p Pretrained) vector(pass *Pass, in []*graph.Node) *graph.Node {
	ids, all, code := in[0], in[1], in[2]
	table := func(name string, rows int) *graph.Node {
		return pass.weight(ids.Graph(), name, shapes.Make(dtypes.Float32, rows, p.BERT.Width))
	}
	look := func(table, ids *graph.Node) *graph.Node { return graph.Gather(table, graph.ExpandAxes(ids, -1)) }
	kind := graph.ConvertDType(graph.MinScalar(code, float64(p.BERT.Kinds-1)), dtypes.Int32)
	x := graph.Add(look(table("embedding", p.BERT.Vocabulary), ids), look(table("kinds", p.BERT.Kinds), kind))
	place := graph.Iota(ids.Graph(), shapes.Make(dtypes.Int32, ids.Shape().Dim(1)), 0)
	x = graph.Add(x, graph.ExpandAxes(look(table("positions", p.BERT.Positions), place), 0))
	h := p.BERT.stack(0).bert(pass, pass.norm(x, "norm", p.BERT.Epsilon), all)
	return graph.Concatenate([]*graph.Node{meanOver(h, code), meanOver(h, graph.Sub(all, code))}, -1)
}

// head is the energy of norm(v).
func (p Pretrained) head(pass *Pass, v *graph.Node) *graph.Node {
	h := activations.Gelu(pass.affine(v, "head1", p.Hidden))
	return graph.Squeeze(pass.affine(pass.dropout(h, p.Dropout), "head2", 1), -1)
}

func (p Pretrained) headParameters() []Parameter {
	in := 2 * p.BERT.Width
	return append(affineParameters("head1", in, p.Hidden, math.Sqrt(1/float64(in))), affineParameters("head2", p.Hidden, 1, math.Sqrt(1/float64(p.Hidden)))...)
}

// tuned is a Pretrained whose encoder is trained, too.
type tuned struct {
	Pretrained
	base Weights // that its training starts from
}

// Parameters implements Encoder.
func (t tuned) Parameters() []Parameter {
	return slices.Concat(t.BERT.parameters(), normParameters("head", 2*t.BERT.Width), t.headParameters())
}

// Constants implements Encoder: there are none.
func (tuned) Constants([]Item) Weights { return nil }

// Items implements Encoder: one item for each program.
func (t tuned) Items(p *candidateset.Problem) ([]Item, []int) { return t.items(p) }

// initial implements started.
func (t tuned) initial() Weights { return t.base }

// Length implements Encoder.
func (t tuned) Length(in Input) int { return t.sequence().length(in) }

// Batch implements Encoder.
func (tuned) Batch() int { return 16 }

// OnLabelScale implements Encoder: that is what energies are on.
func (tuned) OnLabelScale(energies *graph.Node) *graph.Node { return energies }

// Blank implements Encoder.
func (tuned) Blank() Input { return Input{Prompt: []int32{0}, Code: []int32{0}} }

// Tensors implements Encoder; see Sequence.
func (t tuned) Tensors(inputs []Input) []any { return t.sequence().tensors(inputs) }

// Energies implements Encoder.
func (t tuned) Energies(p *Pass, in []*graph.Node) *graph.Node {
	return t.head(p, p.norm(t.vector(p, in), "head", 1e-5))
}

// frozen is a Pretrained whose encoder stays as it is. Its inputs hold v.
type frozen struct {
	Pretrained
	perItem
	encode *context.Exec
}

func newFrozen(p Pretrained, backend backends.Backend, base Weights) (Encoder, error) {
	for _, of := range p.BERT.parameters() {
		if !isLike(base[of.Name], of) {
			return nil, fmt.Errorf("%s: it has no tensor %q of float32 of %v", baseFile, of.Name, of.Dims)
		}
	}
	encode, err := context.NewExec(backend, base.Context(), func(ctx *context.Context, in []*graph.Node) *graph.Node {
		return p.vector(&Pass{Context: ctx}, in)
	})
	if err != nil {
		return nil, err
	}
	return frozen{Pretrained: p, encode: encode.SetMaxCache(MostShapes)}, nil
}

// Parameters implements Encoder.
func (f frozen) Parameters() []Parameter { return f.headParameters() }

// Blank implements Encoder.
func (f frozen) Blank() Input { return Input{Values: make([]float32, 2*f.BERT.Width)} }

// encodeBatch is how many programs are encoded at once.
const encodeBatch = 16

// Items implements Encoder: one item for each program, encoded.
func (f frozen) Items(of *candidateset.Problem) ([]Item, []int) {
	items, places := f.items(of)
	for _, group := range byLength(f.sequence().length, items) {
		for chunk := range slices.Chunk(group, encodeBatch) {
			f.encodeItems(items, chunk)
		}
	}
	return items, places
}

// encodeItems replaces the ids of the items at some places by what the encoder makes of
// them. It panics where the backend does; callers use Recovered.
func (f frozen) encodeItems(items []Item, places []int) {
	inputs := make([]Input, encodeBatch)
	for i := range inputs {
		inputs[i] = items[places[min(i, len(places)-1)]].Input
	}
	flat := tensors.MustCopyFlatData[float32](f.encode.MustExec(f.sequence().tensors(inputs)...)[0])
	width := 2 * f.BERT.Width
	for i, place := range places {
		items[place].Input = Input{Values: flat[i*width : (i+1)*width], Truncated: items[place].Truncated}
	}
}

// Constants implements Encoder: the mean and deviation of v over the items.
func (f frozen) Constants(items []Item) Weights { return moments(items, 2*f.BERT.Width) }

// Tensors implements Encoder: v [n, 2 width].
func (f frozen) Tensors(inputs []Input) []any { return values(inputs) }

// Energies implements Encoder.
func (f frozen) Energies(p *Pass, in []*graph.Node) *graph.Node { return f.head(p, p.standard(in[0])) }
