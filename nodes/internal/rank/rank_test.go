package rank

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestAUROCIsTheShareOfPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		energies, passed := make([]float64, n), make([]bool, n)
		for i := range n {
			energies[i] = float64(rapid.IntRange(0, 4).Draw(t, "energy"))
			passed[i] = rapid.Bool().Draw(t, "passed")
		}
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
