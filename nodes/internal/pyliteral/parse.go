// Package pyliteral reads and writes literals of Python: what repr writes of lists,
// texts, numbers and dicts.
package pyliteral

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// maxDepth bounds how deep lists and dicts may lie in each other.
const maxDepth = 100

// Parse reads a literal: nil, bool, string, json.Number, []any for lists and tuples,
// and tableio.Struct for dicts whose keys are texts. A list whose elements only white
// space parts, as numpy writes arrays, is one, too, and so is array([...]).
func Parse(text string) (any, error) {
	p := &parser{text: text}
	v, err := p.value(maxDepth)
	if err == nil && p.peek() != 0 {
		err = errors.New("something follows the value")
	}
	if err != nil {
		return nil, fmt.Errorf("character %d: %w", p.at+1, err)
	}
	return v, nil
}

type parser struct {
	text string
	at   int
}

// peek goes past white space and returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	p.at = len(p.text) - len(strings.TrimLeft(p.text[p.at:], " \t\r\n"))
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// accept goes past a word if it is next.
func (p *parser) accept(word string) bool {
	if !strings.HasPrefix(p.text[p.at:], word) {
		return false
	}
	p.at += len(word)
	return true
}

var number = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?`)

func (p *parser) value(depth int) (any, error) {
	if depth == 0 {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	switch c := p.peek(); {
	case c == '[':
		return p.list(']', depth)
	case c == '(':
		return p.list(')', depth)
	case c == '{':
		return p.dict(depth)
	case p.accept("array("):
		return p.array(depth)
	case p.accept("None"):
		return nil, nil
	case p.accept("True"):
		return true, nil
	case p.accept("False"):
		return false, nil
	case p.accept("..."):
		return nil, errors.New("numpy left elements out (...)")
	}
	if digits := number.FindString(p.text[p.at:]); digits != "" {
		p.at += len(digits)
		return json.Number(digits), nil
	}
	return p.str()
}

// list reads elements up to the bracket that closes them. In square brackets they may
// be parted by white space alone, but then all of them.
func (p *parser) list(end byte, depth int) (any, error) {
	p.at++
	list, commas, spaces := []any{}, 0, 0
	for p.peek() != end {
		v, err := p.value(depth - 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		switch p.peek() {
		case ',':
			commas++
			p.at++
		case end:
		default:
			spaces++
		}
	}
	p.at++
	switch {
	case spaces > 0 && (commas > 0 || end == ')'):
		return nil, errors.New("a comma is missing")
	case end == ')' && len(list) == 1 && commas == 0:
		return list[0], nil
	}
	return list, nil
}

var dtype = regexp.MustCompile(`^,\s*dtype=\w+\s*`)

// array reads what numpy writes of an array within a dict: array([...], dtype=object).
func (p *parser) array(depth int) (any, error) {
	if p.peek() != '[' {
		return nil, errors.New("it is no array of numpy")
	}
	list, err := p.list(']', depth-1)
	if err != nil {
		return nil, err
	}
	p.peek()
	p.at += len(dtype.FindString(p.text[p.at:]))
	if !p.accept(")") {
		return nil, errors.New("an array of numpy doesn't end")
	}
	return list, nil
}

func (p *parser) dict(depth int) (any, error) {
	p.at++
	s := tableio.Struct{}
	for p.peek() != '}' {
		key, err := p.value(depth - 1)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok || s.Has(name) {
			return nil, errors.New("a key is no text, or is there twice")
		}
		if p.peek() != ':' {
			return nil, errors.New("a colon is missing")
		}
		p.at++
		v, err := p.value(depth - 1)
		if err != nil {
			return nil, err
		}
		s = append(s, tableio.Member{Name: name, Value: v})
		if p.peek() == ',' {
			p.at++
		} else if p.peek() != '}' {
			return nil, errors.New("a comma is missing")
		}
	}
	p.at++
	return s, nil
}

func (p *parser) str() (any, error) {
	raw := p.accept("r") || p.accept("R")
	if !raw {
		_ = p.accept("u")
	}
	for _, quote := range []string{`"""`, `'''`, `"`, `'`} {
		if p.accept(quote) {
			return p.quoted(quote, raw)
		}
	}
	return nil, errors.New("it is no literal of Python")
}

func (p *parser) quoted(quote string, raw bool) (any, error) {
	var b strings.Builder
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case p.accept(quote):
			return b.String(), nil
		case c == '\\' && raw && p.at+1 < len(p.text):
			b.WriteString(p.text[p.at : p.at+2])
			p.at += 2
		case c == '\\':
			if err := p.escape(&b); err != nil {
				return nil, err
			}
		case c == '\n' && len(quote) == 1:
			return nil, errors.New("a text doesn't end on its line")
		default:
			b.WriteByte(c)
			p.at++
		}
	}
	return nil, errors.New("a text doesn't end")
}

var (
	simple = map[byte]string{
		'\n': "", '\\': `\`, '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
	}
	octal = regexp.MustCompile(`^[0-7]{1,3}`)
	wide  = map[byte]int{'x': 2, 'u': 4, 'U': 8} // digits that follow
)

// escape writes what a backslash and what follows it mean. Python leaves those as they
// are that mean nothing.
func (p *parser) escape(b *strings.Builder) error {
	p.at++
	if p.at == len(p.text) {
		return errors.New("a text doesn't end")
	}
	c := p.text[p.at]
	if s, ok := simple[c]; ok {
		b.WriteString(s)
		p.at++
		return nil
	}
	if digits := octal.FindString(p.text[p.at:]); digits != "" {
		return p.code(b, digits, 8, 0)
	}
	n, ok := wide[c]
	if !ok {
		if c == 'N' {
			return errors.New(`\N isn't read`)
		}
		b.WriteByte('\\')
		return nil
	}
	if p.at+1+n > len(p.text) {
		return errors.New("an escape is cut")
	}
	return p.code(b, p.text[p.at+1:p.at+1+n], 16, 1)
}

func (p *parser) code(b *strings.Builder, digits string, base, before int) error {
	v, err := strconv.ParseUint(digits, base, 32)
	if err != nil || v > utf8.MaxRune || !utf8.ValidRune(rune(v)) {
		return fmt.Errorf("%q is no character", digits)
	}
	b.WriteRune(rune(v))
	p.at += before + len(digits)
	return nil
}
