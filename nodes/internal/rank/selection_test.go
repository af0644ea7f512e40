package rank

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// choose is the binomial coefficient.
func choose(n, k int) float64 {
	c := 1.0
	for i := range k {
		c *= float64(n-i) / float64(i+1)
	}
	return c
}

func TestPassAtKIsTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		c := rapid.IntRange(0, n).Draw(t, "c")
		k := rapid.IntRange(1, n).Draw(t, "k")
		want := 1.0
		if n-c >= k {
			want = 1 - choose(n-c, k)/choose(n, k)
		}
		if got := PassAtK(n, c, k); math.Abs(got-want) > 1e-9 {
			t.Fatalf("PassAtK(%d, %d, %d) = %v, want %v", n, c, k, got, want)
		}
	})
}

func TestSelectedIsAtMostTheOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		energies, passed := drawn(t, 12)
		oracle := 0.0
		for _, p := range passed {
			if p {
				oracle = 1
			}
		}
		if s := Selected(energies, passed); s < 0 || s > oracle {
			t.Fatalf("selected %v, oracle %v", s, oracle)
		}
	})
}

func TestSelectedCountsTies(t *testing.T) {
	if got := Selected([]float64{1, 0, 0, 2}, []bool{true, true, false, true}); got != 0.5 {
		t.Errorf("selected = %v, want 0.5", got)
	}
}

func TestIntervalCoversTheMean(t *testing.T) {
	values := []float64{0, 0, 1, 1, 1, 0, 1, 1, 0, 1}
	low, high := Interval(len(values), 2000, 1, func(drawn []int) float64 { return Mean(values, drawn) })
	if low >= 0.6 || high <= 0.6 || low < 0.2 || high > 1 {
		t.Errorf("interval of 0.6 over 10 problems = [%v, %v]", low, high)
	}
}

// BestOf is the mean over all ways to draw k candidates.
func TestBestOfIsTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		energies, passed := drawn(t, 7)
		n := len(passed)
		sum, ways := make([]float64, n), make([]float64, n)
		for subset := 1; subset < 1<<n; subset++ {
			var e []float64
			var p []bool
			for i := range n {
				if subset>>i&1 == 1 {
					e, p = append(e, energies[i]), append(p, passed[i])
				}
			}
			sum[len(e)-1] += Selected(e, p)
			ways[len(e)-1]++
		}
		got := BestOf(energies, passed)
		for k := range n {
			if math.Abs(got[k]-sum[k]/ways[k]) > 1e-9 {
				t.Fatalf("best of %d is %v, want %v", k+1, got[k], sum[k]/ways[k])
			}
		}
	})
}

func TestShareClosed(t *testing.T) {
	picked, baseline, oracle := []float64{1, 0}, []float64{0.5, 0}, []float64{1, 1}
	if got := ShareClosed(picked, baseline, oracle, All(2)); math.Abs(got-1.0/3) > 1e-9 {
		t.Errorf("share %v", got)
	}
	if got := ShareClosed(picked, oracle, oracle, []int{0}); got != 0 {
		t.Errorf("share %v where there is no room", got)
	}
	if q := Quantile(slices.Sorted(slices.Values([]float64{3, 1, 2})), 0.75); q != 2.5 {
		t.Errorf("quantile %v", q)
	}
}
