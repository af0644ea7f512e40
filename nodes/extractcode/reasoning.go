package extractcode

import (
	"slices"
	"strings"
)

// thought is the state of going over the reasoning tags of a reply.
type thought struct {
	text    string
	own     int // where the reply begins in the text
	start   int // where what it says begins, behind a template's header
	outline outline
	tags    []tag
	last    map[int]int // pair to the last of the tags that may close it

	kept   strings.Builder
	at     int // what is before it has been dealt with
	opened int // tag that reasoning began with, or -1
	closed bool
}

// withoutReasoning takes reasoning off a reply: what is between an opening tag, at the
// beginning of the reply or of a line outside of blocks, and its closing one; and all
// that is before a closing tag whose opening one the prompt had. If the reply ends
// within reasoning, it isn't finished.
func (x *Extractor) withoutReasoning(r Reply) (said string, reasoned, finished bool) {
	text, own := r.Prefix+r.Text, len(r.Prefix)
	found := x.reasoning.in(text, own)
	if len(found) == 0 {
		return r.Text, false, true
	}
	t := &thought{text: text, own: own, outline: outlineOf(text, own), tags: found, at: own, opened: -1, last: map[int]int{}}
	t.start = own + len(header.FindString(r.Text))
	t.start += len(text[t.start:]) - len(strings.TrimLeft(text[t.start:], " \t\r\n"))
	t.findLast()
	for i := range t.tags {
		t.tag(i)
	}
	if t.opened < 0 {
		t.kept.WriteString(text[t.at:])
		return t.kept.String(), t.closed, true
	}
	r.Text = t.kept.String()
	_, ended := x.upToEnd(r) // what the model began after the end doesn't matter
	return r.Text, t.closed, ended
}

// findLast notes the last tag that closes each pair: one that isn't quoted, or else one
// in a line of its own, since drafts leave literals open.
func (t *thought) findLast() {
	for i, tag := range t.tags {
		for _, pair := range tag.closes {
			if !t.quoted(i) {
				t.last[pair] = i
			}
		}
	}
	for i, tag := range t.tags {
		for _, pair := range tag.closes {
			if _, ok := t.last[pair]; !ok && beginsLine(t.text, tag.from) {
				t.last[pair] = i
				break
			}
		}
	}
}

func (t *thought) quoted(i int) bool { return t.outline.quoted.at(t.tags[i].from) != nil }

func (t *thought) tag(i int) {
	tag := t.tags[i]
	switch {
	case tag.from < t.at:
	case t.opened >= 0:
		if t.closes(i) {
			t.at, t.closed, t.opened = tag.to, true, -1
		}
	case t.opens(tag):
		t.kept.WriteString(t.text[t.at:tag.from])
		t.at, t.opened = tag.from, i
	case len(tag.closes) > 0 && !t.quoted(i):
		t.stray(tag)
	}
}

// opens reports whether a tag begins reasoning.
func (t *thought) opens(tag tag) bool {
	if len(tag.opens) == 0 {
		return false
	}
	return tag.from == t.start || beginsLine(t.text, tag.from) && !t.outline.within(tag.from) && t.outline.quoted.at(tag.from) == nil
}

// closes reports whether a tag ends the reasoning at hand.
func (t *thought) closes(i int) bool {
	return slices.ContainsFunc(t.tags[t.opened].opens, func(pair int) bool {
		return slices.Contains(t.tags[i].closes, pair) && (!t.quoted(i) || t.last[pair] == i)
	})
}

// stray handles a closing tag that none opened: all before it was reasoning, unless it
// is one too many at the end.
func (t *thought) stray(tag tag) {
	if t.closed && strings.TrimSpace(t.text[tag.to:]) == "" {
		t.kept.WriteString(t.text[t.at:tag.from])
	} else {
		t.kept.Reset()
	}
	t.at, t.closed = tag.to, true
}

// beginsLine reports whether only blanks are before a place in its line.
func beginsLine(text string, place int) bool {
	before := strings.TrimRight(text[:place], " \t")
	return before == "" || strings.HasSuffix(before, "\n")
}

// upToEnd returns a reply without a template's header, up to the first token that ends
// it. One in a literal of a program, or quoted in prose, doesn't; one in a comment only if
// nothing comes after it, or another token does at once.
func (x *Extractor) upToEnd(r Reply) (said string, ended bool) {
	text, own := r.Prefix+r.Text, len(r.Prefix)+len(header.FindString(r.Text))
	found := x.ends.in(text, own)
	if len(found) == 0 {
		return text[own:], false
	}
	quoted := outlineOf(text, len(r.Prefix)).quoted
	for i, t := range found {
		if q := quoted.at(t.from); q == nil || q.comment && endsComment(text, found, i) {
			return text[own:t.from], true
		}
	}
	return text[own:], false
}

// endsComment reports whether nothing is behind a token but other tokens, or the end.
func endsComment(text string, found []tag, i int) bool {
	end := len(text)
	if i+1 < len(found) {
		end = found[i+1].from
	}
	return strings.TrimSpace(text[found[i].to:end]) == ""
}
