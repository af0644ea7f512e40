package gomlxmodel

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Files of a model artifact.
const (
	configFile  = "config.json"
	weightsFile = "weights.safetensors"
)

// Format is the version of the model artifact.
const Format = 2

// Config describes a trained verifier.
type Config struct {
	Format  int    `json:"format"`
	Encoder string `json:"encoder"` // which of the following it is
	Set     *Set   `json:"set,omitempty"`
	Bag     *Bag   `json:"bag,omitempty"`
	// Consensus is how much is taken from an energy for each e-fold of the number of
	// candidates that the encoder can't tell from it; see Judgement.
	Consensus float64  `json:"consensus"`
	Shown     int      `json:"shown_tests"` // most tests of a problem that were shown to it in training
	Members   []Member `json:"members"`     // in the order of their weights
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

// Architecture returns the encoder.
func (c Config) Architecture() (Encoder, error) {
	switch {
	case c.Encoder == "set" && c.Set != nil:
		return *c.Set, nil
	case c.Encoder == "bag" && c.Bag != nil:
		return *c.Bag, nil
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

// Save writes a model into a folder: the weights of each member.
func Save(dir string, c Config, members []Weights) error {
	all := Weights{}
	for i, w := range members {
		for name, t := range w {
			all[fmt.Sprintf("%d/%s", i, name)] = t
		}
	}
	b, err := EncodeTensors(all, nil)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, weightsFile), b, 0o666); err != nil {
		return err
	}
	c.Format = Format
	head, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, configFile), append(head, '\n'), 0o666)
}

// Files are those of an artifact: a table.Tree, or what os.DirFS returns.
type Files interface {
	ReadFile(name string) ([]byte, error)
}

// Load reads a model from files that Save wrote.
func Load(files Files) (Config, []Weights, error) {
	var c Config
	head, err := files.ReadFile(configFile)
	if err != nil {
		return c, nil, err
	}
	if err := json.Unmarshal(head, &c); err != nil {
		return c, nil, fmt.Errorf("%s: %w", configFile, err)
	}
	if c.Format != Format {
		return c, nil, fmt.Errorf("the model has format %d; this program reads format %d", c.Format, Format)
	}
	b, err := files.ReadFile(weightsFile)
	if err != nil {
		return c, nil, err
	}
	all, _, err := DecodeTensors(b)
	if err != nil {
		return c, nil, fmt.Errorf("%s: %w", weightsFile, err)
	}
	members := byMember(all, len(c.Members))
	return c, members, c.check(members)
}

// check finds what would make a model that answers, but with nonsense.
func (c Config) check(members []Weights) error {
	e, err := c.Architecture()
	if err != nil {
		return err
	}
	if err := e.Check(); err != nil {
		return fmt.Errorf("%s: %w", configFile, err)
	}
	if len(members) == 0 {
		return fmt.Errorf("%s: the model has no members", configFile)
	}
	for _, m := range c.Members {
		if m.Fold != NoFold && (m.Deal < 0 || m.Deal >= len(c.Folds)) {
			return fmt.Errorf("%s: a member is of deal %d, but there are %d", configFile, m.Deal, len(c.Folds))
		}
	}
	want := e.Initial(0)
	for name, constant := range e.Constants([]Item{{Input: e.Blank()}}) {
		want[name] = constant
	}
	for i, w := range members {
		for name, t := range want {
			if w[name] == nil || !w[name].Shape().Equal(t.Shape()) {
				return fmt.Errorf("%s: member %d has no tensor %q of shape %s", weightsFile, i, name, t.Shape())
			}
		}
		if len(w) != len(want) {
			return fmt.Errorf("%s: member %d has %d tensors, want %d", weightsFile, i, len(w), len(want))
		}
	}
	return nil
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
