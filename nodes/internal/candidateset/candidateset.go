// Package candidateset looks at all candidates of a problem together: which are the
// same program, how alike they are, and what is unusual about each.
package candidateset

import (
	"cmp"
	"math"
	"slices"

	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// Text is the text of one or more candidates, with what code_features found in it.
type Text struct {
	Code                                       string
	Facts                                      []float64 // see codefacts.Names
	Tokens, Shapes, Edges                      []string
	AST, Operations, Skeleton, Calls, Returned string // keys; empty where code doesn't parse
	Constants, Control, Results                string
	logprobs                                   []float64
}

// NewText returns a text with its features.
func NewText(code string, f codefacts.Features) (Text, error) {
	facts, err := codefacts.Vector(f.Facts)
	key := func(k *string) string {
		if k == nil {
			return ""
		}
		return *k
	}
	return Text{
		Code: code, Facts: facts, Tokens: f.Tokens, Shapes: f.Shapes, Edges: f.Edges,
		AST: key(f.AST), Operations: key(f.Operations), Skeleton: key(f.Skeleton), Calls: key(f.Calls), Returned: key(f.Kinds),
		Constants: key(f.Constants), Control: key(f.Control), Results: key(f.Results),
	}, err
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
	Count float64   // candidates
	Facts []float64 // of its most frequent text
	Peers []float64 // see PeerNames, of its most frequent text
}

// text is a distinct text with its candidates.
type text struct {
	Text
	count                float64
	words, shapes, edges gramSet // bigrams of tokens, trigrams of token shapes, edges of the tree
	unusual              gramSet // bigrams and trigrams of shapes, and edges
}

// New merges the candidates of a problem, candidate i of which has the text of[i], and
// describes each program.
func New(distinct []Text, of []int) *Set {
	texts := count(distinct, of)
	s := &Set{Of: make([]int, len(of))}
	classOf := s.merge(texts, describe(texts))
	for i, t := range of {
		s.Of[i] = classOf[t]
	}
	return s
}

// merge makes classes of texts, the most frequent first, and returns the class of each.
func (s *Set) merge(texts []*text, peers [][]float64) []int {
	classOf, members := make([]int, len(texts)), map[string]int{}
	var variants []float64
	for _, i := range byCount(texts) {
		t := texts[i]
		at, known := members[t.AST]
		if !known || t.AST == "" {
			at = len(s.Classes)
			members[t.AST] = at
			s.Classes = append(s.Classes, Class{Facts: t.Facts, Peers: peers[i]})
			variants = append(variants, 0)
		}
		s.Classes[at].Count += t.count
		variants[at]++
		classOf[i] = at
	}
	for i := range s.Classes {
		s.Classes[i].Peers = append(s.Classes[i].Peers, variants[i], math.Log(float64(len(s.Classes))))
	}
	return classOf
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
	t.unusual = slices.Concat(ids.set("b", grams(of.Shapes, 2)), t.shapes, t.edges)
	return t
}

// byCount lists texts, the most frequent first, and equally frequent ones by what they
// say.
func byCount(texts []*text) []int {
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(texts[b].count, texts[a].count), cmp.Compare(texts[a].Code, texts[b].Code))
	})
	return order
}
