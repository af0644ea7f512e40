package gomlxtrain

import (
	"context"
	"errors"
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

// files lists what the encoder is read from.
func (p Params) files() (files []string, err error) {
	if p.Encoder == "pretrained" {
		files, err = gomlxmodel.BERTFiles(string(p.Pretrained.Path))
	}
	if p.TokenizerFile != "" {
		files = append(files, string(p.TokenizerFile))
	}
	return files, err
}

// pin names what computes, and what the files hold that the encoder is read from.
func pin(_ context.Context, p Params) (node.Pins, error) {
	pins, err := gomlxmodel.PinBackend(p.Backend)
	if err != nil {
		return nil, err
	}
	files, err := p.files()
	if err != nil {
		return nil, &node.FieldError{Field: "pretrained.path", Err: err}
	}
	for _, file := range files {
		d, err := digest.File(file)
		switch {
		case errors.Is(err, fs.ErrNotExist) && file != string(p.TokenizerFile):
			continue // a folder needn't have all of them
		case err != nil:
			return nil, err
		}
		pins[filepath.Base(file)] = d.String()
	}
	return pins, nil
}

func witness(p Params) ([]string, bool) {
	files, ok := gomlxmodel.WitnessBackend(p.Backend)
	more, err := p.files()
	return append(files, more...), ok && err == nil
}
