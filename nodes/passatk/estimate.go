package passatk

import (
	"math/rand/v2"
	"slices"
)

// selected is the expected correctness of a candidate drawn at random from those
// with the lowest energy: ties count by their mean.
func selected(energies []float64, passed []bool) float64 {
	lowest := slices.Min(energies)
	ties, wins := 0, 0
	for i, e := range energies {
		if e == lowest {
			ties++
			if passed[i] {
				wins++
			}
		}
	}
	return float64(wins) / float64(ties)
}

// interval returns the 2.5% and 97.5% quantiles of a statistic over bootstrap
// resamples of n problems. The statistic sees which problems were drawn.
func interval(n, resamples int, seed uint64, statistic func(drawn []int) float64) (low, high float64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	values := make([]float64, resamples)
	drawn := make([]int, n)
	for r := range values {
		for i := range drawn {
			drawn[i] = rng.IntN(n)
		}
		values[r] = statistic(drawn)
	}
	slices.Sort(values)
	return quantile(values, 0.025), quantile(values, 0.975)
}

// quantile interpolates between the order statistics of sorted values.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	frac := at - float64(i)
	return sorted[i]*(1-frac) + sorted[i+1]*frac
}
