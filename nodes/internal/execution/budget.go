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

// budgets are the CPU times that candidates get, by problem.
type budgets struct {
	limits Limits

	mu       sync.Mutex
	problems map[string]*budget
}

// budget is the CPU time for a problem, once that is known.
type budget struct {
	once    sync.Once
	seconds int
	err     error
}

func newBudgets(l Limits) *budgets { return &budgets{limits: l, problems: map[string]*budget{}} }

// of returns the seconds for a candidate of a problem, 0 for what the limits say. The
// first that asks has the reference run.
func (b *budgets) of(c Candidate, runReference func() (sandbox.Verdict, error)) (int, error) {
	if b.limits.Budget != "auto" || c.Reference == "" {
		return 0, nil
	}
	problem := b.problem(c)
	problem.once.Do(func() {
		var v sandbox.Verdict
		v, problem.err = runReference()
		problem.seconds = calibrated(v, b.limits.CPU)
	})
	return problem.seconds, problem.err
}

func (b *budgets) problem(c Candidate) *budget {
	key := fmt.Sprintf("%q%q%q", c.Reference, c.Setup, c.Tests)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.problems[key] == nil {
		b.problems[key] = &budget{}
	}
	return b.problems[key]
}

// calibrated is the budget by the verdict of the reference: a power of two, so that
// it seldom differs between machines.
func calibrated(reference sandbox.Verdict, most int) int {
	if reference.Verdict != verdict.Passed {
		return most
	}
	seconds := 1
	for float64(seconds) < headroom*reference.CPU/1000 && seconds < most {
		seconds *= 2
	}
	return min(seconds, most)
}

// report says how many problems got how much.
func (b *budgets) report(logf func(string, ...any)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	count := map[int]int{}
	for _, p := range b.problems {
		count[p.seconds]++
	}
	if len(count) == 0 {
		return
	}
	var parts []string
	for _, seconds := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d s for %d", seconds, count[seconds]))
	}
	logf("CPU time by the references of the problems: %s", strings.Join(parts, ", "))
}
