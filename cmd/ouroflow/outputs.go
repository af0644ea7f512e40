package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ouroflow/ouroflow/engine/event"
)

type outputRef = event.Output

// pickOutput finds an output by name, or the one that fits if none is named.
func pickOutput(outputs map[string]event.Output, port string, fits func(outputRef) bool) (event.Output, string, error) {
	if len(outputs) == 0 {
		return event.Output{}, "", errors.New("it has no output in this run")
	}
	names := slices.Sorted(maps.Keys(outputs))
	if port == "" {
		i := slices.IndexFunc(names, func(n string) bool { return fits(outputs[n]) })
		if i < 0 {
			return event.Output{}, "", fmt.Errorf("none of its outputs is a table: %s", strings.Join(names, ", "))
		}
		port = names[i]
	}
	out, ok := outputs[port]
	switch {
	case !ok:
		return out, port, fmt.Errorf("it has no output %q; it has: %s", port, strings.Join(names, ", "))
	case !fits(out):
		return out, port, fmt.Errorf("output %q is a %s, not a table", port, out.Kind)
	}
	return out, port, nil
}
