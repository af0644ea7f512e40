package rank

import "slices"

// Selected is the expected correctness of a candidate drawn at random from those
// with the lowest energy: ties count by their mean.
func Selected(energies []float64, passed []bool) float64 {
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

// BestOf is, for each k from 1 to n, the expected correctness of the lowest energy among
// k of the n candidates, drawn at random: element k-1 of the result. With y_(i) the
// correctness at place i of the candidates sorted by energy (ties: the mean of theirs), it
// is the sum over i of C(n-i, k-1) / C(n, k) y_(i).
func BestOf(energies []float64, passed []bool) []float64 {
	sorted := byEnergy(energies, passed)
	n := len(sorted)
	out := make([]float64, n)
	for k := 1; k <= n; k++ {
		weight := float64(k) / float64(n) // of the best place: the chance to draw it
		for i := 1; i <= n-k+1; i++ {
			out[k-1] += weight * sorted[i-1]
			weight *= float64(n-i-k+1) / float64(n-i)
		}
	}
	return out
}

// byEnergy lists the correctness of candidates, the lowest energy first, with the mean
// where energies are equal.
func byEnergy(energies []float64, passed []bool) []float64 {
	var sorted []float64
	for tied := range ties(energies) {
		mean := passing(tied, passed) / float64(len(tied))
		sorted = append(sorted, slices.Repeat([]float64{mean}, len(tied))...)
	}
	return sorted
}
