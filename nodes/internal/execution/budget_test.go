package execution

import (
	"testing"

	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

func TestCalibrated(t *testing.T) {
	for _, test := range []struct {
		verdict string
		cpu     float64
		want    int
	}{
		{verdict.Passed, 5, 1}, {verdict.Passed, 150, 2}, {verdict.Passed, 300, 4}, {verdict.Passed, 5000, 10},
		{verdict.Failed, 5, 10}, {verdict.Timeout, 10000, 10},
	} {
		if got := calibrated(sandbox.Verdict{Verdict: test.verdict, CPU: test.cpu}, 10); got != test.want {
			t.Errorf("a reference that is %s after %g ms: %d s, want %d", test.verdict, test.cpu, got, test.want)
		}
	}
}
