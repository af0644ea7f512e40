package gomlxtrain

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// The example: a problem with two that pass and one that fails, one where all fail, and
// room for a third.
var (
	energies = []float32{-1, 0.5, 0.2, 2}
	example  = func() *batch {
		b := &batch{problems: 3}
		b.add(0, []labelled{{passed: 1, weight: 1}, {passed: 0.75, energy: 0.25, weight: 2}, {energy: 1, weight: 1}})
		b.add(1, []labelled{{energy: 2, weight: 3}})
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
	b.add(0, []labelled{{energy: 1, weight: 1}, {energy: 1, weight: 1}})
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
