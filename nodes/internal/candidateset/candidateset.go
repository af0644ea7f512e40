// Package candidateset looks at all candidates of a problem together: which are the
// same program, how alike they are, and what is unusual about each.
package candidateset

import (
	"cmp"
	"math"
	"slices"

	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// Kind is a way in which programs may be alike.
type Kind int

// The kinds of keys that code_features finds.
const (
	AST     Kind = iota // the same program: the normalised tree
	Value               // what is computed, else the tree
	Outcome             // what that comes to at some arguments, else what is computed
	Operations
	Skeleton
	Calls
	Returned
	Constants
	Control
	Results
	kinds
)

// Keys are equal for programs that are alike; empty, like nothing else, where code
// doesn't parse.
type Keys [kinds]string

// Text is the text of one or more candidates, with what code_features found in it.
type Text struct {
	Code                         string
	Facts                        []float64 // see codefacts.Names
	Tokens, Shapes, Edges, Terms []string
	Outcomes                     []string
	Keys                         Keys
	logprobs                     []float64
}

// NewText returns a text with its features.
func NewText(code string, f codefacts.Features) (Text, error) {
	facts, err := codefacts.Vector(f.Facts)
	return Text{Code: code, Facts: facts, Tokens: f.Tokens, Shapes: f.Shapes, Edges: f.Edges, Terms: f.Terms, Outcomes: f.Outcomes, Keys: keysOf(f)}, err
}

func keysOf(f codefacts.Features) Keys {
	var keys Keys
	for kind, key := range [kinds]*string{
		AST: f.AST, Value: cmp.Or(f.Value, f.AST), Outcome: outcomeKey(f), Operations: f.Operations, Skeleton: f.Skeleton, Calls: f.Calls,
		Returned: f.Kinds, Constants: f.Constants, Control: f.Control, Results: f.Results,
	} {
		if key != nil {
			keys[kind] = *key
		}
	}
	keys[Returned] = returned(f)
	return keys
}

// returned is the key of what a program returns; those that don't parse are alike in that.
func returned(f codefacts.Features) string {
	switch {
	case f.AST == nil:
		return "unknown"
	case f.Kinds == nil:
		return "kinds "
	}
	return "kinds " + *f.Kinds
}

// Set is the candidates of one problem, merged twice: equal texts, then programs with
// equal normalised trees.
type Set struct {
	Classes []Class
	Of      []int // the class of each candidate
}

// Class is a program: the candidates whose normalised trees are equal. A text that
// doesn't parse is a class of its own.
type Class struct {
	Count    float64   // candidates
	Facts    []float64 // of its most frequent text
	Peers    []float64 // see PeerNames, of its most frequent text
	Outcomes []float64 // see OutcomeNames, of its most frequent text
}

// text is a distinct text with its candidates.
type text struct {
	Text
	count                float64
	words, shapes, edges gramSet // bigrams of tokens, trigrams of token shapes, edges of the tree
	terms                gramSet // parts of what it computes
	unusual              gramSet // bigrams and trigrams of shapes, and edges
}

// New merges the candidates of a problem, candidate i of which has the text of[i], and
// describes each program.
func New(distinct []Text, of []int) *Set {
	texts := count(distinct, of)
	s := &Set{Of: make([]int, len(of))}
	v := newView(texts)
	classOf := s.merge(texts, describe(v), describeOutcomes(v))
	for i, t := range of {
		s.Of[i] = classOf[t]
	}
	return s
}

// merge makes classes of texts and returns the class of each.
func (s *Set) merge(texts []*text, peers, outcomes [][]float64) []int {
	distinct, counts := make([]Text, len(texts)), make([]float64, len(texts))
	for i, t := range texts {
		distinct[i], counts[i] = t.Text, t.count
	}
	heads, classOf := classes(distinct, counts)
	for _, head := range heads {
		s.Classes = append(s.Classes, Class{Facts: texts[head].Facts, Peers: peers[head], Outcomes: outcomes[head]})
	}
	variants := make([]float64, len(heads))
	for i, class := range classOf {
		s.Classes[class].Count += counts[i]
		variants[class]++
	}
	for i := range s.Classes {
		s.Classes[i].Peers = append(s.Classes[i].Peers, variants[i], math.Log(float64(len(s.Classes))))
	}
	return classOf
}

// classes puts texts whose normalised trees are equal together, the most frequent first,
// and returns the most frequent text of each class and the class of each text.
func classes(distinct []Text, counts []float64) (heads, classOf []int) {
	classOf = make([]int, len(distinct))
	byTree := map[string]int{}
	for _, i := range byCount(distinct, counts) {
		tree := distinct[i].Keys[AST]
		at, known := byTree[tree]
		if !known || tree == "" {
			at = len(heads)
			byTree[tree] = at
			heads = append(heads, i)
		}
		classOf[i] = at
	}
	return heads, classOf
}

// count prepares texts for being compared.
func count(distinct []Text, of []int) []*text {
	ids := gramIDs{}
	texts := make([]*text, len(distinct))
	for i, t := range distinct {
		texts[i] = newText(t, ids)
	}
	for _, i := range of {
		texts[i].count++
	}
	return texts
}

func newText(of Text, ids gramIDs) *text {
	t := &text{Text: of}
	t.words = ids.set("w", grams(of.Tokens, 2))
	t.shapes = ids.set("t", grams(of.Shapes, 3))
	t.edges = ids.set("e", of.Edges)
	t.terms = ids.set("v", of.Terms)
	if len(of.Terms) == 0 { // like no other program
		t.terms = ids.set("c", []string{cmp.Or(of.Keys[AST], of.Code)})
	}
	t.unusual = slices.Concat(ids.set("b", grams(of.Shapes, 2)), t.shapes, t.edges)
	return t
}

// byCount lists texts, the most frequent first, and equally frequent ones by what they
// say.
func byCount(distinct []Text, counts []float64) []int {
	order := make([]int, len(distinct))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(distinct[a].Code, distinct[b].Code))
	})
	return order
}

// Program is the candidates whose normalised trees are equal, seen as the most frequent of
// their texts.
type Program struct {
	*Text
	Count float64 // candidates
}

// Programs merges the candidates of a problem as New does, and returns the program of each.
func Programs(distinct []Text, of []int) (programs []Program, programOf []int) {
	counts := make([]float64, len(distinct))
	for _, i := range of {
		counts[i]++
	}
	heads, classOf := classes(distinct, counts)
	programs = make([]Program, len(heads))
	for i, head := range heads {
		programs[i].Text = &distinct[head]
	}
	for i, class := range classOf {
		programs[class].Count += counts[i]
	}
	programOf = make([]int, len(of))
	for i, t := range of {
		programOf[i] = classOf[t]
	}
	return programs, programOf
}

// Similarities are the Jaccard indices of the token bigrams of all pairs of texts.
func Similarities(distinct []Text) [][]float64 {
	ids := gramIDs{}
	texts := make([]*text, len(distinct))
	for i, t := range distinct {
		texts[i] = &text{words: ids.set("w", grams(t.Tokens, 2))}
	}
	return similarities(texts, func(t *text) gramSet { return t.words })
}
