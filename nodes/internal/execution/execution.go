// Package execution is what node types that run candidates share: their parameters and
// the way from those to a pool of workers.
package execution

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
	"github.com/ouroflow/ouroflow/nodes/sandbox/containers"
)

// Place says where untrusted code runs.
type Place struct {
	Runtime   string `yaml:"runtime" key:"-" enum:"auto|containerd|process" doc:"Where workers run. containerd: in containers that stay, one for each worker. process: as processes of this machine, in namespaces of their own where the kernel grants them. auto: in containers if a containerd answers. Verdicts are the same, so it is no part of the key."`
	Image     Image  `yaml:"image" key:"-" doc:"What candidates find around them: host (this machine's Python), oci-tar:PATH (an image in a file; ouroflow image build writes one) or a reference with a digest, such as docker.io/library/python:3.12-slim@sha256:.... Images other than host need the containerd runtime. Their digest is part of the key."`
	Address   string `yaml:"containerd" key:"-" doc:"Socket of containerd; empty: that of OUROFLOW_CONTAINERD, else that of ouroflow sandbox up, else the system's."`
	OCI       string `yaml:"oci_runtime" key:"-" doc:"OCI runtime: io.containerd.runc.v2, or another shim of containerd such as io.containerd.runsc.v1; runc or crun stand for runc's shim with that binary."`
	Isolation string `yaml:"isolation" key:"-" enum:"strict|best_effort" doc:"strict refuses to run with less than namespaces, read-only files, limits, no privileges and a filter of system calls; best_effort takes what the machine gives, and the log says what that is."`
	Python    string `yaml:"python" key:"-" doc:"Python interpreter, 3.9 or newer. Its version is part of the key, its path is not."`
	Workers   int    `yaml:"workers" key:"-" min:"0" max:"1024" doc:"Workers, each of which runs one program at a time; 0 means one for each processor."`
}

// Params say how candidates are run.
type Params struct {
	Place
	Form   string `yaml:"form" enum:"asserts|functions|program" doc:"What a test is. asserts: statements, such as MBPP's asserts or HumanEval's check and the call of it. functions: a module with functions test_* or test cases of unittest. program: {\"input\": ..., \"output\": ...}, what a program reads and prints."`
	Judge  string `yaml:"judge" enum:"separate|in_process" doc:"separate: another process holds the tests and calls the candidate, which can't forge a pass. Tests that define classes or import more than common parts of the standard library can't be held apart and run in the candidate's process; the column judged tells. in_process runs all tests there."`
	Clock  string `yaml:"clock" doc:"Date and time that candidates are told, such as 2024-01-01T00:00:00Z; empty: the real one."`
	Limits Limits `yaml:"limits" doc:"What each candidate may use."`
}

// Limits bound what a candidate may use.
type Limits struct {
	Budget    string `yaml:"cpu" enum:"fixed|auto" doc:"fixed: cpu_s for all. auto: for each problem ten times what its reference takes, rounded up to 1, 2, 4, 8 ... seconds, and cpu_s at most or if there is no reference that passes."`
	CPU       int    `yaml:"cpu_s" min:"1" max:"3600" doc:"Seconds of CPU time. It doesn't run out faster on a busy machine, so it is the limit that decides."`
	Wall      int    `yaml:"wall_s" min:"1" max:"36000" doc:"Seconds of wall time, a backstop for candidates that sleep. Time in which a candidate was kept from a processor doesn't count."`
	Memory    int    `yaml:"memory_mb" min:"32" max:"1048576" doc:"MiB of address space of a process."`
	Output    int    `yaml:"output_kb" min:"1" max:"1048576" doc:"KiB that may be written to standard output, or to any one file."`
	Processes int    `yaml:"processes" min:"1" max:"100000" doc:"Processes and threads."`
}

// Image is a reference to what candidates find around them. The path in it belongs to
// the folder of the pipeline.
type Image string

// Relocate makes a relative path one that starts at dir.
func (m *Image) Relocate(dir string) {
	path, ok := strings.CutPrefix(string(*m), containers.TarPrefix)
	if ok && !filepath.IsAbs(path) {
		*m = Image(containers.TarPrefix + filepath.Join(dir, path))
	}
}

// Defaults are the parameters of somebody who sets none.
func Defaults() Params {
	return Params{
		Place: DefaultPlace(),
		Form:  sandbox.Asserts, Judge: sandbox.Separate,
		Limits: Limits{Budget: "fixed", CPU: 10, Wall: 40, Memory: 1024, Output: 1024, Processes: 64},
	}
}

// DefaultPlace is where untrusted code of somebody who doesn't say runs.
func DefaultPlace() Place {
	return Place{Runtime: "auto", Image: containers.HostImage, OCI: "runc", Isolation: "best_effort", Python: "python3"}
}

// Candidate has the columns that decide a verdict.
type Candidate struct {
	Code      string   `arrow:"code"`
	Tests     []string `arrow:"tests"`
	Setup     string   `arrow:"setup"`
	Reference string   `arrow:"reference"` // solution to calibrate on; may be empty
}

// Check finds choices that don't go together.
func (p Params) Check() error {
	if _, err := p.clock(); err != nil {
		return &node.FieldError{Field: "clock", Err: err}
	}
	return p.Place.Check()
}

// Check finds choices that don't go together.
func (p Place) Check() error {
	if err := containers.CheckImage(string(p.Image)); err != nil {
		return &node.FieldError{Field: "image", Err: err}
	}
	if p.Runtime == "process" && p.Image != containers.HostImage {
		return node.BadField("runtime", "process runs the machine's own Python; image %q needs containerd or auto", p.Image)
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

// Pin finds out which Python will run the code.
func (p Place) Pin(ctx context.Context) (node.Pins, error) {
	pins := node.Pins{"protocol": sandbox.Protocol}
	if p.Image != containers.HostImage {
		d, err := containers.Digest(string(p.Image))
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
func (p Place) newRuntime(ctx context.Context, limits sandbox.Limits, logf func(string, ...any)) (sandbox.Runtime, error) {
	if p.Runtime == "process" {
		return sandbox.Processes(p.Python, limits), nil
	}
	rt, err := containers.New(ctx, containers.Options{
		Address: p.Address, OCIRuntime: p.OCI, Image: string(p.Image), Python: p.Python, Limits: limits,
	})
	if err == nil || p.Runtime == "containerd" || p.Image != containers.HostImage || ctx.Err() != nil {
		return rt, err
	}
	logf("runtime: process, since %v", err)
	return sandbox.Processes(p.Python, limits), nil
}

// Executor runs candidates as the parameters say.
type Executor struct {
	Workers int // each used by one goroutine

	params  Params
	pool    *sandbox.Pool
	budgets *budgets
	clock   *int64
	logf    func(string, ...any)
}

// New starts an executor. What it has to say goes to logf.
func New(ctx context.Context, p Params, logf func(string, ...any)) (*Executor, error) {
	e := &Executor{Workers: p.Count(), params: p, budgets: newBudgets(p.Limits), logf: logf}
	var err error
	if e.clock, err = p.clock(); err != nil {
		return nil, err
	}
	e.pool, err = p.newPool(ctx, p.Limits.sandbox(), logf)
	return e, err
}

// Count is the number of workers.
func (p Place) Count() int {
	if p.Workers == 0 {
		return runtime.NumCPU()
	}
	return p.Workers
}

func (p Place) newPool(ctx context.Context, limits sandbox.Limits, logf func(string, ...any)) (*sandbox.Pool, error) {
	rt, err := p.newRuntime(ctx, limits, logf)
	if err != nil {
		return nil, err
	}
	var demanded []string
	if p.Isolation == "strict" {
		demanded = sandbox.Strict()
	}
	return sandbox.NewPool(ctx, rt, p.Count(), demanded, logf)
}

// Close ends the workers.
func (e *Executor) Close() {
	e.budgets.report(e.logf)
	e.pool.Close()
}

// Execute runs one candidate on the n-th worker.
func (e *Executor) Execute(n int, c Candidate) (sandbox.Verdict, error) {
	if err := c.check(e.params.Form); err != nil {
		return sandbox.Verdict{}, err
	}
	job := sandbox.Job{
		Code: c.Code, Tests: c.Tests, Setup: c.Setup, Form: e.params.Form,
		InProcess: e.params.Judge == sandbox.InProcess, Clock: e.clock,
	}
	var err error
	if job.CPU, err = e.budgets.of(c, func() (sandbox.Verdict, error) {
		reference := job
		reference.Code = c.Reference
		return e.pool.Judge(n, reference)
	}); err != nil {
		return sandbox.Verdict{}, err
	}
	return e.pool.Judge(n, job)
}

// check finds tests that don't have the form that the pipeline says.
func (c Candidate) check(form string) error {
	if form != sandbox.Program {
		return nil
	}
	for i, test := range c.Tests {
		var t struct{ Input, Output *string }
		if err := json.Unmarshal([]byte(test), &t); err != nil || t.Input == nil || t.Output == nil {
			return fmt.Errorf("test %d, %.60q, isn't {\"input\": TEXT, \"output\": TEXT}, which form: program wants", i, test)
		}
	}
	return nil
}
