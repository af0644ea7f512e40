package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
)

// attempts is how often a candidate is tried when its worker breaks.
const attempts = 3

// Pool is a number of workers of one runtime, each used by one goroutine.
type Pool struct {
	ctx     context.Context
	runtime Runtime
	logf    func(string, ...any)
	workers []*Worker
	alone   sync.RWMutex // held for writing by a candidate that runs alone
	closing sync.Once
}

// NewPool starts the first of n workers, to find out what protections there are; the
// others start when they are used. The pool closes the runtime. Protections that are
// demanded and missing are an error.
func NewPool(ctx context.Context, r Runtime, n int, demanded []string, logf func(string, ...any)) (*Pool, error) {
	p := &Pool{ctx: ctx, runtime: r, logf: logf, workers: make([]*Worker, n)}
	w, err := r.Start(ctx, 0)
	if err == nil {
		p.workers[0] = w
		err = missing(demanded, w.Protections())
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	logf("%d workers; protections: %s", n, strings.Join(w.Protections(), "; "))
	return p, nil
}

// Strict lists the protections that isolation: strict demands.
func Strict() []string {
	return []string{
		"process, mount, network and ipc namespaces", "a root of its own, with Python and nothing else", "read-only files", "limits",
		"no new privileges, no capabilities", "filter of system calls",
	}
}

func missing(demanded, have []string) error {
	var lacks []string
	for _, d := range demanded {
		if !slices.Contains(have, d) {
			lacks = append(lacks, d)
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	return fmt.Errorf("isolation: strict demands %s, which this machine doesn't give (there is: %s); "+
		"use the containerd runtime, run as root or allow user namespaces, or set isolation: best_effort if the candidates can be trusted with less",
		strings.Join(lacks, ", "), strings.Join(have, "; "))
}

// Judge runs one candidate on the n-th worker, on a new one if it breaks. A timeout
// that may be the machine's doing is tried once more with all other workers idle. A
// candidate that keeps ending in faults, on a machine that judges another, is quarantined.
func (p *Pool) Judge(n int, job Job) (Verdict, error) {
	p.alone.RLock()
	v, err := p.retried(n, job)
	p.alone.RUnlock()
	if err == nil && v.doubtful() {
		v, err = p.judgeAlone(n, job, v)
	}
	if !node.IsFault(err) || p.ctx.Err() != nil {
		return v, err
	}
	if _, broken := p.retried(n, probe); broken != nil {
		return v, err
	}
	p.logf("worker %d: quarantined a candidate: %v", n, err)
	return Verdict{Verdict: verdict.Quarantined, Message: err.Error(), TestsTotal: int64(len(job.Tests)), Judged: Separate, Attempts: attempts}, nil
}

// probe is a candidate that every machine can judge.
var probe = Job{Code: "def f(): return 1", Tests: []string{"assert f() == 1"}, Form: Asserts}

// Suspect has the n-th worker look for signs of gaming in a candidate that ended like one
// that was run.
func (p *Pool) Suspect(n int, code string, v Verdict) (string, error) {
	found, err := p.Judge(n, Job{Code: code, Form: formSuspect, Input: v.Verdict, Setup: v.Exception})
	return found.Suspect, err
}

// Alike has the n-th worker name what a program does, so that programs that are equal but
// for the names of their local variables and for layout have one name. It is empty where a
// program could look at its own names.
func (p *Pool) Alike(n int, code string, tests []string) (string, error) {
	found, err := p.Judge(n, Job{Code: code, Tests: tests, Form: formAlike})
	return found.Output, err
}

// Examine has the n-th worker read tests. It returns what the worker found, as JSON.
func (p *Pool) Examine(n int, job Job) (string, error) {
	job.Code, job.Form = job.Form, formExamine
	found, err := p.Judge(n, job)
	return found.Output, err
}

// Run runs a program of ouroflow's own on the n-th worker, as apart from everything as a
// candidate, because of what it reads. It returns what the program writes; that it
// didn't end well is an error that is no node.Fault.
func (p *Pool) Run(n int, program, input string) (string, error) {
	v, err := p.Judge(n, Job{Code: program, Input: input, Form: formTool})
	if err != nil {
		return "", err
	}
	if v.Verdict != verdict.Passed {
		return "", fmt.Errorf("the program ended with %s: %s %s", v.Verdict, v.Exception, v.Message)
	}
	return v.Output, nil
}

func (p *Pool) judgeAlone(n int, job Job, before Verdict) (Verdict, error) {
	p.alone.Lock()
	defer p.alone.Unlock()
	v, err := p.retried(n, job)
	v.Attempts += before.Attempts
	if err == nil && v.unknown() {
		err = node.Faultf("the machine is overloaded: a candidate had a processor for %.1f s of %.1f, also with all others stopped", v.CPU/1000, v.Wall/1000)
	}
	return v, err
}

func (p *Pool) retried(n int, job Job) (Verdict, error) {
	var err error
	for try := range int64(attempts) {
		var v Verdict
		if v, err = p.try(n, job); err == nil {
			v.Attempts = try + 1
			return v, nil
		}
		if errors.Is(err, errOvertime) {
			p.stop(n)
			return Verdict{Verdict: verdict.Timeout, Message: err.Error(), TestsTotal: int64(len(job.Tests)), Judged: Separate, Attempts: try + 1}, nil
		}
		if p.ctx.Err() != nil {
			return Verdict{}, p.ctx.Err()
		}
		p.logf("worker %d: %v; starting another", n, err)
		p.stop(n)
	}
	return Verdict{}, node.Faultf("a sandbox worker broke %d times on one candidate: %w", attempts, err)
}

func (p *Pool) try(n int, job Job) (Verdict, error) {
	if p.workers[n] == nil {
		w, err := p.runtime.Start(p.ctx, n)
		if err != nil {
			return Verdict{}, err
		}
		p.workers[n] = w
	}
	return p.workers[n].Judge(job)
}

func (p *Pool) stop(n int) {
	if p.workers[n] != nil {
		p.workers[n].Kill()
		p.workers[n] = nil
	}
}

// Close ends the workers and closes the runtime.
func (p *Pool) Close() { p.closing.Do(p.close) }

func (p *Pool) close() {
	var ends sync.WaitGroup
	for n := range p.workers {
		ends.Go(func() { p.stop(n) })
	}
	ends.Wait()
	if err := p.runtime.Close(); err != nil {
		p.logf("cleaning up the sandbox: %v", err)
	}
}
