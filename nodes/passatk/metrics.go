package passatk

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
)

// evaluate makes the metrics: those of all candidates first, then those of the
// groups, then those of the problems that no other split has one like.
func evaluate(c candidates, alike map[string]bool, p Params) ([]node.Metric, error) {
	problems := c.problems
	m := &meter{params: p}
	if err := m.overall(problems); err != nil {
		return nil, err
	}
	m.unjudged(c.unjudged)
	for _, g := range groupsOf(problems) {
		part := split(problems, g)
		for _, k := range p.Ks {
			m.passAtK(fmt.Sprintf("pass@%d[%s]", k, g), part, k)
		}
	}
	clean := without(problems, alike)
	if len(alike) == 0 || len(clean) == 0 {
		return m.metrics, nil
	}
	rest := &meter{params: p, suffix: "[clean]"}
	rest.params.Ks = nil
	err := rest.overall(clean)
	return append(m.metrics, rest.metrics...), err
}

// without leaves out problems.
func without(problems []*problem, ids map[string]bool) []*problem {
	return slices.DeleteFunc(slices.Clone(problems), func(q *problem) bool { return ids[q.id] })
}

// meter collects metrics over problems.
type meter struct {
	params  Params
	suffix  string // of the names of its metrics
	metrics []node.Metric
}

func (m *meter) add(name string, value float64) {
	m.metrics = append(m.metrics, node.Metric{Name: name + m.suffix, Value: value})
}

// statistic adds a metric with its bootstrap interval.
func (m *meter) statistic(name string, n int, f func(drawn []int) float64) {
	low, high := rank.Interval(n, m.params.Resamples, uint64(m.params.Seed), f)
	m.metrics = append(m.metrics, node.Metric{Name: name + m.suffix, Value: f(rank.All(n)), Low: &low, High: &high})
}

// mean adds the mean of a value that each problem has.
func (m *meter) mean(name string, values []float64) {
	m.statistic(name, len(values), func(drawn []int) float64 { return rank.Mean(values, drawn) })
}

func (m *meter) overall(problems []*problem) error {
	baseline, oracle := make([]float64, len(problems)), make([]float64, len(problems))
	samples, largest := 0, 0
	for i, q := range problems {
		n, c := q.count()
		samples, largest = samples+n, max(largest, n)
		baseline[i] = float64(c) / float64(n)
		if c > 0 {
			oracle[i] = 1
		}
	}
	m.mean("baseline_pass@1", baseline)
	m.mean(fmt.Sprintf("oracle_pass@%d", largest), oracle)
	if m.params.SelectBy != "" {
		m.verifier(problems, baseline, oracle)
	}
	for _, k := range m.params.Ks {
		if !m.passAtK(fmt.Sprintf("pass@%d", k), problems, k) {
			return fmt.Errorf("pass@%d can't be estimated: no problem has %d samples (the most is %d; at temperature 0 there is one); lower ks, or draw more", k, k, largest)
		}
	}
	m.add("problems", float64(len(problems)))
	m.add("samples", float64(samples))
	return nil
}

// passAtK adds the mean pass@k of the problems that have at least k samples, and how many
// those are if they aren't all. It reports whether there is any.
func (m *meter) passAtK(name string, problems []*problem, k int) bool {
	var values []float64
	for _, q := range problems {
		if n, c := q.count(); n >= k {
			values = append(values, rank.PassAtK(n, c, k))
		}
	}
	if len(values) == 0 {
		return false
	}
	m.mean(name, values)
	if len(values) < len(problems) {
		m.add("problems["+name+"]", float64(len(values)))
	}
	return true
}

// unjudged adds how many candidates have no verdict, by the reason.
func (m *meter) unjudged(counts map[string]int) {
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		m.add(reason, float64(counts[reason]))
	}
}

// verifier adds what selection by energy gains. The share closed is the part of
// the way from baseline to oracle that it goes.
func (m *meter) verifier(problems []*problem, baseline, oracle []float64) {
	picked := make([]float64, len(problems))
	var within []float64
	for i, q := range problems {
		picked[i] = rank.Selected(q.energies, q.passed)
		if a, ok := rank.AUROC(q.energies, q.passed); ok {
			within = append(within, a)
		}
	}
	m.mean("verifier_pass@1", picked)
	m.statistic("verifier_gain", len(problems), func(drawn []int) float64 {
		return rank.Mean(picked, drawn) - rank.Mean(baseline, drawn)
	})
	if all := rank.All(len(problems)); rank.Mean(oracle, all) > rank.Mean(baseline, all) {
		m.statistic("share_closed", len(problems), func(drawn []int) float64 {
			return rank.ShareClosed(picked, baseline, oracle, drawn)
		})
	}
	if len(within) > 0 {
		m.mean("auroc_within_problem", within)
	}
	m.add("problems_with_both_outcomes", float64(len(within)))
}
