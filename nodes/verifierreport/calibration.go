package verifierreport

import (
	"math"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
)

// each visits all candidates.
func each(problems []*problem, visit func(q *problem, i int)) {
	for _, q := range problems {
		for i := range q.passed {
			visit(q, i)
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// calibrated measures how well energies tell the chance to pass, before and after the
// temperature that suits the other split.
func calibrated(s *splits) []node.Metric {
	out := quality(s.evaluated, 1, "")
	var energies []float64
	var passed []bool
	each(s.evaluated, func(q *problem, i int) {
		energies, passed = append(energies, q.energies[i]), append(passed, q.passed[i])
	})
	if a, ok := rank.AUROC(energies, passed); ok {
		out = append(out, node.Metric{Name: "auroc_pooled", Value: a})
	}
	if len(s.calibrated) > 0 {
		t := temperature(s.calibrated)
		out = append(out, node.Metric{Name: "temperature", Value: t})
		out = append(out, quality(s.evaluated, t, "_calibrated")...)
	}
	return out
}

// quality is the Brier score (Brier 1950), the mean squared distance of the chance from
// what happened, and the expected calibration error (Naeini et al. 2015), the mean
// distance of the mean chance in each of 15 bins from the share that passes, weighted by
// candidates.
func quality(problems []*problem, t float64, suffix string) []node.Metric {
	brier, n := 0.0, 0.0
	each(problems, func(q *problem, i int) {
		d := rank.Chance(q.energies[i]/t) - truth(q.passed[i])
		brier, n = brier+d*d, n+1
	})
	ece := 0.0
	for _, b := range bins(problems, t) {
		ece += float64(b.Candidates) / n * math.Abs(b.Chance-b.Passed)
	}
	return []node.Metric{{Name: "ece" + suffix, Value: ece}, {Name: "brier" + suffix, Value: brier / n}}
}

// binRow is a row of the table calibration.
type binRow struct {
	From       float64 `arrow:"from"` // of the chance to pass
	To         float64 `arrow:"to"`
	Candidates int64   `arrow:"candidates"`
	Chance     float64 `arrow:"chance"` // mean of what the energies mean
	Passed     float64 `arrow:"passed"` // share that passes
}

// binCount is the number of bins of equal width that the literature uses.
const binCount = 15

// bins leaves out those without candidates.
func bins(problems []*problem, t float64) []binRow {
	rows := make([]binRow, binCount)
	each(problems, func(q *problem, i int) {
		p := rank.Chance(q.energies[i] / t)
		b := &rows[min(int(p*binCount), binCount-1)]
		b.Candidates++
		b.Chance += p
		b.Passed += truth(q.passed[i])
	})
	var out []binRow
	for i, b := range rows {
		if n := float64(b.Candidates); n > 0 {
			out = append(out, binRow{float64(i) / binCount, float64(i+1) / binCount, b.Candidates, b.Chance / n, b.Passed / n})
		}
	}
	return out
}

// temperature is the one between 1/20 and 20 with the smallest cross-entropy (Guo et al.
// 2017, section 4.2), which has one minimum in its logarithm: golden-section search.
func temperature(problems []*problem) float64 {
	loss := func(logT float64) (sum float64) {
		each(problems, func(q *problem, i int) {
			e := q.energies[i] / math.Exp(logT)
			if !q.passed[i] {
				e = -e
			}
			sum += math.Max(e, 0) + math.Log1p(math.Exp(-math.Abs(e))) // softplus
		})
		return sum
	}
	golden := (math.Sqrt(5) - 1) / 2
	low, high := -math.Log(20), math.Log(20)
	for range 40 {
		a, b := high-golden*(high-low), low+golden*(high-low)
		if loss(a) < loss(b) {
			high = b
		} else {
			low = a
		}
	}
	return math.Exp((low + high) / 2)
}
