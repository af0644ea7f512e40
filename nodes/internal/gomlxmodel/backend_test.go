package gomlxmodel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChooseBackend(t *testing.T) {
	plugin := filepath.Join(t.TempDir(), "plugin.so")
	if err := os.WriteFile(plugin, []byte("not a plugin"), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv(PluginVariable, "")
	if b, err := ChooseBackend(BackendAuto); err != nil || b != Go {
		t.Errorf("auto without a plugin is %v, %v", b, err)
	}
	for _, choice := range []string{"odd", "", "xla:", "xla:/nowhere/plugin.so", BackendXLA} {
		if _, err := ChooseBackend(choice); err == nil {
			t.Errorf("%q was accepted", choice)
		}
	}
	if noXLA != "" {
		t.Setenv(PluginVariable, plugin)
		if b, err := ChooseBackend(BackendAuto); err != nil || b != Go {
			t.Errorf("auto in a program without XLA is %v, %v", b, err)
		}
		if _, err := ChooseBackend("xla:" + plugin); err == nil || !strings.Contains(err.Error(), "without XLA") {
			t.Errorf("err = %v", err)
		}
		return
	}
	b, err := ChooseBackend("xla:" + plugin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(); err == nil {
		t.Error("a file that is no plugin was opened")
	}
	t.Setenv(PluginVariable, plugin)
	if found, err := ChooseBackend(BackendAuto); err != nil || found != b {
		t.Errorf("auto is %v, %v; want the plugin that the environment names", found, err)
	}
}

// The plugin is part of a node's key, and a memo notices when one comes or goes.
func TestPinBackend(t *testing.T) {
	t.Setenv(PluginVariable, "")
	if pins, err := PinBackend(BackendGo); err != nil || pins["backend"] != "go" {
		t.Errorf("%v, %v", pins, err)
	}
	if files := WitnessBackend(BackendAuto); len(files) == 0 {
		t.Error("auto hangs on no files")
	}
	t.Setenv(PluginVariable, "/nowhere/plugin.so")
	if _, err := ChooseBackend(BackendAuto); noXLA == "" && err == nil {
		t.Error("a plugin that the environment names and that isn't there was passed over")
	}
}
