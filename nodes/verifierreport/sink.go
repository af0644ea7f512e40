package verifierreport

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
)

// An energy sink is what a verifier gives its lowest energies to although nobody would
// write it: loops, or nothing at all. Whether there is one shows in degenerate versions of
// real candidates: those that fail must lie above the median energy of their problem's
// candidates.

// brokenCandidate is a row of the input degenerate.
type brokenCandidate struct {
	candidate
	Form string `arrow:"degenerate"`
}

// formRow is a row of the table degenerate.
type formRow struct {
	Form    string  `arrow:"form"`
	Count   int64   `arrow:"candidates"`
	Passing int64   `arrow:"passing"`      // that work all the same, and aren't counted in what follows
	Above   float64 `arrow:"above_median"` // share whose energy is above the median of their problem's candidates
	Mean    float64 `arrow:"mean_above"`   // mean distance from that median
}

// sink has, by form, how far above the median each version that fails lies.
type sink struct {
	above   map[string][]float64
	passing map[string]int64
}

// readSink reads the input degenerate, if there is one.
func readSink(t node.Task, s *splits) (*sink, error) {
	k := &sink{map[string][]float64{}, map[string]int64{}}
	if !t.Bound("degenerate") {
		return k, nil
	}
	in, err := t.Table("degenerate")
	if err != nil {
		return nil, err
	}
	defer in.Close()
	medians := map[string]float64{}
	for _, q := range s.evaluated {
		medians[q.ID] = rank.Median(q.energies)
	}
	return k, candidateset.Each(in, false, func(c candidateset.Candidate[brokenCandidate]) error {
		usual, evaluated := medians[c.Row.ProblemID]
		switch {
		case !evaluated:
		case math.IsNaN(c.Row.Energy):
			return fmt.Errorf("predicted_energy of a degenerate version of problem %s is not a number", c.Row.ProblemID)
		case c.Row.Verdict == verdict.Passed:
			k.passing[c.Row.Form]++
		default:
			k.above[c.Row.Form] = append(k.above[c.Row.Form], c.Row.Energy-usual)
		}
		return nil
	})
}

func (k *sink) rows() []formRow {
	forms := maps.Clone(k.passing)
	for form := range k.above {
		forms[form] += 0
	}
	var rows []formRow
	for _, form := range slices.Sorted(maps.Keys(forms)) {
		above := k.above[form]
		r := formRow{Form: form, Count: k.passing[form] + int64(len(above)), Passing: k.passing[form]}
		if len(above) > 0 {
			r.Above, r.Mean = shareAbove(above), rank.Mean(above, rank.All(len(above)))
		}
		rows = append(rows, r)
	}
	return rows
}

// metrics are the share of all failing versions, and of those of each form.
func (k *sink) metrics() []node.Metric {
	if len(k.above) == 0 {
		return nil
	}
	all := slices.Concat(slices.Collect(maps.Values(k.above))...)
	list := []node.Metric{{Name: "degenerate_above_median", Value: shareAbove(all)}}
	for _, form := range slices.Sorted(maps.Keys(k.above)) {
		list = append(list, node.Metric{Name: fmt.Sprintf("degenerate_above_median[%s]", form), Value: shareAbove(k.above[form])})
	}
	return list
}

func shareAbove(distances []float64) float64 {
	n := 0.0
	for _, d := range distances {
		if d > 0 {
			n++
		}
	}
	return n / float64(len(distances))
}
