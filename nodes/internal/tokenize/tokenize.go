// Package tokenize turns prompts and code into the ids that models embed.
package tokenize

import "fmt"

// Tokenizer makes ids of text. They are from 0 to Size-1.
type Tokenizer interface {
	// Size is the number of ids, the marks included.
	Size() int
	// Marks are the ids of what stands before the prompt and before the code.
	Marks() (cls, sep int32)
	// Prompt returns the ids of prose.
	Prompt(text string) []int32
	// Code returns the ids of a program, of which Python's lexer made tokens.
	Code(text string, tokens []string) []int32
}

// Names of the tokenizers.
const (
	Python = "python" // Python's own tokens, those that a program is free to choose hashed
	R50k   = "r50k"   // byte pairs of GPT-2
	File   = "file"   // a tokenizer.json of BERT's kind
)

// New returns a tokenizer by its name. Size is how many ids Python's tokens are hashed
// to, file the content of a tokenizer.json; the others don't look at them.
func New(name string, size int, file []byte) (Tokenizer, error) {
	switch name {
	case Python:
		return newPython(size)
	case R50k:
		return newR50k(), nil
	case File:
		return newFile(file)
	default:
		return nil, fmt.Errorf("no tokenizer is named %q: there are %s, %s and %s", name, Python, R50k, File)
	}
}
