package gomlxtrain

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// The example: a problem with two that pass and one that fails, one where all fail, and
// room for a third.
var (
	energies = []float32{-1, 0.5, 0.2, 2}
	example  = func() *batch {
		b := &batch{problems: 3}
		b.add(0, []labelled{{passed: 1, weight: 1}, {passed: 0.75, energy: 0.25, weight: 2}, {energy: 1, weight: 1}}, Weights{})
		b.add(1, []labelled{{energy: 2, weight: 3}}, Weights{})
		return b
	}
)

func softplus(x float64) float64 { return math.Log1p(math.Exp(x)) }

// lossOf computes a loss as training does, without a model.
func lossOf(t *testing.T, l Loss, b *batch, energies []float32) float64 {
	t.Helper()
	b.pad(16)
	all := make([]float32, len(b.inputs))
	copy(all, energies)
	for i := len(energies); i < len(all); i++ {
		all[i] = 7 // what pads must not matter
	}
	backend, err := gomlxmodel.Go.Open()
	if err != nil {
		t.Fatal(err)
	}
	exec := graph.MustNewExec(backend, func(in []*graph.Node) *graph.Node {
		return l.total(in[0], in[0], labels{in[1], in[2], in[3], in[4]})
	})
	args := append([]any{tensors.FromFlatDataAndDimensions(all, len(all))}, b.labels()...)
	return float64(tensors.ToScalar[float32](exec.MustExec(args...)[0]))
}

func TestLoss(t *testing.T) {
	decay := energyDecay * ((0.25*1 + 0.5*0.25 + 0.25*0.04) + 4) / 2
	bce := func(s, y float64) float64 { return softplus(s) - y*s }
	for name, test := range map[string]struct {
		loss Loss
		want float64
	}{
		"pointwise":   {Loss{Pointwise: 1}, ((0.25*bce(1, 1) + 0.5*bce(-0.5, 0.75) + 0.25*bce(-0.2, 0)) + bce(-2, 0)) / 2},
		"contrastive": {Loss{Contrastive: 1}, math.Log(math.Exp(1)+math.Exp(-0.5)+math.Exp(-0.2)) - math.Log(math.Exp(1)+math.Exp(-0.5))},
		// gaps of 1 and 0.75 are asked for, those of energy are 1.2 and -0.3
		"margin": {Loss{Margin: 1}, (0 + 1.05) / 2},
		"mse":    {Loss{MSE: 1}, ((0.25*1 + 0.5*0.0625 + 0.25*0.64) + 0) / 2},
		"a mix":  {Loss{MSE: 2, Margin: 3}, ((0.25*1+0.5*0.0625+0.25*0.64)/2)*2 + 3*1.05/2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := lossOf(t, test.loss, example(), energies); math.Abs(got-test.want-decay) > 1e-5 {
				t.Errorf("loss %v, want %v", got, test.want+decay)
			}
		})
	}
}

// A batch without a problem that has both outcomes has no contrastive loss, and no NaN.
func TestLossOfOneOutcome(t *testing.T) {
	b := &batch{problems: 2}
	b.add(0, []labelled{{energy: 1, weight: 1}, {energy: 1, weight: 1}}, Weights{})
	if got := lossOf(t, Loss{Contrastive: 1, Margin: 1}, b, []float32{0, 0}); got != 0 {
		t.Errorf("loss %v, want 0", got)
	}
}

func TestRate(t *testing.T) {
	p := Params{LearningRate: 1, Schedule: "cosine", Warmup: 4}
	for step, want := range map[int]float64{0: 0.25, 10: 0.5, 20: 0} {
		if got := p.rate(step, 20); math.Abs(got-want) > 1e-9 {
			t.Errorf("step %d: rate %v, want %v", step, got, want)
		}
	}
}

func TestWeights(t *testing.T) {
	items := []labelled{{passed: 1, weight: 1}, {weight: 2}, {weight: 1}}
	for name, test := range map[string]struct {
		w    Weights
		want []float32
	}{
		"sampled":          {Weights{Class: "sampled"}, []float32{0.25, 0.5, 0.25}},
		"balanced":         {Weights{Class: "balanced"}, []float32{0.5, 1.0 / 3, 1.0 / 6}},
		"by candidates":    {Weights{Problem: "candidates"}, []float32{0.75, 1.5, 0.75}},
		"balanced by them": {Weights{Class: "balanced", Problem: "candidates"}, []float32{1.5, 1, 0.5}},
	} {
		for i, got := range test.w.within(items) {
			if math.Abs(float64(got-test.want[i])) > 1e-6 {
				t.Errorf("%s: %v of item %d, want %v", name, got, i, test.want[i])
			}
		}
	}
	onlyFailing := Weights{Class: "balanced"}.within(items[1:])
	if onlyFailing[0]+onlyFailing[1] != 1 {
		t.Errorf("without passing programs: %v", onlyFailing)
	}
	if a, b := (Weights{CountCap: 9}).of(100), (Weights{}).of(100); a != 3 || b != 10 {
		t.Errorf("100 equal candidates weigh %v when capped at 9, else %v", a, b)
	}
	b := &batch{problems: 2}
	b.add(0, items, Weights{Problem: "candidates"})
	b.add(1, items[:1], Weights{Problem: "candidates"})
	b.level()
	if sum := b.weight[0] + b.weight[1] + b.weight[2]; math.Abs(float64(sum-1.5)) > 1e-6 || math.Abs(float64(b.weight[3]-0.5)) > 1e-6 {
		t.Errorf("levelled: %v", b.weight)
	}
}

// The hardest failing programs are those most like a passing one, and a share of them is in
// every batch.
func TestHardNegatives(t *testing.T) {
	text := func(tokens string) candidateset.Text {
		return candidateset.Text{Code: tokens, Tokens: strings.Fields(tokens)}
	}
	q := candidateset.Problem{Of: []int{3, 2, 1, 0}, Texts: []candidateset.Text{
		text("return sorted ( x )"), text("while 1 : pass"), text("return sorted ( y )"), text("return x"),
	}}
	p := &problem{items: make([]labelled, 5), passing: []int{3}, failing: []int{0, 1, 2, 4}} // item i is candidate i; 4 is nobody's
	p.hardestFirst(q, []int{0, 1, 2, 3})
	if p.failing[0] != 1 {
		t.Errorf("failing: %v; the nearest to the passing item 3 is 1", p.failing)
	}
	for i := range p.items {
		p.items[i].energy = float32(i)
	}
	half := &trainer{params: Params{Candidates: 4, Hard: 0.5}}
	for seed := range uint64(20) {
		chosen := half.choose(p, rand.New(rand.NewPCG(seed, 0)))
		hard := slices.ContainsFunc(chosen, func(l labelled) bool { return l.energy == 1 })
		if len(chosen) != 4 || !hard {
			t.Errorf("chosen: %v", chosen)
		}
	}
}
