package gomlxmodel

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
)

// minilm is where `make minilm` puts all-MiniLM-L6-v2.
const minilm = "../../../.models/all-minilm-l6-v2"

// What the encoder makes of a program, as onnxruntime 1.32.0 computes it from the same file.
func TestMiniLM(t *testing.T) {
	if _, err := os.Stat(minilm); err != nil {
		t.Skip("needs the MiniLM of `make minilm`: ", err)
	}
	bert, assets, err := ReadBERT(minilm, 0)
	if err != nil {
		t.Fatal(err)
	}
	if bert.Layers != 6 || bert.Width != 384 || bert.Inner != 1536 || bert.Vocabulary != 30522 {
		t.Fatalf("sizes: %+v", bert)
	}
	p := Pretrained{MaxTokens: 64, PromptTokens: 32, Hidden: 8, BERT: bert}
	e, err := Equip(Config{Encoder: "pretrained", Pretrained: &p}, assets, Go)
	if err != nil {
		t.Fatal(err)
	}
	items, _ := e.Items(&candidateset.Problem{
		Prompt: "Sort a list of numbers.", Texts: []candidateset.Text{{Code: "def f(xs):\n    return sorted(xs)"}}, Of: []int{0},
	})
	got := items[0].Values
	for at, want := range map[int]float32{0: -0.2302064, 1: 0.22620479, 2: -0.0154191, 384: 0.08599745, 385: 0.23724943, 386: -0.1017867} {
		if math.Abs(float64(got[at]-want)) > 2e-5 {
			t.Errorf("value %d is %v, want %v", at, got[at], want)
		}
	}
}

// bert is a small encoder with the names and shapes that PyTorch gives.
func smallBERT() Weights {
	w := Weights{}
	add := func(name string, dims ...int) {
		w["bert."+name] = tensors.FromFlatDataAndDimensions(make([]float32, size(dims)), dims...)
	}
	linear := func(name string, in, out int) { add(name+".weight", out, in); add(name+".bias", out) }
	norm := func(name string) { add(name+".weight", 8); add(name+".bias", 8) }
	add("embeddings.word_embeddings.weight", 32, 8)
	add("embeddings.position_embeddings.weight", 16, 8)
	add("embeddings.token_type_embeddings.weight", 2, 8)
	norm("embeddings.LayerNorm")
	at := "encoder.layer.0."
	for _, name := range []string{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"} {
		linear(at+name, 8, 8)
	}
	linear(at+"intermediate.dense", 8, 12)
	linear(at+"output.dense", 12, 8)
	norm(at + "attention.output.LayerNorm")
	norm(at + "output.LayerNorm")
	return w
}

func TestFromPyTorch(t *testing.T) {
	w := smallBERT()
	flat := make([]float32, 12*8)
	for i := range flat {
		flat[i] = float32(i)
	}
	up := "bert.encoder.layer.0.intermediate.dense.weight"
	w[up] = tensors.FromFlatDataAndDimensions(flat, 12, 8)
	b, picked, err := fromPyTorch(w)
	if err != nil {
		t.Fatal(err)
	}
	if want := (BERT{Vocabulary: 32, Positions: 16, Kinds: 2, Layers: 1, Width: 8, Inner: 12}); b != want {
		t.Errorf("sizes %+v, want %+v", b, want)
	}
	for _, name := range []string{"bert.embeddings.LayerNorm.", "bert.encoder.layer.0.output.LayerNorm."} { // as TensorFlow names them
		w[name+"gamma"], w[name+"beta"] = w[name+"weight"], w[name+"bias"]
		delete(w, name+"weight")
		delete(w, name+"bias")
	}
	if older, _, err := fromPyTorch(w); err != nil || older != b {
		t.Errorf("with older names: %+v, %v", older, err)
	}
	turned := tensors.MustCopyFlatData[float32](picked["block0.up.w"])
	if turned[1] != 8 || turned[12] != 1 {
		t.Errorf("the matrix isn't [in, out]: %v", turned[:14])
	}
	for name, damage := range map[string]func(){
		"a missing tensor": func() { delete(w, "bert.embeddings.LayerNorm.bias") },
		"another shape":    func() { w[up] = tensors.FromFlatDataAndDimensions(make([]float32, 8), 8) },
		"no layers":        func() { delete(w, "bert.encoder.layer.0.attention.self.query.bias") },
		"part of a layer":  func() { w["bert.encoder.layer.1.output.dense.bias"] = w["bert.encoder.layer.0.output.dense.bias"] },
		"other numbers": func() {
			w["bert.embeddings.position_embeddings.weight"] = tensors.FromFlatDataAndDimensions(make([]float64, 16*8), 16, 8)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w = smallBERT()
			damage()
			if _, _, err := fromPyTorch(w); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func FuzzReadONNX(f *testing.F) {
	f.Add([]byte{})
	// A graph with the tensor "w" of one number, 1, and the product of the module a.b with it.
	tensor := append([]byte{0x08, 0x01, 0x10, 0x01, 0x42, 0x01, 'w', 0x4a, 0x04}, 0, 0, 0x80, 0x3f)
	product := append([]byte{0x0a, 0x01, 'x', 0x0a, 0x01, 'w', 0x1a, 0x0b}, "/a/b/MatMul"...)
	product = append(product, append([]byte{0x22, 0x06}, "MatMul"...)...)
	graph := append([]byte{0x2a, byte(len(tensor))}, tensor...)
	graph = append(graph, append([]byte{0x0a, byte(len(product))}, product...)...)
	file := append([]byte{0x3a, byte(len(graph))}, graph...)
	w, err := readONNX(file)
	if err != nil || w["a.b.kernel"] == nil || tensors.MustCopyFlatData[float32](w["a.b.kernel"])[0] != 1 {
		f.Fatalf("%v, %v", w, err)
	}
	f.Add(file)
	f.Fuzz(func(_ *testing.T, file []byte) { _, _ = readONNX(file) })
}

// A folder's files tell what is missing, and a config.json that doesn't fit is refused.
func TestReadBERT(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	weights, err := EncodeTensors(smallBERT(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadBERT(dir, 2); err == nil || !strings.Contains(err.Error(), "neither model.safetensors nor model.onnx") {
		t.Errorf("err = %v", err)
	}
	write("model.safetensors", string(weights))
	for config, want := range map[string]string{
		"{}":                         "set pretrained.heads",
		`{"num_attention_heads": 3}`: "can't be split into 3 heads",
		`{"num_attention_heads": 2, "num_hidden_layers": 6}`:                    "1 whole layers",
		`{"num_attention_heads": 2, "model_type": "roberta"}`:                   "of type bert",
		`{"num_attention_heads": 2, "position_embedding_type": "relative_key"}`: "absolute",
		"x":                          "config.json",
		`{"num_attention_heads": 2}`: "",
	} {
		write("config.json", config)
		_, _, err := ReadBERT(dir, 0)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: err = %v, want %q", config, err, want)
		}
	}
	if files := BERTFiles(dir); len(files) != 4 {
		t.Errorf("it hangs on %v", files)
	}
}
