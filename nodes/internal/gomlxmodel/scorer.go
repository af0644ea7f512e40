package gomlxmodel

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
)

// Scorer computes the energies of one member in batches of few shapes, so that few graphs
// serve all.
type Scorer struct {
	encoder Encoder
	exec    *context.Exec
}

// NewScorer returns a scorer over the variables in ctx.
func NewScorer(backend backends.Backend, e Encoder, ctx *context.Context) (*Scorer, error) {
	exec, err := context.NewExec(backend, ctx, func(ctx *context.Context, in []*graph.Node) *graph.Node {
		return e.Energies(&Pass{Context: ctx}, in)
	})
	if err != nil {
		return nil, err
	}
	return &Scorer{e, exec.SetMaxCache(MostShapes)}, nil
}

// MostShapes is how many graphs are kept: one for each shape of a batch.
const MostShapes = 1024

// Score returns the energy of each item. It doesn't depend on what else is scored.
func (s *Scorer) Score(items []Item) (energies []float64, err error) {
	defer Recovered(&err)
	energies = make([]float64, len(items))
	for _, places := range byLength(s.encoder.Length, items) {
		for chunk := range slices.Chunk(places, s.encoder.Batch()) {
			if err := s.batch(items, chunk, energies); err != nil {
				return nil, err
			}
		}
	}
	return energies, nil
}

// byLength lists the places of items of each length.
func byLength(length func(Input) int, items []Item) [][]int {
	places := map[int][]int{}
	for i, item := range items {
		n := length(item.Input)
		places[n] = append(places[n], i)
	}
	var out [][]int
	for _, n := range slices.Sorted(maps.Keys(places)) {
		out = append(out, places[n])
	}
	return out
}

// batch computes the energies of the items at some places, at most as many as fit.
func (s *Scorer) batch(items []Item, places []int, energies []float64) error {
	inputs := make([]Input, s.encoder.Batch())
	for i := range inputs {
		inputs[i] = items[places[min(i, len(places)-1)]].Input
	}
	out, err := s.exec.Exec(s.encoder.Tensors(inputs)...)
	if err != nil {
		return err
	}
	values := tensors.MustCopyFlatData[float32](out[0])
	for i, place := range places {
		e := float64(values[i])
		if math.IsNaN(e) || math.IsInf(e, 0) {
			return fmt.Errorf("the model gives the energy %v: its weights are damaged or its training diverged", e)
		}
		energies[place] = e
	}
	return nil
}

// Verifier is a trained model ready to score.
type Verifier struct {
	Config  Config
	Encoder Encoder
	members []*Scorer
}

// NewVerifier prepares the members of a model, which it owns from then on.
func NewVerifier(m *Model, on Backend) (v *Verifier, err error) {
	defer Recovered(&err)
	v = &Verifier{Config: m.Config}
	if v.Encoder, err = Equip(m.Config, m.Assets, on); err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	if err := m.check(v.Encoder); err != nil {
		return nil, err
	}
	backend, err := on.Open()
	if err != nil {
		return nil, err
	}
	for _, w := range m.Weights {
		s, err := NewScorer(backend, v.Encoder, w.Context())
		if err != nil {
			return nil, err
		}
		v.members = append(v.members, s)
	}
	return v, nil
}

// Judgement is what a verifier says of one candidate: low energies are likely to pass. See
// Fusion for what is added to the mean over the members.
type Judgement struct {
	Energy float64
	Spread float64 // standard deviation over the members
}

// Judge scores the candidates of a problem, with members that haven't seen it.
func (v *Verifier) Judge(p *candidateset.Problem) ([]Judgement, error) {
	members, err := v.unseen(p)
	if err != nil {
		return nil, err
	}
	return v.judge(p, members)
}

// unseen lists the members that haven't seen a problem.
func (v *Verifier) unseen(p *candidateset.Problem) ([]int, error) {
	members := v.Config.membersFor(p.ID)
	if len(members) == 0 {
		return nil, fmt.Errorf("every member of the model was trained on problem %s", p.ID)
	}
	return members, nil
}

// JudgeNew scores the candidates of a problem that no member has seen.
func (v *Verifier) JudgeNew(p *candidateset.Problem) ([]Judgement, error) {
	return v.judge(p, rank.All(len(v.members)))
}

func (v *Verifier) judge(p *candidateset.Problem, members []int) (judged []Judgement, err error) {
	defer Recovered(&err)
	items, of := v.Encoder.Items(p)
	perItem, err := v.score(items, members)
	if err != nil {
		return nil, err
	}
	judged, lowers := make([]Judgement, len(of)), v.Config.Fusion.lowers(p)
	for i, item := range of {
		judged[i] = perItem[item]
		judged[i].Energy -= lowers[i]
	}
	return judged, nil
}

// JudgeJoining scores further candidates of a problem, each as if it alone joined the
// others, with members that haven't seen the problem.
func (v *Verifier) JudgeJoining(p *candidateset.Problem, texts []candidateset.Text) (judged []Judgement, err error) {
	defer Recovered(&err)
	members, err := v.unseen(p)
	if err != nil {
		return nil, err
	}
	joined, lowers := Joining(v.Encoder, p, texts), make([]float64, len(texts))
	for i, t := range texts {
		pool := p.With(t)
		lowers[i] = v.Config.Fusion.lowers(pool)[len(p.Of)]
	}
	if judged, err = v.score(joined, members); err != nil {
		return nil, err
	}
	for i := range judged {
		judged[i].Energy -= lowers[i]
	}
	return judged, nil
}

// Joining returns the items of further candidates of a problem, each as if it alone joined
// the others.
func Joining(e Encoder, p *candidateset.Problem, texts []candidateset.Text) []Item {
	joined := make([]Item, len(texts))
	if !e.Relative() {
		items, of := e.Items(&candidateset.Problem{ID: p.ID, Prompt: p.Prompt, Shown: p.Shown, Texts: texts, Of: rank.All(len(texts))})
		for i, item := range of {
			joined[i] = items[item]
		}
		return joined
	}
	for i, t := range texts {
		items, of := e.Items(p.With(t))
		joined[i] = items[of[len(p.Of)]]
	}
	return joined
}

// score is the mean over members of the energy of each item, without fusion.
func (v *Verifier) score(items []Item, members []int) ([]Judgement, error) {
	var energies [][]float64
	for _, m := range members {
		e, err := v.members[m].Score(items)
		if err != nil {
			return nil, err
		}
		energies = append(energies, e)
	}
	out := make([]Judgement, len(items))
	for i := range items {
		out[i] = summary(energies, i)
	}
	return out, nil
}

func summary(energies [][]float64, item int) Judgement {
	n, sum, squares := float64(len(energies)), 0.0, 0.0
	for _, e := range energies {
		sum += e[item]
	}
	for _, e := range energies {
		squares += (e[item] - sum/n) * (e[item] - sum/n)
	}
	return Judgement{sum / n, math.Sqrt(squares / n)}
}
