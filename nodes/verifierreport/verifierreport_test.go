package verifierreport

import (
	"fmt"
	"math"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// row is a judged candidate with its features.
type row struct {
	ProblemID string   `arrow:"problem_id"`
	Split     string   `arrow:"split"`
	Code      string   `arrow:"code"`
	Verdict   string   `arrow:"verdict"`
	Energy    float64  `arrow:"predicted_energy"`
	Sum       *float64 `arrow:"logprob_sum"`
	LogTokens *int64   `arrow:"logprob_tokens"`
	codefacts.Features
}

// problemRows are four candidates: the most frequent program fails, a rare one that
// passes every check works, and one doesn't parse. All that parse compute the same.
func problemRows(id, split string) []row {
	number := func(x float64) *float64 { return &x }
	tokens := int64(2)
	common, rare, value := "common", "rare", "value"
	good := `{"parses": 1, "has_name": 1, "arity": 1, "kind_match": 2}`
	bad := `{"parses": 1, "has_name": 1, "arity": 1, "kind_match": -2, "kind_wrong": 1}`
	return []row{
		{id, split, "ab", "failed", 1, number(-4), &tokens, codefacts.Features{Facts: bad, Tokens: []string{"a", "b"}, AST: &common, Value: &value, Kinds: &common}},
		{id, split, "ab", "failed", 1, number(-4), &tokens, codefacts.Features{Facts: bad, Tokens: []string{"a", "b"}, AST: &common, Value: &value, Kinds: &common}},
		{id, split, "abcdef", "passed", -2, number(-2), &tokens, codefacts.Features{Facts: good, Tokens: []string{"a", "c"}, AST: &rare, Value: &value, Kinds: &rare}},
		{id, split, "a(", "syntax_error", 3, number(-6), &tokens, codefacts.Features{Facts: "{}", Tokens: []string{"a", "("}}},
	}
}

func report(t *testing.T, rows []row, set func(*Params)) (*nodetest.Bench, func(name string) float64, []rankerRow, []failureRow) {
	t.Helper()
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", rows)
	res, err := b.Run(t, Type(), func(p any) { p.(*Params).Resamples = 200; set(p.(*Params)) })
	if err != nil {
		t.Fatal(err)
	}
	metric := func(name string) float64 {
		for _, m := range res.Metrics {
			if m.Name == name {
				return m.Value
			}
		}
		t.Errorf("there is no metric %s in %v", name, res.Metrics)
		return 0
	}
	return b, metric, nodetest.Rows[rankerRow](t, b, res, "rankers"), nodetest.Rows[failureRow](t, b, res, "failures")
}

// What each ranker selects in the example follows from its definition.
func TestRankers(t *testing.T) {
	var rows []row
	for i := range 4 {
		rows = append(rows, problemRows(fmt.Sprint(i), "test")...)
	}
	_, metric, rankers, failures := report(t, rows, func(p *Params) { p.Failures = 5 })
	want := map[string]float64{
		"random": 0.25, "verifier": 1, "compiles": 1.0 / 3, "shortest": 0, "longest": 1, "median_length": 0,
		"text_majority": 0, "ast_majority": 0, "value_majority": 1.0 / 3, "medoid": 0, "checks": 1, "checks_ast_majority": 1, "checks_value_majority": 1, "logprob": 1,
		"outcome_majority": 1.0 / 3, "outcome_variety": 1.0 / 3,
	}
	if len(rankers) != len(want) {
		t.Errorf("%d rankers", len(rankers))
	}
	for _, r := range rankers {
		if w, ok := want[r.Ranker]; !ok || math.Abs(r.Pass-w) > 1e-9 {
			t.Errorf("%s selects %v, want %v", r.Ranker, r.Pass, w)
		}
		if share := (r.Pass - 0.25) / 0.75; math.Abs(r.Share-share) > 1e-9 || math.Abs(r.Gain-(1-share)) > 1e-9 {
			t.Errorf("%s: %+v", r.Ranker, r)
		}
	}
	if metric("share_over_free") != 0 || metric("auroc_pooled") != 1 {
		t.Error("the verifier is as good as the best free ranker")
	}
	if len(failures) != 5 || failures[0].Energy != 1 || failures[0].Count != 2 || failures[0].Passing != 1 || failures[4].Verdict != "syntax_error" {
		t.Errorf("failures %+v", failures)
	}
}

// Energies that are the logarithm of the odds are calibrated; half of them are too
// timid, which a temperature of 1/2 repairs.
func TestCalibration(t *testing.T) {
	var rows []row
	for i := range 200 {
		p := 0.1 + 0.8*float64(i%10)/9
		r := problemRows(fmt.Sprint(i), []string{"validation", "test"}[i%2])[2]
		r.Energy, r.Verdict = -math.Log(p/(1-p))/2, "failed"
		if float64(i/10%20)+0.5 < 20*p {
			r.Verdict = "passed"
		}
		rows = append(rows, r)
	}
	_, metric, _, _ := report(t, rows, func(p *Params) { p.Split, p.Calibrate = "test", "validation" })
	if got := metric("temperature"); math.Abs(got-0.5) > 0.1 {
		t.Errorf("temperature %v, want about 0.5", got)
	}
	if before, after := metric("ece"), metric("ece_calibrated"); after > before/2 {
		t.Errorf("calibration error %v became %v", before, after)
	}
	if metric("brier_calibrated") >= metric("brier") {
		t.Error("the Brier score didn't fall")
	}
}

func TestErrors(t *testing.T) {
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", problemRows("p", "test"))
	if _, err := b.Run(t, Type(), func(p any) { p.(*Params).Split = "nope" }); err == nil {
		t.Error("an empty split was accepted")
	}
	if _, err := Type().Bind(&Params{Calibrate: "x", Split: "x", Resamples: 100}); err == nil {
		t.Error("calibrating on what is evaluated was accepted")
	}
}

// Versions that fail count by whether they are above the median; those that pass don't, nor
// those that compute what a candidate does.
func TestSink(t *testing.T) {
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", append(problemRows("a", "test"), problemRows("b", "train")...)) // the median is 1
	version := func(id, form, verdict string, energy float64) brokenCandidate {
		return brokenCandidate{candidate{id, "test", "x", verdict, energy}, form, nil}
	}
	known := "value"
	same := version("a", "repeated", "failed", -9)
	same.Value = &known
	nodetest.Bind(t, b, "degenerate", []brokenCandidate{
		version("a", "looped", "failed", 0.5), version("a", "looped", "syntax_error", 3), version("a", "empty", "failed", 2),
		version("a", "repeated", "passed", -9), version("b", "looped", "failed", -9), same,
	})
	res, err := b.Run(t, Type(), func(p any) { p.(*Params).Resamples, p.(*Params).Split = 200, "test" })
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"degenerate_above_median": 2.0 / 3, "degenerate_above_median[looped]": 0.5, "degenerate_above_median[empty]": 1}
	for _, m := range res.Metrics {
		if w, ok := want[m.Name]; ok && m.Value != w {
			t.Errorf("%s is %v, want %v", m.Name, m.Value, w)
		}
		delete(want, m.Name)
	}
	if len(want) > 0 {
		t.Errorf("metrics are missing: %v", want)
	}
	rows := nodetest.Rows[formRow](t, b, res, "degenerate")
	if len(rows) != 3 || rows[2] != (formRow{Form: "repeated", Count: 2, Passing: 1, Same: 1}) || rows[1] != (formRow{"looped", 2, 0, 0, 0.5, 0.75}) {
		t.Errorf("forms: %+v", rows)
	}
}
