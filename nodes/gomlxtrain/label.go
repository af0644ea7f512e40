package gomlxtrain

import (
	"cmp"
	"math"
	"slices"

	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// problem has the distinct candidates of one problem.
type problem struct {
	id      string
	items   []labelled
	passing []int // indices
	failing []int // those most like a passing one first
}

func (q *problem) both() bool { return len(q.passing) > 0 && len(q.failing) > 0 }

// labelled is an item with what is known of its candidates.
type labelled struct {
	gomlxmodel.Item
	passed float32 // share that passes: candidates that the model can't tell apart may differ
	energy float32 // mean label
	weight float32 // within its problem
}

// label describes what the model will be shown of a problem.
func (g *grouper) label(q *gathered) *problem {
	items, of := g.encoder.Items(&q.Problem)
	p := &problem{id: q.ID, items: make([]labelled, len(items))}
	for i, item := range items {
		p.items[i] = labelled{Item: item, weight: g.params.Weights.of(item.Count)}
		g.items++
		if item.Truncated {
			g.truncated++
		}
	}
	pass := make([]float64, len(items))
	for row, i := range of {
		p.items[i].energy += float32(q.energies[row] / items[i].Count)
		if q.energies[row] < g.params.PassBelow {
			pass[i]++
		}
	}
	for i, item := range items {
		p.items[i].passed = float32(pass[i] / item.Count)
	}
	p.items = append(p.items, g.labelJoining(q)...)
	for i, l := range p.items {
		if l.passed > 0.5 {
			p.passing = append(p.passing, i)
		} else {
			p.failing = append(p.failing, i)
		}
	}
	if g.params.Hard > 0 {
		p.hardestFirst(q.Problem, of)
	}
	return p
}

// hardestFirst orders the failing items by how like a passing one they are. Of has the item
// of each candidate; versions that are nobody's come last.
func (p *problem) hardestFirst(q candidateset.Problem, of []int) {
	textOf := make([]int, len(p.items))
	for i := range textOf {
		textOf[i] = -1
	}
	for row, item := range of {
		textOf[item] = q.Of[row]
	}
	alike := candidateset.Similarities(q.Texts)
	nearest := make([]float64, len(p.items))
	for _, i := range p.failing {
		for _, j := range p.passing {
			if textOf[i] >= 0 && textOf[j] >= 0 {
				nearest[i] = max(nearest[i], alike[textOf[i]][textOf[j]])
			}
		}
	}
	slices.SortStableFunc(p.failing, func(a, b int) int { return cmp.Compare(nearest[b], nearest[a]) })
}

// of is the weight of a program that so many candidates are: what is sampled often counts
// more, but not as much more.
func (w Weights) of(count float64) float32 {
	if w.CountCap > 0 {
		count = min(count, float64(w.CountCap))
	}
	return float32(math.Sqrt(count))
}

// labelJoining describes the degenerate versions that are no program of the candidates.
func (g *grouper) labelJoining(q *gathered) []labelled {
	var texts []candidateset.Text
	var out []labelled
	for _, j := range q.joining {
		if q.Has(j.text) {
			continue
		}
		l := labelled{energy: float32(j.energy), weight: 1}
		if j.energy < g.params.PassBelow {
			l.passed = 1
		}
		texts, out = append(texts, j.text), append(out, l)
	}
	if len(out) == 0 {
		return nil
	}
	for i, item := range gomlxmodel.Joining(g.encoder, &q.Problem, texts) {
		out[i].Item = item
	}
	g.degenerate += len(out)
	return out
}
