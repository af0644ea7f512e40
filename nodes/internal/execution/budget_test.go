package execution

import "testing"

func TestCalibrated(t *testing.T) {
	for _, test := range []struct {
		ms   float64
		want int
	}{
		{5, 1}, {150, 2}, {300, 4}, {5000, 10},
	} {
		if got := calibrated(test.ms, 1, 10); got != test.want {
			t.Errorf("a reference of %g ms: %d s, want %d", test.ms, got, test.want)
		}
	}
}
