// Package label turns verdicts into energies, the targets of a verifier.
package label

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
)

// Params of the node.
type Params struct {
	Energies map[string]float64 `yaml:"energies" doc:"Energy of each verdict. Entries replace single defaults: passed 0, every other verdict 1."`
}

type in struct {
	Verdict string `arrow:"verdict"`
}

type out struct {
	Energy float64 `arrow:"energy"`
}

// unlabelled is the row of a candidate without a verdict.
var unlabelled = out{math.NaN()}

// Type returns the node type label.
func Type() *node.Type {
	return node.RowDef[Params, in, out]{
		Name:    "label",
		Version: 2,
		Doc: "Turns the verdict of a candidate into an energy: low for code that works. The column `energy` is added. " +
			"Candidates without a verdict (unsupported, quarantined) have no label: their rows are left out.",
		Defaults: Params{Energies: defaults()},
		Check:    check,
		Drop:     func(_ Params, o out) bool { return math.IsNaN(o.Energy) },
		Run: func(_ context.Context, p Params, w *node.Work[in, out]) error {
			return w.Parallel(1, func(_ int, item node.Item[in]) (out, error) {
				if !verdict.Known(item.In.Verdict) {
					return unlabelled, nil
				}
				e, ok := p.Energies[item.In.Verdict]
				if !ok {
					return out{}, fmt.Errorf("no energy is set for the verdict %q", item.In.Verdict)
				}
				return out{e}, nil
			})
		},
	}.Type()
}

func defaults() map[string]float64 {
	m := map[string]float64{}
	for _, v := range verdict.All() {
		m[v] = 1
	}
	m[verdict.Passed] = 0
	return m
}

func check(p Params) error {
	for v := range p.Energies {
		if !slices.Contains(verdict.All(), v) {
			return node.BadField("energies."+v, "%q is no verdict; verdicts are: %v", v, verdict.All())
		}
	}
	return nil
}
