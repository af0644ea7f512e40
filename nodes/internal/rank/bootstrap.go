package rank

import (
	"math/rand/v2"
	"slices"
)

// Interval returns the 2.5% and 97.5% quantiles of a statistic over bootstrap
// resamples of n problems. The statistic sees which problems were drawn. The same seed
// draws the same problems, so that intervals of differences are paired.
func Interval(n, resamples int, seed uint64, statistic func(drawn []int) float64) (low, high float64) {
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
	return Quantile(values, 0.025), Quantile(values, 0.975)
}

// Quantile interpolates between the order statistics of sorted values.
func Quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	frac := at - float64(i)
	return sorted[i]*(1-frac) + sorted[i+1]*frac
}

// Mean is that of the values of the problems drawn.
func Mean(values []float64, drawn []int) float64 {
	sum := 0.0
	for _, i := range drawn {
		sum += values[i]
	}
	return sum / float64(len(drawn))
}

// Median is the middle of values, or the mean of the two in the middle.
func Median(values []float64) float64 {
	return Quantile(slices.Sorted(slices.Values(values)), 0.5)
}

// All draws each of n problems once.
func All(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// ShareClosed is the part of the way from baseline to oracle that a selection goes, over
// the problems drawn; 0 if there is no way to go.
func ShareClosed(picked, baseline, oracle []float64, drawn []int) float64 {
	room := Mean(oracle, drawn) - Mean(baseline, drawn)
	if room == 0 {
		return 0
	}
	return (Mean(picked, drawn) - Mean(baseline, drawn)) / room
}
