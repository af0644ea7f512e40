package passatk

import (
	"math/rand/v2"
	"slices"
)

// PassAtK is the unbiased estimator of the chance that at least one of k samples
// passes, given that c of n did: 1 - C(n-c, k) / C(n, k), in the product form of
// Chen et al. 2021 (Evaluating Large Language Models Trained on Code, section
// 2.1). It needs 0 <= c <= n and 1 <= k <= n.
func PassAtK(n, c, k int) float64 {
	if n-c < k {
		return 1
	}
	miss := 1.0
	for i := n - c + 1; i <= n; i++ {
		miss *= 1 - float64(k)/float64(i)
	}
	return 1 - miss
}

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
