package verifierreport

import (
	"cmp"
	"math"
	"slices"

	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// ranker gives each candidate of a problem an energy, the lowest of which it would
// select; nil where it can't.
type ranker struct {
	name       string
	of         func(*view) []float64
	interprets bool // it looks at outcomes, so it isn't for free
}

// view is a problem with what all rankers look at.
type view struct {
	*problem
	set *candidateset.Set
}

// verifierName is the row of the verifier among the rankers.
const verifierName = "verifier"

// rankers are the verifier and all that need neither training nor execution.
var rankers = []ranker{
	{name: verifierName, of: func(v *view) []float64 { return v.energies }},
	{name: "compiles", of: compiles},
	{name: "shortest", of: func(v *view) []float64 { return v.each(func(i int) float64 { return v.length(i) }) }},
	{name: "longest", of: func(v *view) []float64 { return v.each(func(i int) float64 { return -v.length(i) }) }},
	{name: "median_length", of: medianLength},
	{name: "text_majority", of: textMajority},
	{name: "ast_majority", of: func(v *view) []float64 { return v.peer("ast_share") }},
	{name: "value_majority", of: func(v *view) []float64 { return v.peer("value_share") }},
	{name: "medoid", of: func(v *view) []float64 { return v.peer("mean_words") }},
	{name: "checks", of: checks},
	{name: "checks_ast_majority", of: func(v *view) []float64 { return checksMajority(v, "ast_share") }},
	{name: "checks_value_majority", of: func(v *view) []float64 { return checksMajority(v, "value_share") }},
	{name: "logprob", of: logprobs},
	{name: "outcome_majority", of: func(v *view) []float64 { return v.outcome("log_outcomes") }, interprets: true},
	{name: "outcome_variety", of: func(v *view) []float64 { return v.outcome("outcome_trees") }, interprets: true},
}

func (v *view) each(f func(i int) float64) []float64 {
	out := make([]float64, len(v.Of))
	for i := range out {
		out[i] = f(i)
	}
	return out
}

func (v *view) length(i int) float64 { return float64(len(v.Texts[v.Of[i]].Code)) }

func compiles(v *view) []float64 {
	at := codefacts.Index("parses")
	return v.each(func(i int) float64 { return -v.Texts[v.Of[i]].Facts[at] })
}

// peer is an energy that falls with what is known of a program relative to the others.
func (v *view) peer(name string) []float64 {
	at := slices.Index(candidateset.PeerNames, name)
	return v.falling(func(c candidateset.Class) float64 { return c.Peers[at] })
}

// outcome is an energy that falls with what is known of a program by its outcomes.
func (v *view) outcome(name string) []float64 {
	at := slices.Index(candidateset.OutcomeNames, name)
	return v.falling(func(c candidateset.Class) float64 { return c.Outcomes[at] })
}

// falling is an energy that falls with a value of the candidate's program.
func (v *view) falling(value func(candidateset.Class) float64) []float64 {
	return v.each(func(i int) float64 { return -value(v.set.Classes[v.set.Of[i]]) })
}

// checks is minus the number of static checks that hold.
func checks(v *view) []float64 {
	return v.each(func(i int) float64 { return -v.Texts[v.Of[i]].Checks() })
}

// checksMajority are the strongest rankers known that need no training: the checks, and
// among equals what was written most often.
func checksMajority(v *view, share string) []float64 {
	first, second := checks(v), v.peer(share)
	for i := range first {
		first[i] += second[i] / 2 // a share: less than a check
	}
	return first
}

func medianLength(v *view) []float64 {
	lengths := v.each(v.length)
	sorted := slices.Sorted(slices.Values(lengths))
	median := sorted[len(sorted)/2]
	return v.each(func(i int) float64 { return math.Abs(lengths[i] - median) })
}

func textMajority(v *view) []float64 {
	count := make([]float64, len(v.Texts))
	for _, t := range v.Of {
		count[t]++
	}
	return v.each(func(i int) float64 { return -count[v.Of[i]] })
}

// logprobs is nil unless every candidate has one.
func logprobs(v *view) []float64 {
	if slices.ContainsFunc(v.logprobs, math.IsNaN) {
		return nil
	}
	return v.each(func(i int) float64 { return -v.logprobs[i] })
}

// byPass orders rankers, the best first.
func byPass(a, b *selection) int { return cmp.Compare(b.pass, a.pass) }
