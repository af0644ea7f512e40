package passatk

import (
	"math"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

type candidate struct {
	ProblemID string  `arrow:"problem_id"`
	Verdict   string  `arrow:"verdict"`
	Split     string  `arrow:"split"`
	Energy    float64 `arrow:"predicted_energy"`
	Config    *string `arrow:"config"`
}

func rows() []candidate {
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
	nodetest.Bind(t, b, "in", rows())
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
	perProblem := nodetest.Rows[problemRow](t, b, res, "problems")
	if len(perProblem) != 3 || perProblem[0].Passed != 1 || perProblem[2].AUROC != nil {
		t.Errorf("problems = %+v", perProblem)
	}
}

// Problems that another split has one like are left out of the clean metrics, and of no other.
func TestClean(t *testing.T) {
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", rows())
	nodetest.Bind(t, b, "duplicates", []pair{{"3", "4"}, {"7", "9"}})
	res, err := b.Run(t, Type(), func(p any) { p.(*Params).Split, p.(*Params).SelectBy = "test", "predicted_energy" })
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"problems": 3, "problems[clean]": 2, "baseline_pass@1": 1.0 / 3, "baseline_pass@1[clean]": 0.5, "verifier_pass@1[clean]": 0.5}
	for _, m := range res.Metrics {
		if w, ok := want[m.Name]; ok && math.Abs(m.Value-w) > 1e-9 {
			t.Errorf("%s = %v, want %v", m.Name, m.Value, w)
		}
		delete(want, m.Name)
	}
	if len(want) > 0 {
		t.Errorf("metrics are missing: %v", want)
	}
}

// pass@k is over the problems with at least k samples. Candidates without a verdict are
// no samples.
func TestUnevenSamples(t *testing.T) {
	a := "a"
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", []candidate{
		{"1", "passed", "test", 0, &a}, {"1", "failed", "test", 0, &a}, {"1", "unsupported", "test", math.NaN(), &a},
		{"2", "passed", "test", 0, &a}, {"2", "quarantined", "test", 0, nil},
		{"3", "failed", "test", 0, &a}, {"3", "failed", "test", 0, &a},
		{"4", "unsupported", "test", 0, &a},
	})
	res, err := b.Run(t, Type(), func(p any) {
		q := p.(*Params)
		q.Ks, q.SelectBy, q.GroupBy = []int{1, 2}, "predicted_energy", "config"
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"pass@1": 0.5, "pass@2": 0.5, "problems[pass@2]": 2, "problems": 3, "samples": 5, "oracle_pass@2": 2.0 / 3,
		"unsupported": 2, "quarantined": 1, "pass@2[a]": 0.5, "problems[pass@2[a]]": 2,
	}
	for _, m := range res.Metrics {
		if w, ok := want[m.Name]; ok && math.Abs(m.Value-w) > 1e-9 || m.Name == "problems[pass@1]" {
			t.Errorf("%s = %v, want %v", m.Name, m.Value, w)
		}
		delete(want, m.Name)
	}
	if len(want) > 0 {
		t.Errorf("metrics are missing: %v", want)
	}
	nodetest.Bind(t, b, "in", []candidate{{"1", "unsupported", "test", 0, &a}})
	if _, err := b.Run(t, Type(), nil); err == nil || !strings.Contains(err.Error(), "1 unsupported, 0 quarantined") {
		t.Errorf("err = %v", err)
	}
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(*Params)
		want string
	}{
		"no such split": {func(p *Params) { p.Split = "nope" }, `no candidates to evaluate of split "nope"`},
		"k too large":   {func(p *Params) { p.Ks = []int{3} }, "no problem has 3 samples (the most is 2"},
	} {
		t.Run(name, func(t *testing.T) {
			b := nodetest.New(t)
			nodetest.Bind(t, b, "in", rows())
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
