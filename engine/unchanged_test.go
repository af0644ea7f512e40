package engine_test

import (
	"testing"

	"github.com/ouroflow/ouroflow/engine"
	"github.com/ouroflow/ouroflow/engine/run"
)

// What the environment tells a run may change what it computes, so that another run isn't
// remembered for it; where things are kept doesn't.
func TestMemoKeyAndEnvironment(t *testing.T) {
	key := func() string { return engine.MemoKey(run.Command{}).String() }
	t.Setenv("OUROFLOW_CACHE", "/a")
	before := key()
	t.Setenv("OUROFLOW_CACHE", "/b")
	if key() != before {
		t.Error("the place of the cache is part of the key")
	}
	t.Setenv("OUROFLOW_PJRT_PLUGIN", "/plugin.so")
	if key() == before {
		t.Error("a plugin that the environment names is no part of the key")
	}
}
