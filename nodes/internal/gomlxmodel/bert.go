package gomlxmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// BERT has the sizes of an encoder like BERT (Devlin et al. 2019), as they are found in its
// files.
type BERT struct {
	Vocabulary int     `json:"vocabulary"`
	Positions  int     `json:"positions"` // longest sequence
	Kinds      int     `json:"kinds"`     // of segments
	Layers     int     `json:"layers"`
	Width      int     `json:"width"`
	Heads      int     `json:"heads"`
	Inner      int     `json:"inner"`
	Epsilon    float64 `json:"epsilon"`
}

// Check finds sizes that no encoder can have.
func (b BERT) Check() error {
	if b.Layers < 1 || b.Layers > 256 {
		return fmt.Errorf("pretrained: layers %d", b.Layers)
	}
	for name, n := range map[string]int{"vocabulary": b.Vocabulary, "positions": b.Positions, "kinds": b.Kinds, "width": b.Width, "inner": b.Inner} {
		if n < 1 || n > 1<<24 {
			return fmt.Errorf("pretrained: %s %d", name, n)
		}
	}
	if b.Heads < 1 || b.Width%b.Heads != 0 {
		return fmt.Errorf("pretrained: a width of %d can't be split into %d heads", b.Width, b.Heads)
	}
	return nil
}

// bertConfig is what config.json says of a BERT.
type bertConfig struct {
	Type    string  `json:"model_type"`
	Heads   int     `json:"num_attention_heads"`
	Epsilon float64 `json:"layer_norm_eps"`
	Act     string  `json:"hidden_act"`
	Layers  int     `json:"num_hidden_layers"` // 0: it doesn't say
	Places  string  `json:"position_embedding_type"`
}

// ReadBERT reads an encoder from a folder as PyTorch's users publish them (config.json and
// model.safetensors or model.onnx), or from an ONNX file. Heads are those that config.json
// doesn't tell.
func ReadBERT(path string, heads int) (BERT, Assets, error) {
	file, err := weightsIn(path)
	if err != nil {
		return BERT{}, Assets{}, err
	}
	config := bertConfig{Type: "bert", Heads: heads, Epsilon: 1e-12, Act: "gelu", Places: "absolute"}
	if err := readBeside(file, "config.json", func(b []byte) error { return json.Unmarshal(b, &config) }); err != nil {
		return BERT{}, Assets{}, err
	}
	if config.Type != "bert" || config.Act != "gelu" || config.Places != "absolute" {
		return BERT{}, Assets{}, fmt.Errorf("%s: model_type %q with hidden_act %q and position_embedding_type %q; encoders of type bert with gelu and absolute are read", filepath.Dir(file), config.Type, config.Act, config.Places)
	}
	var a Assets
	if err := readBeside(file, tokenizerFile, func(b []byte) error { a.Tokenizer = b; return nil }); err != nil {
		return BERT{}, Assets{}, err
	}
	named, err := readWeights(file)
	if err != nil {
		return BERT{}, Assets{}, fmt.Errorf("%s: %w", file, err)
	}
	sizes, base, err := fromPyTorch(named)
	if err != nil {
		return BERT{}, Assets{}, fmt.Errorf("%s: %w", file, err)
	}
	sizes.Heads, sizes.Epsilon, a.Base = config.Heads, config.Epsilon, base
	if sizes.Heads == 0 {
		return BERT{}, Assets{}, fmt.Errorf("no config.json in %s says how many heads of attention there are (num_attention_heads): set pretrained.heads", filepath.Dir(file))
	}
	if config.Layers != 0 && config.Layers != sizes.Layers {
		return BERT{}, Assets{}, fmt.Errorf("%s has %d whole layers, but its config.json says num_hidden_layers %d", file, sizes.Layers, config.Layers)
	}
	return sizes, a, sizes.Check()
}

// weightFiles are the names of the file with the weights, the preferred one first.
var weightFiles = []string{"model.safetensors", "model.onnx"}

// BERTFiles lists what ReadBERT reads, or would read if it were there.
func BERTFiles(path string) []string {
	dir, files := filepath.Dir(path), []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		dir, files = path, nil
		for _, name := range weightFiles {
			files = append(files, filepath.Join(path, name))
		}
	}
	return append(files, filepath.Join(dir, "config.json"), filepath.Join(dir, tokenizerFile))
}

// weightsIn finds the file with the weights.
func weightsIn(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, err
	}
	for _, name := range weightFiles {
		file := filepath.Join(path, name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s has neither model.safetensors nor model.onnx", path)
}

// readBeside reads a file of the same folder, if there is one.
func readBeside(file, name string, read func([]byte) error) error {
	path := filepath.Join(filepath.Dir(file), name)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = read(b)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func readWeights(file string) (Weights, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(file, ".onnx") {
		return readONNX(b)
	}
	w, _, err := DecodeTensors(b)
	return w, err
}

// pytorchNames are those of BERT's modules in PyTorch and here; block%d is layer%d there.
var pytorchNames = []struct{ theirs, ours string }{
	{"attention.self.query", "q"}, {"attention.self.key", "k"}, {"attention.self.value", "v"}, {"attention.output.dense", "o"},
	{"intermediate.dense", "up"}, {"output.dense", "down"},
}

var pytorchNorms = []struct{ theirs, ours string }{
	{"attention.output.LayerNorm", "norm1"}, {"output.LayerNorm", "norm2"},
}

// fromPyTorch picks the weights of an encoder by their names in PyTorch and gives them the
// names and shapes that they have here.
func fromPyTorch(named Weights) (BERT, Weights, error) {
	p := &picker{named: named, picked: Weights{}}
	for _, e := range []struct{ theirs, ours string }{
		{"embeddings.word_embeddings.weight", "embedding"}, {"embeddings.position_embeddings.weight", "positions"}, {"embeddings.token_type_embeddings.weight", "kinds"},
		{"embeddings.LayerNorm.weight", "norm.g"}, {"embeddings.LayerNorm.bias", "norm.b"},
	} {
		p.pick(e.theirs, e.ours)
	}
	layers := 0
	for ; p.has(fmt.Sprintf("encoder.layer.%d.attention.self.query.bias", layers)); layers++ {
		theirs, ours := fmt.Sprintf("encoder.layer.%d.", layers), fmt.Sprintf("block%d.", layers)
		for _, n := range pytorchNames {
			p.matrix(theirs+n.theirs, ours+n.ours+".w")
			p.pick(theirs+n.theirs+".bias", ours+n.ours+".b")
		}
		for _, n := range pytorchNorms {
			p.pick(theirs+n.theirs+".weight", ours+n.ours+".g")
			p.pick(theirs+n.theirs+".bias", ours+n.ours+".b")
		}
	}
	if p.err != nil {
		return BERT{}, nil, p.err
	}
	if layers == 0 {
		return BERT{}, nil, errors.New("there are no layers of BERT in it (encoder.layer.0.attention.self.query.bias is missing)")
	}
	if p.hasBeyond(layers) {
		return BERT{}, nil, fmt.Errorf("encoder.layer.%d isn't whole, though there are layers after it or parts of it", layers)
	}
	b, err := sizesOf(p.picked, layers)
	return b, p.picked, err
}

// sizesOf reads an encoder's sizes off its weights, and makes sure that all agree.
func sizesOf(w Weights, layers int) (BERT, error) {
	for _, name := range []string{"embedding", "positions", "kinds", "block0.up.w"} {
		if w[name].Rank() != 2 {
			return BERT{}, fmt.Errorf("the weights %q have the shape %v", name, w[name].Shape().Dimensions)
		}
	}
	b := BERT{
		Vocabulary: w["embedding"].Shape().Dim(0), Width: w["embedding"].Shape().Dim(1), Positions: w["positions"].Shape().Dim(0),
		Kinds: w["kinds"].Shape().Dim(0), Layers: layers, Inner: w["block0.up.w"].Shape().Dim(1),
	}
	for _, p := range b.parameters() {
		if !isLike(w[p.Name], p) {
			return BERT{}, fmt.Errorf("the weights %q are %s; want float32 of %v", p.Name, w[p.Name].Shape(), p.Dims)
		}
	}
	return b, nil
}

// picker takes weights out of those of PyTorch. After the first that is missing it does
// nothing.
type picker struct {
	named, picked Weights
	err           error
}

// find looks for a name, also below the modules that models put an encoder in.
func (p *picker) find(name string) *tensors.Tensor {
	older := strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(name) // of TensorFlow
	for _, prefix := range []string{"", "bert.", "model.", "0.auto_model."} {
		for _, n := range []string{name, older} {
			if t, ok := p.named[prefix+n]; ok {
				return t
			}
		}
	}
	return nil
}

// hasBeyond tells whether there is anything of the layers from the given one on.
func (p *picker) hasBeyond(layers int) bool {
	for name := range p.named {
		var layer int
		if _, rest, ok := strings.Cut(name, "encoder.layer."); ok {
			if _, err := fmt.Sscanf(rest, "%d.", &layer); err == nil && layer >= layers {
				return true
			}
		}
	}
	return false
}

func (p *picker) has(name string) bool { return p.find(name) != nil }

func (p *picker) pick(theirs, ours string) {
	t := p.find(theirs)
	switch {
	case p.err != nil:
	case t == nil:
		p.err = fmt.Errorf("it has no tensor %q, which an encoder like BERT has", theirs)
	default:
		p.picked[ours] = t
	}
}

// matrix picks that of a linear module: [in, out] if it comes from a product, else [out, in].
func (p *picker) matrix(module, ours string) {
	if p.has(module + ".kernel") {
		p.pick(module+".kernel", ours)
		return
	}
	p.pick(module+".weight", ours)
	if p.err == nil {
		p.picked[ours], p.err = transposed(p.picked[ours])
	}
}

func transposed(t *tensors.Tensor) (*tensors.Tensor, error) {
	if t.Rank() != 2 {
		return nil, fmt.Errorf("a matrix has the shape %v", t.Shape().Dimensions)
	}
	if t.DType() != dtypes.Float32 {
		return nil, fmt.Errorf("a matrix is of %s; float32 is read", t.DType())
	}
	flat, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, err
	}
	rows, columns := t.Shape().Dim(0), t.Shape().Dim(1)
	out := make([]float32, len(flat))
	for i, x := range flat {
		out[i%columns*rows+i/columns] = x
	}
	return tensors.FromFlatDataAndDimensions(out, columns, rows), nil
}

// stack is the encoder's.
func (b BERT) stack(dropout float64) stack {
	return stack{b.Layers, b.Width, b.Heads, b.Inner, dropout, b.Epsilon}
}

// parameters lists the encoder's.
func (b BERT) parameters() []Parameter {
	return slices.Concat([]Parameter{
		{Name: "embedding", Dims: []int{b.Vocabulary, b.Width}, Deviation: initialDeviation},
		{Name: "positions", Dims: []int{b.Positions, b.Width}, Deviation: initialDeviation},
		{Name: "kinds", Dims: []int{b.Kinds, b.Width}, Deviation: initialDeviation},
	}, normParameters("norm", b.Width), b.stack(0).parameters())
}
