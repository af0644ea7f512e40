package gomlxmodel

import (
	"bytes"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/ouroflow/ouroflow/engine/cas"
	"github.com/ouroflow/ouroflow/engine/table"
)

func config() Config {
	return Config{Format: Format, Vocabulary: 64, Dim: 4, Hidden: 8, PromptIDs: 8, CodeIDs: 16}
}

// A model that is saved and loaded gives the same energies, whatever else is
// scored with a candidate.
func TestSaveAndLoad(t *testing.T) {
	c, dir, s := config(), t.TempDir(), cas.NewMemory()
	if err := Save(dir, c, c.Initial(3)); err != nil {
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
	c2, w, err := Load(tree)
	if err != nil || c2 != c {
		t.Fatalf("config %+v, %v", c2, err)
	}
	inputs := []Input{c.Encode("add", "return a + b"), c.Encode("add", ""), c.Encode("", "def f(): pass")}
	want := scores(t, c, c.Initial(3), inputs)
	got := scores(t, c2, w, inputs)
	alone := scores(t, c, c.Initial(3), inputs[2:])
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("energy %d: %v after loading, %v before", i, got[i], want[i])
		}
	}
	if alone[0] != want[2] {
		t.Errorf("scored alone: %v, with others: %v", alone[0], want[2])
	}
}

func scores(t *testing.T, c Config, w Weights, inputs []Input) []float64 {
	t.Helper()
	s, err := NewScorer(c, w.Context())
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Score(inputs)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestTokens(t *testing.T) {
	got := tokens("def f(x):\n    return x1+2")
	want := []string{"def", "f", "(", "x", ")", ":", "\n>", "return", "x1", "+", "2"}
	if len(got) != len(want) {
		t.Fatalf("tokens = %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("token %d = %q, want %q", i, got[i], want[i])
		}
	}
	if in := config().Encode("p", "a b c d e f g h i j k l m n o p"); !in.Truncated {
		t.Error("truncation isn't noticed")
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
