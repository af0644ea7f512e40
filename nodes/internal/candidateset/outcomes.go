package candidateset

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// OutcomeNames names what is known of a candidate by what it comes to at the arguments that
// code_features made up, in the order in which models see it: whether that is known; the
// shares of the arguments at which it fails, and gives nothing, and how many different
// outcomes there are for each argument; logarithms of how many candidates, trees and values
// come to the same at all arguments, and of their shares of the candidates and of the trees;
// the mean share of arguments at which others of which it is known come to the same, by
// candidates and by trees. Outcomes that are all failures or nothing count as unknown in
// the last two, and as what computes the value alone in those before.
var OutcomeNames = []string{
	"outcomes_known", "failing", "nothing", "different",
	"log_outcomes", "outcome_trees", "outcome_values", "log_outcomes_share", "outcome_trees_share",
	"mean_outcomes", "tree_outcomes",
}

// tells is whether outcomes tell programs apart: they aren't all failures or nothing.
func tells(outcomes []string) bool {
	return slices.ContainsFunc(outcomes, func(o string) bool { return o != "" && o != codefacts.Nothing })
}

// outcomeKey is equal for programs that come to the same; for those that fail everywhere, or
// of which it isn't known, it is that of the value.
func outcomeKey(f codefacts.Features) *string {
	if !tells(f.Outcomes) {
		return cmp.Or(f.Value, f.AST)
	}
	return new("outcomes " + strings.Join(f.Outcomes, " "))
}

// ways counts different keys of one kind by the key of their outcomes.
func (v *view) ways(kind Kind) counts {
	n, seen := counts{}, map[[2]string]bool{}
	for _, t := range v.texts {
		pair := [2]string{t.Keys[kind], t.Keys[Outcome]}
		if t.Keys[kind] != "" && !seen[pair] {
			seen[pair] = true
			n.add(t.Keys[Outcome], 1)
		}
	}
	return n
}

// describeOutcomes returns the values of OutcomeNames for each text.
func describeOutcomes(v *view) [][]float64 {
	allTrees, allValues, once := v.ways(AST), v.ways(Value), v.onceEach()
	rows := make([][]float64, len(v.texts))
	for i, t := range v.texts {
		n := v.alike[Outcome][t.Keys[Outcome]]
		trees, values := max(1, allTrees[t.Keys[Outcome]]), max(1, allValues[t.Keys[Outcome]])
		rows[i] = append(outcomeShares(t.Outcomes),
			math.Log(max(n, t.count)), math.Log(trees), math.Log(values), math.Log(max(n, t.count)/v.total), math.Log(trees/v.programs),
			v.sameOutcomes(i, func(j int) float64 { return v.texts[j].count }), v.sameOutcomes(i, func(j int) float64 { return once[j] }))
	}
	return rows
}

// onceEach is 1 for one text of each tree, 0 for the others.
func (v *view) onceEach() []float64 {
	once, seen := make([]float64, len(v.texts)), map[string]bool{}
	for i, t := range v.texts {
		if !seen[t.Keys[AST]] {
			seen[t.Keys[AST]] = t.Keys[AST] != ""
			once[i] = 1
		}
	}
	return once
}

// outcomeShares are the first of OutcomeNames.
func outcomeShares(outcomes []string) []float64 {
	n := float64(len(outcomes))
	if n == 0 {
		return []float64{0, 0, 0, 0}
	}
	failing, nothing, different := 0.0, 0.0, map[string]bool{}
	for _, o := range outcomes {
		failing += truth(o == "")
		nothing += truth(o == codefacts.Nothing)
		different[o] = true
	}
	delete(different, "")
	return []float64{1, failing / n, nothing / n, float64(len(different)) / n}
}

// sameOutcomes is the mean share of outcomes that a text has in common with those of other
// trees, and of its own but for one, each with a weight.
func (v *view) sameOutcomes(i int, weight func(j int) float64) float64 {
	own := v.texts[i]
	if !tells(own.Outcomes) {
		return 0
	}
	sum, total := -1.0, -1.0 // not itself
	for j, t := range v.texts {
		if tells(t.Outcomes) {
			sum += weight(j) * common(own.Outcomes, t.Outcomes)
			total += weight(j)
		}
	}
	return max(0, sum) / max(total, 1)
}

// common is the share of places at which two lists are equal.
func common(a, b []string) float64 {
	n := 0.0
	for i := range min(len(a), len(b)) {
		n += truth(a[i] == b[i])
	}
	return n / float64(max(len(a), len(b)))
}
