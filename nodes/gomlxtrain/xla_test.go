package gomlxtrain

import (
	"testing"

	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// xla skips a test where XLA isn't to be had.
func xla(t *testing.T) {
	t.Helper()
	if _, err := gomlxmodel.ChooseBackend(gomlxmodel.BackendXLA); err != nil {
		t.Skip(err)
	}
}

func TestLearnsOnXLA(t *testing.T) {
	xla(t)
	learns(t, "ouroboros", gomlxmodel.BackendXLA)
}

func TestDeterminismOnXLA(t *testing.T) {
	xla(t)
	isDeterministic(t, "ouroboros", gomlxmodel.BackendXLA)
}
