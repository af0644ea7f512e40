package execution

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// sandbox returns the limits of a worker.
func (l Limits) sandbox() sandbox.Limits {
	return sandbox.Limits{CPU: l.CPU, Wall: l.Wall, Memory: l.Memory, Output: l.Output, Processes: l.Processes}
}

// headroom is how many times the CPU time of the reference a candidate gets.
const headroom = 10

// budgets are the times that candidates get, by problem.
type budgets struct {
	limits Limits

	mu       sync.Mutex
	problems map[string]*budget
}

// budget is what a candidate of a problem gets, once that is known.
type budget struct {
	once  sync.Once
	cpu   int  // seconds
	wall  int  // seconds
	apart bool // the reference passes with its tests held apart
	slow  bool // the reference takes long
	err   error
}

// leastWall is the least wall time where the reference decides, in seconds: it is there to
// end what sleeps, not to judge it.
const leastWall = 8

func newBudgets(l Limits) *budgets { return &budgets{limits: l, problems: map[string]*budget{}} }

// of returns what a candidate of a problem gets. The first that asks has the reference run.
func (b *budgets) of(c Candidate, form string, runReference func() (sandbox.Verdict, error)) (*budget, error) {
	problem := b.problem(c, form)
	problem.once.Do(func() {
		problem.cpu, problem.wall = b.limits.CPU, b.limits.Wall
		if b.limits.Budget != "auto" {
			return
		}
		problem.cpu = min(b.limits.CPU, b.limits.Unknown)
		if c.Reference == "" {
			return
		}
		var v sandbox.Verdict
		if v, problem.err = runReference(); problem.err == nil && v.Verdict == verdict.Passed {
			problem.cpu = calibrated(v.CPU, 1, b.limits.CPU)
			problem.wall = calibrated(v.Wall, leastWall, b.limits.Wall)
			problem.apart, problem.slow = v.Judged == sandbox.Separate, v.Wall > slowFrom
		}
	})
	return problem, problem.err
}

func (b *budgets) problem(c Candidate, form string) *budget {
	key := fmt.Sprintf("%s%q%q%q", form, c.Reference, c.Setup, c.Tests)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.problems[key] == nil {
		b.problems[key] = &budget{}
	}
	return b.problems[key]
}

// calibrated is the budget in seconds where the reference takes that many milliseconds: a
// power of two, so that it seldom differs between machines.
func calibrated(ms float64, least, most int) int {
	seconds := least
	for float64(seconds) < headroom*ms/1000 && seconds < most {
		seconds *= 2
	}
	return min(seconds, most)
}

// report says how many problems got how much.
func (b *budgets) report(logf func(string, ...any)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limits.Budget != "auto" || len(b.problems) == 0 {
		return
	}
	count := map[int]int{}
	for _, p := range b.problems {
		count[p.cpu]++
	}
	var parts []string
	for _, seconds := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d s for %d problems", seconds, count[seconds]))
	}
	logf("CPU time, by the references of the problems: %s", strings.Join(parts, ", "))
}
