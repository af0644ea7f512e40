package containers

import (
	"strings"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
)

// runcShim is containerd's shim for runc, and for what is called like it.
const runcShim = "io.containerd.runc.v2"

// ociRuntime returns the shim that a name stands for, with its options: a name without
// dots is a binary that runc's shim is to run.
func ociRuntime(name string) (shim string, options any) {
	switch {
	case strings.Contains(name, "."):
		return name, nil
	case name == "runc":
		return runcShim, nil
	default:
		return runcShim, &runcoptions.Options{BinaryName: name}
	}
}
