package execution

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// shared are the verdicts of programs, for those that are equal to one but for its layout.
type shared struct {
	mu    sync.Mutex
	runs  map[[sha256.Size]byte]*sharedRun
	saved int64
}

// sharedRun is a program that runs or has run.
type sharedRun struct {
	done  chan struct{}
	v     sandbox.Verdict
	holds bool // for all programs with the key
}

// sharedMost bounds the programs that are remembered: about 40 MB.
const sharedMost = 100_000

func newShared() *shared { return &shared{runs: map[[sha256.Size]byte]*sharedRun{}} }

// get returns the verdict of an equal program, or has this one run. A verdict that speaks of
// places in the program is for that one alone.
func (s *shared) get(job sandbox.Job, run func() (sandbox.Verdict, error)) (v sandbox.Verdict, known bool, err error) {
	key := sharedKey(job)
	s.mu.Lock()
	first, ok := s.runs[key]
	if !ok {
		if len(s.runs) >= sharedMost {
			clear(s.runs)
		}
		first = &sharedRun{done: make(chan struct{})}
		s.runs[key] = first
	}
	s.mu.Unlock()
	if ok {
		<-first.done
		if !first.holds {
			v, err = run()
			return v, false, err
		}
		s.mu.Lock()
		s.saved++
		s.mu.Unlock()
		return first.v, true, nil
	}
	defer close(first.done)
	v, err = run()
	first.v, first.holds = v, err == nil && !v.Placed && v.Verdict != verdict.Quarantined
	return v, false, err
}

// sharedKey names what decides a verdict, but for the layout of the program.
func sharedKey(job sandbox.Job) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%s %q %q %q %d %d", job.Form, layoutKey(job.Code), job.Setup, job.Tests, job.CPU, job.Wall))
}

// report says how much was saved.
func (s *shared) report(logf func(string, ...any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved > 0 {
		logf("executions saved: %d of %d candidates are equal to another but for comments, docstrings and layout", s.saved, s.saved+int64(len(s.runs)))
	}
}
