package rank

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// drawn are some candidates, few enough of whose energies differ for ties.
func drawn(t *rapid.T, most int) (energies []float64, passed []bool) {
	for range rapid.IntRange(1, most).Draw(t, "n") {
		energies = append(energies, float64(rapid.IntRange(0, 4).Draw(t, "energy")))
		passed = append(passed, rapid.Bool().Draw(t, "passed"))
	}
	return energies, passed
}

func TestAUROCIsTheShareOfPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		energies, passed := drawn(t, 12)
		n := len(passed)
		pairs, wins := 0.0, 0.0
		for i := range n {
			for j := range n {
				if passed[i] && !passed[j] {
					pairs++
					if energies[i] < energies[j] {
						wins++
					} else if energies[i] == energies[j] {
						wins += 0.5
					}
				}
			}
		}
		got, ok := AUROC(energies, passed)
		if ok != (pairs > 0) || ok && math.Abs(got-wins/pairs) > 1e-9 {
			t.Fatalf("AUROC = %v, %v; want %v of %v", got, ok, wins, pairs)
		}
	})
}
