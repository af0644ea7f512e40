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
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
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
			"What says the same as a candidate is no version. Run and label them like any candidate, since some still pass; then train on them (gomlx_train), and see whether energies fall for them (gomlx_score, verifier_report).",
		Defaults: Params{Share: 0.05, Forms: names()},
		Check:    check,
		Ports: func(Params) node.Ports {
			return node.Ports{
				In:  []node.Port{{Name: "in", Doc: "Candidates.", Schema: table.SchemaOf[candidate]()}},
				Out: []node.Port{{Name: "out", Doc: "Versions of some of them, with other code. The label and the log-probability of the original are taken away, other columns are its own.", Schema: table.SchemaOf[version](), Keeps: "in"}},
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

// made is a version of a row.
type made struct {
	row int
	version
}

func run(ctx context.Context, p Params, t node.Task) error {
	problems, err := read(t)
	if err != nil {
		return err
	}
	versions := map[int][]version{} // by row
	count, asked := 0, 0
	for id, of := range problems {
		n := max(1, int(math.Round(p.Share*float64(len(of)))))
		asked += n
		for _, v := range p.versions(of, n, rand.New(rand.NewPCG(uint64(p.Seed), hash(id)))) {
			versions[v.row] = append(versions[v.row], v.version)
			count++
		}
	}
	t.Logf("%d versions of candidates of %d problems; of %d more nothing else could be made than another candidate", count, len(problems), asked-count)
	return emit(ctx, t, versions)
}

// tries is how often a version is made again that is like a candidate: lines of a body of one
// line can't be shuffled.
const tries = 20

// versions makes n versions of a problem's candidates, the forms taking turns. One that says
// what a candidate says, but for blanks, is made again of another candidate, or left out.
func (p Params) versions(candidates []original, n int, rng *rand.Rand) []made {
	known := map[string]bool{}
	for _, c := range candidates {
		known[plain(c.code)] = true
	}
	first := rng.IntN(len(p.Forms))
	var out []made
	for i := range n {
		form := p.Forms[(first+i)%len(p.Forms)]
		for range tries {
			c := candidates[rng.IntN(len(candidates))]
			if code := degrade(form, c.code, rng); !known[plain(code)] {
				known[plain(code)] = true
				out = append(out, made{c.row, version{code, form}})
				break
			}
		}
	}
	return out
}

func plain(code string) string { return strings.Join(strings.Fields(code), " ") }

// original is a candidate with its row.
type original struct {
	row  int
	code string
}

// read lists the candidates of each problem.
func read(t node.Task) (map[string][]original, error) {
	in, err := t.Table("in")
	if err != nil {
		return nil, err
	}
	defer in.Close()
	problems, at := map[string][]original{}, 0
	for c, err := range table.Each[candidate](in) {
		if err != nil {
			return nil, err
		}
		problems[c.ProblemID] = append(problems[c.ProblemID], original{at, c.Code})
		at++
	}
	return problems, nil
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// emit writes the versions in the order of their rows.
func emit(ctx context.Context, t node.Task, versions map[int][]version) error {
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
		for i := range int(rec.NumRows()) {
			row := rec.NewSlice(int64(i), int64(i+1))
			for _, v := range versions[first+i] {
				e := table.NewEncoder[version]()
				e.Append(v)
				if err := out.Append(unknown(table.Beside(row, e.Record()))); err != nil {
					return fmt.Errorf("row %d: %w", first+i, err)
				}
			}
		}
		first += int(rec.NumRows())
	}
	return nil
}

// unknown takes away what is known of the original and not of its version, a row: its label,
// which becomes NaN, and its log-probability, which becomes null. What running and reading it
// found is replaced when the version is run and read.
func unknown(rec arrow.Record) arrow.Record {
	columns := slices.Clone(rec.Columns())
	for i, f := range rec.Schema().Fields() {
		switch {
		case f.Name == "energy" && f.Type.ID() == arrow.FLOAT64:
			b := array.NewFloat64Builder(memory.DefaultAllocator)
			b.Append(math.NaN())
			columns[i] = b.NewArray()
		case f.Nullable && strings.HasPrefix(f.Name, "logprob_"):
			columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, 1)
		}
	}
	return array.NewRecord(rec.Schema(), columns, 1)
}
