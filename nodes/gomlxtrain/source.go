package gomlxtrain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ouroflow/ouroflow/engine/digest"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/gomlxmodel"
)

// load reads the files that the encoder needs, which may tell its sizes.
func (p Params) load() (c gomlxmodel.Config, a gomlxmodel.Assets, err error) {
	c = p.config()
	if c.Pretrained != nil {
		if c.Pretrained.BERT, a, err = gomlxmodel.ReadBERT(string(p.Pretrained.Path), p.Pretrained.AttentionHeads); err != nil {
			return c, a, err
		}
	}
	if p.TokenizerFile != "" {
		a.Tokenizer, err = os.ReadFile(string(p.TokenizerFile))
	}
	return c, a, err
}

// files lists what the encoder is read from, or would be if it were there.
func (p Params) files() []string {
	var files []string
	if p.Encoder == gomlxmodel.EncoderPretrained {
		files = gomlxmodel.BERTFiles(string(p.Pretrained.Path))
	}
	if p.TokenizerFile != "" {
		files = append(files, string(p.TokenizerFile))
	}
	return files
}

// pin names what computes, and what the files hold that the encoder is read from.
func pin(_ context.Context, p Params) (node.Pins, error) {
	pins, err := gomlxmodel.PinBackend(p.Backend)
	if err != nil {
		return nil, err
	}
	for name, place := range map[string]node.Path{"pretrained.path": p.Pretrained.Path, "tokenizer_file": p.TokenizerFile} {
		if _, err := os.Stat(string(place)); place != "" && err != nil {
			return nil, &node.FieldError{Field: name, Err: err}
		}
	}
	for i, file := range p.files() {
		d, err := digest.File(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a folder needn't have all of them
		}
		if err != nil {
			return nil, err
		}
		pins[fmt.Sprintf("file %d %s", i, filepath.Base(file))] = d.String()
	}
	return pins, nil
}

func witness(p Params) ([]string, bool) {
	return append(gomlxmodel.WitnessBackend(p.Backend), p.files()...), true
}
