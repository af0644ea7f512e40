package auditexec

import (
	"math"
	"os/exec"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
)

// An audit finds verdicts that don't repeat, and no others.
func TestAudit(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: ", err)
	}
	row := func(problem, code, verdict string) candidate {
		return candidate{ProblemID: problem, Code: code, Tests: []string{"assert f() == 1"}, Form: "asserts", Verdict: verdict}
	}
	right, wrong := "def f(): return 1", "def f(): return 2"
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", []candidate{
		row("a", right, verdict.Passed), row("a", wrong, verdict.Failed),
		row("b", wrong, verdict.Passed), row("b", wrong, verdict.Failed), // the first was never that
	})
	res, err := b.Run(t, Type(), func(p any) {
		q := p.(*Params)
		q.Runtime, q.Share, q.Repeats, q.Workers, q.Ks = "process", 1, 2, 2, []int{1, 2}
	})
	if err != nil {
		t.Fatal(err, b.Logs())
	}
	got := map[string]float64{}
	for _, m := range nodetest.Rows[node.Metric](t, b, res, "metrics") {
		got[m.Name] = m.Value
	}
	for name, want := range map[string]float64{
		"audited": 4, "flip_rate": 0.25, "flip_rate_passed": 0.5, "flip_rate_failed": 0,
		"pass@1_change": -0.25, "pass@2_change": -0.5,
	} {
		if math.Abs(got[name]-want) > 1e-9 {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	reruns := nodetest.Rows[rerun](t, b, res, "reruns")
	if len(reruns) != 4 || reruns[2].Flips != 2 || reruns[2].Again[0] != verdict.Failed {
		t.Errorf("reruns = %+v", reruns)
	}
}

// About the asked share is drawn, and another seed draws others.
func TestDraw(t *testing.T) {
	count, both := 0, 0
	for row := range int64(10000) {
		one, other := isDrawn(row, Params{Share: 0.1}), isDrawn(row, Params{Share: 0.1, Seed: 1})
		if one {
			count++
		}
		if one && other {
			both++
		}
	}
	if count < 900 || count > 1100 || both < 60 || both > 150 {
		t.Errorf("drew %d of 10000, %d of them with another seed, too", count, both)
	}
}

func TestWilson(t *testing.T) {
	low, high := wilson(0, 10) // by the formula: 0, z²/(n+z²)
	if low != 0 || math.Abs(high-0.27753) > 1e-4 {
		t.Errorf("0 of 10: %v to %v", low, high)
	}
}
