// Package containerdexec runs candidates against their tests.
package containerdexec

import (
	"context"
	"runtime"

	"github.com/ouroflow/ouroflow/engine/node"
)

// Params of the node.
type Params struct {
	Runtime string `yaml:"runtime" key:"-" enum:"process" doc:"How candidates are kept apart. process: forked from a warm Python, in namespaces of their own where the kernel allows."`
	Python  string `yaml:"python" key:"-" doc:"Python interpreter, 3.9 or newer. Its version is part of the key, its path is not."`
	Workers int    `yaml:"workers" key:"-" min:"0" max:"1024" doc:"Candidates run at once; 0 means one for each processor."`
	Limits  Limits `yaml:"limits" doc:"What each candidate may use."`
}

// Limits bound what a candidate may use.
type Limits struct {
	CPU       int `yaml:"cpu_s" min:"1" max:"3600" doc:"Seconds of CPU time. It doesn't run out faster on a busy machine, so it is the limit that decides."`
	Wall      int `yaml:"wall_s" min:"1" max:"36000" doc:"Seconds of wall time, a backstop for candidates that sleep."`
	Memory    int `yaml:"memory_mb" min:"32" max:"1048576" doc:"MiB of address space."`
	Output    int `yaml:"output_kb" min:"1" max:"1048576" doc:"KiB that may be written to standard output, or to any one file."`
	Processes int `yaml:"processes" min:"1" max:"100000" doc:"Processes and threads."`
}

// in are the columns that decide a verdict.
type in struct {
	Code  string   `arrow:"code"`
	Tests []string `arrow:"tests"`
	Setup string   `arrow:"setup"`
}

type out struct {
	Verdict     string  `arrow:"verdict"`
	Exception   *string `arrow:"exception"`    // type of the exception that ended it
	Message     *string `arrow:"message"`      // its message, cut at 500 characters
	TestsPassed int64   `arrow:"tests_passed"` // tests seen to finish
	TestsTotal  int64   `arrow:"tests_total"`
}

// Type returns the node type containerd_exec.
func Type() *node.Type {
	return node.RowDef[Params, in, out]{
		Name:    "containerd_exec",
		Version: 1,
		Doc: "Runs each candidate against its tests, apart from the machine and from the others, and says how that ended. " +
			"Equal candidates of a problem run once. A fault of the machine is no verdict: it is tried again and never recorded.",
		Defaults: Params{
			Runtime: "process",
			Python:  "python3",
			Limits:  Limits{CPU: 10, Wall: 40, Memory: 1024, Output: 1024, Processes: 64},
		},
		Pin: pin,
		Run: run,
	}.Type()
}

// attempts is how often a candidate is tried when its worker breaks.
const attempts = 3

func run(ctx context.Context, p Params, w *node.Work[in, out]) error {
	workers := p.Workers
	if workers == 0 {
		workers = runtime.NumCPU()
	}
	pool, err := newPool(ctx, p, workers, w.Logf)
	if err != nil {
		return err
	}
	defer pool.close()
	return w.Parallel(workers, func(n int, item node.Item[in]) (out, error) {
		return pool.judge(n, item.In)
	})
}

// judge runs one candidate on the n-th worker, on a new one if it breaks.
func (p *pool) judge(n int, candidate in) (out, error) {
	var err error
	for range attempts {
		var r reply
		if r, err = p.try(n, candidate); err == nil {
			return r.row(candidate), nil
		}
		if p.ctx.Err() != nil {
			return out{}, p.ctx.Err()
		}
		p.logf("worker %d: %v; starting another", n, err)
		p.stop(n)
	}
	return out{}, node.Faultf("a sandbox worker broke %d times on one candidate: %w", attempts, err)
}

func (r reply) row(candidate in) out {
	return out{
		Verdict: r.Verdict, Exception: optional(r.Exception), Message: optional(r.Message),
		TestsPassed: r.TestsPassed, TestsTotal: int64(len(candidate.Tests)),
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
