// Package auditexec runs a share of the candidates again and says how often that ends
// otherwise: how far verdicts can be trusted.
package auditexec

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"sync"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/execution"
)

// Params of the node.
type Params struct {
	execution.Params

	Share   float64 `yaml:"share" min:"0" max:"1" doc:"Share of the candidates to run again, drawn by their place in the table and the seed."`
	Repeats int     `yaml:"repeats" min:"1" max:"1000" doc:"How often to run each of them."`
	Ks      []int   `yaml:"ks" doc:"The k of each pass@k to tell the change of."`
	Seed    int     `yaml:"seed" min:"0" doc:"Seed of the draw."`
}

// candidate is a row of the input.
type candidate struct {
	ProblemID string   `arrow:"problem_id"`
	Code      string   `arrow:"code"`
	Tests     []string `arrow:"tests"`
	Setup     string   `arrow:"setup"`
	Reference string   `arrow:"reference"`
	Form      string   `arrow:"form"`
	Verdict   string   `arrow:"verdict"`
}

// rerun is a row of the table reruns.
type rerun struct {
	Row       int64    `arrow:"row"` // place in the input, from 0
	ProblemID string   `arrow:"problem_id"`
	Verdict   string   `arrow:"verdict"`
	Again     []string `arrow:"again"` // verdicts of the reruns
	Flips     int64    `arrow:"flips"` // of them that differ
}

// Type returns the node type audit_exec.
func Type() *node.Type {
	return node.Def[Params]{
		Name:    "audit_exec",
		Version: 1,
		Doc: "Runs a share of the candidates again, with the parameters of containerd_exec, and reports how often a verdict differs: " +
			"flip_rate over all reruns and by verdict, with 95% Wilson intervals, and what that does to pass@k.",
		Defaults: Params{Params: execution.Defaults(), Share: 0.05, Repeats: 3, Ks: []int{1}},
		Check:    check,
		Ports:    ports,
		Pin:      func(ctx context.Context, p Params) (node.Pins, error) { return p.Params.Pin(ctx) },
		Run:      run,
	}.Type()
}

func check(p Params) error {
	for _, k := range p.Ks {
		if k < 1 {
			return node.BadField("ks", "k is %d, but must be at least 1", k)
		}
	}
	return p.Check()
}

func ports(Params) node.Ports {
	return node.Ports{
		In: []node.Port{{Name: "in", Doc: "Candidates with their verdicts.", Schema: table.SchemaOf[candidate]()}},
		Out: []node.Port{
			{Name: "metrics", Doc: "Rates of flips, and changes of pass@k.", Schema: table.SchemaOf[node.Metric](), Metrics: true},
			{Name: "reruns", Doc: "Each candidate that was run again.", Schema: table.SchemaOf[rerun]()},
		},
	}
}

func run(ctx context.Context, p Params, t node.Task) error {
	drawn, err := draw(t, p)
	if err != nil {
		return err
	}
	if len(drawn) == 0 {
		return fmt.Errorf("a share of %g draws none of the candidates; raise it", p.Share)
	}
	if err := rerunAll(ctx, p, t, drawn); err != nil {
		return err
	}
	countFlips(drawn)
	if err := node.Emit(t, "metrics", metrics(drawn, p)); err != nil {
		return err
	}
	reruns := make([]rerun, len(drawn))
	for i, d := range drawn {
		reruns[i] = d.rerun
	}
	return node.Emit(t, "reruns", reruns)
}

// drawnCandidate is one that is run again.
type drawnCandidate struct {
	rerun
	candidate execution.Candidate
}

// draw reads the candidates to run again.
func draw(t node.Task, p Params) (drawn []*drawnCandidate, err error) {
	in, err := t.Table("in")
	if err != nil {
		return nil, err
	}
	defer in.Close()
	row := int64(0)
	for c, err := range table.Each[candidate](in) {
		if err != nil {
			return nil, err
		}
		if isDrawn(row, p) {
			drawn = append(drawn, newDrawn(row, c, p.Repeats))
		}
		row++
	}
	return drawn, nil
}

func newDrawn(row int64, c candidate, repeats int) *drawnCandidate {
	return &drawnCandidate{
		rerun:     rerun{Row: row, ProblemID: c.ProblemID, Verdict: c.Verdict, Again: make([]string, repeats)},
		candidate: execution.Candidate{Code: c.Code, Tests: c.Tests, Setup: c.Setup, Reference: c.Reference, Form: c.Form},
	}
}

// isDrawn draws by a hash, so that a row is drawn or not whatever the others are.
func isDrawn(row int64, p Params) bool {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %d", p.Seed, row)
	mixed := h.Sum64() * 0x9e3779b97f4a7c15 // the last bytes reach the high bits
	return float64(mixed>>11)/(1<<53) < p.Share
}

// rerunAll fills in the verdicts of the reruns.
func rerunAll(ctx context.Context, p Params, t node.Task, drawn []*drawnCandidate) error {
	e, err := execution.New(ctx, p.Params, t.Logf)
	if err != nil {
		return err
	}
	defer e.Close()
	queue := make(chan int)
	results := make(chan error)
	var workers sync.WaitGroup
	for range e.Workers {
		workers.Go(func() {
			for i := range queue {
				d := drawn[i%len(drawn)]
				v, err := e.Execute(d.candidate)
				d.Again[i/len(drawn)] = v.Verdict
				results <- err
			}
		})
	}
	stop := make(chan struct{})
	go feed(queue, len(drawn)*p.Repeats, t.Draining(), stop)
	go func() { workers.Wait(); close(results) }()
	return collect(results, stop, t, int64(len(drawn)*p.Repeats))
}

// feed hands out numbers until it is stopped or the run is.
func feed(queue chan<- int, n int, drain, stop <-chan struct{}) {
	defer close(queue)
	for i := range n {
		select {
		case queue <- i:
		case <-drain:
			return
		case <-stop:
			return
		}
	}
}

// collect counts what is done, and ends the work at the first error.
func collect(results <-chan error, stop chan<- struct{}, t node.Task, total int64) error {
	var first error
	done := int64(0)
	for err := range results {
		if err != nil && first == nil {
			first = err
			close(stop)
		}
		done++
		t.Progress(done, total, "")
	}
	if first == nil && done < total {
		return node.ErrDrained
	}
	return first
}

// countFlips counts the reruns that ended otherwise.
func countFlips(drawn []*drawnCandidate) {
	for _, d := range drawn {
		for _, v := range d.Again {
			if v != d.Verdict {
				d.Flips++
			}
		}
	}
}

// wilson is the 95% score interval of a rate, k of n (Wilson 1927).
func wilson(k, n float64) (low, high float64) {
	const z = 1.959964
	center := (k + z*z/2) / (n + z*z)
	half := z / (n + z*z) * math.Sqrt(k*(n-k)/n+z*z/4)
	return max(0, center-half), min(1, center+half)
}
