package candidateset

import (
	"math"

	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
)

// SignalNames names what tells something of a program without being learnt: agreement (the
// logarithm of how many candidates compute the same), logprob (the mean by token that the
// generator gave it), length (minus how far the logarithm of its length is from that of the
// median), checks (how many static checks hold) and variety (the logarithm of how many trees
// come to the same at the arguments that were made up). More is better.
var SignalNames = []string{"agreement", "logprob", "length", "checks", "variety"}

// Signals returns the values of SignalNames for each program of a problem, less their mean
// over the candidates, and the program of each candidate. What isn't known is 0.
func (p *Problem) Signals() (rows [][]float64, of []int) {
	programs, of := Programs(p.Texts, p.Of)
	median := medianLength(programs, of)
	logprobs := p.logprobs(programs, of)
	agreeing, trees := counts{}, counts{}
	for _, g := range programs {
		agreeing.add(g.Keys[Value], g.Count)
		trees.add(g.Keys[Outcome], truth(g.Keys[AST] != ""))
	}
	rows = make([][]float64, len(programs))
	for i, g := range programs {
		length := -math.Abs(math.Log(float64(len(g.Code)+1) / (median + 1)))
		agreement, variety := math.Log(max(g.Count, agreeing[g.Keys[Value]])), math.Log(max(1, trees[g.Keys[Outcome]]))
		rows[i] = []float64{agreement, logprobs[i], length, g.Checks(), variety}
	}
	centre(rows, of)
	return rows, of
}

// medianLength is that over the candidates, in bytes.
func medianLength(programs []Program, of []int) float64 {
	lengths := make([]float64, len(of))
	for i, program := range of {
		lengths[i] = float64(len(programs[program].Code))
	}
	return rank.Median(lengths)
}

// logprobs are means over the candidates of each program, or 0 if one of the problem's isn't
// known.
func (p *Problem) logprobs(programs []Program, of []int) []float64 {
	sums := make([]float64, len(programs))
	place := make([]int, len(p.Texts)) // how many of the text's have been read
	for i, t := range p.Of {
		known := p.Texts[t].logprobs
		if place[t] >= len(known) || math.IsNaN(known[place[t]]) {
			return make([]float64, len(programs))
		}
		sums[of[i]] += known[place[t]] / programs[of[i]].Count
		place[t]++
	}
	return sums
}

// centre takes the mean over the candidates from each column.
func centre(rows [][]float64, of []int) {
	for column := range SignalNames {
		mean := 0.0
		for _, program := range of {
			mean += rows[program][column] / float64(len(of))
		}
		for i := range rows {
			rows[i][column] -= mean
		}
	}
}

// Checks counts the static checks that hold: the code parses, defines the function that is
// asked for, with as many arguments as the test gives, uses no name that nothing defines,
// returns something, and something of the kind that the test expects. One that is known not
// to hold the last is worse than one of which it isn't known. Without features it is 0.
func (t *Text) Checks() float64 {
	if t.Facts == nil {
		return 0
	}
	fact := func(name string) float64 { return t.Facts[codefacts.Index(name)] }
	held := fact("parses") + fact("has_name") + fact("arity")
	if fact("undefined") > 0 {
		held--
	}
	if fact("kind_match") > 0 {
		held++
	}
	return held - fact("no_return") - fact("kind_wrong")
}
