//go:build linux && amd64 && cgo && !noxla

package gomlxmodel

// #include <malloc.h>
import "C"

import (
	"math"
	"sync"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/xla"
)

// noXLA would say why this program has no XLA.
const noXLA = ""

func init() { xla.EnableAutoInstall(false) } // nothing is downloaded behind anybody's back

var (
	clientsMu sync.Mutex
	clients   = map[string]backends.Backend{}
)

// openXLA loads a plugin, once: its clients share the processors badly.
func openXLA(plugin string) (backends.Backend, error) {
	clientsMu.Lock()
	defer clientsMu.Unlock()
	if b, ok := clients[plugin]; ok {
		return b, nil
	}
	keepMemory()
	b, err := xla.New(plugin)
	if err != nil {
		return nil, err
	}
	clients[plugin] = b
	return b, nil
}

// keepMemory has the C library keep what it was given back: XLA asks for some hundred
// megabytes at each step and gives them back, and each time the kernel would have to find and
// clear them (a sixth of the time of a step).
func keepMemory() {
	C.mallopt(C.M_MMAP_MAX, 0)
	C.mallopt(C.M_TRIM_THRESHOLD, math.MaxInt32)
	C.mallopt(C.M_TOP_PAD, 64<<20)
}
