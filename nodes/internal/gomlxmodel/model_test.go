package gomlxmodel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
)

func bag() Bag {
	return Bag{Vocabulary: 64, Dim: 4, Hidden: 8, PromptIDs: 8, CodeIDs: 16}
}

// stored saves a model and loads it again.
func stored(t *testing.T, c Config, members []Weights) *Verifier {
	t.Helper()
	dir, s := t.TempDir(), cas.NewMemory()
	if err := Save(dir, Model{Config: c, Weights: members}); err != nil {
		t.Fatal(err)
	}
	a, err := table.PutTree(s, dir)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := table.OpenTree(s, a.Digest)
	if err != nil {
		t.Fatal(err)
	}
	model, err := Load(tree)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier(model, Go)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func problemOf(id string, codes ...string) *candidateset.Problem {
	p := &candidateset.Problem{ID: id, Prompt: "add"}
	for i, code := range codes {
		p.Texts = append(p.Texts, candidateset.Text{Code: code})
		p.Of = append(p.Of, i)
	}
	return p
}

func judge(t *testing.T, v *Verifier, p *candidateset.Problem) []Judgement {
	t.Helper()
	j, err := v.Judge(p)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// A model that is saved and loaded gives the same energies; those of a bag don't depend
// on what else is scored.
func TestSaveAndLoad(t *testing.T) {
	b := bag()
	c := Config{Encoder: "bag", Bag: &b, Members: []Member{{Seed: 0, Fold: NoFold}, {Seed: 1, Fold: NoFold}}}
	before, err := NewVerifier(&Model{Config: c, Weights: []Weights{Initial(b, 0), Initial(b, 1)}}, Go)
	if err != nil {
		t.Fatal(err)
	}
	after := stored(t, c, []Weights{Initial(b, 0), Initial(b, 1)})
	p := problemOf("p", "return a + b", "", "def f(): pass")
	want := judge(t, before, p)
	for i, got := range judge(t, after, p) {
		if got != want[i] {
			t.Errorf("candidate %d: %v after loading, %v before", i, got, want[i])
		}
		if got.Spread <= 0 {
			t.Errorf("two models agree to the bit: %v", got)
		}
	}
	if alone := judge(t, after, problemOf("p", "def f(): pass")); alone[0] != want[2] {
		t.Errorf("scored alone: %v, with others: %v", alone[0], want[2])
	}
}

// Agreement among the candidates lowers energies by the logarithm of the count.
func TestConsensus(t *testing.T) {
	b := bag()
	c := Config{Encoder: "bag", Bag: &b, Members: []Member{{Fold: NoFold}}}
	p := problemOf("p", "x", "y")
	p.Of = []int{0, 1, 0, 0}
	without := judge(t, stored(t, c, []Weights{Initial(b, 0)}), p)
	c.Fusion = Fusion{"agreement": 0.5}
	for i, got := range judge(t, stored(t, c, []Weights{Initial(b, 0)}), p) {
		usual := 3 * math.Log(3) / 4
		if want := without[i].Energy - 0.5*([]float64{math.Log(3), 0}[p.Of[i]]-usual); math.Abs(got.Energy-want) > 1e-12 {
			t.Errorf("candidate %d: %v, want %v", i, got.Energy, want)
		}
	}
}

// A problem that members were trained on is judged by those that were not.
func TestFolds(t *testing.T) {
	b := bag()
	c := Config{Encoder: "bag", Bag: &b, Members: []Member{{Seed: 0, Fold: 0}, {Seed: 1, Fold: 1}}, Folds: []map[string]int{{"in 0": 0, "in 1": 1, "in 2": 2}}}
	v := stored(t, c, []Weights{Initial(b, 0), Initial(b, 1)})
	in0, in1 := judge(t, v, problemOf("in 0", "x"))[0], judge(t, v, problemOf("in 1", "x"))[0]
	if in0 == in1 || in0.Spread != 0 {
		t.Errorf("folds are judged by the same models: %v, %v", in0, in1)
	}
	if got := judge(t, v, problemOf("new", "x"))[0]; math.Abs(got.Energy-(in0.Energy+in1.Energy)/2) > 1e-6 {
		t.Errorf("a new problem gets %v, not the mean of %v and %v", got, in0, in1)
	}
	if _, err := v.Judge(problemOf("in 2", "x")); err == nil {
		t.Error("a problem that every member was trained on was judged")
	}
}

func TestTokens(t *testing.T) {
	got := tokens("def f(x):\n    return x1+2")
	want := []string{"def", "f", "(", "x", ")", ":", "\n>", "return", "x1", "+", "2"}
	if !slices.Equal(got, want) {
		t.Fatalf("tokens = %q", got)
	}
	if in := bag().Encode("p", "a b c d e f g h i j k l m n o p"); !in.Truncated {
		t.Error("truncation isn't noticed")
	}
}

// Values of half precision are read exactly.
func TestDecodeHalves(t *testing.T) {
	bits := map[string]map[uint16]float32{
		"F16":  {0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0001: 0x1p-24, 0x3555: 0.333251953125},
		"BF16": {0x3f80: 1, 0xc000: -2, 0x7f7f: 0x1.fep127, 0x3eab: 0.333984375},
	}
	for kind, values := range bits {
		for b, want := range values {
			head := fmt.Sprintf(`{"a": {"dtype": %q, "shape": [1], "data_offsets": [0, 2]}}`, kind)
			file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...)
			w, _, err := DecodeTensors(binary.LittleEndian.AppendUint16(file, b))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tensors.CopyFlatData[float32](w["a"]); err != nil || got[0] != want {
				t.Errorf("%s %#x is %v, %v; want %v", kind, b, got, err, want)
			}
		}
	}
}

func FuzzDecodeTensors(f *testing.F) {
	b, err := EncodeTensors(Weights{"a": tensors.FromFlatDataAndDimensions([]float32{1, 2}, 2)}, map[string]string{"k": "v"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, file []byte) {
		w, meta, err := DecodeTensors(file)
		if err != nil {
			return
		}
		again, err := EncodeTensors(w, meta)
		if err != nil {
			t.Fatal(err)
		}
		w2, _, err := DecodeTensors(again)
		if err != nil || len(w2) != len(w) {
			t.Fatalf("an accepted file doesn't round-trip: %v", err)
		}
		if third, _ := EncodeTensors(w2, meta); !bytes.Equal(again, third) {
			t.Fatal("encoding isn't stable")
		}
	})
}

func reload(dir string) (*Verifier, error) {
	m, err := Load(os.DirFS(dir).(fs.ReadFileFS))
	if err != nil {
		return nil, err
	}
	return NewVerifier(m, Go)
}

// A model that is damaged or doesn't fit its config is refused, not answered with.
func TestDamagedModels(t *testing.T) {
	good := func() (Config, Weights) {
		s := Set{Use: []string{UsePeers}, Layers: 1, Hidden: 4}
		w := Initial(s, 0)
		for name, c := range s.Constants([]Item{{Input: s.Blank()}}) {
			w[name] = c
		}
		return Config{Encoder: "set", Set: &s, Members: []Member{{Fold: NoFold}}}, w
	}
	for name, damage := range map[string]func(*Config, Weights){
		"a missing tensor":      func(_ *Config, w Weights) { delete(w, "w1") },
		"a missing constant":    func(_ *Config, w Weights) { delete(w, "mean") },
		"a tensor too many":     func(_ *Config, w Weights) { w["w7"] = w["b"] },
		"another shape":         func(c *Config, _ Weights) { c.Set.Hidden = 5 },
		"more layers":           func(c *Config, _ Weights) { c.Set.Layers = 2 },
		"no such columns":       func(c *Config, _ Weights) { c.Set.Use = []string{"x"} },
		"an impossible size":    func(c *Config, _ Weights) { c.Encoder, c.Bag = "bag", &Bag{Vocabulary: 1} },
		"no such encoder":       func(c *Config, _ Weights) { c.Encoder = "x" },
		"no such deal of folds": func(c *Config, _ Weights) { c.Members[0] = Member{Fold: 1, Deal: 3} },
	} {
		t.Run(name, func(t *testing.T) {
			c, w := good()
			damage(&c, w)
			dir := t.TempDir()
			if err := Save(dir, Model{Config: c, Weights: []Weights{w}}); err != nil {
				t.Fatal(err)
			}
			if _, err := reload(dir); err == nil {
				t.Error("it was loaded")
			}
		})
	}
	c, _ := good()
	c.Members = nil
	dir := t.TempDir()
	if err := Save(dir, Model{Config: c}); err != nil {
		t.Fatal(err)
	}
	if _, err := reload(dir); err == nil {
		t.Error("a model without members was loaded")
	}
}
