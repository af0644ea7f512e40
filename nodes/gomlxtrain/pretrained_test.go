package gomlxtrain

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// encoderFolder has a BERT of one layer with random weights, in the form that PyTorch's users
// publish.
func encoderFolder(t *testing.T) string {
	t.Helper()
	rng, w := rand.New(rand.NewPCG(1, 2)), gomlxmodel.Weights{}
	add := func(name string, dims ...int) {
		flat := make([]float32, dims[0]*slices.Max(append(dims[1:], 1)))
		for i := range flat {
			flat[i] = float32(0.3 * rng.NormFloat64())
		}
		w[name] = tensors.FromFlatDataAndDimensions(flat, dims...)
	}
	linear := func(name string, in, out int) { add(name+".weight", out, in); add(name+".bias", out) }
	norm := func(name string) { add(name+".weight", 8); add(name+".bias", 8) }
	add("embeddings.word_embeddings.weight", 16, 8)
	add("embeddings.position_embeddings.weight", 32, 8)
	add("embeddings.token_type_embeddings.weight", 2, 8)
	norm("embeddings.LayerNorm")
	at := "encoder.layer.0."
	for _, name := range []string{"self.query", "self.key", "self.value", "output.dense"} {
		linear(at+"attention."+name, 8, 8)
	}
	linear(at+"intermediate.dense", 8, 12)
	linear(at+"output.dense", 12, 8)
	norm(at + "attention.output.LayerNorm")
	norm(at + "output.LayerNorm")
	weights, err := gomlxmodel.EncodeTensors(w, nil)
	if err != nil {
		t.Fatal(err)
	}
	var vocabulary []string
	for id, piece := range []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "def", "return", "sorted", "sort", "v", "##0", "##1", "##2", "##3", "(", ")", "."} {
		vocabulary = append(vocabulary, fmt.Sprintf("%q: %d", piece, id))
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"model.safetensors": string(weights),
		"config.json":       `{"model_type": "bert", "num_attention_heads": 2, "num_hidden_layers": 1}`,
		"tokenizer.json": `{"normalizer": {"type": "BertNormalizer", "lowercase": true}, "pre_tokenizer": {"type": "BertPreTokenizer"},
			"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {` + strings.Join(vocabulary, ", ") + `}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A pretrained encoder learns, the same each time; one that stays as it is is kept once, and
// one that is tuned by each member.
func TestPretrained(t *testing.T) {
	dir := encoderFolder(t)
	for _, tune := range []bool{false, true} {
		b := nodetest.New(t)
		nodetest.Bind(t, b, "in", features(synthetic(16)))
		set := func(p any) {
			small(p)
			q := p.(*Params)
			q.Encoder, q.Epochs, q.Patience = gomlxmodel.EncoderPretrained, 60, 60
			q.Pretrained = gomlxmodel.Pretrained{Path: node.Path(dir), Tune: tune, MaxTokens: 32, PromptTokens: 8, Hidden: 16, Dropout: 0.1}
		}
		res, err := b.Run(t, Type(), set)
		if err != nil {
			t.Fatal(err)
		}
		curve := nodetest.Rows[epochRow](t, b, res, "curve")
		if last := curve[len(curve)-1]; last.ValidationAUROC == nil || *last.ValidationAUROC < 0.9 {
			t.Errorf("tune %v: it didn't learn: %+v, AUROC %v", tune, last, *last.ValidationAUROC)
		}
		again, err := b.Run(t, Type(), set)
		if err != nil || again.Outputs["model"].Digest != res.Outputs["model"].Digest {
			t.Errorf("tune %v: the same seed gave another model: %v", tune, err)
		}
		m := modelOf(t, b, res)
		if (len(m.Base) > 0) == tune || (m.Weights[0]["block0.q.w"] != nil) != tune {
			t.Errorf("tune %v: %d weights are shared, and a member has %d", tune, len(m.Base), len(m.Weights[0]))
		}
		if _, err := gomlxmodel.NewVerifier(m, gomlxmodel.Go); err != nil {
			t.Errorf("tune %v: %v", tune, err)
		}
	}
}
