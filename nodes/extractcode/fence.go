package extractcode

import (
	"regexp"
	"strings"
)

// fence is the line that opens a fenced block.
type fence struct {
	mark   string // the run of backticks or tildes
	info   string
	quotes int // depth of the block quotes that it is in
	indent int // columns before it, those of a list item's marker among them
}

var listMarker = regexp.MustCompile(`^(?:[-*+]|[0-9]{1,9}[.)])[ \t]+`)

// openingFence reads a line as CommonMark does, but for the indent, which may be any: in
// a reply a fence is meant as one.
func openingFence(line string) (f fence, ok bool) {
	rest := strings.TrimRight(line, " \t\r\n")
	for {
		body := strings.TrimLeft(rest, " \t")
		f.indent += columns(rest[:len(rest)-len(body)], f.indent)
		rest = body
		if strings.HasPrefix(rest, ">") {
			f.quotes++
			f.indent = 0
			rest = strings.TrimPrefix(rest[1:], " ")
		} else if marker := listMarker.FindString(rest); marker != "" {
			f.indent += columns(marker, f.indent)
			rest = rest[len(marker):]
		} else {
			break
		}
	}
	f.mark = runOf(rest)
	f.info = strings.TrimSpace(rest[len(f.mark):])
	ok = len(f.mark) >= 3 && (f.mark[0] == '~' || !strings.Contains(f.info, "`"))
	return f, ok
}

// runOf returns the backticks or tildes that a text begins with.
func runOf(text string) string {
	if text == "" || text[0] != '`' && text[0] != '~' {
		return ""
	}
	return text[:len(text)-len(strings.TrimLeft(text, text[:1]))]
}

// columns counts those that blanks or a marker take from a column on.
func columns(text string, from int) int {
	column := from
	for _, c := range text {
		if c == '\t' {
			column += 4 - column%4
		} else {
			column++
		}
	}
	return column - from
}

// closedBy reports whether a line of the block closes it.
func (f fence) closedBy(line string) bool {
	rest := strings.TrimSpace(f.unquoted(line))
	mark := runOf(rest)
	return len(mark) >= len(f.mark) && len(mark) == len(rest) && mark[0] == f.mark[0]
}

// left reports whether a line is outside of the block quote that the block is in.
func (f fence) left(line string) bool {
	return f.quotes > 0 && !strings.HasPrefix(strings.TrimLeft(line, " \t"), ">")
}

// unquoted takes the marks of the block's block quotes off a line.
func (f fence) unquoted(line string) string {
	for range f.quotes {
		rest := strings.TrimLeft(line, " \t")
		if !strings.HasPrefix(rest, ">") {
			break
		}
		line = strings.TrimPrefix(rest[1:], " ")
	}
	return line
}

// content takes the fence's indent off a line, as far as it has that.
func (f fence) content(line string) string {
	line = f.unquoted(line)
	column := 0
	for i := range len(line) {
		if column >= f.indent || line[i] != ' ' && line[i] != '\t' {
			return strings.Repeat(" ", max(0, column-f.indent)) + line[i:]
		}
		column += columns(line[i:i+1], column)
	}
	return line
}

// The languages of blocks, as far as they matter.
type language int

const (
	unmarked language = iota // nothing is said, or nothing that is known
	python
	foreign // never a program
)

var pythonNames = regexp.MustCompile(`^(?:i?python|py|cpython|pypy)[-_]?[0-9.]*$|\.py$`)

// foreignNames are the info strings of blocks that are no Python.
var foreignNames = func() map[string]bool {
	names := map[string]bool{}
	for _, name := range strings.Fields(`
		bash sh shell zsh fish console terminal cmd bat batch powershell ps1 shellsession sh-session
		text txt plain plaintext output out stdout stdin input result results log logs error traceback pytb
		pycon python-repl python-console doctest pseudocode pseudo algorithm
		json jsonl json5 yaml yml toml ini xml html css scss csv tsv markdown md rst latex tex math mermaid dot graphviz
		sql sqlite mysql java javascript js jsx typescript ts tsx node c h cpp c++ cc cxx hpp cs csharp c# fsharp f# go golang rust rs
		ruby rb php perl r julia jl kotlin swift scala haskell hs lua matlab octave dart objective-c objc ocaml lisp scheme clojure
		elixir erlang fortran pascal cobol assembly asm nasm verilog vhdl solidity zig nim groovy vb vbnet prolog
		diff patch dockerfile docker makefile make cmake nginx http regex`) {
		names[name] = true
	}
	return names
}()

// languageOf reads an info string: python, py3, Python title="a.py", {.python .numbered}.
func languageOf(info string) language {
	name := strings.ToLower(strings.TrimSpace(info))
	name = strings.TrimLeft(name, "{. ")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "language-"), "lang-")
	if end := strings.IndexAny(name, " \t,:;}{([="); end >= 0 {
		name = name[:end]
	}
	switch {
	case pythonNames.MatchString(name):
		return python
	case foreignNames[name]:
		return foreign
	}
	return unmarked
}
