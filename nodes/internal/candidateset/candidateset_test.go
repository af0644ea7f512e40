package candidateset

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
	"pgregory.net/rapid"
)

// made returns a text of words, whose tree is named by a key.
func made(code, tree string, words ...string) Text {
	facts := make([]float64, len(codefacts.Names))
	facts[factTokens] = math.Log1p(float64(len(words)))
	facts[factParses] = truth(tree != "")
	keys := Keys{AST: tree, Value: tree, Operations: tree, Skeleton: tree, Calls: tree, Returned: "unknown"}
	if tree != "" {
		keys[Returned] = "kinds int"
	}
	return Text{Code: code, Facts: facts, Tokens: words, Shapes: words, Edges: words, Terms: words, Keys: keys}
}

func peer(c Class, name string) float64 { return c.Peers[slices.Index(PeerNames, name)] }

// Two spellings of one program, another program that computes the same, and one that doesn't
// parse.
func example() *Set {
	texts := []Text{
		made("a", "T1", "return", "a", "+", "b"),
		made("a ", "T1", "return", "a", "+", "c"),
		made("other", "T2", "return", "a", "-", "b"),
		made("broken", "", "return", "("),
	}
	for i := range texts[:3] {
		texts[i].Keys[Value] = "V"
	}
	return New(texts, []int{0, 0, 1, 2, 3, 0, 3, 2, 0, 1})
}

func TestClasses(t *testing.T) {
	s := example()
	if got := []float64{s.Classes[0].Count, s.Classes[1].Count, s.Classes[2].Count}; !slices.Equal(got, []float64{6, 2, 2}) {
		t.Fatalf("counts %v", got)
	}
	if !slices.Equal(s.Of, []int{0, 0, 0, 2, 1, 0, 1, 2, 0, 0}) {
		t.Errorf("of %v", s.Of)
	}
	same, broken := s.Classes[0], s.Classes[1]
	for name, want := range map[string]float64{
		"share": 0.4, "ast_share": 0.6, "ast_rank": 0, "in_largest": 1, "largest_share": 0.6, "log_texts": math.Log(4),
		"parsing_share": 0.8, "texts": 2, "log_classes": math.Log(3), "nearest_largest": 1, "returns_share": 0.8,
		"value_share": 0.8, "log_value": math.Log(8.3), "value_trees": math.Log(2), "value_texts": math.Log(3),
		"value_trees_share": math.Log(2.0 / 3), "value_texts_share": math.Log(3.0 / 4), "nearest_largest_value": 1, "nearest_terms": 0.2,
		"nearest_half": (4 + 1*1.0/3) / 5, // itself four times, then one of the next: 1 of 3 trigrams in common
	} {
		if got := peer(same, name); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string]float64{"ast_share": 0, "ast_rank": 1, "in_largest": 0, "texts": 1, "returns_share": 0.2, "log_ast": math.Log(0.3), "value_share": 0, "value_trees": 0, "value_trees_share": -math.Log(3), "nearest_terms": 0.2, "nearest_largest_value": 0.2} {
		if got := peer(broken, name); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s of the broken one is %v, want %v", name, got, want)
		}
	}
}

// Every value is finite, there are as many as names, shares lie in [0, 1], and nothing
// depends on the order of the candidates.
func TestAnySet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := []string{"a", "b", "c", "(", ")"}
		outcomes := map[string][]string{}
		for _, tree := range []string{"T1", "T2", "T3"} {
			outcomes[tree] = rapid.SliceOfN(rapid.SampledFrom([]string{"", codefacts.Nothing, "x", "y"}), 2, 2).Draw(t, "outcomes")
		}
		n := rapid.IntRange(1, 8).Draw(t, "texts")
		var texts []Text
		var of []int
		for i := range n {
			tree := rapid.SampledFrom([]string{"", "T1", "T2", "T3"}).Draw(t, "tree")
			text := made(string(rune('p'+i)), tree, rapid.SliceOfN(rapid.SampledFrom(words), 0, 6).Draw(t, "words")...)
			text.Outcomes = outcomes[tree]
			text.Keys[Outcome] = tree + strings.Join(text.Outcomes, " ")
			texts = append(texts, text)
			for range rapid.IntRange(1, 5).Draw(t, "count") {
				of = append(of, i)
			}
		}
		s := New(texts, of)
		total := 0.0
		for _, c := range s.Classes {
			total += c.Count
			if len(c.Peers) != len(PeerNames) || len(c.Outcomes) != len(OutcomeNames) {
				t.Fatalf("%d and %d values for %d and %d names", len(c.Peers), len(c.Outcomes), len(PeerNames), len(OutcomeNames))
			}
			for i, v := range slices.Concat(c.Peers, c.Outcomes) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("%s is %v", slices.Concat(PeerNames, OutcomeNames)[i], v)
				}
			}
			for _, name := range []string{"share", "ast_share", "mean_words", "nearest_words", "nearest_half", "rare_share", "least_frequency"} {
				if v := peer(c, name); v < -1e-9 || v > 1+1e-9 {
					t.Fatalf("%s is %v", name, v)
				}
			}
		}
		if total != float64(len(of)) {
			t.Fatalf("classes have %v of %d candidates", total, len(of))
		}
		slices.Reverse(texts)
		back := make([]int, len(of))
		for i, o := range of {
			back[len(of)-1-i] = n - 1 - o
		}
		reversed := New(texts, back)
		for i := range of {
			a, b := s.Classes[s.Of[i]], reversed.Classes[reversed.Of[len(of)-1-i]]
			mine, other := slices.Concat(a.Peers, a.Outcomes), slices.Concat(b.Peers, b.Outcomes)
			for j := range mine {
				if math.Abs(mine[j]-other[j]) > 1e-9 {
					t.Fatalf("the order of the candidates matters: %s is %v or %v", slices.Concat(PeerNames, OutcomeNames)[j], mine[j], other[j])
				}
			}
		}
	})
}

func BenchmarkNew(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	var texts []Text
	var of []int
	for i := range 30 {
		words := make([]string, 80)
		for j := range words {
			words[j] = string(rune('a' + rng.IntN(26)))
		}
		texts = append(texts, made(string(rune('A'+i)), string(rune('A'+i/2)), words...))
		for range 3 {
			of = append(of, i)
		}
	}
	for b.Loop() {
		New(texts, of)
	}
}

// Programs that compute the same agree, whatever their trees; what doesn't parse agrees with
// nothing.
func TestAgreement(t *testing.T) {
	p := &Problem{Texts: []Text{made("a", "T1"), made("b", "T2"), made("c", "T3"), made("(", ""), made(")", "")}, Of: []int{0, 0, 1, 2, 3, 3, 4}}
	p.Texts[0].Keys[Value], p.Texts[1].Keys[Value] = "V", "V"
	rows, of := p.Signals()
	at := slices.Index(SignalNames, "agreement")
	for i, more := range []float64{math.Log(3), math.Log(3), math.Log(3), 0, math.Log(2), math.Log(2), 0} {
		if got := rows[of[i]][at] - rows[of[6]][at]; math.Abs(got-more) > 1e-12 {
			t.Errorf("candidate %d agrees by %v more than one alone, want %v", i, got, more)
		}
	}
}
