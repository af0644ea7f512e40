package extractcode

import (
	"slices"
	"sort"
	"strings"
)

// span is a part of a text that is quoted: what looks like markup in it is none.
type span struct {
	from, to int
	comment  bool
}

// spans are in the order of the text and don't overlap.
type spans []span

// at returns the span that a place is in, or nil.
func (s spans) at(place int) *span {
	i := sort.Search(len(s), func(i int) bool { return s[i].to > place })
	if i < len(s) && s[i].from <= place {
		return &s[i]
	}
	return nil
}

// masked is a text with all that is quoted made blank.
func (s spans) masked(text string) string {
	b := []byte(text)
	for _, q := range s {
		for i := q.from; i < q.to; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
	}
	return string(b)
}

// lexer finds the literals and comments of Python in the lines of a text. It is a rough
// one, and takes time in proportion to the text whatever that is.
type lexer struct {
	found  spans
	triple string // the quotes of a literal that goes on in the next line
	opened int    // where that began
	dead   []string
}

// giveUp ends a literal of several lines that never closes, and takes none of its kind
// for one any more.
func (l *lexer) giveUp() {
	l.dead = append(l.dead, l.triple)
	l.triple = ""
}

// code reads a line of code that is at a place of the text.
func (l *lexer) code(line string, at int) {
	i := l.goOn(line, at)
	unclosed := ""
	for word := i; i < len(line); {
		switch c := line[i]; {
		case c == '#':
			l.found = append(l.found, span{at + i, at + len(strings.TrimRight(line, "\r\n")), true})
			return
		case c == '\\':
			i += 2
			word = i
		case c != '"' && c != '\'':
			if i++; !isWordByte(c) {
				word = i
			}
		case !isPrefix(line[word:i]) || strings.IndexByte(unclosed, c) >= 0:
			i++
			word = i
		default:
			end := l.literal(line, i, at)
			if end < 0 {
				unclosed += string(c)
				end = i + 1
			}
			i, word = end, end
		}
	}
}

// goOn returns where in a line the literal ends that it begins in.
func (l *lexer) goOn(line string, at int) int {
	if l.triple == "" {
		return 0
	}
	end := closing(line, 0, l.triple)
	if end < 0 {
		return len(line)
	}
	l.found = append(l.found, span{from: l.opened, to: at + end})
	l.triple = ""
	return end
}

// literal reads a literal that begins at i and returns where it ends, or -1 if it
// doesn't.
func (l *lexer) literal(line string, i, at int) int {
	if quotes := strings.Repeat(line[i:i+1], 3); strings.HasPrefix(line[i:], quotes) {
		return l.long(line, i, at, quotes)
	}
	end := closing(line, i+1, line[i:i+1])
	if end >= 0 {
		l.found = append(l.found, span{from: at + i, to: at + end})
	}
	return end
}

// long reads a literal that may be of several lines.
func (l *lexer) long(line string, i, at int, quotes string) int {
	if slices.Contains(l.dead, quotes) {
		return i + len(quotes)
	}
	end := closing(line, i+len(quotes), quotes)
	if end < 0 {
		l.triple, l.opened = quotes, at+i
		return len(line)
	}
	l.found = append(l.found, span{from: at + i, to: at + end})
	return end
}

// prose reads a line of other text. What is between backticks or quotes is quoted; an
// apostrophe within a word quotes nothing.
func (l *lexer) prose(line string, at int) {
	unclosed := map[string]bool{}
	for i := 0; i < len(line); {
		quotes := quotesAt(line, i)
		if quotes == "" || unclosed[quotes] {
			i += max(1, len(quotes))
			continue
		}
		end := strings.Index(line[i+len(quotes):], quotes)
		if end < 0 {
			unclosed[quotes] = true
			continue
		}
		end += i + 2*len(quotes)
		l.found = append(l.found, span{from: at + i, to: at + end})
		i = end
	}
}

// quotesAt returns the mark that a quotation in prose begins with at i, if one does.
func quotesAt(line string, i int) string {
	switch c := line[i]; {
	case c == '`':
		n := 1
		for n < 3 && strings.HasPrefix(line[i+n:], "`") {
			n++
		}
		return line[i : i+n]
	case (c == '"' || c == '\'') && (i == 0 || !isWordByte(line[i-1])):
		return line[i : i+1]
	}
	return ""
}

// closing returns the place after the quotes that end a literal, or -1.
func closing(line string, from int, quotes string) int {
	for i := from; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		} else if strings.HasPrefix(line[i:], quotes) {
			return i + len(quotes)
		}
	}
	return -1
}

// isPrefix reports whether a literal can have a word before its quotes.
func isPrefix(word string) bool {
	return len(word) <= 2 && strings.Trim(word, "rRbBuUfFtT") == ""
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// quotedIn finds the literals and comments of a program.
func quotedIn(code string) spans {
	var l lexer
	lines := linesOf(code)
	for i := 0; i < len(lines); i++ {
		l.code(lines[i].text, lines[i].at)
		if i == len(lines)-1 && l.triple != "" {
			i = lineAt(lines, l.opened) - 1 // once more without it
			l.found = l.found[:sort.Search(len(l.found), func(k int) bool { return l.found[k].from >= lines[i+1].at })]
			l.giveUp()
		}
	}
	return l.found
}

// line is a line of a text with its end.
type line struct {
	text string
	at   int
}

func linesOf(text string) []line {
	var lines []line
	at := 0
	for part := range strings.Lines(text) {
		lines = append(lines, line{part, at})
		at += len(part)
	}
	return lines
}

// lineAt returns the number of the line that a place is in.
func lineAt(lines []line, place int) int {
	return sort.Search(len(lines), func(i int) bool { return lines[i].at > place }) - 1
}
