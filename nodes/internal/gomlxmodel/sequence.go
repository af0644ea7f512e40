package gomlxmodel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/ouroflow/ouroflow/nodes/internal/candidateset"
	"github.com/ouroflow/ouroflow/nodes/internal/tokenize"
)

// Sequence is how a prompt and a program become one sequence of ids,
//
//	[CLS] prompt [SEP] code [SEP]
//
// The tests that may be seen belong to the prompt. Where it is too long, first the prompt
// is cut to its share and then the code to what is left, both at their ends. The first three
// parts are the prompt's positions, the others the code's.
type Sequence struct {
	Tokenizer    string `json:"tokenizer" yaml:"tokenizer" enum:"python|r50k|file" doc:"What text is cut into. python: the tokens of Python's own lexer, with an id for each keyword, operator and usual builtin, other names and literals hashed. r50k: byte pairs of GPT-2. file: what tokenizer_file describes."`
	Vocabulary   int    `json:"vocabulary" yaml:"vocabulary" min:"256" max:"16777216" doc:"Ids of the tokenizer python; the others know how many they have."`
	MaxTokens    int    `json:"max_tokens" yaml:"max_tokens" min:"16" max:"8192" doc:"Longest sequence; what is beyond is cut from the end of the code, counted, and reported."`
	PromptTokens int    `json:"prompt_tokens" yaml:"prompt_tokens" min:"2" max:"8192" doc:"Most of it that the prompt and the tests that are shown may take; the rest of them is cut."`
}

// check finds sizes that no sequence can have.
func (s Sequence) check() error {
	switch {
	case s.MaxTokens < 16 || s.MaxTokens > 8192:
		return fmt.Errorf("max_tokens: %d", s.MaxTokens)
	case s.PromptTokens < 2 || s.PromptTokens > s.MaxTokens-8:
		return fmt.Errorf("prompt_tokens: %d of max_tokens %d leave no room for code", s.PromptTokens, s.MaxTokens)
	case s.Tokenizer == tokenize.Python && (s.Vocabulary < 256 || s.Vocabulary > 1<<24):
		return fmt.Errorf("vocabulary: %d", s.Vocabulary)
	}
	return nil
}

// items makes one item of each program: its most frequent text.
func (s Sequence) items(t tokenize.Tokenizer, p *candidateset.Problem) ([]Item, []int) {
	programs, of := candidateset.Programs(p.Texts, p.Of)
	cls, sep := t.Marks()
	prompt := append([]int32{cls}, t.Prompt(strings.Join(append([]string{p.Prompt}, p.Shown...), "\n"))...)
	prompt = append(prompt[:min(len(prompt), s.PromptTokens-1)], sep)
	items := make([]Item, len(programs))
	for i, program := range programs {
		code, room := t.Code(program.Code, program.Tokens), s.MaxTokens-len(prompt)-1
		items[i].Count, items[i].Truncated = program.Count, len(code) > room
		items[i].Prompt = prompt
		items[i].Code = slices.Concat(code[:min(len(code), room)], []int32{sep})
	}
	return items, of
}

// lengthStep is what sequences are padded to multiples of, so that a few graphs serve all.
const lengthStep = 64

// length is what an input is padded to.
func (s Sequence) length(in Input) int {
	n := len(in.Prompt) + len(in.Code)
	return min((n+lengthStep-1)/lengthStep*lengthStep, s.MaxTokens)
}

// tensors packs sequences: ids [n, S] of int32, and where there are ids and where they
// are of code [n, S] of float32.
func (s Sequence) tensors(inputs []Input) []any {
	length := 0
	for _, in := range inputs {
		length = max(length, s.length(in))
	}
	n := len(inputs)
	ids, all, code := make([]int32, n*length), make([]float32, n*length), make([]float32, n*length)
	for i, in := range inputs {
		at := i * length
		copy(ids[at:], in.Prompt)
		copy(ids[at+len(in.Prompt):], in.Code)
		for j := range len(in.Prompt) + len(in.Code) {
			all[at+j] = 1
			if j >= len(in.Prompt) {
				code[at+j] = 1
			}
		}
	}
	return []any{
		tensors.FromFlatDataAndDimensions(ids, n, length),
		tensors.FromFlatDataAndDimensions(all, n, length),
		tensors.FromFlatDataAndDimensions(code, n, length),
	}
}
