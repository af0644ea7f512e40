package gomlxmodel

import (
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
)

// Architecture is what an encoder is made of: its sizes, as they are written down.
type Architecture interface {
	// NeedsFeatures tells whether the encoder looks at what code_features found.
	NeedsFeatures() bool
	// Relative tells whether an energy depends on the problem's other candidates.
	Relative() bool
	// Check finds sizes that no model can have.
	Check() error
}

// Encoder is an architecture that is ready for use.
type Encoder interface {
	Architecture
	// Items returns the distinct inputs that the candidates of a problem make, and
	// which of them belongs to each candidate.
	Items(p *candidateset.Problem) (items []Item, of []int)
	// Parameters lists what is trained.
	Parameters() []Parameter
	// Constants are weights that are set once, from what is trained on.
	Constants(items []Item) Weights
	// Length is that which an input is padded to. Inputs of one length are computed
	// together, so that an energy doesn't depend on what else is computed.
	Length(in Input) int
	// Batch is how many inputs are computed at once.
	Batch() int
	// Tensors packs inputs for Energies, padded to the longest of them.
	Tensors(inputs []Input) []any
	// Energies builds the graph of the energies of n inputs: [n] of float32. The chance
	// to pass that one means is sigmoid(-E).
	Energies(p *Pass, in []*graph.Node) *graph.Node
	// OnLabelScale maps energies to the scale on which 0 stands for a pass.
	OnLabelScale(energies *graph.Node) *graph.Node
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

// Parameter is a tensor that is trained, with the normal distribution that its first
// values are drawn from.
type Parameter struct {
	Name            string
	Dims            []int
	Mean, Deviation float64
}

// isLike tells whether a tensor can be the parameter.
func isLike(t *tensors.Tensor, p Parameter) bool {
	return t != nil && t.DType() == dtypes.Float32 && slices.Equal(t.Shape().Dimensions, p.Dims)
}

// started is implemented by encoders some of whose weights aren't drawn.
type started interface {
	initial() Weights
}

// Initial draws the weights that training starts from. They depend on the seed and the
// parameters only, not on the backend.
func Initial(e Encoder, seed uint64) Weights {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := Weights{}
	for _, p := range e.Parameters() {
		flat := make([]float32, size(p.Dims))
		for i := range flat {
			flat[i] = float32(p.Mean + rng.NormFloat64()*p.Deviation)
		}
		w[p.Name] = tensors.FromFlatDataAndDimensions(flat, p.Dims...)
	}
	if s, ok := e.(started); ok {
		for name, t := range s.initial() {
			w[name] = tensors.FromFlatDataAndDimensions(tensors.MustCopyFlatData[float32](t), t.Shape().Dimensions...)
		}
	}
	return w
}

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// perItem is embedded by encoders whose inputs all have the same shape.
type perItem struct{}

// Length implements Encoder: all are alike.
func (perItem) Length(Input) int { return 0 }

// Batch implements Encoder.
func (perItem) Batch() int { return 128 }

// OnLabelScale implements Encoder: that is what energies are on.
func (perItem) OnLabelScale(energies *graph.Node) *graph.Node { return energies }
