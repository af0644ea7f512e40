//go:build !linux || !amd64 || !cgo || noxla

package gomlxmodel

import (
	"errors"

	"github.com/gomlx/gomlx/backends"
)

const noXLA = "this program was built without XLA: build it on Linux with CGO_ENABLED=1 and a C compiler, without the tag noxla (`make build` does after `make xla`), or take backend: go"

func openXLA(string) (backends.Backend, error) { return nil, errors.New(noXLA) }
