package auditexec

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
)

// tally counts reruns and those that ended otherwise.
type tally struct{ reruns, flips float64 }

func metrics(drawn []*drawnCandidate, p Params) []node.Metric {
	all, byVerdict := tally{}, map[string]tally{}
	for _, d := range drawn {
		one := byVerdict[d.Verdict]
		one.reruns += float64(len(d.Again))
		one.flips += float64(d.Flips)
		byVerdict[d.Verdict] = one
		all.reruns += float64(len(d.Again))
		all.flips += float64(d.Flips)
	}
	out := []node.Metric{{Name: "audited", Value: float64(len(drawn))}, all.metric("flip_rate")}
	for _, v := range slices.Sorted(maps.Keys(byVerdict)) {
		out = append(out, byVerdict[v].metric("flip_rate_"+v))
	}
	for _, k := range p.Ks {
		out = append(out, change(drawn, k, p.Repeats))
	}
	return out
}

func (t tally) metric(name string) node.Metric {
	low, high := wilson(t.flips, t.reruns)
	return node.Metric{Name: name, Value: t.flips / t.reruns, Low: &low, High: &high}
}

// change tells by how much pass@k of the audited candidates differs between the reruns
// and the verdicts given: the mean over the reruns, with the lowest and the highest
// as its interval.
func change(drawn []*drawnCandidate, k, repeats int) node.Metric {
	given := passAtK(drawn, k, func(d *drawnCandidate) string { return d.Verdict })
	sum, low, high := 0.0, 1.0, -1.0
	for r := range repeats {
		delta := passAtK(drawn, k, func(d *drawnCandidate) string { return d.Again[r] }) - given
		sum += delta
		low, high = min(low, delta), max(high, delta)
	}
	return node.Metric{Name: fmt.Sprintf("pass@%d_change", k), Value: sum / float64(repeats), Low: &low, High: &high}
}

// passAtK is the mean over the problems with at least k audited candidates; 0 if there
// is none.
func passAtK(drawn []*drawnCandidate, k int, of func(*drawnCandidate) string) float64 {
	n, c := map[string]int{}, map[string]int{}
	for _, d := range drawn {
		n[d.ProblemID]++
		if of(d) == verdict.Passed {
			c[d.ProblemID]++
		}
	}
	sum, problems := 0.0, 0.0
	for id := range n {
		if n[id] >= k {
			sum += rank.PassAtK(n[id], c[id], k)
			problems++
		}
	}
	if problems == 0 {
		return 0
	}
	return sum / problems
}
