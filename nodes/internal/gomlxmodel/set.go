package gomlxmodel

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// Set judges a program relative to the other candidates of its problem. With x the
// static facts of the program, m their mean over the problem's candidates and s what
// candidateset says of its place among them, o what it says of its outcomes,
//
//	v = clip((  [x; x - m; s; o] - mean) / deviation, -5, 5)
//	h = gelu(W v + b), once for each layer    energy = w h + c
//
// where mean and deviation are those of the programs that were trained on. Candidates
// whose normalised trees are equal have one energy.
type Set struct {
	perItem
	Use     []string `json:"use" yaml:"use" doc:"What the model looks at: facts (of a program by itself), centred (the facts less their mean over the problem's candidates) peers (how many are like it, and how alike) and outcomes (how many come to the same). Facts alone are a model of a single candidate."`
	Layers  int      `json:"layers" yaml:"layers" min:"0" max:"16" doc:"Hidden layers; without any the energy is linear."`
	Hidden  int      `json:"hidden" yaml:"hidden" min:"1" max:"65536" doc:"Width of a hidden layer."`
	Dropout float64  `json:"dropout" yaml:"dropout" min:"0" max:"0.95" doc:"Share of each hidden layer that is left out in training."`
}

// What a Set may look at.
const (
	UseFacts    = "facts"
	UseCentred  = "centred"
	UsePeers    = "peers"
	UseOutcomes = "outcomes"
)

// part is a part of what a Set may look at.
type part struct {
	use    string
	names  []string
	values func(c candidateset.Class, means []float64) []float64 // means are those of the facts
}

// parts are in the order in which models see them.
var parts = []part{
	{UseFacts, codefacts.Names, func(c candidateset.Class, _ []float64) []float64 { return c.Facts }},
	{UseCentred, centredNames(), centred},
	{UsePeers, candidateset.PeerNames, func(c candidateset.Class, _ []float64) []float64 { return c.Peers }},
	{UseOutcomes, candidateset.OutcomeNames, func(c candidateset.Class, _ []float64) []float64 { return c.Outcomes }},
}

func centredNames() []string {
	names := make([]string, len(codefacts.Names))
	for i, n := range codefacts.Names {
		names[i] = UseCentred + " " + n
	}
	return names
}

func centred(c candidateset.Class, means []float64) []float64 {
	values := make([]float64, len(c.Facts))
	for i, x := range c.Facts {
		values[i] = x - means[i]
	}
	return values
}

// parts are those that this one looks at.
func (s Set) parts() []part {
	return slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return !slices.Contains(s.Use, p.use) })
}

// Relative implements Architecture.
func (Set) Relative() bool { return true }

// NeedsFeatures implements Architecture.
func (Set) NeedsFeatures() bool { return true }

// Check implements Architecture.
func (s Set) Check() error {
	var known []string
	for _, part := range parts {
		known = append(known, part.use)
	}
	for _, u := range s.Use {
		if !slices.Contains(known, u) {
			return fmt.Errorf("set.use: %q is none of %v", u, known)
		}
	}
	switch {
	case len(s.Use) == 0:
		return fmt.Errorf("set.use: name at least one of %v", known)
	case s.Layers < 0 || s.Layers > 16 || s.Hidden < 1 || s.Hidden > 1<<16:
		return fmt.Errorf("set: %d layers of width %d", s.Layers, s.Hidden)
	}
	return nil
}

// Blank implements Encoder.
func (s Set) Blank() Input { return Input{Values: make([]float32, len(s.Names()))} }

// Names are what the values of an input mean.
func (s Set) Names() []string {
	var names []string
	for _, part := range s.parts() {
		names = append(names, part.names...)
	}
	return names
}

// Items implements Encoder: one item for each program.
func (s Set) Items(p *candidateset.Problem) ([]Item, []int) {
	set := candidateset.New(p.Texts, p.Of)
	means := meanFacts(set.Classes)
	items := make([]Item, len(set.Classes))
	for i, c := range set.Classes {
		items[i] = Item{Input: Input{Values: s.values(c, means)}, Count: c.Count}
	}
	return items, set.Of
}

func (s Set) values(c candidateset.Class, means []float64) []float32 {
	var v []float64
	for _, part := range s.parts() {
		v = append(v, part.values(c, means)...)
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// meanFacts is weighted by counts.
func meanFacts(classes []candidateset.Class) []float64 {
	means, total := make([]float64, len(codefacts.Names)), 0.0
	for _, c := range classes {
		total += c.Count
		for i, x := range c.Facts {
			means[i] += x * c.Count
		}
	}
	for i := range means {
		means[i] /= total
	}
	return means
}

// Parameters implements Encoder.
func (s Set) Parameters() []Parameter {
	var list []Parameter
	in, gain := len(s.Names()), 1.0
	for i := range s.Layers {
		list = append(list,
			Parameter{Name: layer("w", i), Dims: []int{in, s.Hidden}, Deviation: math.Sqrt(gain / float64(in))},
			Parameter{Name: layer("b", i), Dims: []int{s.Hidden}})
		in, gain = s.Hidden, 2 // of activations, half of which are near 0
	}
	return append(list, Parameter{Name: "w", Dims: []int{in, 1}, Deviation: math.Sqrt(1 / float64(in))}, Parameter{Name: "b", Dims: []int{1}})
}

func layer(name string, i int) string { return name + strconv.Itoa(i+1) }

// Constants implements Encoder: the mean and deviation of each value over the items.
func (s Set) Constants(items []Item) Weights { return moments(items, len(s.Names())) }

// Tensors implements Encoder: values [n, len(Names)].
func (s Set) Tensors(inputs []Input) []any { return values(inputs) }

// Energies implements Encoder.
func (s Set) Energies(p *Pass, in []*graph.Node) *graph.Node {
	x := in[0]
	v := p.standard(x)
	for i := range s.Layers {
		v = p.dropout(activations.Gelu(p.dense(v, layer("", i), s.Hidden)), s.Dropout)
	}
	return graph.Squeeze(p.dense(v, "", 1), -1)
}
