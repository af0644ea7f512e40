package passatk

import (
	"github.com/ouroflow/ouroflow/nodes/internal/rank"
	"math"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"pgregory.net/rapid"
)

// choose is the binomial coefficient.
func choose(n, k int) float64 {
	c := 1.0
	for i := range k {
		c *= float64(n-i) / float64(i+1)
	}
	return c
}

func TestPassAtKIsTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		c := rapid.IntRange(0, n).Draw(t, "c")
		k := rapid.IntRange(1, n).Draw(t, "k")
		want := 1.0
		if n-c >= k {
			want = 1 - choose(n-c, k)/choose(n, k)
		}
		if got := rank.PassAtK(n, c, k); math.Abs(got-want) > 1e-9 {
			t.Fatalf("PassAtK(%d, %d, %d) = %v, want %v", n, c, k, got, want)
		}
	})
}

func TestSelectedIsAtMostTheOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		energies, passed := make([]float64, n), make([]bool, n)
		for i := range n {
			energies[i] = float64(rapid.IntRange(0, 4).Draw(t, "energy"))
			passed[i] = rapid.Bool().Draw(t, "passed")
		}
		oracle := 0.0
		for _, p := range passed {
			if p {
				oracle = 1
			}
		}
		if s := selected(energies, passed); s < 0 || s > oracle {
			t.Fatalf("selected %v, oracle %v", s, oracle)
		}
	})
}

func TestSelectedCountsTies(t *testing.T) {
	if got := selected([]float64{1, 0, 0, 2}, []bool{true, true, false, true}); got != 0.5 {
		t.Errorf("selected = %v, want 0.5", got)
	}
}

func TestIntervalCoversTheMean(t *testing.T) {
	values := []float64{0, 0, 1, 1, 1, 0, 1, 1, 0, 1}
	low, high := interval(len(values), 2000, 1, func(drawn []int) float64 { return meanOf(values, drawn) })
	if low >= 0.6 || high <= 0.6 || low < 0.2 || high > 1 {
		t.Errorf("interval of 0.6 over 10 problems = [%v, %v]", low, high)
	}
}

type candidate struct {
	ProblemID string  `arrow:"problem_id"`
	Verdict   string  `arrow:"verdict"`
	Split     string  `arrow:"split"`
	Energy    float64 `arrow:"predicted_energy"`
	Config    *string `arrow:"config"`
}

func candidates() []candidate {
	a, b := "a", "b"
	return []candidate{
		{"1", "passed", "test", 0.1, &a}, {"1", "failed", "test", 0.9, &b},
		{"2", "error", "test", 0.5, &a}, {"2", "passed", "test", 0.7, &b},
		{"3", "failed", "test", 0.2, &a}, {"3", "failed", "test", 0.3, &b},
		{"4", "passed", "train", 0.2, &a}, {"4", "passed", "train", 0.3, &b},
	}
}

func TestMetrics(t *testing.T) {
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", candidates())
	res, err := b.Run(t, Type(), func(p any) {
		q := p.(*Params)
		q.Ks, q.Split, q.SelectBy, q.GroupBy = []int{1, 2}, "test", "predicted_energy", "config"
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"baseline_pass@1": 1.0 / 3, "oracle_pass@2": 2.0 / 3, "verifier_pass@1": 1.0 / 3,
		"pass@1": 1.0 / 3, "pass@2": 2.0 / 3, "problems": 3, "samples": 6, "share_closed": 0,
		"auroc_within_problem": 0.5, "pass@1[a]": 1.0 / 3, "pass@1[b]": 1.0 / 3,
	}
	got := map[string]float64{}
	for _, m := range res.Metrics {
		got[m.Name] = m.Value
	}
	for name, w := range want {
		if v, ok := got[name]; !ok || math.Abs(v-w) > 1e-9 {
			t.Errorf("%s = %v, want %v", name, v, w)
		}
	}
	rows := nodetest.Rows[problemRow](t, b, res, "problems")
	if len(rows) != 3 || rows[0].Passed != 1 || rows[2].AUROC != nil {
		t.Errorf("problems = %+v", rows)
	}
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(*Params)
		want string
	}{
		"no such split": {func(p *Params) { p.Split = "nope" }, `no candidates to evaluate of split "nope"`},
		"k too large":   {func(p *Params) { p.Ks = []int{3} }, "pass@3 can't be estimated"},
	} {
		t.Run(name, func(t *testing.T) {
			b := nodetest.New(t)
			nodetest.Bind(t, b, "in", candidates())
			_, err := b.Run(t, Type(), func(p any) { test.set(p.(*Params)) })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want %q", err, test.want)
			}
		})
	}
	if _, err := Type().Bind(&Params{Ks: []int{0}}); err == nil {
		t.Error("k = 0 was accepted")
	}
}
