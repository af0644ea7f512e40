// Package containerdexec runs candidates against their tests.
package containerdexec

import (
	"context"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/execution"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// Params of the node.
type Params struct {
	execution.Params

	Measure bool `yaml:"measure" doc:"Also fill the columns cpu_ms, wall_ms, max_rss_kb and attempts. They differ from run to run, and so then does the table."`
}

type out struct {
	Verdict     string   `arrow:"verdict"`
	Exception   *string  `arrow:"exception"`    // type of the exception that ended it
	Message     *string  `arrow:"message"`      // its message, cut at 500 characters
	TestsPassed int64    `arrow:"tests_passed"` // tests seen to finish
	TestsTotal  int64    `arrow:"tests_total"`
	FailedTest  *int64   `arrow:"failed_test"`   // the test that ended it, from 0
	FailedLine  *int64   `arrow:"failed_line"`   // the line of that test, from 1
	Judged      string   `arrow:"judged"`        // separate or in_process
	Reason      *string  `arrow:"judged_reason"` // why in_process
	Suspect     *string  `arrow:"suspect"`       // sign that it games the tests, or is no attempt
	Stdout      *string  `arrow:"stdout_sha256"` // digest of what it printed; null if nothing
	CPU         *float64 `arrow:"cpu_ms"`        // of all its processes
	Wall        *float64 `arrow:"wall_ms"`
	MaxRSS      *int64   `arrow:"max_rss_kb"`
	Attempts    *int64   `arrow:"attempts"` // more than 1 after faults of the machine
}

// Type returns the node type containerd_exec.
func Type() *node.Type {
	return node.RowDef[Params, execution.Candidate, out]{
		Name:    "containerd_exec",
		Version: 3,
		Doc: "Runs each candidate against its tests, apart from the machine and from the others, and says how that ended: a verdict is what plain Python says. " +
			"Candidates of a problem that are equal but for their layout run once. Where there can be no verdict the row says unsupported, or quarantined, which like all faults isn't recorded.",
		Defaults: Params{Params: execution.Defaults()},
		Check:    func(p Params) error { return p.Params.Check() },
		Pin:      func(ctx context.Context, p Params) (node.Pins, error) { return p.Params.Pin(ctx) },
		Run:      run,
	}.Type()
}

// waiting is how many candidates are taken for each worker: some wait for an equal one.
const waiting = 4

func run(ctx context.Context, p Params, w *node.Work[execution.Candidate, out]) error {
	e, err := execution.New(ctx, p.Params, w.Logf)
	if err != nil {
		return err
	}
	defer e.Close()
	execute := e.Shared
	if p.Measure {
		execute = e.Execute
	}
	return w.Chunks(waiting*e.Workers, 1, func(_ int, items []node.Item[execution.Candidate]) error {
		v, err := execute(items[0].In)
		switch {
		case err != nil:
			return err
		case v.Verdict == verdict.Quarantined:
			return w.EmitUncached(items[0], row(v, p.Measure))
		default:
			return w.Emit(items[0], row(v, p.Measure))
		}
	})
}

func row(v sandbox.Verdict, measure bool) out {
	o := out{
		Verdict: v.Verdict, Exception: optional(v.Exception), Message: optional(v.Message),
		TestsPassed: v.TestsPassed, TestsTotal: v.TestsTotal, FailedTest: v.FailedTest, FailedLine: v.FailedLine,
		Judged: v.Judged, Reason: optional(v.Reason), Suspect: optional(v.Suspect), Stdout: optional(v.Stdout),
	}
	if measure {
		o.CPU, o.Wall, o.MaxRSS, o.Attempts = &v.CPU, &v.Wall, &v.MaxRSS, &v.Attempts
	}
	return o
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
