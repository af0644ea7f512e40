package execution

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"

	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// shared are the verdicts of programs, for those that are equal to one but for what doesn't
// matter.
type shared struct {
	mu    sync.Mutex
	runs  map[shareKey]*sharedRun
	slow  map[shareKey]bool // problems with a candidate that took long
	all   int64             // candidates
	saved int64
}

type shareKey = [sha256.Size]byte

// sharedRun is a program that runs or has run.
type sharedRun struct {
	done  chan struct{}
	v     sandbox.Verdict
	holds bool // for all programs with the key
}

const (
	sharedMost = 100_000 // programs that are remembered: about 40 MB
	slowFrom   = 100     // ms from which on it is worth a look at the names of variables
)

func newShared() *shared {
	return &shared{runs: map[shareKey]*sharedRun{}, slow: map[shareKey]bool{}}
}

// get returns the verdict of an equal program, or has this one run. A verdict that speaks of
// places in the program, or of what may be a variable of it, is for that one alone.
func (s *shared) get(job request, alike func() (string, error), run func() (sandbox.Verdict, error)) (v sandbox.Verdict, known bool, err error) {
	problem := hashOf(job.Form, job.Setup, job.Tests, job.CPU, job.Wall)
	if job.slow {
		s.slowDown(problem)
	}
	first, mine := s.enter(hashOf(problem, layoutKey(job.Code)))
	if mine {
		defer close(first.done)
		first.v, known, err = s.named(problem, alike, run)
		first.holds = err == nil && holds(first.v)
		return first.v, known, err
	}
	<-first.done
	if !first.holds {
		v, err = run()
		return v, false, err
	}
	return s.spare(first.v), true, nil
}

// named does the same for the first program with its layout.
func (s *shared) named(problem shareKey, alike func() (string, error), run func() (sandbox.Verdict, error)) (v sandbox.Verdict, known bool, err error) {
	if !s.isSlow(problem) {
		return s.measured(problem, run)
	}
	name, err := alike()
	if err != nil || name == "" {
		return s.measured(problem, run)
	}
	first, mine := s.enter(hashOf(problem, "alike", name))
	if mine {
		defer close(first.done)
		first.v, _, err = s.measured(problem, run)
		first.holds = err == nil && holds(first.v) && !strings.ContainsAny(first.v.Message, "'`\"")
		return first.v, false, err
	}
	<-first.done
	if !first.holds {
		return s.measured(problem, run)
	}
	return s.spare(first.v), true, nil
}

// measured runs a program, and remembers whether that took long.
func (s *shared) measured(problem shareKey, run func() (sandbox.Verdict, error)) (sandbox.Verdict, bool, error) {
	v, err := run()
	if err == nil && v.Wall > slowFrom {
		s.slowDown(problem)
	}
	return v, false, err
}

// slowDown remembers that candidates of a problem take long.
func (s *shared) slowDown(problem shareKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow[problem] = true
}

// enter returns the run with a key, and whether it is the caller's.
func (s *shared) enter(key shareKey) (run *sharedRun, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if run, ok := s.runs[key]; ok {
		return run, false
	}
	if len(s.runs) >= sharedMost {
		clear(s.runs)
	}
	run = &sharedRun{done: make(chan struct{})}
	s.runs[key] = run
	return run, true
}

func (s *shared) isSlow(problem shareKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slow[problem]
}

func (s *shared) spare(v sandbox.Verdict) sandbox.Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved++
	return v
}

func (s *shared) count() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all++
}

// holds reports whether a verdict is that of all programs that are equal but for their layout.
func holds(v sandbox.Verdict) bool { return !v.Placed && v.Verdict != verdict.Quarantined }

func hashOf(parts ...any) shareKey { return sha256.Sum256(fmt.Appendf(nil, "%q", parts)) }

// report says how much was saved.
func (s *shared) report(logf func(string, ...any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved > 0 {
		logf("executions saved: %d of %d candidates are equal to another but for comments, docstrings, layout or, where they take long, names of local variables", s.saved, s.all)
	}
}
