package verifierreport

import (
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
)

// selection is what one ranker selects.
type selection struct {
	ranker
	picked []float64 // expected correctness by problem
	pass   float64   // mean of picked
}

// comparison has the selections of all rankers on the same problems.
type comparison struct {
	params           Params
	baseline, oracle []float64 // by problem
	selections       []*selection
}

func compare(problems []*problem, p Params) *comparison {
	c := &comparison{params: p}
	views := make([]*view, len(problems))
	for i, q := range problems {
		views[i] = &view{q, candidateset.New(q.Texts, q.Of)}
		n := q.pass()
		c.baseline = append(c.baseline, n/float64(len(q.passed)))
		c.oracle = append(c.oracle, min(n, 1))
	}
	for _, r := range rankers {
		if picked := r.pick(views); picked != nil {
			c.selections = append(c.selections, &selection{r, picked, rank.Mean(picked, rank.All(len(picked)))})
		}
	}
	return c
}

// pick is nil if the ranker can't judge some problem.
func (r ranker) pick(views []*view) []float64 {
	picked := make([]float64, len(views))
	for i, v := range views {
		energies := r.of(v)
		if energies == nil {
			return nil
		}
		picked[i] = rank.Selected(energies, v.passed)
	}
	return picked
}

// rankerRow is a row of the table rankers. Intervals are 95% and paired.
type rankerRow struct {
	Ranker    string  `arrow:"ranker"`
	Pass      float64 `arrow:"pass@1"`
	PassLow   float64 `arrow:"pass_low"`
	PassHigh  float64 `arrow:"pass_high"`
	Share     float64 `arrow:"share_closed"` // of the way from a random candidate to any
	ShareLow  float64 `arrow:"share_low"`
	ShareHigh float64 `arrow:"share_high"`
	Gain      float64 `arrow:"verifier_gain"` // share that the verifier closes beyond this
	GainLow   float64 `arrow:"gain_low"`
	GainHigh  float64 `arrow:"gain_high"`
}

func (c *comparison) rows() []rankerRow {
	random := &selection{ranker{name: "random"}, c.baseline, rank.Mean(c.baseline, rank.All(len(c.baseline)))}
	rows := []rankerRow{c.row(random)}
	for _, s := range slices.SortedStableFunc(slices.Values(c.selections), byPass) {
		rows = append(rows, c.row(s))
	}
	return rows
}

func (c *comparison) row(s *selection) rankerRow {
	r := rankerRow{Ranker: s.name}
	r.Pass, r.PassLow, r.PassHigh = c.statistic(func(drawn []int) float64 { return rank.Mean(s.picked, drawn) })
	r.Share, r.ShareLow, r.ShareHigh = c.statistic(func(drawn []int) float64 { return c.share(s, drawn) })
	r.Gain, r.GainLow, r.GainHigh = c.statistic(func(drawn []int) float64 {
		return c.share(c.verifier(), drawn) - c.share(s, drawn)
	})
	return r
}

func (c *comparison) verifier() *selection { return c.selections[0] }

func (c *comparison) share(s *selection, drawn []int) float64 {
	return rank.ShareClosed(s.picked, c.baseline, c.oracle, drawn)
}

// statistic is a value over all problems with its interval.
func (c *comparison) statistic(f func(drawn []int) float64) (value, low, high float64) {
	n := len(c.baseline)
	low, high = rank.Interval(n, c.params.Resamples, uint64(c.params.Seed), f)
	return f(rank.All(n)), low, high
}

// best is the untrained ranker that selects best on these very problems, of those that
// interpret programs or of the others: the hardest one to beat here, chosen with hindsight.
func (c *comparison) best(interprets bool) *selection {
	others := slices.DeleteFunc(slices.Clone(c.selections[1:]), func(s *selection) bool { return s.interprets != interprets })
	return slices.MinFunc(others, byPass)
}

// metrics compare the verifier with the best free ranker, and with the best of those that
// interpret programs.
func (c *comparison) metrics(rows []rankerRow) []node.Metric {
	return slices.Concat(c.against("free", c.best(false), rows), c.against("interpreted", c.best(true), rows))
}

// against are the metrics of a ranker, of whose row most are.
func (c *comparison) against(kind string, best *selection, rows []rankerRow) []node.Metric {
	r := rows[slices.IndexFunc(rows, func(r rankerRow) bool { return r.Ranker == best.name })]
	gain, low, high := c.statistic(func(d []int) float64 { return rank.Mean(c.verifier().picked, d) - rank.Mean(best.picked, d) })
	return []node.Metric{
		{Name: kind + "_pass@1[" + best.name + "]", Value: r.Pass, Low: &r.PassLow, High: &r.PassHigh},
		{Name: kind + "_share_closed[" + best.name + "]", Value: r.Share, Low: &r.ShareLow, High: &r.ShareHigh},
		{Name: "gain_over_" + kind, Value: gain, Low: &low, High: &high},
		{Name: "share_over_" + kind, Value: r.Gain, Low: &r.GainLow, High: &r.GainHigh},
	}
}

// bestOfRow is a row of the table best_of.
type bestOfRow struct {
	K        int64   `arrow:"k"`
	Selected float64 `arrow:"selected"` // the lowest energy of k candidates passes
	Oracle   float64 `arrow:"oracle"`   // any of k candidates passes: pass@k
}

// bestOf goes up to the number of candidates that every problem has.
func bestOf(problems []*problem) []bestOfRow {
	most := len(slices.MinFunc(problems, func(a, b *problem) int { return len(a.passed) - len(b.passed) }).passed)
	rows := make([]bestOfRow, most)
	for i := range rows {
		rows[i].K = int64(i + 1)
	}
	share := 1 / float64(len(problems))
	for _, q := range problems {
		selected := rank.BestOf(q.energies, q.passed)
		for i := range rows {
			rows[i].Selected += share * selected[i]
			rows[i].Oracle += share * rank.PassAtK(len(q.passed), int(q.pass()), i+1)
		}
	}
	return rows
}
