package passatk

import (
	"fmt"
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
)

// evaluate makes the metrics: those of all candidates first, then those of the
// groups, then those of the problems that no other split has one like.
func evaluate(problems []*problem, alike map[string]bool, p Params) ([]node.Metric, error) {
	m := &meter{params: p}
	if err := m.overall(problems); err != nil {
		return nil, err
	}
	for _, g := range groupsOf(problems) {
		part := split(problems, g)
		for _, k := range p.Ks {
			if values, ok := passAtK(part, k); ok {
				m.mean(fmt.Sprintf("pass@%d[%s]", k, g), values)
			}
		}
	}
	clean := without(problems, alike)
	if len(alike) == 0 || len(clean) == 0 {
		return m.metrics, nil
	}
	c := &meter{params: p, suffix: "[clean]"}
	c.params.Ks = nil
	err := c.overall(clean)
	return append(m.metrics, c.metrics...), err
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
		values, ok := passAtK(problems, k)
		if !ok {
			return fmt.Errorf("pass@%d can't be estimated: some problem has fewer than %d samples (the most is %d; at temperature 0 there is one); lower ks, or draw more", k, k, largest)
		}
		m.mean(fmt.Sprintf("pass@%d", k), values)
	}
	m.add("problems", float64(len(problems)))
	m.add("samples", float64(samples))
	return nil
}

// passAtK estimates pass@k for each problem; ok is false if one has fewer than k
// samples.
func passAtK(problems []*problem, k int) (values []float64, ok bool) {
	values = make([]float64, len(problems))
	for i, q := range problems {
		n, c := q.count()
		if n < k {
			return nil, false
		}
		values[i] = rank.PassAtK(n, c, k)
	}
	return values, true
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
