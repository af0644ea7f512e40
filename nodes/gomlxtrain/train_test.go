package gomlxtrain

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// synthetic makes problems in which code that returns sorted(x) passes and code
// that returns x.sort() fails, as in the example that the project starts from.
func synthetic(problems int) []candidate {
	var rows []candidate
	for p := range problems {
		split := "train"
		if p%4 == 3 {
			split = "validation"
		}
		for i := range 4 {
			good := candidate{fmt.Sprint(p), split, fmt.Sprintf("Sort the list of kind %d.", p), fmt.Sprintf("def f%d(v%d):\n    return sorted(v%d)\n", p, i, i), 0}
			bad := good
			bad.Code, bad.Energy = fmt.Sprintf("def f%d(v%d):\n    return v%d.sort()\n", p, i, i), 1
			rows = append(rows, good, bad)
		}
	}
	return rows
}

func small(p any) {
	q := p.(*Params)
	q.Encoder, q.Bag = "bag", gomlxmodel.Bag{Vocabulary: 512, Dim: 8, Hidden: 16, PromptIDs: 16, CodeIDs: 48, Dropout: 0.1}
	q.Ouroboros = gomlxmodel.Ouroboros{Sequence: gomlxmodel.Sequence{Tokenizer: "python", Vocabulary: 256, MaxTokens: 32, PromptTokens: 12}, Layers: 2, Width: 16, Heads: 2, Inner: 32, Dropout: 0.1}
	q.Backend = gomlxmodel.BackendGo
	q.Epochs, q.Patience, q.Problems, q.Candidates, q.LearningRate, q.Seeds = 30, 30, 4, 4, 1e-2, 2
}

// Each encoder that looks at code learns what sorts and what returns None.
func TestLearns(t *testing.T) {
	for _, encoder := range []string{"bag", "ouroboros"} {
		t.Run(encoder, func(t *testing.T) { learns(t, encoder, gomlxmodel.BackendGo) })
	}
}

func learns(t *testing.T, encoder, backend string) {
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", features(append(synthetic(16), candidate{"test", "test", "x", "y", 1})))
	res, err := b.Run(t, Type(), func(p any) {
		small(p)
		p.(*Params).Encoder, p.(*Params).Backend = encoder, backend
	})
	if err != nil {
		t.Fatal(err)
	}
	curve := nodetest.Rows[epochRow](t, b, res, "curve")
	last := curve[len(curve)-1]
	if last.ValidationAUROC == nil || *last.ValidationAUROC < 0.99 || last.TrainLoss > curve[0].TrainLoss/2 {
		t.Errorf("it didn't learn: %+v", last)
	}
	if logs := strings.Join(b.Logs(), "\n"); !strings.Contains(logs, `refused 1 rows of split "test"`) {
		t.Errorf("logs:\n%s", logs)
	}
}

// featured is a candidate as code_features leaves it.
type featured struct {
	candidate
	codefacts.Features
}

// features makes up some for candidates.
func features(rows []candidate) []featured {
	out := make([]featured, len(rows))
	for i, c := range rows {
		tree := c.Code
		out[i] = featured{c, codefacts.Features{
			Facts: fmt.Sprintf(`{"parses": 1, "loops": %d}`, i%3), Tokens: strings.Fields(c.Code), Shapes: strings.Fields(c.Code), AST: &tree,
		}}
	}
	return out
}

// The same seed gives the same bytes, another seed gives others, and a training that was
// interrupted and went on from its checkpoint the same again; also where gradients are
// clipped, which adds up all of them.
func TestDeterminism(t *testing.T) {
	for _, encoder := range []string{"bag", "set", "ouroboros"} {
		t.Run(encoder, func(t *testing.T) { isDeterministic(t, encoder, gomlxmodel.BackendGo) })
	}
}

func isDeterministic(t *testing.T, encoder, backend string) {
	want := digestOf(t, encoder, backend, 1, 0)
	if got := digestOf(t, encoder, backend, 1, 0); got != want {
		t.Error("the same seed gave other weights")
	}
	if got := digestOf(t, encoder, backend, 2, 0); got == want {
		t.Error("another seed gave the same weights")
	}
	if got := digestOf(t, encoder, backend, 1, 2); got != want {
		t.Error("an interruption changed the weights")
	}
}

// digestOf trains a model, with an interruption after an epoch if that isn't 0.
func digestOf(t *testing.T, encoder, backend string, seed, interruptAt int) string {
	t.Helper()
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", features(synthetic(8)))
	set := func(p any) {
		small(p)
		q := p.(*Params)
		q.Encoder, q.Backend, q.Epochs, q.Seed, q.Clip, q.Warmup = encoder, backend, 5, seed, 0.01, 3
	}
	if interruptAt > 0 {
		interrupt(t, b, set, interruptAt)
	}
	res, err := b.Run(t, Type(), set)
	if err != nil {
		t.Fatal(err)
	}
	if interruptAt > 0 && !strings.Contains(strings.Join(b.Logs(), "\n"), fmt.Sprintf("continuing after epoch %d", interruptAt)) {
		t.Errorf("it started over:\n%s", strings.Join(b.Logs(), "\n"))
	}
	return res.Outputs["model"].Digest.String() + res.Outputs["curve"].Digest.String()
}

func interrupt(t *testing.T, b *nodetest.Bench, set func(any), at int) {
	t.Helper()
	var once sync.Once
	testHookEpoch = func(epoch int) {
		if epoch == at {
			once.Do(func() { close(b.Drain) })
		}
	}
	_, err := b.Run(t, Type(), set)
	testHookEpoch = nil
	if !errors.Is(err, node.ErrDrained) {
		t.Fatalf("err = %v, want ErrDrained", err)
	}
	b.Drain = make(chan struct{})
}

// modelOf loads the model that training led to.
func modelOf(t *testing.T, b *nodetest.Bench, res exec.Result) *gomlxmodel.Model {
	t.Helper()
	tree, err := table.OpenTree(b.Store, res.Outputs["model"].Digest)
	if err != nil {
		t.Fatal(err)
	}
	m, err := gomlxmodel.Load(tree)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Degenerate versions of validation candidates change nothing; those of others do.
func TestDegenerate(t *testing.T) {
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", features(synthetic(8)))
	curve := func(versions ...candidate) string {
		nodetest.Bind(t, b, "degenerate", features(versions))
		res, err := b.Run(t, Type(), func(p any) { small(p); p.(*Params).Epochs = 3 })
		if err != nil {
			t.Fatal(err)
		}
		return res.Outputs["curve"].Digest.String()
	}
	version := func(problem, split string) candidate {
		return candidate{problem, split, "Sort.", "def f(v):\n    pass\n", 1}
	}
	without := curve()
	if curve(version("3", "validation")) != without {
		t.Error("a version of a validation candidate counts")
	}
	if curve(version("2", "train")) == without {
		t.Error("a version of a training candidate doesn't count")
	}
}

// Weights of signals are fitted on the validation problems, and are in the model.
func TestFusion(t *testing.T) {
	rows := synthetic(16)
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", features(rows))
	fused := func(signals ...string) gomlxmodel.Fusion {
		res, err := b.Run(t, Type(), func(p any) { small(p); p.(*Params).Epochs = 2; p.(*Params).Fusion = signals })
		if err != nil {
			t.Fatal(err)
		}
		return modelOf(t, b, res).Fusion
	}
	if got := fused(); len(got) != 2 || got["agreement"] != 0.2 || got["variety"] != 0.9 {
		t.Errorf("without fusion: %v", got)
	}
	// sorted(v) is longer than v.sort(), so being near the median tells nothing, but it moves.
	if got := fused("length"); got["length"] == 0 || got["agreement"] != 0.2 {
		t.Errorf("fitted: %v", got)
	}
	for _, set := range []func(*Params){
		func(p *Params) { p.Fusion = []string{"odd"} },
		func(p *Params) { p.Fusion, p.Folds = []string{"length"}, 3 },
	} {
		if _, err := b.Run(t, Type(), func(p any) { small(p); set(p.(*Params)) }); err == nil || !strings.Contains(err.Error(), "fusion") {
			t.Errorf("err = %v", err)
		}
	}
}

func TestErrors(t *testing.T) {
	onlyPass := synthetic(8)
	for i := range onlyPass {
		onlyPass[i].Energy = 0
	}
	leak := synthetic(8)
	leak[1].Split = "validation"
	for name, test := range map[string]struct {
		rows []candidate
		want string
	}{
		"one class":     {onlyPass, "there must be both to learn from"},
		"no validation": {synthetic(3), `no row has the split "validation"`},
		"leak":          {leak, `problem 0 is in the splits "train" and "validation"`},
	} {
		t.Run(name, func(t *testing.T) {
			b := nodetest.New(t)
			nodetest.Bind(t, b, "in", test.rows)
			if _, err := b.Run(t, Type(), small); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want %q", err, test.want)
			}
		})
	}
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", synthetic(8))
	_, err := b.Run(t, Type(), func(p any) { small(p); p.(*Params).Validation = "train" })
	if err == nil {
		t.Error("training and validating on one split was accepted")
	}
}

// What nobody would read, or could compute, is refused before anything runs.
func TestParams(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(*Params)
		want string
	}{
		"a tokenizer for nobody":  {func(p *Params) { p.TokenizerFile = "x.json" }, "tokenizer_file"},
		"a tokenizer without it":  {func(p *Params) { p.Encoder, p.Ouroboros.Tokenizer = "ouroboros", "file" }, "tokenizer_file"},
		"checks without features": {func(p *Params) { p.Encoder, p.Fusion = "bag", []string{"checks"} }, "fusion"},
		"hard without features":   {func(p *Params) { p.Encoder, p.Hard, p.Candidates = "bag", 0.5, 8 }, "hard_negatives"},
		"hard without a choice":   {func(p *Params) { p.Hard = 0.5 }, "batch_candidates"},
		"no encoder to read":      {func(p *Params) { p.Encoder = "pretrained" }, "pretrained.path"},
		"odd heads":               {func(p *Params) { p.Encoder, p.Ouroboros.Heads = "ouroboros", 3 }, "heads"},
		"no such backend":         {func(p *Params) { p.Backend = "tpu" }, "backend"},
	} {
		p := Type().New().(*Params)
		test.set(p)
		if _, err := Type().Bind(p); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: err = %v, want %q", name, err, test.want)
		}
	}
}
