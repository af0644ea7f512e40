package tokenize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/sugarme/tokenizer"
	"github.com/sugarme/tokenizer/pretrained"
)

// file is what a tokenizer.json describes.
type file struct {
	mu       sync.Mutex // the library keeps caches that it doesn't guard
	t        *tokenizer.Tokenizer
	cls, sep int32
}

// begins and ends are what models call the marks, the more usual first.
var (
	begins = []string{"[CLS]", "<s>", "<|endoftext|>", "<bos>"}
	ends   = []string{"[SEP]", "</s>", "<|endoftext|>", "<eos>"}
)

func newFile(content []byte) (f *file, err error) {
	defer func() { // the library panics on regular expressions that Go doesn't have
		if p := recover(); p != nil {
			err = fmt.Errorf("this tokenizer.json isn't understood: %v", p)
		}
	}()
	if !json.Valid(content) {
		return nil, errors.New("this tokenizer.json isn't JSON")
	}
	t, err := pretrained.FromReader(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("this tokenizer.json isn't understood: %w", err)
	}
	t.WithPadding(nil) // length is the model's matter
	t.WithTruncation(nil)
	f = &file{t: t}
	if f.cls, err = f.mark(begins); err != nil {
		return nil, err
	}
	f.sep, err = f.mark(ends)
	return f, err
}

func (f *file) mark(names []string) (int32, error) {
	for _, name := range names {
		if id, ok := f.t.TokenToId(name); ok {
			return int32(id), nil
		}
	}
	return 0, fmt.Errorf("this tokenizer.json has none of the marks %q", names)
}

// Size implements Tokenizer.
func (f *file) Size() int { return f.t.GetVocabSize(true) }

// Marks implements Tokenizer.
func (f *file) Marks() (int32, int32) { return f.cls, f.sep }

// Prompt implements Tokenizer.
func (f *file) Prompt(text string) []int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.t.EncodeSingle(text, false)
	if err != nil {
		return nil
	}
	ids := make([]int32, len(e.Ids))
	for i, id := range e.Ids {
		ids[i] = int32(id)
	}
	return ids
}

// Code implements Tokenizer.
func (f *file) Code(text string, _ []string) []int32 { return f.Prompt(text) }
