// Package execution is what node types that run candidates share: their parameters and
// the way from those to a pool of workers.
package execution

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
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
	Form    string    `yaml:"form" enum:"auto|asserts|functions|program" doc:"What a test is. auto: what the column form says, which dataset fills in. asserts: statements, such as MBPP's asserts or HumanEval's check and the call of it. functions: a module with functions test_*, classes Test* or test cases of unittest. program: {\"input\": ..., \"output\": ...}, what a program reads and prints."`
	Judge   string    `yaml:"judge" enum:"separate|separate_only|in_process" doc:"separate: another process holds the tests and calls the candidate, which can't forge a pass; tests that do what can't be done at a distance run in the candidate's process, sealed, and the columns judged and judged_reason say so. separate_only: such a candidate is unsupported instead. in_process runs all tests there."`
	Compare Compare   `yaml:"compare" doc:"When the output of a program is the wanted one."`
	Checker node.Path `yaml:"checker" key:"-" doc:"Python program that says whether an output is right, for problems with many right ones. It reads the JSON object {\"input\", \"output\", \"expected\"} and ends with status 0 for yes, 1 for no; it runs as isolated as candidates do. A test may have a checker of its own, as the text of a program in its field checker. What the file holds is part of the key."`
	Clock   string    `yaml:"clock" doc:"Date and time that candidates are told, such as 2024-01-01T00:00:00Z; empty: the real one."`
	Limits  Limits    `yaml:"limits" doc:"What each candidate may use."`
}

// Compare says when the output of a program is the wanted one.
type Compare struct {
	Space    string  `yaml:"space" enum:"lines|words|exact" doc:"lines: white space at the ends of lines doesn't count, nor do empty lines at the end. words: only what is between white space counts. exact: every character counts."`
	Absolute float64 `yaml:"absolute" min:"0" doc:"How far a number may be from the wanted one; 0 with relative 0: texts are compared."`
	Relative float64 `yaml:"relative" min:"0" doc:"The same, as a share of the wanted number."`
}

// Limits bound what a candidate may use.
type Limits struct {
	Budget    string `yaml:"cpu" enum:"auto|fixed" doc:"auto: for each problem ten times what its reference takes, rounded up to 1, 2, 4, 8 ... seconds, and cpu_s at most; cpu_unknown_s where there is no reference that passes. fixed: cpu_s for all."`
	CPU       int    `yaml:"cpu_s" min:"1" max:"3600" doc:"Seconds of CPU time at most. It doesn't run out faster on a busy machine, so it is the limit that decides."`
	Unknown   int    `yaml:"cpu_unknown_s" min:"1" max:"3600" doc:"Seconds of CPU time where cpu is auto and a problem has no reference that passes."`
	Wall      int    `yaml:"wall_s" min:"1" max:"36000" doc:"Seconds of wall time at most, a backstop for candidates that sleep; where cpu is auto, ten times what the reference takes, at least 8. Time in which a candidate was kept from a processor doesn't count."`
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
		Form:  formAuto, Judge: sandbox.Separate, Compare: Compare{Space: sandbox.Lines},
		Limits: Limits{Budget: "auto", CPU: 10, Unknown: 3, Wall: 40, Memory: 1024, Output: 1024, Processes: 64},
	}
}

// formAuto takes the form of the tests from the column form.
const formAuto = "auto"

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
	Form      string   `arrow:"form"`      // of the tests: asserts, functions or program
}

// Check finds choices that don't go together.
func (p Params) Check() error {
	if _, err := p.clock(); err != nil {
		return &node.FieldError{Field: "clock", Err: err}
	}
	return p.Place.Check()
}

// Pin finds out what decides verdicts beside the parameters: the Python, and the checker.
func (p Params) Pin(ctx context.Context) (node.Pins, error) {
	pins, err := p.Place.Pin(ctx)
	if err != nil || p.Checker == "" {
		return pins, err
	}
	text, err := p.checker()
	pins["checker"] = fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	return pins, err
}

// checker is the text of the checker, empty if there is none.
func (p Params) checker() (string, error) {
	if p.Checker == "" {
		return "", nil
	}
	b, err := os.ReadFile(string(p.Checker))
	if err != nil {
		return "", fmt.Errorf("reading the checker: %w", err)
	}
	return string(b), nil
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
	Workers int // candidates that run at the same time

	free    chan int // workers that nobody uses
	params  Params
	pool    *sandbox.Pool
	budgets *budgets
	shared  *shared
	clock   *int64
	checker string
	logf    func(string, ...any)

	quarantined atomic.Int64
	unsupported atomic.Int64
}

// New starts an executor. What it has to say goes to logf.
func New(ctx context.Context, p Params, logf func(string, ...any)) (*Executor, error) {
	e := &Executor{Workers: p.Count(), free: make(chan int, p.Count()), params: p, budgets: newBudgets(p.Limits), shared: newShared(), logf: logf}
	var err error
	if e.clock, err = p.clock(); err != nil {
		return nil, err
	}
	if e.checker, err = p.checker(); err != nil {
		return nil, err
	}
	for n := range e.Workers {
		e.free <- n
	}
	e.pool, err = p.newPool(ctx, p.Limits.sandbox(), logf)
	return e, err
}

// judge runs a candidate on the next worker that is free.
func (e *Executor) judge(job sandbox.Job) (sandbox.Verdict, error) {
	n := <-e.free
	defer func() { e.free <- n }()
	return e.pool.Judge(n, job)
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

// Close ends the workers, and logs what there is to say of all candidates.
func (e *Executor) Close() {
	e.budgets.report(e.logf)
	e.shared.report(e.logf)
	if n := e.unsupported.Load(); n > 0 {
		e.logf("without a verdict: %d candidates are unsupported, which their messages explain; they get no label", n)
	}
	if n := e.quarantined.Load(); n > 0 {
		e.logf("quarantined: %d candidates that kept ending in faults while others were judged; the next run tries them again", n)
	}
	e.pool.Close()
}

// Execute runs one candidate.
func (e *Executor) Execute(c Candidate) (sandbox.Verdict, error) {
	job, v, err := e.job(c)
	if job == nil || err != nil {
		return v, err
	}
	v, err = e.judge(job.Job)
	return e.counted(v), err
}

// Shared runs one candidate, unless one that is equal to it but for its layout has been run:
// then its verdict is the same. Where candidates of a problem take long, the names of local
// variables may differ as well. Waiting for an equal one takes no worker: callers that are
// more than there are workers lose nothing by it.
func (e *Executor) Shared(c Candidate) (sandbox.Verdict, error) {
	job, v, err := e.job(c)
	if job == nil || err != nil {
		return v, err
	}
	e.shared.count()
	v, known, err := e.shared.get(*job, func() (string, error) { return e.alike(c) }, func() (sandbox.Verdict, error) { return e.judge(job.Job) })
	if err == nil && known {
		v.Suspect, err = e.suspect(c.Code, v)
	}
	return e.counted(v), err
}

func (e *Executor) alike(c Candidate) (string, error) {
	n := <-e.free
	defer func() { e.free <- n }()
	return e.pool.Alike(n, c.Code, c.Tests)
}

func (e *Executor) suspect(code string, v sandbox.Verdict) (string, error) {
	n := <-e.free
	defer func() { e.free <- n }()
	return e.pool.Suspect(n, code, v)
}

func (e *Executor) counted(v sandbox.Verdict) sandbox.Verdict {
	switch v.Verdict {
	case verdict.Quarantined:
		e.quarantined.Add(1)
	case verdict.Unsupported:
		e.unsupported.Add(1)
	}
	return v
}

// request is what the sandbox is asked for a candidate.
type request struct {
	sandbox.Job

	slow bool // candidates of its problem probably take long
}

// job is what the sandbox is asked for a candidate, nil if there is nothing to run.
func (e *Executor) job(c Candidate) (*request, sandbox.Verdict, error) {
	form := e.form(c)
	if fault := c.fault(form); fault != "" {
		v := sandbox.Verdict{Verdict: verdict.Unsupported, Message: fault, TestsTotal: int64(len(c.Tests)), Judged: sandbox.Separate}
		return nil, e.counted(v), nil
	}
	job := &request{Job: sandbox.Job{
		Code: c.Code, Tests: c.Tests, Setup: c.Setup, Form: form, Clock: e.clock, Checker: e.checker,
		InProcess: e.params.Judge == sandbox.InProcess, SeparateOnly: e.params.Judge == "separate_only",
		Compare: sandbox.Compare(e.params.Compare),
	}}
	budget, err := e.budgets.of(c, form, func() (sandbox.Verdict, error) {
		reference := job.Job
		reference.Code = c.Reference
		return e.judge(reference)
	})
	job.CPU, job.Wall, job.Apart, job.slow = budget.cpu, budget.wall, budget.apart, budget.slow
	return job, sandbox.Verdict{}, err
}

// fault says what keeps tests from having the form that they are said to have, if anything
// does.
func (c Candidate) fault(form string) string {
	if !slices.Contains([]string{sandbox.Asserts, sandbox.Functions, sandbox.Program}, form) {
		return fmt.Sprintf("the column form is %q, not asserts, functions or program; set the form of the tests", form)
	}
	if form != sandbox.Program {
		return ""
	}
	for i, test := range c.Tests {
		var t struct{ Input, Output *string }
		if err := json.Unmarshal([]byte(test), &t); err != nil || t.Input == nil || t.Output == nil {
			return fmt.Sprintf("test %d, %.60q, isn't {\"input\": TEXT, \"output\": TEXT}, which form: program wants", i, test)
		}
	}
	return ""
}

// Examination is what can be seen of the tests of a problem without a candidate.
type Examination struct {
	Faults []string `json:"faults"` // what keeps them from being run, and where
	Names  []string `json:"names"`  // that a candidate is to define
}

// Examine reads the tests of a problem.
func (e *Executor) Examine(c Candidate) (Examination, error) {
	var found Examination
	form := e.form(c)
	if fault := c.fault(form); fault != "" {
		return Examination{Faults: []string{fault}}, nil
	}
	n := <-e.free
	defer func() { e.free <- n }()
	output, err := e.pool.Examine(n, sandbox.Job{Tests: c.Tests, Setup: c.Setup, Form: form})
	if err == nil {
		err = json.Unmarshal([]byte(output), &found)
	}
	return found, err
}

// form is that of the tests of a candidate.
func (e *Executor) form(c Candidate) string {
	if e.params.Form == formAuto {
		return c.Form
	}
	return e.params.Form
}
