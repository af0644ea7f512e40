package extractcode

import (
	"sort"
	"strings"
)

// block is a part of a reply that is code.
type block struct {
	code     string
	language language
	from, to int  // its place in the text, its fences included
	fenced   bool // false: it begins the text without a fence
	closed   bool // by a fence
}

// outline is what is where in a text.
type outline struct {
	blocks []block
	quoted spans // literals and comments of code, and quotations in prose
}

// within reports whether a place is in a fenced block.
func (o outline) within(place int) bool {
	i := sort.Search(len(o.blocks), func(i int) bool { return o.blocks[i].to > place })
	return i < len(o.blocks) && o.blocks[i].from <= place && o.blocks[i].fenced
}

// outliner goes over the lines of a text.
type outliner struct {
	lines  []line
	lexer  lexer
	blocks []block

	open    bool // a block is
	fence   fence
	start   int // line that the block begins in
	content strings.Builder
	begun   bool // the content has a line that isn't blank
	doubt   int  // line that closes the block, if the literal it is in never ends; -1 if none
	resume  int  // how long the content is up to there
}

// outlineOf finds the blocks of a text. The first own bytes of it are what the prompt
// ended with.
func outlineOf(text string, own int) outline {
	o := &outliner{lines: linesOf(text), doubt: -1}
	if beginsWithCode(text, own) {
		o.open = true
	}
	for i := 0; i < len(o.lines); i++ {
		i = o.line(i)
		if i == len(o.lines)-1 && o.open && o.doubt >= 0 {
			i = o.rewind()
		}
	}
	if o.open {
		o.end(len(o.lines), false)
	}
	return outline{o.blocks, o.lexer.found}
}

// beginsWithCode reports whether a text begins with code that no fence opens: the prompt
// did, or none is used. What goes on from code in the prompt is judged by its first line.
func beginsWithCode(text string, own int) bool {
	head := text
	for _, l := range linesOf(text) {
		if _, ok := openingFence(l.text); ok {
			head = text[:l.at]
			break
		}
	}
	if len(head) < own {
		return false
	}
	said := strings.TrimLeft(head[own:], "\r\n")
	if strings.TrimSpace(text[:own]) != "" {
		said, _, _ = strings.Cut(said, "\n")
	}
	said = strings.TrimSpace(said)
	return strings.HasPrefix(said, `"""`) || strings.HasPrefix(said, "'''") || looksLikePython(said)
}

// line reads a line, and returns the number of the last one that is done with.
func (o *outliner) line(i int) int {
	switch {
	case !o.open:
		o.outside(i)
	case o.fence.mark != "" && o.fence.left(o.lines[i].text):
		o.end(i, true)
		o.outside(i)
	case o.language() == foreign:
		o.inForeign(i)
	case o.lexer.triple != "":
		return o.inLiteral(i)
	default:
		o.inCode(i)
	}
	return i
}

func (o *outliner) language() language {
	if o.fence.mark == "" {
		return unmarked
	}
	return languageOf(o.fence.info)
}

func (o *outliner) outside(i int) {
	f, ok := openingFence(o.lines[i].text)
	if !ok {
		f, ok = lateFence(o.lines[i].text)
	}
	if !ok {
		o.lexer.prose(o.lines[i].text, o.lines[i].at)
		return
	}
	o.open, o.fence, o.start = true, f, i
}

// lateFence finds a fence that opens a block of Python at the end of a line of prose.
func lateFence(line string) (f fence, ok bool) {
	before, info, found := strings.Cut(strings.TrimRight(line, " \t\r\n"), "```")
	ok = found && before != "" && !strings.Contains(before, "`") && !strings.Contains(info, "`") && languageOf(info) == python
	return fence{mark: "```", info: info}, ok
}

// write adds a line to the block. The fence's indent is taken off all lines, or as much of
// it as the first has: some models indent the fence alone.
func (o *outliner) write(text string) {
	line := o.fence.unquoted(text)
	body := strings.TrimLeft(line, " \t")
	if !o.begun && strings.TrimSpace(body) != "" {
		o.begun = true
		o.fence.indent = min(o.fence.indent, columns(line[:len(line)-len(body)], 0))
	}
	o.content.WriteString(o.fence.content(text))
}

func (o *outliner) inForeign(i int) {
	if o.fence.closedBy(o.lines[i].text) {
		o.end(i, true)
		return
	}
	o.write(o.lines[i].text)
}

func (o *outliner) inCode(i int) {
	text := o.lines[i].text
	if o.closes(text) {
		o.end(i, true)
		return
	}
	if o.fence.mark == "" {
		if _, ok := openingFence(text); ok {
			o.end(i, false)
			o.outside(i)
			return
		}
	}
	o.lexer.code(text, o.lines[i].at)
	if at := o.lateClose(i); at >= 0 {
		o.write(text[:at])
		o.end(i, true)
		return
	}
	o.write(text)
}

// closes reports whether a line closes the block.
func (o *outliner) closes(text string) bool {
	if o.fence.mark == "" {
		return fence{mark: "```"}.closedBy(text) || fence{mark: "~~~"}.closedBy(text)
	}
	return o.fence.closedBy(text)
}

// lateClose returns where a closing fence begins that stands behind code in its line,
// where Python has no backticks, or -1.
func (o *outliner) lateClose(i int) int {
	text := strings.TrimRight(o.lines[i].text, " \t\r\n")
	bare := strings.TrimRight(text, "`")
	if len(text)-len(bare) < 3 || o.lexer.triple != "" || o.lexer.found.at(o.lines[i].at+len(bare)) != nil {
		return -1
	}
	return len(bare)
}

// inLiteral reads a line that begins in a literal. A fence in it is a part of it, unless
// the literal never closes, or another block opens after what would have closed this one.
func (o *outliner) inLiteral(i int) int {
	text := o.lines[i].text
	if o.closes(text) {
		if o.doubt < 0 {
			o.doubt, o.resume = i, o.content.Len()
		}
	} else if f, ok := openingFence(text); ok && f.info != "" && o.doubt >= 0 {
		return o.rewind()
	}
	o.lexer.code(text, o.lines[i].at)
	if o.lexer.triple == "" {
		o.doubt = -1
	}
	o.write(text)
	return i
}

// rewind ends the block at the fence in doubt, whose number it returns.
func (o *outliner) rewind() int {
	at := o.doubt
	kept := o.content.String()[:o.resume]
	o.content.Reset()
	o.content.WriteString(kept)
	o.end(at, true)
	return at
}

// end ends the block before a line, or by it.
func (o *outliner) end(i int, closed bool) {
	b := block{code: o.content.String(), language: o.language(), fenced: o.fence.mark != "", closed: closed}
	b.from, b.to = o.lines[o.start].at, o.lines[len(o.lines)-1].at+len(o.lines[len(o.lines)-1].text)
	if i < len(o.lines) {
		b.to = o.lines[i].at
		if closed {
			b.to += len(o.lines[i].text)
		}
	}
	o.blocks = append(o.blocks, b)
	o.open, o.begun, o.fence, o.doubt = false, false, fence{}, -1
	o.lexer.triple = ""
	o.content.Reset()
}
