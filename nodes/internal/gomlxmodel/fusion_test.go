package gomlxmodel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"pgregory.net/rapid"
)

// drawnEvidence makes problems in which programs pass the more likely the higher their second
// signal is; the others say nothing.
func drawnEvidence(rng *rand.Rand, problems int, strength float64) []Evidence {
	out := make([]Evidence, problems)
	for i := range out {
		for range 8 {
			z := make([]float64, len(candidateset.SignalNames))
			for j := range z {
				z[j] = rng.NormFloat64()
			}
			out[i].Signals = append(out[i].Signals, z)
			out[i].Energies = append(out[i].Energies, 0.1*rng.NormFloat64())
			out[i].Passed = append(out[i].Passed, rng.Float64() < 1/(1+math.Exp(1-strength*z[1])))
		}
	}
	return out
}

// What tells passing from failing gets a weight, what doesn't keeps its own, and signals that
// aren't asked for keep it whatever they tell.
func TestFit(t *testing.T) {
	evidence := drawnEvidence(rand.New(rand.NewPCG(1, 2)), 200, 2)
	start := Fusion{"agreement": 0.15}
	got := start.Fit([]string{"logprob", "length"}, evidence)
	if got["logprob"] < 0.5 || math.Abs(got["length"]) > 0.1 || got["agreement"] != 0.15 || got["checks"] != 0 {
		t.Errorf("fitted %v", got)
	}
	if got := start.Fit([]string{"length"}, evidence); got["logprob"] != 0 {
		t.Errorf("fitted %v without being asked to", got)
	}
	if got := start.Fit(candidateset.SignalNames, nil); len(got) != 1 || got["agreement"] != 0.15 {
		t.Errorf("without evidence: %v", got)
	}
}

// The gradient is the slope of the loss.
func TestFusionGradient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		evidence := drawnEvidence(rng, 3, 1)
		w := make([]float64, len(candidateset.SignalNames))
		for i := range w {
			w[i] = rng.NormFloat64()
		}
		_, gradient := listwise(w, evidence)
		for i := range w {
			const h = 1e-5
			at := w[i]
			w[i] = at + h
			up, _ := listwise(w, evidence)
			w[i] = at - h
			down, _ := listwise(w, evidence)
			w[i] = at
			if slope := (up - down) / (2 * h); math.Abs(slope-gradient[i]) > 1e-6 {
				t.Fatalf("weight %d: gradient %v, slope %v", i, gradient[i], slope)
			}
		}
	})
}
