// Package containerdexec runs candidates against their tests.
package containerdexec

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
	"github.com/ouroflow/ouroflow/nodes/sandbox/containers"
)

// Params of the node.
type Params struct {
	Runtime   string `yaml:"runtime" key:"-" enum:"auto,containerd,process" doc:"Where workers run. containerd: in containers that stay, one for each worker. process: as processes of this machine, in namespaces of their own where the kernel grants them. auto: in containers if a containerd answers. Verdicts are the same, so it is no part of the key."`
	Image     string `yaml:"image" key:"-" doc:"What candidates find around them: host (this machine's Python), oci-tar:PATH (an image in a file; ouroflow image build writes one) or a reference with a digest, such as docker.io/library/python:3.12-slim@sha256:.... Images other than host need the containerd runtime. Their digest is part of the key."`
	Address   string `yaml:"containerd" key:"-" doc:"Socket of containerd; empty: that of OUROFLOW_CONTAINERD, else that of ouroflow sandbox up, else the system's."`
	OCI       string `yaml:"oci_runtime" key:"-" doc:"OCI runtime: io.containerd.runc.v2, or another shim of containerd such as io.containerd.runsc.v1; runc or crun stand for runc's shim with that binary."`
	Isolation string `yaml:"isolation" key:"-" enum:"strict,best_effort" doc:"strict refuses to run with less than namespaces, read-only files, limits, no privileges and a filter of system calls; best_effort takes what the machine gives, and the log says what that is."`
	Python    string `yaml:"python" key:"-" doc:"Python interpreter, 3.9 or newer. Its version is part of the key, its path is not."`
	Workers   int    `yaml:"workers" key:"-" min:"0" max:"1024" doc:"Candidates run at once; 0 means one for each processor."`
	Form      string `yaml:"form" enum:"asserts,functions,program" doc:"What a test is. asserts: statements, such as MBPP's asserts or HumanEval's check and the call of it. functions: a module with functions test_* or test cases of unittest. program: {\"input\": ..., \"output\": ...}, what a program reads and prints."`
	Judge     string `yaml:"judge" enum:"separate,in_process" doc:"separate: another process holds the tests and calls the candidate, which can't forge a pass. Tests that define classes or import more than common parts of the standard library can't be held apart and run in the candidate's process; the column judged tells. in_process runs all tests there."`
	Clock     string `yaml:"clock" doc:"Date and time that candidates are told, such as 2024-01-01T00:00:00Z; empty: the real one."`
	Measure   bool   `yaml:"measure" doc:"Also fill the columns cpu_ms, wall_ms, max_rss_kb and attempts. They differ from run to run, and so then does the table."`
	Limits    Limits `yaml:"limits" doc:"What each candidate may use."`
}

// Limits bound what a candidate may use.
type Limits struct {
	Budget    string `yaml:"cpu" enum:"fixed,auto" doc:"fixed: cpu_s for all. auto: for each problem ten times what its reference takes, rounded up to 1, 2, 4, 8 ... seconds, and cpu_s at most or if there is no reference that passes."`
	CPU       int    `yaml:"cpu_s" min:"1" max:"3600" doc:"Seconds of CPU time. It doesn't run out faster on a busy machine, so it is the limit that decides."`
	Wall      int    `yaml:"wall_s" min:"1" max:"36000" doc:"Seconds of wall time, a backstop for candidates that sleep. Time in which a candidate was kept from a processor doesn't count."`
	Memory    int    `yaml:"memory_mb" min:"32" max:"1048576" doc:"MiB of address space of a process."`
	Output    int    `yaml:"output_kb" min:"1" max:"1048576" doc:"KiB that may be written to standard output, or to any one file."`
	Processes int    `yaml:"processes" min:"1" max:"100000" doc:"Processes and threads."`
}

// in are the columns that decide a verdict.
type in struct {
	Code  string   `arrow:"code"`
	Tests []string `arrow:"tests"`
	Setup string   `arrow:"setup"`
	Ref   string   `arrow:"reference"` // solution to calibrate on; may be empty
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
	Suspect     *string  `arrow:"suspect"`       // sign that it games the tests, or is no attempt
	Stdout      *string  `arrow:"stdout_sha256"` // digest of what it printed; null if nothing
	CPU         *float64 `arrow:"cpu_ms"`        // of all its processes
	Wall        *float64 `arrow:"wall_ms"`
	MaxRSS      *int64   `arrow:"max_rss_kb"`
	Attempts    *int64   `arrow:"attempts"` // more than 1 after faults of the machine
}

// Type returns the node type containerd_exec.
func Type() *node.Type {
	return node.RowDef[Params, in, out]{
		Name:    "containerd_exec",
		Version: 2,
		Doc: "Runs each candidate against its tests, apart from the machine and from the others, and says how that ended. " +
			"Equal candidates of a problem run once. A fault of the machine is no verdict: it is tried again and never recorded.",
		Defaults: Params{
			Runtime: "auto", Image: containers.HostImage, OCI: "runc", Isolation: "best_effort", Python: "python3", Form: sandbox.Asserts, Judge: sandbox.Separate,
			Limits: Limits{Budget: "fixed", CPU: 10, Wall: 40, Memory: 1024, Output: 1024, Processes: 64},
		},
		Check: checkParams,
		Pin:   pin,
		Run:   run,
	}.Type()
}

// checkParams finds choices that don't go together.
func checkParams(p Params) error {
	if err := containers.CheckImage(p.Image); err != nil {
		return &node.FieldError{Field: "image", Err: err}
	}
	if p.Runtime == "process" && p.Image != containers.HostImage {
		return node.BadField("runtime", "process runs the machine's own Python; image %q needs containerd or auto", p.Image)
	}
	if _, err := p.clock(); err != nil {
		return &node.FieldError{Field: "clock", Err: err}
	}
	return nil
}

// clock is what clocks show, nil for the time.
func (p Params) clock() (*int64, error) {
	if p.Clock == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, p.Clock)
	if err != nil {
		return nil, fmt.Errorf("%q isn't a time such as 2024-01-01T00:00:00Z", p.Clock)
	}
	seconds := t.Unix()
	return &seconds, nil
}

// pin finds out which Python will run the candidates.
func pin(ctx context.Context, p Params) (node.Pins, error) {
	pins := node.Pins{"protocol": sandbox.Protocol}
	if p.Image != containers.HostImage {
		d, err := containers.Digest(p.Image)
		pins["image"] = d
		return pins, err
	}
	b, err := exec.CommandContext(ctx, p.Python, "-I", "-c", sandbox.Version).Output()
	version := strings.TrimSpace(string(b))
	if err != nil && version != "" {
		return nil, fmt.Errorf("%s is %s, but running candidates needs Python 3.9 or newer; set python to another interpreter", p.Python, version)
	}
	if err != nil {
		return nil, fmt.Errorf("can't run %s: %w; install Python 3.9 or newer, or set python to an interpreter", p.Python, err)
	}
	pins["python"] = version
	return pins, nil
}

// newRuntime chooses where workers run.
func newRuntime(ctx context.Context, p Params, logf func(string, ...any)) (sandbox.Runtime, error) {
	limits := p.Limits.sandbox()
	if p.Runtime == "process" {
		return sandbox.Processes(p.Python, limits)
	}
	rt, err := containers.New(ctx, containers.Options{
		Address: p.Address, OCIRuntime: p.OCI, Image: p.Image, Python: p.Python, Limits: limits,
	})
	if err == nil || p.Runtime == "containerd" || p.Image != containers.HostImage || ctx.Err() != nil {
		return rt, err
	}
	logf("runtime: process, since %v", err)
	return sandbox.Processes(p.Python, limits)
}

func run(ctx context.Context, p Params, w *node.Work[in, out]) error {
	workers := p.Workers
	if workers == 0 {
		workers = runtime.NumCPU()
	}
	rt, err := newRuntime(ctx, p, w.Logf)
	if err != nil {
		return err
	}
	var demanded []string
	if p.Isolation == "strict" {
		demanded = sandbox.Strict()
	}
	pool, err := sandbox.NewPool(ctx, rt, workers, demanded, w.Logf)
	if err != nil {
		return err
	}
	defer pool.Close()
	e := executor{params: p, pool: pool, budgets: newBudgets(p.Limits)}
	if e.clock, err = p.clock(); err != nil {
		return err
	}
	defer func() { e.budgets.report(w.Logf) }()
	return w.Parallel(workers, func(n int, item node.Item[in]) (out, error) {
		v, err := e.execute(n, item.In)
		return row(v, p.Measure), err
	})
}

// executor runs candidates as the parameters say.
type executor struct {
	params  Params
	pool    *sandbox.Pool
	budgets *budgets
	clock   *int64
}

// execute runs one candidate on the n-th worker.
func (e *executor) execute(n int, c in) (sandbox.Verdict, error) {
	if err := check(c, e.params.Form); err != nil {
		return sandbox.Verdict{}, err
	}
	job := sandbox.Job{
		Code: c.Code, Tests: c.Tests, Setup: c.Setup, Form: e.params.Form,
		InProcess: e.params.Judge == sandbox.InProcess, Clock: e.clock,
	}
	var err error
	if job.CPU, err = e.budgets.of(c, func() (sandbox.Verdict, error) {
		reference := job
		reference.Code = c.Ref
		return e.pool.Judge(n, reference)
	}); err != nil {
		return sandbox.Verdict{}, err
	}
	return e.pool.Judge(n, job)
}

// check finds tests that don't have the form that the pipeline says.
func check(item in, form string) error {
	if form != sandbox.Program {
		return nil
	}
	for i, test := range item.Tests {
		var t struct{ Input, Output *string }
		if err := json.Unmarshal([]byte(test), &t); err != nil || t.Input == nil || t.Output == nil {
			return fmt.Errorf("test %d, %.60q, isn't {\"input\": TEXT, \"output\": TEXT}, which form: program wants", i, test)
		}
	}
	return nil
}

func row(v sandbox.Verdict, measure bool) out {
	o := out{
		Verdict: v.Verdict, Exception: optional(v.Exception), Message: optional(v.Message),
		TestsPassed: v.TestsPassed, TestsTotal: v.TestsTotal, FailedTest: v.FailedTest, FailedLine: v.FailedLine,
		Judged: v.Judged, Suspect: optional(v.Suspect), Stdout: optional(v.Stdout),
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
