package gomlxmodel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/gomlx/gomlx/backends"
	_ "github.com/gomlx/gomlx/backends/simplego" // the pure-Go backend, named "go"
	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/node"
)

// Backend is what computes models: pure Go, or XLA through a PJRT plugin.
type Backend struct {
	plugin string // path of the plugin; empty for pure Go
}

// Go is the backend that is always there.
var Go = Backend{}

// String names the backend, and the place of its plugin.
func (b Backend) String() string {
	if b == Go {
		return BackendGo
	}
	return BackendXLA + ":" + b.plugin
}

// Choices of a backend, as they are written in pipelines and on command lines.
const (
	BackendAuto = "auto" // XLA where a plugin is found, else pure Go
	BackendGo   = "go"
	BackendXLA  = "xla" // the plugin that is found; xla:PATH names one
)

// PluginVariable is the environment variable that names a PJRT plugin.
const PluginVariable = "OUROFLOW_PJRT_PLUGIN"

// pluginPath is where `make xla` puts a plugin, in the folder of the project.
const pluginPath = ".xla/pjrt_c_api_cpu_plugin.so"

// ChooseBackend finds the backend that a choice means.
func ChooseBackend(choice string) (Backend, error) {
	plugin, named := strings.CutPrefix(choice, BackendXLA+":")
	switch {
	case choice == BackendGo:
		return Go, nil
	case choice == BackendAuto:
		plugin = findPlugin()
		if noXLA != "" || plugin == "" {
			return Go, nil
		}
	case choice == BackendXLA:
		plugin = findPlugin()
	case !named:
		return Go, fmt.Errorf("no backend is named %q: take auto, go, xla, or xla:PATH with the path of a PJRT plugin", choice)
	}
	switch {
	case noXLA != "":
		return Go, errors.New(noXLA)
	case plugin == "":
		return Go, fmt.Errorf("no PJRT plugin for XLA is found: run `make xla` in the folder of ouroflow, set %s to the path of one, or take xla:PATH", PluginVariable)
	}
	plugin, err := filepath.Abs(plugin)
	if err != nil {
		return Go, err
	}
	if _, err := os.Stat(plugin); err != nil {
		return Go, fmt.Errorf("the PJRT plugin: %w", err)
	}
	return Backend{plugin}, nil
}

// pluginPlaces is where a plugin is looked for: what the environment names, or the working
// directory and the folder that the program was built in.
func pluginPlaces() []string {
	if path := os.Getenv(PluginVariable); path != "" {
		return []string{path}
	}
	places := []string{pluginPath}
	if program, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(filepath.Dir(program)), pluginPath))
	}
	return places
}

// findPlugin returns "" if there is none. What the environment names is taken to be there.
func findPlugin() string {
	if path := os.Getenv(PluginVariable); path != "" {
		return path
	}
	for _, path := range pluginPlaces() {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// PinBackend is a node's pin of the backend that a choice means: results are the same to
// the bit on one backend, not across them.
func PinBackend(choice string) (node.Pins, error) {
	b, err := ChooseBackend(choice)
	if err != nil {
		return nil, &node.FieldError{Field: "backend", Err: err}
	}
	if b == Go {
		return node.Pins{"backend": BackendGo}, nil
	}
	d, err := b.digest()
	if err != nil {
		return nil, &node.FieldError{Field: "backend", Err: err}
	}
	return node.Pins{"backend": fmt.Sprintf("%s, plugin %s", BackendXLA, d)}, nil
}

// digests has, by plugin, a function that hashes it once: it is large, and every node that
// computes a model pins it.
var digests sync.Map

func (b Backend) digest() (digest.Digest, error) {
	once, _ := digests.LoadOrStore(b.plugin, sync.OnceValues(func() (digest.Digest, error) { return digest.File(b.plugin) }))
	return once.(func() (digest.Digest, error))()
}

// WitnessBackend lists the files that the pin depends on, those that might be found
// included.
func WitnessBackend(choice string) []string {
	if plugin, named := strings.CutPrefix(choice, BackendXLA+":"); named {
		return []string{plugin}
	}
	if choice == BackendGo {
		return nil
	}
	return pluginPlaces()
}

// Devices is how many models are best computed beside each other: pure Go is fastest with
// one for each processor, while XLA spreads each over all of them.
func (b Backend) Devices() int {
	if b.plugin == "" {
		return runtime.GOMAXPROCS(0)
	}
	return 1
}

// Open starts the backend, for one goroutine if it is pure Go; of XLA all share one. Pure Go
// computes models this small fastest
// one operation after the other; with its default parallelism the library can deadlock on
// two processors.
func (b Backend) Open() (opened backends.Backend, err error) {
	defer Recovered(&err)
	opening.Lock()
	defer opening.Unlock()
	defer quietly()()
	if b.plugin == "" {
		return backends.NewWithConfig("go:parallelism=-1,ops_sequential")
	}
	return openXLA(b.plugin)
}

// opening guards the standard output while quietly has it.
var opening sync.Mutex

// quietly keeps a backend's greeting out of the standard output, which other programs
// read.
func quietly() func() {
	out := os.Stdout
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return func() {}
	}
	os.Stdout = null
	return func() { os.Stdout = out; null.Close() }
}
