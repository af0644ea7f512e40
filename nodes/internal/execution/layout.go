package execution

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// ownLayout are parts of programs that may see where their lines are, or what their
// docstrings say.
var ownLayout = []string{
	"lineno", "trace", "inspect", "co_", "frame", "__doc__", "help(", "doctest", "pdb", "profile", "linecache", "logging", "getsource",
	"\r", "\f", "\x00",
}

// layoutKey returns a text that two programs share only if Python makes the same tree of
// both, but for the places of lines and for docstrings: comments, blank lines, indentation
// and white space are gone. A program that could tell the difference, or whose lexing isn't
// certain, has itself as key.
func layoutKey(code string) string {
	if !utf8.ValidString(code) || slices.ContainsFunc(ownLayout, func(part string) bool { return strings.Contains(code, part) }) {
		return code
	}
	l := &lexer{rest: code, fresh: true, docAt: true}
	l.out.Grow(len(code))
	l.out.WriteString("\x00layout\n") // no program has a NUL
	if !l.run() {
		return code
	}
	return l.out.String()
}

// lexer splits a program into tokens. It gives up where it isn't sure.
type lexer struct {
	rest    string
	out     strings.Builder
	indents []int // columns of the blocks that are open
	tabs    bool  // indentation is by tabs
	spaces  bool  // or by spaces
	open    int   // brackets
	fresh   bool  // at the start of a logical line
	docAt   bool  // a string that is a line here is a docstring
	line    []string
}

// operators of more than one character, longest first.
var operators = []string{
	"**=", "//=", ">>=", "<<=", "...", "!=", "->", ":=", "+=", "-=", "*=", "/=", "%=", "@=", "&=", "|=", "^=",
	"==", "<=", ">=", "<<", ">>", "**", "//",
}

func (l *lexer) run() bool {
	for l.rest != "" {
		step := l.token
		if l.fresh {
			step = l.indent
		}
		if !step() {
			return false
		}
	}
	l.endLine()
	return l.open == 0
}

// indent reads the white space at the start of a logical line and opens or closes blocks.
// Lines without code are passed over.
func (l *lexer) indent() bool {
	body := strings.TrimLeft(l.rest, " \t")
	width := len(l.rest) - len(body)
	if body == "" || body[0] == '\n' || body[0] == '#' {
		_, l.rest, _ = strings.Cut(body, "\n")
		return true
	}
	space := l.rest[:width]
	l.tabs, l.spaces = l.tabs || strings.Contains(space, "\t"), l.spaces || strings.Contains(space, " ")
	if l.tabs && l.spaces {
		return false
	}
	l.rest, l.fresh = body, false
	for len(l.indents) > 0 && width < l.indents[len(l.indents)-1] {
		l.indents = l.indents[:len(l.indents)-1]
		l.out.WriteString("\x02")
	}
	at := 0
	if len(l.indents) > 0 {
		at = l.indents[len(l.indents)-1]
	}
	if width > at {
		l.indents = append(l.indents, width)
		l.out.WriteString("\x01")
	}
	return width >= at
}

// token reads a token, or what is between two.
func (l *lexer) token() bool {
	c := l.rest[0]
	switch c {
	case '\n':
		l.rest = l.rest[1:]
		if l.open == 0 {
			l.endLine()
		}
		return true
	case ' ', '\t':
		l.rest = l.rest[1:]
		return true
	case '#':
		end := strings.IndexByte(l.rest, '\n')
		if end < 0 {
			end = len(l.rest)
		}
		l.rest = l.rest[end:]
		return true
	case '\\': // what a continued line means depends on what follows
		return false
	}
	if n, ok := stringLength(l.rest); n > 0 || !ok {
		return ok && l.take(n)
	}
	if n := wordLength(l.rest); n > 0 {
		return l.take(n)
	}
	for _, op := range operators {
		if strings.HasPrefix(l.rest, op) {
			return l.take(len(op))
		}
	}
	switch c {
	case '(', '[', '{':
		l.open++
	case ')', ']', '}':
		l.open--
	}
	return l.open >= 0 && l.take(1)
}

func (l *lexer) take(n int) bool {
	l.line = append(l.line, l.rest[:n])
	l.rest = l.rest[n:]
	return true
}

// docstring matches strings that are one, where they stand alone: no bytes, nothing formatted.
var docstring = regexp.MustCompile(`^[rRuU]?["']`)

// endLine writes the logical line. A docstring is one, whatever it says.
func (l *lexer) endLine() {
	if len(l.line) > 0 {
		if l.docAt && len(l.line) == 1 && docstring.MatchString(l.line[0]) {
			l.line[0] = "\x03"
		}
		first, last := l.line[0], l.line[len(l.line)-1]
		l.docAt = last == ":" && slices.Contains([]string{"def", "class", "async"}, first)
		for _, t := range l.line {
			l.out.WriteString(t)
			l.out.WriteByte(0)
		}
		l.out.WriteByte('\n')
	}
	l.line, l.fresh = l.line[:0], true
}

// wordLength is the length of the name or number that a text starts with.
func wordLength(s string) int {
	if isDigit(s[0]) || s[0] == '.' && len(s) > 1 && isDigit(s[1]) {
		return numberLength(s)
	}
	n := 0
	for n < len(s) && isWord(s[n]) {
		n++
	}
	return n
}

func numberLength(s string) int {
	hex := strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X")
	n := 0
	for n < len(s) && (isWord(s[n]) || s[n] == '.' || !hex && n > 0 && (s[n] == '+' || s[n] == '-') && (s[n-1] == 'e' || s[n-1] == 'E')) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}

var stringStart = regexp.MustCompile(`^(?i:[rbuft]{0,3})(?:"""|'''|"|')`)

// stringLength is the length of the string that a text starts with, 0 if it starts with
// none. It isn't sure where an f-string has a quote within braces: newer versions of Python
// go on there.
func stringLength(s string) (n int, sure bool) {
	start := stringStart.FindString(s)
	if start == "" {
		return 0, true
	}
	prefix := strings.ToLower(strings.TrimRight(start, `"'`))
	quote := start[len(prefix):]
	formatted := strings.ContainsAny(prefix, "ft")
	depth := 0
	for i := len(start); i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case formatted && s[i] == '{':
			depth++
		case formatted && s[i] == '}':
			depth--
		case formatted && depth > 0 && (s[i] == '"' || s[i] == '\'' || s[i] == '#'):
			return 0, false
		case s[i] == '\n' && len(quote) == 1:
			return 0, false
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote), true
		}
	}
	return 0, false
}
