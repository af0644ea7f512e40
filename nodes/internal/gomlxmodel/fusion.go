package gomlxmodel

import (
	"fmt"
	"math"
	"slices"

	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
)

// Fusion has the weights by which signals that need no training lower an energy, by their
// names; see candidateset.SignalNames. With z the signals of a candidate less their means
// over the problem,
//
//	energy = mean of the members' energies - sum of weight z
//
// The means keep energies calibrated.
type Fusion map[string]float64

// check finds signals that nobody knows.
func (f Fusion) check() error {
	for name, weight := range f {
		if !slices.Contains(candidateset.SignalNames, name) || math.IsNaN(weight) || math.IsInf(weight, 0) {
			return fmt.Errorf("fusion: %q with the weight %v; the signals are %v", name, weight, candidateset.SignalNames)
		}
	}
	return nil
}

// vector has the weights in the order of candidateset.SignalNames.
func (f Fusion) vector() []float64 {
	v := make([]float64, len(candidateset.SignalNames))
	for i, name := range candidateset.SignalNames {
		v[i] = f[name]
	}
	return v
}

// lowers is how much the signals of each candidate of a problem lower its energy.
func (f Fusion) lowers(p *candidateset.Problem) []float64 {
	if len(f) == 0 {
		return make([]float64, len(p.Of))
	}
	rows, of := p.Signals()
	weights, out := f.vector(), make([]float64, len(of))
	for i, program := range of {
		out[i] = dot(weights, rows[program])
	}
	return out
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// Evidence is what weights are fitted on: a problem's programs.
type Evidence struct {
	Energies []float64   // of each, without fusion
	Signals  [][]float64 // of each
	Passed   []bool
}

// prior is how strongly weights are held to those that they start from: what a weight that
// is one unit away costs, in units of the loss.
const prior = 0.05

// Fit finds the weights of some signals under which passing programs get most of the
// softmax mass of their problem, starting from weights that hold unless the evidence says
// otherwise:
//
//	minimise mean over problems of -ln(sum exp(s where passing) / sum exp(s)) + prior |w - start|^2
//
// with s = -energy. Every program counts once. Problems without both outcomes say nothing.
func (f Fusion) Fit(signals []string, evidence []Evidence) Fusion {
	start := f.vector()
	w := slices.Clone(start)
	free := make([]float64, len(w)) // 1 for weights that are fitted
	for i, name := range candidateset.SignalNames {
		if slices.Contains(signals, name) {
			free[i] = 1
		}
	}
	descend(w, func(w []float64) (float64, []float64) {
		loss, gradient := listwise(w, evidence)
		for i := range w {
			d := w[i] - start[i]
			loss += prior * d * d
			gradient[i] = free[i] * (gradient[i] + 2*prior*d)
		}
		return loss, gradient
	})
	fitted := Fusion{}
	for i, name := range candidateset.SignalNames {
		if w[i] != 0 {
			fitted[name] = w[i]
		}
	}
	return fitted
}

// descend moves w down the gradient, by steps that are halved until they help.
func descend(w []float64, of func([]float64) (float64, []float64)) {
	const most, least = 2000, 1e-10
	loss, gradient := of(w)
	for step, n := 1.0, 0; n < most && step > least; n++ {
		next := slices.Clone(w)
		for i := range next {
			next[i] -= step * gradient[i]
		}
		l, g := of(next)
		if !(l < loss) { // nor if it isn't a number
			step /= 2
			continue
		}
		copy(w, next)
		loss, gradient, step = l, g, step*1.5
	}
}

// listwise is the loss of Fit without the prior, and its gradient.
func listwise(w []float64, evidence []Evidence) (loss float64, gradient []float64) {
	gradient = make([]float64, len(w))
	problems := 0.0
	for _, e := range evidence {
		if !slices.Contains(e.Passed, true) || !slices.Contains(e.Passed, false) {
			continue
		}
		problems++
		scores := make([]float64, len(e.Energies))
		for i, energy := range e.Energies {
			scores[i] = dot(w, e.Signals[i]) - energy
		}
		all, passing := softmax(scores, nil), softmax(scores, e.Passed)
		for i, z := range e.Signals {
			for j := range w {
				gradient[j] += (all.share[i] - passing.share[i]) * z[j]
			}
		}
		loss += all.log - passing.log
	}
	for j := range gradient {
		gradient[j] /= max(problems, 1)
	}
	return loss / max(problems, 1), gradient
}

// mass is a softmax: the logarithm of its sum, and the share of each.
type mass struct {
	log   float64
	share []float64
}

// softmax is over the scores where among is true, or all if it is nil.
func softmax(scores []float64, among []bool) mass {
	top, sum := math.Inf(-1), 0.0
	share := make([]float64, len(scores))
	for i, s := range scores {
		if among == nil || among[i] {
			top = max(top, s)
		}
	}
	for i, s := range scores {
		if among == nil || among[i] {
			share[i] = math.Exp(s - top)
			sum += share[i]
		}
	}
	for i := range share {
		share[i] /= sum
	}
	return mass{top + math.Log(sum), share}
}
