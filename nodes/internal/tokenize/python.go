package tokenize

import (
	"fmt"
	"hash/fnv"
	"regexp"
)

// The ids of marks in the vocabularies that are made here. 0 is padding.
const (
	cls = iota + 1
	sep
	firstWord
)

// reserved are tokens that every program shares, with an id each.
var reserved = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
	"elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
	"not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
	"(", ")", "[", "]", "{", "}", ",", ":", ".", ";", "@", "=", "->", "+=", "-=", "*=", "/=", "//=", "%=", "@=",
	"&=", "|=", "^=", ">>=", "<<=", "**=", ":=", "+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "~",
	"<", ">", "<=", ">=", "==", "!=", "...", "0", "1", "2",
	"len", "range", "print", "int", "str", "float", "list", "dict", "set", "tuple", "sorted", "sum", "min", "max",
	"abs", "map", "filter", "zip", "enumerate", "any", "all", "isinstance", "reversed", "round", "self",
}

// python hashes what isn't reserved to the ids after that.
type python struct {
	size int
	ids  map[string]int32
}

func newPython(size int) (*python, error) {
	p := &python{size, map[string]int32{}}
	for i, t := range reserved {
		p.ids[t] = int32(firstWord + i)
	}
	if least := firstWord + len(reserved) + 1; size < least {
		return nil, fmt.Errorf("a vocabulary of %d is too small: %d are taken by what every program shares", size, least)
	}
	return p, nil
}

// Size implements Tokenizer.
func (p *python) Size() int { return p.size }

// Marks implements Tokenizer.
func (p *python) Marks() (int32, int32) { return cls, sep }

// word is what prose and tests are made of: names, numbers, short strings, operators.
var word = regexp.MustCompile(`[\pL_][\pL\pN_]*|\pN+(?:\.\pN+)?|'[^'\n]*'|"[^"\n]*"|\*\*=?|//=?|<<=?|>>=?|->|:=|\.\.\.|[-+*/%@&|^=!<>]=|[^\pL\pN_\s]`)

// Prompt implements Tokenizer. Names, operators, plain numbers and strings have the ids that
// they have in code.
func (p *python) Prompt(text string) []int32 { return p.all(word.FindAllString(text, -1)) }

// Code implements Tokenizer.
func (p *python) Code(_ string, tokens []string) []int32 { return p.all(tokens) }

func (p *python) all(tokens []string) []int32 {
	ids := make([]int32, len(tokens))
	for i, t := range tokens {
		ids[i] = p.id(t)
	}
	return ids
}

func (p *python) id(token string) int32 {
	if id, ok := p.ids[token]; ok {
		return id
	}
	h := fnv.New32a()
	h.Write([]byte(token))
	first := uint32(firstWord + len(reserved))
	return int32(first + h.Sum32()%(uint32(p.size)-first))
}
