// Package checktests checks the tests of problems before anything is labelled by them.
package checktests

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/execution"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// Params of the node.
type Params struct {
	execution.Params

	OnFault string `yaml:"on_fault" key:"-" enum:"refuse|drop|mark" doc:"What becomes of problems with faults. refuse: the node fails and lists them, with what to do; nothing is judged by them. drop: they are left out. mark: they stay, for a look at the columns check and check_faults."`
}

type in struct {
	ProblemID string   `arrow:"problem_id"`
	Tests     []string `arrow:"tests"`
	Setup     string   `arrow:"setup"`
	Reference string   `arrow:"reference"`
	Form      string   `arrow:"form"`
}

// out is what is added to a problem.
type out struct {
	Check  string   `arrow:"check"`        // ok, unverified or fault
	Faults []string `arrow:"check_faults"` // what is wrong, and where
}

// The values of the column check.
const (
	ok         = "ok"         // the reference passes, and programs that do nothing fail
	unverified = "unverified" // there is no reference; all else is as it should be
	fault      = "fault"
)

// What becomes of problems with faults.
const (
	refuse = "refuse"
	drop   = "drop"
)

// Type returns the node type check_tests.
func Type() *node.Type {
	return node.RowDef[Params, in, out]{
		Name:    "check_tests",
		Version: 1,
		Doc: "Checks the tests of problems before candidates are labelled by them: each test parses, finds what it imports and can fail, " +
			"a program that does nothing fails, and the reference passes. Where there is no reference the rest is checked, and the column check says unverified.",
		Defaults: Params{Params: execution.Defaults(), OnFault: refuse},
		Check:    func(p Params) error { return p.Params.Check() },
		Pin:      func(ctx context.Context, p Params) (node.Pins, error) { return p.Params.Pin(ctx) },
		Drop:     func(p Params, o out) bool { return p.OnFault == drop && o.Check == fault },
		Run:      run,
	}.Type()
}

// run checks the problems that are new. One that is refused isn't recorded, so that it is
// refused the next time as well.
func run(ctx context.Context, p Params, w *node.Work[in, out]) error {
	e, err := execution.New(ctx, p.Params, w.Logf)
	if err != nil {
		return err
	}
	defer e.Close()
	var list faults
	err = w.Chunks(e.Workers, 1, func(_ int, items []node.Item[in]) error {
		o, err := check(e, items[0].In)
		if err != nil {
			return fmt.Errorf("problem %s: %w", items[0].In.ProblemID, err)
		}
		if o.Check == fault {
			list.add(items[0].In.ProblemID, o.Faults)
			if p.OnFault == refuse {
				return nil
			}
		}
		return w.Emit(items[0], o)
	})
	if err != nil {
		return err
	}
	for _, line := range list.lines() {
		w.Logf("%s", line)
	}
	if p.OnFault == refuse {
		return list.refusal()
	}
	return nil
}

// faults are what was found, by problem. They are safe for concurrent use.
type faults struct {
	mu       sync.Mutex
	problems []string // a line for each fault, problem by problem
	count    int
}

func (f *faults) add(id string, list []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	for _, text := range list {
		f.problems = append(f.problems, "problem "+id+": "+text)
	}
}

func (f *faults) lines() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.problems)
	return f.problems
}

// listed is how many faults an error lists.
const listed = 20

// refusal is the error that lists the faults, nil if there are none.
func (f *faults) refusal() error {
	lines := f.lines()
	if len(lines) == 0 {
		return nil
	}
	more := ""
	if n := len(lines) - listed; n > 0 {
		lines, more = lines[:listed], fmt.Sprintf("\n  and %d more, in the log of this node", n)
	}
	return fmt.Errorf("the tests of %d problems would give wrong labels:\n  %s%s\nmend them, or leave these problems out with on_fault: drop", f.count, strings.Join(lines, "\n  "), more)
}

// check finds out what is wrong with a problem.
func check(e *execution.Executor, p in) (out, error) {
	c := execution.Candidate{Tests: p.Tests, Setup: p.Setup, Reference: p.Reference, Form: p.Form}
	found, err := e.Examine(c)
	if err != nil {
		return out{}, err
	}
	list := found.Faults
	if len(list) == 0 {
		if list, err = lenient(e, c, found.Names); err != nil {
			return out{}, err
		}
		wrong, err := refuted(e, c)
		if err != nil {
			return out{}, err
		}
		list = append(list, wrong...)
	}
	switch {
	case len(list) > 0:
		return out{fault, list}, nil
	case p.Reference == "":
		return out{unverified, nil}, nil
	default:
		return out{ok, nil}, nil
	}
}

// refuted says how the reference fails, if it does.
func refuted(e *execution.Executor, c execution.Candidate) ([]string, error) {
	if c.Reference == "" {
		return nil, nil
	}
	c.Code = c.Reference
	v, err := e.Execute(c)
	if err != nil || v.Verdict == verdict.Passed {
		return nil, err
	}
	where := ""
	if v.FailedTest != nil {
		where = fmt.Sprintf(" at test %d", *v.FailedTest)
		if v.FailedLine != nil {
			where += fmt.Sprintf(", line %d", *v.FailedLine)
		}
	}
	return []string{strings.TrimSpace(fmt.Sprintf("its reference doesn't pass: %s%s: %s %s", v.Verdict, where, v.Exception, v.Message))}, nil
}

// stubs are programs that do nothing, or the same for all: none may pass, and no test may let
// all of them pass.
func stubs(form string, names []string) []string {
	if form == sandbox.Program {
		return []string{"pass\n"}
	}
	var codes []string
	for _, body := range []string{"return None", "return 'ouroflow: no answer'", "raise NotImplementedError"} {
		var b strings.Builder
		for _, name := range names {
			fmt.Fprintf(&b, "def %s(*args, **kwargs):\n    %s\n\n", name, body)
		}
		codes = append(codes, b.String())
	}
	return codes
}

// lenient lists the tests that nothing fails.
func lenient(e *execution.Executor, c execution.Candidate, names []string) ([]string, error) {
	codes := stubs(c.Form, names)
	c.Code = codes[0]
	v, err := e.Execute(c)
	if err != nil {
		return nil, err
	}
	var list []string
	if v.Verdict == verdict.Passed {
		list = append(list, "a program that does nothing passes all of its tests")
	}
	for i, test := range c.Tests {
		one := c
		one.Tests = []string{test}
		passes := 0
		for _, code := range codes {
			one.Code = code
			if v, err = e.Execute(one); err != nil {
				return nil, err
			}
			if v.Verdict != verdict.Passed {
				break
			}
			passes++
		}
		if passes == len(codes) {
			list = append(list, fmt.Sprintf("test %d can't fail: programs that do nothing pass it", i))
		}
	}
	return list, nil
}
