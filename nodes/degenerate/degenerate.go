// Package degenerate makes broken versions of real candidates: what a verifier must not be
// taken in by. A model that has seen only honest attempts can give its lowest energies to
// loops and to nothing at all.
package degenerate

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Params of the node.
type Params struct {
	Share float64  `yaml:"share" min:"0" max:"1" doc:"How many to make, as a share of the problem's candidates; at least one."`
	Forms []string `yaml:"forms" doc:"Which to make, in turn: looped (a line over and over), empty (a body of pass), truncated (cut somewhere), shuffled (lines of the body in another order) and repeated (everything twice)."`
	Seed  int      `yaml:"seed" min:"0" doc:"Seed of which candidates are taken and how they are broken."`
}

type candidate struct {
	ProblemID string `arrow:"problem_id"`
	Code      string `arrow:"code"`
}

type version struct {
	Code string `arrow:"code"`
	Form string `arrow:"degenerate"`
}

// Type returns the node type degenerate.
func Type() *node.Type {
	return node.Def[Params]{
		Name:    "degenerate",
		Version: 1,
		Doc: "Makes degenerate versions of some candidates: looped, empty, truncated, shuffled and repeated code. " +
			"Run and label them like any candidate, since some still pass; then train on them (gomlx_train), and see whether energies fall for them (gomlx_score, verifier_report).",
		Defaults: Params{Share: 0.05, Forms: names()},
		Check:    check,
		Ports: func(Params) node.Ports {
			return node.Ports{
				In:  []node.Port{{Name: "in", Doc: "Candidates.", Schema: table.SchemaOf[candidate]()}},
				Out: []node.Port{{Name: "out", Doc: "Versions of some of them, with other code; all other columns are those of the original.", Schema: table.SchemaOf[version](), Keeps: "in"}},
			}
		},
		Run: run,
	}.Type()
}

func check(p Params) error {
	if len(p.Forms) == 0 {
		return node.BadField("forms", "name at least one of %v", names())
	}
	for _, f := range p.Forms {
		if !slices.Contains(names(), f) {
			return node.BadField("forms", "%q is none of %v", f, names())
		}
	}
	return nil
}

// order is a version to make of a row.
type order struct {
	form string
	seed uint64
}

func run(ctx context.Context, p Params, t node.Task) error {
	rows, err := rowsByProblem(t)
	if err != nil {
		return err
	}
	orders := map[int][]order{}
	made := 0
	for id, of := range rows {
		rng := rand.New(rand.NewPCG(uint64(p.Seed), hash(id)))
		n := max(1, int(math.Round(p.Share*float64(len(of)))))
		first := rng.IntN(len(p.Forms))
		for i := range n {
			row := of[rng.IntN(len(of))]
			orders[row] = append(orders[row], order{p.Forms[(first+i)%len(p.Forms)], rng.Uint64()})
		}
		made += n
	}
	t.Logf("%d versions of candidates of %d problems", made, len(rows))
	return emit(ctx, t, orders)
}

// rowsByProblem lists the rows of each problem.
func rowsByProblem(t node.Task) (map[string][]int, error) {
	in, err := t.Table("in")
	if err != nil {
		return nil, err
	}
	defer in.Close()
	rows, at := map[string][]int{}, 0
	for c, err := range table.Each[candidate](in) {
		if err != nil {
			return nil, err
		}
		rows[c.ProblemID] = append(rows[c.ProblemID], at)
		at++
	}
	return rows, nil
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// emit writes the versions in the order of their rows.
func emit(ctx context.Context, t node.Task, orders map[int][]order) error {
	in, err := t.Table("in")
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := t.Out("out")
	if err != nil {
		return err
	}
	first := 0
	for rec, err := range in.Batches() {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := table.NewDecoder[candidate](rec)
		if err != nil {
			return err
		}
		for i := range int(rec.NumRows()) {
			for _, o := range orders[first+i] {
				e := table.NewEncoder[version]()
				e.Append(version{degrade(o, d.Row(i).Code), o.form})
				if err := out.Append(table.Beside(rec.NewSlice(int64(i), int64(i+1)), e.Record())); err != nil {
					return fmt.Errorf("row %d: %w", first+i, err)
				}
			}
		}
		first += int(rec.NumRows())
	}
	return nil
}
