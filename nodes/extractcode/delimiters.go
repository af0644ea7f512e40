package extractcode

import (
	"slices"
	"sort"
	"strings"
)

// delimited returns what delimiters enclose, of the first of their pairs that there is.
// If there are fenced blocks, one has to begin between the delimiters. If the entry point
// is defined outside of them alone, they are of something else.
func (x *Extractor) delimited(text, entry string, o outline) []string {
	found := x.delimiters.in(text, 0)
	if len(found) == 0 {
		return nil
	}
	for pair := range x.delimiters.pairs {
		places := enclosed(text, found, pair, o)
		if len(places) == 0 || o.fenced() && !slices.ContainsFunc(places, o.beginsIn) {
			continue
		}
		var parts []string
		for _, p := range places {
			parts = append(parts, text[p.from:p.to])
		}
		if defines := func(part string) bool { return namesOf(part).defines(entry) }; slices.ContainsFunc(parts, defines) || !defines(text) {
			return parts
		}
	}
	return nil
}

// beginsIn reports whether a fenced block begins in a span.
func (o outline) beginsIn(s span) bool {
	i := sort.Search(len(o.blocks), func(i int) bool { return o.blocks[i].from >= s.from })
	return i < len(o.blocks) && o.blocks[i].from < s.to
}

// enclosed finds what is between the texts of a pair. The opening one begins a line. A
// closing one that comes first is of a program that the prompt opened, and what follows is
// of no interest. An opening one that none closes encloses all that follows.
func enclosed(text string, found []tag, pair int, o outline) []span {
	var list []span
	open, inline := -1, false
	for _, t := range found {
		if o.quoted.at(t.from) != nil {
			continue
		}
		switch {
		case slices.Contains(t.opens, pair) && open < 0:
			if inline = !beginsLine(text, t.from); !inline {
				open = t.to
			}
		case !slices.Contains(t.closes, pair) || isSubscript(text, t):
		case inline: // a mention in prose
			inline = false
		case open >= 0:
			list = append(list, span{from: open, to: t.from})
			open = -1
		case len(list) == 0 && strings.TrimSpace(text[:t.from]) != "":
			return []span{{to: t.from}}
		}
	}
	if open >= 0 {
		list = append(list, span{from: open, to: len(text)})
	}
	return list
}

// isSubscript reports whether a closing text such as [DONE] may be a part of a program.
func isSubscript(text string, t tag) bool {
	return text[t.from] == '[' && text[t.from+1] != '/' && !beginsLine(text, t.from)
}

// unwrapped takes delimiters off the code of a block that begins or ends with one.
func (x *Extractor) unwrapped(code string) string {
	found := x.delimiters.in(code, 0)
	if len(found) == 0 {
		return code
	}
	first, last := found[0], found[len(found)-1]
	from, to := 0, len(code)
	if len(first.opens) > 0 && strings.TrimSpace(code[:first.from]) == "" {
		from = first.to
	}
	if len(last.closes) > 0 && strings.TrimSpace(code[last.to:]) == "" && !isSubscript(code, last) && quotedIn(code).at(last.from) == nil {
		to = max(from, last.from)
	}
	if from == 0 && to == len(code) {
		return code
	}
	return strings.TrimLeft(code[from:to], "\r\n")
}
