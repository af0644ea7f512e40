package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/run"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes"
)

// pickTable finds an output table by name, or the first of the node if none is
// named.
func pickTable(n *run.Node, port string) (event.Output, string, error) {
	if len(n.Outputs) == 0 {
		return event.Output{}, "", errors.New("it has no output in this run")
	}
	names := outputNames(n)
	fits := func(name string) bool { return n.Outputs[name].Kind == table.KindTable }
	if port == "" {
		i := slices.IndexFunc(names, fits)
		if i < 0 {
			return event.Output{}, "", fmt.Errorf("none of its outputs is a table: %s", strings.Join(names, ", "))
		}
		port = names[i]
	}
	out, ok := n.Outputs[port]
	switch {
	case !ok:
		return out, port, fmt.Errorf("it has no output %q; it has: %s", port, strings.Join(names, ", "))
	case !fits(port):
		return out, port, fmt.Errorf("output %q is a %s, not a table", port, out.Kind)
	}
	return out, port, nil
}

// outputNames lists the outputs of a node in the order of its type, or by name
// if this program doesn't know the type.
func outputNames(n *run.Node) []string {
	names := slices.Sorted(maps.Keys(n.Outputs))
	t := nodes.Standard()[n.Type]
	if t == nil {
		return names
	}
	place := map[string]int{}
	for i, p := range t.Ports().Out {
		place[p.Name] = i
	}
	slices.SortStableFunc(names, func(a, b string) int { return place[a] - place[b] })
	return names
}
