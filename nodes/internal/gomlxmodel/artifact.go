package gomlxmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Files of a model artifact.
const (
	configFile    = "config.json"
	weightsFile   = "weights.safetensors"
	tokenizerFile = "tokenizer.json"   // if the encoder has one of its own
	baseFile      = "base.safetensors" // weights that all members share, if there are any
)

// Model is a trained verifier: what it is and the weights of its members.
type Model struct {
	Config
	Assets
	Weights []Weights // of each member
}

// Assets are what an encoder may need beside weights.
type Assets struct {
	Tokenizer []byte  // content of a tokenizer.json
	Base      Weights // of a pretrained encoder
}

// equipped is implemented by encoders that need assets. It returns the encoder with them.
type equipped interface {
	equip(Assets, Backend) (Encoder, error)
}

// Equip returns the encoder of a config, ready for use.
func Equip(c Config, a Assets, on Backend) (e Encoder, err error) {
	defer Recovered(&err)
	architecture, err := c.Architecture()
	if err != nil {
		return nil, err
	}
	if err := architecture.Check(); err != nil {
		return nil, err
	}
	switch e := architecture.(type) {
	case equipped:
		return e.equip(a, on)
	case Encoder:
		return e, nil
	default:
		panic("gomlxmodel: an architecture that makes no encoder")
	}
}

// Format is the version of the model artifact.
const Format = 4

// Config describes a trained verifier.
type Config struct {
	Format     int         `json:"format"`
	Encoder    string      `json:"encoder"` // which of the following it is
	Set        *Set        `json:"set,omitempty"`
	Bag        *Bag        `json:"bag,omitempty"`
	Ouroboros  *Ouroboros  `json:"ouroboros,omitempty"`
	Pretrained *Pretrained `json:"pretrained,omitempty"`
	Fusion     Fusion      `json:"fusion,omitempty"` // with signals that need no training
	Shown      int         `json:"shown_tests"`      // most tests of a problem that were shown to it in training
	Members    []Member    `json:"members"`          // in the order of their weights
	// Folds has, for each deal, the folds of the problems that members were trained on.
	Folds []map[string]int `json:"folds,omitempty"`
}

// Member is one of the models that a verifier is the mean of.
type Member struct {
	Seed int `json:"seed"`
	Fold int `json:"fold"` // whose problems it has not seen; -1 if there are no folds
	Deal int `json:"deal"` // place among Folds of the one that its fold is of
}

// hasSeen tells whether the member was trained on a problem.
func (c Config) hasSeen(m Member, problem string) bool {
	if m.Fold == NoFold {
		return false // of what splits keep apart, or the caller wouldn't ask
	}
	fold, known := c.Folds[m.Deal][problem]
	return known && fold != m.Fold
}

// NoFold is the fold of members that saw all problems.
const NoFold = -1

// Names of the encoders.
const (
	EncoderSet        = "set"
	EncoderBag        = "bag"
	EncoderOuroboros  = "ouroboros"
	EncoderPretrained = "pretrained"
)

// Architecture returns what the encoder is made of.
func (c Config) Architecture() (Architecture, error) {
	switch {
	case c.Encoder == EncoderSet && c.Set != nil:
		return *c.Set, nil
	case c.Encoder == EncoderBag && c.Bag != nil:
		return *c.Bag, nil
	case c.Encoder == EncoderOuroboros && c.Ouroboros != nil:
		return *c.Ouroboros, nil
	case c.Encoder == EncoderPretrained && c.Pretrained != nil:
		return *c.Pretrained, nil
	default:
		return nil, fmt.Errorf("the model has the encoder %q, which this program doesn't know", c.Encoder)
	}
}

// membersFor are the places of those that haven't seen a problem.
func (c Config) membersFor(problem string) []int {
	var list []int
	for i, m := range c.Members {
		if !c.hasSeen(m, problem) {
			list = append(list, i)
		}
	}
	return list
}

// Save writes a model into a folder.
func Save(dir string, m Model) error {
	all := Weights{}
	for i, w := range m.Weights {
		for name, t := range w {
			all[fmt.Sprintf("%d/%s", i, name)] = t
		}
	}
	m.Format = Format
	head, err := json.MarshalIndent(m.Config, "", "  ")
	if err != nil {
		return err
	}
	files := map[string][]byte{configFile: append(head, '\n')}
	if files[weightsFile], err = EncodeTensors(all, nil); err != nil {
		return err
	}
	if len(m.Base) > 0 {
		if files[baseFile], err = EncodeTensors(m.Base, nil); err != nil {
			return err
		}
	}
	if len(m.Tokenizer) > 0 {
		files[tokenizerFile] = m.Tokenizer
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// Files are those of an artifact: a table.Tree, or what os.DirFS returns.
type Files interface {
	ReadFile(name string) ([]byte, error)
}

// Load reads a model from files that Save wrote. NewVerifier finds out whether its parts
// belong together.
func Load(files Files) (*Model, error) {
	m := &Model{}
	head, err := files.ReadFile(configFile)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(head, &m.Config); err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	if m.Format != Format {
		return nil, fmt.Errorf("the model has format %d; this program reads format %d", m.Format, Format)
	}
	all, err := loadTensors(files, weightsFile)
	if err != nil {
		return nil, err
	}
	m.Weights = byMember(all, len(m.Members))
	if m.Tokenizer, err = files.ReadFile(tokenizerFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if m.Base, err = loadTensors(files, baseFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return m, nil
}

func loadTensors(files Files, name string) (Weights, error) {
	b, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	w, _, err := DecodeTensors(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return w, nil
}

// check finds what would make a model that answers, but with nonsense.
func (m *Model) check(e Encoder) error {
	if err := m.Fusion.check(); err != nil {
		return fmt.Errorf("%s: %w", configFile, err)
	}
	if len(m.Members) == 0 {
		return fmt.Errorf("%s: the model has no members", configFile)
	}
	for _, of := range m.Members {
		if of.Fold != NoFold && (of.Deal < 0 || of.Deal >= len(m.Folds)) {
			return fmt.Errorf("%s: a member is of deal %d, but there are %d", configFile, of.Deal, len(m.Folds))
		}
	}
	want := dimensions(e)
	for i, w := range m.Weights {
		for name, dims := range want {
			if !isLike(w[name], Parameter{Dims: dims}) {
				return fmt.Errorf("%s: member %d has no tensor %q of shape %v", weightsFile, i, name, dims)
			}
		}
		if len(w) != len(want) {
			return fmt.Errorf("%s: member %d has %d tensors, want %d", weightsFile, i, len(w), len(want))
		}
	}
	return nil
}

// dimensions are those of all weights of a member.
func dimensions(e Encoder) map[string][]int {
	dims := map[string][]int{}
	for _, p := range e.Parameters() {
		dims[p.Name] = p.Dims
	}
	for name, constant := range e.Constants([]Item{{Input: e.Blank()}}) {
		dims[name] = constant.Shape().Dimensions
	}
	return dims
}

// byMember sorts the weights of all members.
func byMember(all Weights, n int) []Weights {
	members, place := make([]Weights, n), map[string]int{}
	for i := range members {
		members[i], place[strconv.Itoa(i)] = Weights{}, i
	}
	for full, t := range all {
		member, name, _ := strings.Cut(full, "/")
		if i, ok := place[member]; ok {
			members[i][name] = t
		}
	}
	return members
}
