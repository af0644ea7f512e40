package sandbox

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
)

var testLimits = Limits{CPU: 1, Wall: 4, Memory: 512, Output: 64, Processes: 32}

var addTests = []string{"assert add(1, 2) == 3", "assert add(0, 0) == 0"}

func needPython(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: ", err)
	}
}

func processPool(t testing.TB, n int, demanded ...string) *Pool {
	t.Helper()
	needPython(t)
	r := Processes("python3", testLimits)
	p, err := NewPool(context.Background(), r, n, demanded, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// A worker that is killed in the middle is replaced; its candidate gets the verdict
// that it would have had.
func TestKilledWorkerIsNoVerdict(t *testing.T) {
	p := processPool(t, 1)
	p.workers[0].transport.Kill()
	got, err := p.Judge(0, Job{Code: "def add(a, b): return a + b", Tests: addTests, Form: Asserts})
	if err != nil || got.Verdict != verdict.Passed || got.Attempts != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFaultIsNoVerdict(t *testing.T) {
	p := processPool(t, 1)
	p.runtime.(*processes).binary = "/no/such/python"
	p.stop(0)
	if _, err := p.Judge(0, Job{Code: "x", Form: Asserts}); !node.IsFault(err) {
		t.Errorf("err = %v, want a fault", err)
	}
}

// brittle is a runtime whose workers end when they are given some candidates.
type brittle struct{ Runtime }

type brittleTransport struct{ Transport }

const breaks = "ends its worker"

func (b brittle) Start(ctx context.Context, n int) (*Worker, error) {
	w, err := b.Runtime.Start(ctx, n)
	if err == nil {
		w.transport = brittleTransport{w.transport}
	}
	return w, err
}

func (b brittleTransport) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(breaks)) {
		b.Kill()
	}
	return b.Transport.Write(p)
}

// A candidate that keeps breaking its workers on a machine that judges another has no verdict,
// and those after it have theirs.
func TestQuarantine(t *testing.T) {
	p := processPool(t, 1)
	p.runtime = brittle{p.runtime}
	p.stop(0)
	got, err := p.Judge(0, Job{Code: "# " + breaks, Tests: addTests, Form: Asserts})
	if err != nil || got.Verdict != verdict.Quarantined || got.Attempts != attempts || !strings.Contains(got.Message, "broke 3 times") {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = p.Judge(0, Job{Code: "def add(a, b): return a + b", Tests: addTests, Form: Asserts})
	if err != nil || got.Verdict != verdict.Passed {
		t.Errorf("the next: %+v, %v", got, err)
	}
}

func TestMissingProtections(t *testing.T) {
	needPython(t)
	r := Processes("python3", testLimits)
	_, err := NewPool(context.Background(), r, 1, []string{"a moat"}, t.Logf)
	if err == nil || !strings.Contains(err.Error(), "a moat") || !strings.Contains(err.Error(), "best_effort") {
		t.Errorf("err = %v", err)
	}
}

func FuzzParseVerdict(f *testing.F) {
	f.Add([]byte(`{"verdict": "passed", "tests_passed": 2}`))
	f.Add([]byte(`{"fault": "x"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, line []byte) {
		v, err := parseVerdict(line)
		if err == nil && v.Verdict == "" {
			t.Fatal("a reply without a verdict was accepted")
		}
	})
}
