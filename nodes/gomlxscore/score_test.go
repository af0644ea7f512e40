package gomlxscore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/gomlxtrain"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// row is a labelled candidate with a few features.
type row struct {
	ProblemID string  `arrow:"problem_id"`
	Split     string  `arrow:"split"`
	Prompt    string  `arrow:"prompt"`
	Code      string  `arrow:"code"`
	Energy    float64 `arrow:"energy"`
	codefacts.Features
}

// pool makes problems whose programs pass if they return something.
func pool(problems int) []row {
	var rows []row
	for p := range problems {
		for i := range 6 {
			tree := fmt.Sprint("tree", i/2)
			r := row{
				ProblemID: fmt.Sprint(p), Split: "pool", Prompt: fmt.Sprint("Problem ", p), Code: fmt.Sprint("code ", p, " ", i/2),
				Features: codefacts.Features{
					Facts: `{"parses": 1}`, Tokens: []string{"return", tree}, Shapes: []string{"return", tree}, AST: &tree, Kinds: &tree,
				},
			}
			if i < 2 {
				r.Energy, r.Facts = 1, `{"parses": 1, "no_return": 1}`
			}
			rows = append(rows, r)
		}
	}
	return rows
}

func trained(t *testing.T, rows []row, set func(*gomlxtrain.Params)) table.Artifact {
	t.Helper()
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", rows)
	res, err := b.Run(t, gomlxtrain.Type(), func(p any) {
		q := p.(*gomlxtrain.Params)
		q.Split, q.Folds, q.Seeds, q.Epochs = "pool", 3, 2, 8
		set(q)
	})
	if err != nil {
		t.Fatal(err)
	}
	benches[res.Outputs["model"].Digest.String()] = b
	return res.Outputs["model"]
}

// benches finds the store of a model.
var benches = map[string]*nodetest.Bench{}

type scored struct {
	ProblemID string  `arrow:"problem_id"`
	Energy    float64 `arrow:"energy"`
	Predicted float64 `arrow:"predicted_energy"`
	Spread    float64 `arrow:"energy_spread"`
}

func score(t *testing.T, model table.Artifact, rows []row) []scored {
	t.Helper()
	b := benches[model.Digest.String()]
	nodetest.Bind(t, b, "in", rows)
	b.Inputs["model"] = model
	res, err := b.Run(t, Type(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return nodetest.Rows[scored](t, b, res, "out")
}

func defaults(*gomlxtrain.Params) {}

// The model learns what makes code fail, keeps the order and the columns of its input,
// and gives equal programs one energy.
func TestSetLearns(t *testing.T) {
	rows := pool(12)
	for i, s := range score(t, trained(t, rows, defaults), rows) {
		if s.ProblemID != rows[i].ProblemID || s.Energy != rows[i].Energy {
			t.Fatalf("row %d is %+v", i, s)
		}
		if (s.Predicted > 0) != (s.Energy == 1) {
			t.Errorf("row %d: label %v, predicted %v", i, s.Energy, s.Predicted)
		}
		if s.Spread == 0 {
			t.Errorf("row %d: two models agree to the bit", i)
		}
	}
}

// No label of a problem reaches its own energies: with all of its labels turned round
// they are the same to the bit.
func TestFoldsDontLeak(t *testing.T) {
	rows := pool(12)
	before := score(t, trained(t, rows, defaults), rows)
	turned := pool(12)
	for i := range turned {
		if turned[i].ProblemID == "7" {
			turned[i].Energy = 1 - turned[i].Energy
		}
	}
	changed := false
	for i, s := range score(t, trained(t, turned, defaults), rows) {
		if s.ProblemID == "7" && s != before[i] {
			t.Errorf("row %d: %v became %v", i, before[i], s)
		}
		changed = changed || s.Predicted != before[i].Predicted
	}
	if !changed {
		t.Error("no label matters at all")
	}
}

// One candidate is judged, too, and a missing code_features node is named.
func TestOneCandidateAndNoFeatures(t *testing.T) {
	rows := pool(12)
	model := trained(t, rows, defaults)
	if got := score(t, model, rows[:1]); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	b := benches[model.Digest.String()]
	nodetest.Bind(t, b, "in", []in{{"p", "prompt", "code"}})
	b.Inputs["model"] = model
	if _, err := b.Run(t, Type(), nil); err == nil || !strings.Contains(err.Error(), "put a code_features node before") {
		t.Errorf("err = %v", err)
	}
}

// What joins a problem is judged as if it were among its candidates, each alone.
func TestAmong(t *testing.T) {
	rows := pool(12)
	model := trained(t, rows, defaults)
	joining := []row{rows[6], rows[0]} // of the problems 1 and 0
	tree := "tree of its own"
	joining[0].Code, joining[0].AST = "other", &tree
	b := benches[model.Digest.String()]
	nodetest.Bind(t, b, "in", joining)
	nodetest.Bind(t, b, "among", rows)
	b.Inputs["model"] = model
	res, err := b.Run(t, Type(), nil)
	delete(b.Inputs, "among")
	if err != nil {
		t.Fatal(err)
	}
	got := nodetest.Rows[scored](t, b, res, "out")
	for i, want := range []scored{
		score(t, model, append(rows[6:12:12], joining[0]))[6],
		score(t, model, append(rows[0:6:6], joining[1]))[6],
	} {
		if got[i] != want {
			t.Errorf("joining row %d: %+v, want %+v", i, got[i], want)
		}
	}
	nodetest.Bind(t, b, "in", []row{{ProblemID: "of nowhere", Features: rows[0].Features}})
	nodetest.Bind(t, b, "among", rows)
	if _, err := b.Run(t, Type(), nil); err == nil || !strings.Contains(err.Error(), "problem of nowhere has no candidates") {
		t.Errorf("err = %v", err)
	}
	delete(b.Inputs, "among")
}

// Degenerate versions that are trained on raise the energies of their like, and leave out
// those that are a program of the pool.
func TestTrainingOnDegenerate(t *testing.T) {
	for _, encoder := range []string{"set", "bag"} {
		t.Run(encoder, func(t *testing.T) { trainOnDegenerate(t, encoder) })
	}
}

func trainOnDegenerate(t *testing.T, encoder string) {
	rows := pool(12)
	var broken []row
	for i := 0; i < len(rows); i += 6 {
		r := rows[i+5]
		tree := "loop"
		r.Code, r.Energy, r.Facts, r.AST = fmt.Sprint("loop ", i), 1, `{"parses": 1, "while_true": 1}`, &tree
		broken = append(broken, r, rows[i+5])
	}
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", rows)
	nodetest.Bind(t, b, "degenerate", broken)
	res, err := b.Run(t, gomlxtrain.Type(), func(p any) {
		q := p.(*gomlxtrain.Params)
		q.Split, q.Folds, q.Seeds, q.Epochs, q.Encoder = "pool", 3, 2, 8, encoder
	})
	if err != nil {
		t.Fatal(err)
	}
	if logs := strings.Join(b.Logs(), "\n"); !strings.Contains(logs, "12 degenerate versions") {
		t.Errorf("want 12 versions that are no program of the pool:\n%s", logs)
	}
	energy := func(bench *nodetest.Bench, model table.Artifact) float64 {
		delete(bench.Inputs, "degenerate")
		nodetest.Bind(t, bench, "in", broken[:1])
		nodetest.Bind(t, bench, "among", rows)
		bench.Inputs["model"] = model
		res, err := bench.Run(t, Type(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return nodetest.Rows[scored](t, bench, res, "out")[0].Predicted
	}
	without := trained(t, rows, func(p *gomlxtrain.Params) { p.Encoder = encoder })
	if with, before := energy(b, res.Outputs["model"]), energy(benches[without.Digest.String()], without); with <= before {
		t.Errorf("a loop has the energy %v after training on loops, %v before", with, before)
	}
}
