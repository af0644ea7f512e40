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
// candidates. A version that computes what one of these does is no more broken than that.

// brokenCandidate is a row of the input degenerate.
type brokenCandidate struct {
	candidate
	Form  string  `arrow:"degenerate"`
	Value *string `arrow:"value_key"`
}

// formRow is a row of the table degenerate.
type formRow struct {
	Form    string  `arrow:"form"`
	Count   int64   `arrow:"candidates"`
	Passing int64   `arrow:"passing"`      // that work all the same, and aren't counted in what follows
	Same    int64   `arrow:"same"`         // that fail and compute what a candidate does; nor are these
	Above   float64 `arrow:"above_median"` // share whose energy is above the median of their problem's candidates
	Mean    float64 `arrow:"mean_above"`   // mean distance from that median
}

// sink has, by form, how far above the median each version lies that fails in its own way.
type sink map[string]*formOf

// formOf is what is known of the versions of a form.
type formOf struct {
	passing, same int64
	above         []float64
}

func (k sink) of(form string) *formOf {
	if k[form] == nil {
		k[form] = &formOf{}
	}
	return k[form]
}

// readSink reads the input degenerate, if there is one.
func readSink(t node.Task, s *splits) (sink, error) {
	k := sink{}
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
		if !evaluated {
			return nil
		}
		form := k.of(c.Row.Form)
		switch {
		case math.IsNaN(c.Row.Energy):
			return fmt.Errorf("predicted_energy of a degenerate version of problem %s is not a number", c.Row.ProblemID)
		case c.Row.Verdict == verdict.Passed:
			form.passing++
		case s.byID[c.Row.ProblemID].computes(c.Row.Value):
			form.same++
		default:
			form.above = append(form.above, c.Row.Energy-usual)
		}
		return nil
	})
}

// computes tells whether a candidate has that value.
func (q *problem) computes(value *string) bool {
	return value != nil && slices.ContainsFunc(q.Texts, func(t candidateset.Text) bool { return t.Keys[candidateset.Value] == *value })
}

func (k sink) rows() []formRow {
	var rows []formRow
	for _, name := range slices.Sorted(maps.Keys(k)) {
		f := k[name]
		r := formRow{Form: name, Count: f.passing + f.same + int64(len(f.above)), Passing: f.passing, Same: f.same}
		if len(f.above) > 0 {
			r.Above, r.Mean = shareAbove(f.above), rank.Mean(f.above, rank.All(len(f.above)))
		}
		rows = append(rows, r)
	}
	return rows
}

// metrics are the share of all versions that fail in their own way, and of those of each form.
func (k sink) metrics() []node.Metric {
	var all []float64
	var list []node.Metric
	for _, name := range slices.Sorted(maps.Keys(k)) {
		if above := k[name].above; len(above) > 0 {
			all = append(all, above...)
			list = append(list, node.Metric{Name: fmt.Sprintf("degenerate_above_median[%s]", name), Value: shareAbove(above)})
		}
	}
	if len(all) == 0 {
		return nil
	}
	return append([]node.Metric{{Name: "degenerate_above_median", Value: shareAbove(all)}}, list...)
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
