package candidateset

import (
	"cmp"
	"math"
	"slices"

	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// PeerNames names what is known of a candidate relative to the others of its problem,
// in the order in which models see it. A share is one of the problem's candidates; a
// similarity is the Jaccard index of two sets of grams; z_ is the distance from the
// mean in standard deviations, both weighted by counts. The logprob is the mean by token
// less its mean over the problem; it is 0 where the generator's aren't known. Of value_trees
// and value_texts, how many trees and texts compute the same, and of their shares of all,
// it is the logarithm: what was found in many ways is likelier to be right than what was
// only said often.
var PeerNames = []string{
	"log_count", "share", "log_ast", "ast_share", "ast_rank",
	"log_operations", "operations_share", "log_skeleton", "skeleton_share", "calls_share", "returns_share",
	"constants_share", "control_share", "results_share", "log_value", "value_share",
	"value_trees", "value_texts", "value_trees_share", "value_texts_share",
	"largest_share", "in_largest",
	"length", "length_off", "tokens", "z_tokens", "log_texts", "parsing_share", "arity_agreement",
	"mean_words", "z_words", "mean_shapes", "z_shapes", "mean_edges", "z_edges",
	"mean_terms", "z_terms",
	"nearest_words", "nearest_largest", "nearest_half",
	"nearest_terms", "nearest_largest_value", "nearest_half_terms",
	"rarest_fifth", "mean_frequency", "least_frequency", "rare_share",
	"logprob", "z_logprob",
	"texts", "log_classes",
}

// describe returns the values of PeerNames for each text, without the last two, which
// belong to a class.
func describe(v *view) [][]float64 {
	texts := v.texts
	rows := make([][]float64, len(texts))
	for i, t := range texts {
		rows[i] = slices.Concat(v.groups(t), v.sizes(i))
	}
	words := similarities(texts, func(t *text) gramSet { return t.words })
	shapes := similarities(texts, func(t *text) gramSet { return t.shapes })
	edges := similarities(texts, func(t *text) gramSet { return t.edges })
	terms := similarities(texts, func(t *text) gramSet { return t.terms })
	for _, similar := range [][][]float64{words, shapes, edges, terms} {
		mean := v.meanSimilarity(similar)
		z := v.standard(mean)
		for i := range rows {
			rows[i] = append(rows[i], mean[i], z[i])
		}
	}
	for i, t := range texts {
		rows[i] = append(rows[i], v.nearest(words, i, differ), v.nearestLargest(AST, shapes[i]), v.nearestHalf(shapes[i]))
		rows[i] = append(rows[i], v.nearest(terms, i, differInValue), v.nearestLargest(Value, terms[i]), v.nearestHalf(terms[i]))
		rows[i] = append(rows[i], v.frequencies(t)...)
	}
	logprobs := v.centred(v.each(meanLogprob))
	z := v.standard(logprobs)
	for i := range rows {
		rows[i] = append(rows[i], logprobs[i], z[i])
	}
	return rows
}

// meanLogprob is NaN for texts without.
func meanLogprob(t *text) float64 {
	if len(t.logprobs) == 0 {
		return math.NaN()
	}
	return average(t.logprobs)
}

// centred are values less their mean, or 0 if one of them isn't known.
func (v *view) centred(values []float64) []float64 {
	mean := v.mean(values)
	out := make([]float64, len(values))
	for i, x := range values {
		if !math.IsNaN(mean) {
			out[i] = x - mean
		}
	}
	return out
}

// similarities are the Jaccard indices of all pairs.
func similarities(texts []*text, of func(*text) gramSet) [][]float64 {
	m := make([][]float64, len(texts))
	for i, a := range texts {
		m[i] = make([]float64, len(texts))
		m[i][i] = 1
		for j, b := range texts[:i] {
			m[i][j] = jaccard(of(a), of(b))
			m[j][i] = m[i][j]
		}
	}
	return m
}

// view has what is the same for all texts of a problem.
type view struct {
	texts    []*text
	total    float64 // candidates
	programs float64 // distinct trees, and texts that don't parse
	alike    [kinds]counts
	trees    counts             // distinct trees that have a value
	spelt    counts             // distinct texts that have a value
	largest  [kinds]float64     // candidates of the most frequent key
	ranks    map[string]float64 // of a tree among the trees, 0 for the most frequent
	shared   map[int]float64    // candidates that have a gram
	length   float64            // median, in bytes
	tokens   float64            // median of log_tokens
	zTokens  []float64
	parsing  float64 // share that parses
	arity    float64 // share with the right number of arguments
}

// counts is how many candidates have a key.
type counts map[string]float64

func (c counts) add(key string, n float64) {
	if key != "" {
		c[key] += n
	}
}

func newView(texts []*text) *view {
	v := &view{texts: texts, trees: counts{}, spelt: counts{}, shared: map[int]float64{}}
	for kind := range v.alike {
		v.alike[kind] = counts{}
	}
	for _, t := range texts {
		v.total += t.count
		if v.alike[AST][t.Keys[AST]] == 0 { // counts has no empty key
			v.programs++
			v.trees.add(t.Keys[Value], 1)
		}
		v.spelt.add(t.Keys[Value], 1)
		for kind, key := range t.Keys {
			v.alike[kind].add(key, t.count)
			v.largest[kind] = max(v.largest[kind], v.alike[kind][key])
		}
		for _, g := range t.unusual {
			v.shared[g] += t.count
		}
	}
	v.rank()
	v.length = v.median(func(t *text) float64 { return float64(len(t.Code)) })
	logTokens := func(t *text) float64 { return t.Facts[factTokens] }
	v.tokens = v.median(logTokens)
	v.zTokens = v.standard(v.each(logTokens))
	v.parsing = v.mean(v.each(func(t *text) float64 { return t.Facts[factParses] }))
	v.arity = v.mean(v.each(func(t *text) float64 { return t.Facts[factArity] }))
	return v
}

var (
	factTokens = codefacts.Index("log_tokens")
	factParses = codefacts.Index("parses")
	factArity  = codefacts.Index("arity")
)

// rank orders the trees by their counts; equally frequent ones share their mean rank, so
// that the order of the candidates doesn't matter.
func (v *view) rank() {
	v.ranks = map[string]float64{}
	for key, n := range v.alike[AST] {
		before, ties := 0.0, 0.0
		for _, m := range v.alike[AST] {
			before += truth(m > n)
			ties += truth(m == n)
		}
		v.ranks[key] = before + (ties-1)/2
	}
}

// worstRank is that of programs that are no better than any later one.
const worstRank = 20

func (v *view) groups(t *text) []float64 {
	rank, ok := v.ranks[t.Keys[AST]]
	if !ok {
		rank = worstRank
	}
	trees, spelt := max(1, v.trees[t.Keys[Value]]), max(1, v.spelt[t.Keys[Value]])
	var n, share [kinds]float64
	for kind, key := range t.Keys {
		n[kind] = logCount(v.alike[kind][key])
		share[kind] = v.alike[kind][key] / v.total
	}
	return []float64{
		math.Log(t.count), t.count / v.total,
		n[AST], share[AST], min(worstRank, rank) / worstRank,
		n[Operations], share[Operations], n[Skeleton], share[Skeleton], share[Calls], share[Returned],
		share[Constants], share[Control], share[Results], n[Value], share[Value],
		math.Log(trees), math.Log(spelt), math.Log(trees / v.programs), math.Log(spelt / float64(len(v.texts))),
		v.largest[AST] / v.total, truth(v.inLargest(AST, t)),
	}
}

// logCount is finite for programs without a key, too.
func logCount(n float64) float64 { return math.Log(n + 0.3) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// inLargest tells whether no key of the kind is more frequent.
func (v *view) inLargest(kind Kind, t *text) bool {
	return t.Keys[kind] != "" && v.alike[kind][t.Keys[kind]] == v.largest[kind]
}

func (v *view) sizes(i int) []float64 {
	t := v.texts[i]
	length := math.Log(float64(len(t.Code)+1) / (v.length + 1))
	return []float64{
		length, math.Abs(length), t.Facts[factTokens] - v.tokens, v.zTokens[i],
		math.Log(float64(len(v.texts))), v.parsing, t.Facts[factArity] - v.arity,
	}
}

// meanSimilarity is that of each text to the other candidates, equal ones included.
func (v *view) meanSimilarity(similar [][]float64) []float64 {
	mean := make([]float64, len(v.texts))
	for i := range mean {
		mean[i] = (v.mean(similar[i])*v.total - 1) / max(v.total-1, 1)
	}
	return mean
}

// nearest is the largest similarity of a text to another one, 1 if there is none.
func (v *view) nearest(similar [][]float64, i int, another func(a, b *text) bool) float64 {
	best, found := 0.0, false
	for j, s := range similar[i] {
		if another(v.texts[i], v.texts[j]) {
			best, found = max(best, s), true
		}
	}
	if !found {
		return 1
	}
	return best
}

func differ(a, b *text) bool { return a != b }

func differInValue(a, b *text) bool {
	return a != b && (a.Keys[Value] == "" || a.Keys[Value] != b.Keys[Value])
}

// nearestLargest is the largest similarity to a text whose key of the kind is the most
// frequent.
func (v *view) nearestLargest(kind Kind, similar []float64) float64 {
	best := 0.0
	for j, t := range v.texts {
		if v.inLargest(kind, t) {
			best = max(best, similar[j])
		}
	}
	return best
}

// nearestHalf is the mean similarity to the nearest half of the candidates.
func (v *view) nearestHalf(similar []float64) float64 {
	order := make([]int, len(similar))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(similar[b], similar[a]) })
	sum, left := 0.0, v.total/2
	for _, j := range order {
		taken := min(v.texts[j].count, left)
		sum, left = sum+taken*similar[j], left-taken
	}
	return sum / (v.total / 2)
}

// rare is the share of candidates below which a gram is unusual.
const rare = 0.1

// frequencies describe how common the grams of a text are among the candidates.
func (v *view) frequencies(t *text) []float64 {
	shares := make([]float64, len(t.unusual))
	unusual := 0.0
	for i, g := range t.unusual {
		shares[i] = v.shared[g] / v.total
		unusual += truth(shares[i] < rare)
	}
	if len(shares) == 0 {
		return []float64{0, 0, 0, 0}
	}
	slices.Sort(shares)
	return []float64{
		average(shares[:max(1, len(shares)/5)]), average(shares), shares[0], unusual / float64(len(shares)),
	}
}

func average(values []float64) float64 {
	sum := 0.0
	for _, x := range values {
		sum += x
	}
	return sum / float64(len(values))
}

func (v *view) each(f func(*text) float64) []float64 {
	values := make([]float64, len(v.texts))
	for i, t := range v.texts {
		values[i] = f(t)
	}
	return values
}

// mean is weighted by counts.
func (v *view) mean(values []float64) float64 {
	sum := 0.0
	for i, x := range values {
		sum += x * v.texts[i].count
	}
	return sum / v.total
}

// median is weighted by counts.
func (v *view) median(f func(*text) float64) float64 {
	order := slices.Clone(v.texts)
	slices.SortStableFunc(order, func(a, b *text) int { return cmp.Compare(f(a), f(b)) })
	seen := 0.0
	for _, t := range order {
		if seen += t.count; 2*seen >= v.total {
			return f(t)
		}
	}
	return 0
}

// standard returns how many standard deviations each value lies from the mean.
func (v *view) standard(values []float64) []float64 {
	mean := v.mean(values)
	squares := make([]float64, len(values))
	for i, x := range values {
		squares[i] = (x - mean) * (x - mean)
	}
	deviation := math.Sqrt(v.mean(squares)) + 1e-3
	out := make([]float64, len(values))
	for i, x := range values {
		out[i] = (x - mean) / deviation
	}
	return out
}
