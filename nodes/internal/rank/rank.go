// Package rank measures how well energies order candidates.
package rank

import (
	"cmp"
	"iter"
	"math"
	"slices"
)

// AUROC is the chance that a passing candidate has a lower energy than a failing
// one, ties counting half; ok is false if there aren't both.
func AUROC(energies []float64, passed []bool) (value float64, ok bool) {
	var good, bad, wins float64
	for tied := range ties(energies) {
		g := passing(tied, passed)
		b := float64(len(tied)) - g
		wins += b*good + b*g/2
		good, bad = good+g, bad+b
	}
	if good == 0 || bad == 0 {
		return 0, false
	}
	return wins / (good * bad), true
}

// ties yields the places of candidates, those of equal energy together, the lowest first.
func ties(energies []float64) iter.Seq[[]int] {
	order := All(len(energies))
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(energies[a], energies[b]) })
	return func(yield func([]int) bool) {
		for start := 0; start < len(order); {
			end := start
			for end < len(order) && energies[order[end]] == energies[order[start]] {
				end++
			}
			if !yield(order[start:end]) {
				return
			}
			start = end
		}
	}
}

// passing counts those that pass.
func passing(places []int, passed []bool) (n float64) {
	for _, i := range places {
		if passed[i] {
			n++
		}
	}
	return n
}

// Chance is the chance to pass that an energy means: sigma(-E). The cross-entropy that
// verifiers are trained with takes it so.
func Chance(energy float64) float64 { return 1 / (1 + math.Exp(energy)) }
