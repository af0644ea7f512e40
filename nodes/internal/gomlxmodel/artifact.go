package gomlxmodel

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ouroflow/ouroflow/engine/table"
)

// Files of a model artifact.
const (
	configFile  = "config.json"
	weightsFile = "weights.safetensors"
)

// Save writes a model into a folder.
func Save(dir string, c Config, w Weights) error {
	b, err := EncodeTensors(w, nil)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, weightsFile), b, 0o666); err != nil {
		return err
	}
	head, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, configFile), append(head, '\n'), 0o666)
}

// Load reads a model from a tree that Save filled.
func Load(tree *table.Tree) (Config, Weights, error) {
	var c Config
	head, err := tree.ReadFile(configFile)
	if err != nil {
		return c, nil, err
	}
	if err := json.Unmarshal(head, &c); err != nil {
		return c, nil, fmt.Errorf("%s: %w", configFile, err)
	}
	if c.Format != Format {
		return c, nil, fmt.Errorf("the model has format %d; this program reads format %d", c.Format, Format)
	}
	b, err := tree.ReadFile(weightsFile)
	if err != nil {
		return c, nil, err
	}
	w, _, err := DecodeTensors(b)
	return c, w, err
}
