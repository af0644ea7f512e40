package sandbox_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

var addTests = []string{"assert add(1, 2) == 3", "assert add(0, 0) == 0"}

// BenchmarkCandidates runs trivial candidates on each runtime, with tests held apart
// and in the candidate's process.
func BenchmarkCandidates(b *testing.B) {
	for name, start := range runtimes {
		for _, inProcess := range []bool{false, true} {
			for _, n := range []int{1, 2, 4} {
				b.Run(fmt.Sprintf("runtime=%s/in_process=%v/workers=%d", name, inProcess, n), func(b *testing.B) {
					p := newPool(b, start(b), n)
					work(b, p, n, 4*n, inProcess) // starts the workers
					b.ResetTimer()
					work(b, p, n, b.N, inProcess)
				})
			}
		}
	}
}

// work has n workers run a number of candidates.
func work(b *testing.B, p *sandbox.Pool, n, candidates int, inProcess bool) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range n {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(candidates); i = next.Add(1) {
				job := sandbox.Job{
					Code:  fmt.Sprintf("def add(a, b): return a + b # %d", i),
					Tests: addTests, Form: sandbox.Asserts, InProcess: inProcess,
				}
				if _, err := p.Judge(w, job); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
