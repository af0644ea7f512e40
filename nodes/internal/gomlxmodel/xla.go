//go:build linux && amd64 && cgo && !noxla

package gomlxmodel

import (
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
	b, err := xla.New(plugin)
	if err != nil {
		return nil, err
	}
	clients[plugin] = b
	return b, nil
}
