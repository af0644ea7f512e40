package candidateset

import (
	"math"
	"slices"
	"testing"

	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// came makes a text of a tree and a value that comes to something; it fails at "" and gives
// nothing at "None".
func came(t *testing.T, code, tree, value string, outcomes ...string) Text {
	t.Helper()
	text, err := NewText(code, codefacts.Features{Facts: "{}", AST: &tree, Value: &value, Outcomes: outcomes})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Two trees of two values come to the same, another one nearly to that; one always fails, and
// of one nothing is known.
func withOutcomes(t *testing.T) *Problem {
	nothing := came(t, "e", "T5", "V5")
	return &Problem{
		Texts: []Text{
			came(t, "a", "T1", "V1", "x", "y", "z", "z"), came(t, "b", "T2", "V2", "x", "y", "z", "z"),
			came(t, "c", "T3", "V2", "x", "", codefacts.Nothing, "z"), came(t, "d", "T4", "V2", "", codefacts.Nothing, "", ""), nothing,
		},
		Of: []int{0, 0, 0, 1, 2, 3, 4},
	}
}

func TestOutcomes(t *testing.T) {
	p := withOutcomes(t)
	s := New(p.Texts, p.Of)
	get := func(candidate int, name string) float64 {
		return s.Classes[s.Of[candidate]].Outcomes[slices.Index(OutcomeNames, name)]
	}
	for _, want := range []struct {
		candidate int
		name      string
		value     float64
	}{
		{0, "outcomes_known", 1},
		{0, "failing", 0},
		{0, "different", 0.75},
		{0, "log_outcomes", math.Log(4)},
		{0, "outcome_trees", math.Log(2)},
		{0, "outcome_values", math.Log(2)},
		{0, "log_outcomes_share", math.Log(4.0 / 7)},
		{0, "outcome_trees_share", math.Log(2.0 / 5)},
		{0, "mean_outcomes", (3 + 0.5) / 4}, // of the three like it and the one of T3
		{3, "tree_outcomes", (1 + 0.5) / 2}, // T1 and T3
		{4, "mean_outcomes", 4 * 0.5 / 4},   // T1 three times and T2
		{4, "failing", 0.25},                // one of four
		{4, "nothing", 0.25},                //
		{4, "different", 0.75},              // x, nothing and z
		{4, "outcome_trees", 0},             // its own alone
		{5, "failing", 0.75},                //
		{5, "mean_outcomes", 0},             // it doesn't tell
		{5, "log_outcomes", 0},              // though T2 and T3 have its value
		{6, "outcomes_known", 0},            //
		{6, "log_outcomes_share", math.Log(1.0 / 7)},
	} {
		if got := get(want.candidate, want.name); math.Abs(got-want.value) > 1e-9 {
			t.Errorf("%s of candidate %d is %v, want %v", want.name, want.candidate, got, want.value)
		}
	}
}

// What several trees come to has variety, however often each was said.
func TestVariety(t *testing.T) {
	rows, of := withOutcomes(t).Signals()
	at := slices.Index(SignalNames, "variety")
	for i, more := range []float64{math.Log(2), math.Log(2), math.Log(2), math.Log(2), 0, 0, 0} {
		if got := rows[of[i]][at] - rows[of[6]][at]; math.Abs(got-more) > 1e-12 {
			t.Errorf("candidate %d has %v more than one alone, want %v", i, got, more)
		}
	}
}
