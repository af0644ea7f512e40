// Package verifierreport says how good a verifier is, beside everything that selects
// candidates for free.
package verifierreport

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
)

// Params of the node.
type Params struct {
	Split     string `yaml:"split" doc:"Only rows of this split are evaluated; empty means all."`
	Calibrate string `yaml:"calibrate_on" doc:"Split that the temperature of the calibration is fitted on; empty: none is fitted."`
	Failures  int    `yaml:"failures" min:"0" max:"100000" doc:"How many of the failing candidates with the lowest energies to list."`
	Resamples int    `yaml:"resamples" min:"100" max:"1000000" doc:"Bootstrap resamples of problems for the 95% intervals."`
	Seed      int    `yaml:"seed" min:"0" doc:"Seed of the bootstrap."`
}

// candidate is a row of the input.
type candidate struct {
	ProblemID string  `arrow:"problem_id"`
	Split     string  `arrow:"split"`
	Code      string  `arrow:"code"`
	Verdict   string  `arrow:"verdict"`
	Energy    float64 `arrow:"predicted_energy"`
}

// Type returns the node type verifier_report.
func Type() *node.Type {
	return node.Def[Params]{
		Name:    "verifier_report",
		Version: 4,
		Doc: "Compares selection by energy with rankers that need no training, on the same problems and with paired intervals, " +
			"and tells how well energies are calibrated and what the verifier is wrong about.",
		Defaults: Params{Failures: 20, Resamples: 10000},
		Check: func(p Params) error {
			if p.Calibrate != "" && (p.Split == "" || p.Calibrate == p.Split) {
				return node.BadField("calibrate_on", "what is evaluated must be another split; set split")
			}
			return nil
		},
		Ports: func(Params) node.Ports {
			return node.Ports{
				In: []node.Port{{
					Name: "in", Doc: "Judged candidates with their energies and features.",
					Schema: table.Concat(table.SchemaOf[candidate](), table.SchemaOf[codefacts.Features]()),
				}, {
					Name: "degenerate", Doc: "Degenerate versions of candidates, judged and with their energies: whether the verifier is taken in by them.",
					Schema: table.SchemaOf[brokenCandidate](), Optional: true,
				}},
				Out: []node.Port{
					{Name: "metrics", Doc: "The comparison with the best free ranker and with the best untrained one that interprets programs, and the calibration.", Schema: table.SchemaOf[node.Metric](), Metrics: true},
					{Name: "rankers", Doc: "The verifier and each untrained ranker; the gain is what the verifier has over it.", Schema: table.SchemaOf[rankerRow]()},
					{Name: "best_of", Doc: "For each k: the lowest energy of k candidates, and any of them.", Schema: table.SchemaOf[bestOfRow]()},
					{Name: "calibration", Doc: "Candidates by the chance to pass that their energy means.", Schema: table.SchemaOf[binRow]()},
					{Name: "verdicts", Doc: "Energies by verdict.", Schema: table.SchemaOf[verdictRow]()},
					{Name: "degenerate", Doc: "Energies of degenerate versions by their form. Empty if there is no such input.", Schema: table.SchemaOf[formRow]()},
					{Name: "failures", Doc: "Failing candidates with the lowest energies, one of each program.", Schema: table.SchemaOf[failureRow]()},
				},
			}
		},
		Run: run,
	}.Type()
}

// problem is one of the problems with what happened to its candidates.
type problem struct {
	candidateset.Problem
	split    string
	passed   []bool
	verdicts []string
	energies []float64
	logprobs []float64 // mean by token; NaN where it isn't known
}

func (q *problem) pass() (n float64) {
	for _, ok := range q.passed {
		if ok {
			n++
		}
	}
	return n
}

func run(_ context.Context, p Params, t node.Task) error {
	splits, err := read(t, p)
	if err != nil {
		return err
	}
	if len(splits.evaluated) == 0 {
		return fmt.Errorf("there are no candidates to evaluate of split %q", p.Split)
	}
	sink, err := readSink(t, splits)
	if err != nil {
		return err
	}
	c := compare(splits.evaluated, p)
	rows := c.rows()
	if err := node.Emit(t, "metrics", slices.Concat(c.metrics(rows), calibrated(splits), sink.metrics())); err != nil {
		return err
	}
	if err := node.Emit(t, "degenerate", sink.rows()); err != nil {
		return err
	}
	if err := node.Emit(t, "rankers", rows); err != nil {
		return err
	}
	if err := node.Emit(t, "best_of", bestOf(splits.evaluated)); err != nil {
		return err
	}
	if err := node.Emit(t, "calibration", bins(splits.evaluated, 1)); err != nil {
		return err
	}
	if err := node.Emit(t, "verdicts", byVerdict(splits.evaluated)); err != nil {
		return err
	}
	return node.Emit(t, "failures", failures(splits.evaluated, p.Failures))
}

// splits are the problems that are evaluated, and those that the temperature is fitted on.
type splits struct {
	params                Params
	evaluated, calibrated []*problem
	byID                  map[string]*problem
}

func read(t node.Task, p Params) (*splits, error) {
	in, err := t.Table("in")
	if err != nil {
		return nil, err
	}
	defer in.Close()
	s := &splits{params: p, byID: map[string]*problem{}}
	return s, candidateset.Each(in, true, s.add)
}

func (s *splits) add(c candidateset.Candidate[candidate]) error {
	row := c.Row
	evaluated := s.params.Split == "" || row.Split == s.params.Split
	if !evaluated && (s.params.Calibrate == "" || row.Split != s.params.Calibrate) {
		return nil
	}
	if math.IsNaN(row.Energy) {
		return fmt.Errorf("predicted_energy of a candidate of problem %s is not a number", row.ProblemID)
	}
	q := s.byID[row.ProblemID]
	if q == nil {
		q = &problem{Problem: candidateset.Problem{ID: row.ProblemID}, split: row.Split}
		s.byID[row.ProblemID] = q
		if evaluated {
			s.evaluated = append(s.evaluated, q)
		} else {
			s.calibrated = append(s.calibrated, q)
		}
	}
	if s.params.Split != "" && q.split != row.Split {
		return fmt.Errorf("problem %s is in the splits %q and %q; split by problem", row.ProblemID, q.split, row.Split)
	}
	q.passed = append(q.passed, row.Verdict == verdict.Passed)
	q.verdicts = append(q.verdicts, row.Verdict)
	q.energies = append(q.energies, row.Energy)
	q.logprobs = append(q.logprobs, c.Logprob())
	return c.AddTo(&q.Problem, row.Code)
}
