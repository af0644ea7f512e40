// Package rank measures how well energies order candidates.
package rank

import (
	"cmp"
	"slices"
)

// AUROC is the chance that a passing candidate has a lower energy than a failing
// one, ties counting half; ok is false if there aren't both.
func AUROC(energies []float64, passed []bool) (value float64, ok bool) {
	order := make([]int, len(energies))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Compare(energies[a], energies[b])
	})
	var good, bad, wins float64
	for start := 0; start < len(order); {
		end := start
		var g, b float64
		for ; end < len(order) && energies[order[end]] == energies[order[start]]; end++ {
			if passed[order[end]] {
				g++
			} else {
				b++
			}
		}
		wins += b*good + b*g/2
		good, bad, start = good+g, bad+b, end
	}
	if good == 0 || bad == 0 {
		return 0, false
	}
	return wins / (good * bad), true
}
