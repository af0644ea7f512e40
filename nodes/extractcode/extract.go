package extractcode

import "strings"

// Reply is what a model said to a prompt.
type Reply struct {
	Prefix     string // code that the prompt ended with, which the text goes on from
	Text       string
	EntryPoint string // name of the function or class that is called, if one is
}

// Program is what a reply is as code.
type Program struct {
	Code string
	// How says where the code was in the reply:
	//
	//	whole                 all of the prefix and the reply
	//	fence                 a fenced block
	//	closing_fence         before a fence that closes the block that the prompt opened
	//	unfenced              before the first fenced block
	//	delimiters            between delimiters; delimiters+fence: in a fenced block there
	//	no_python             nowhere: all blocks are marked as something else, or, if
	//	                      block is entry_point, none defines it
	//	reasoning_unfinished  nowhere: the reply ends within reasoning
	//
	// followed, as it applies, by +joined (several blocks were put together), +reasoning
	// (reasoning was taken off) and +end_of_text (so was a token and what followed it).
	How string
}

// Extractor makes programs of replies. It may be used by several goroutines at once.
type Extractor struct {
	block      string
	reasoning  *tags
	ends       *tags
	delimiters *tags
}

// New returns an extractor by the rules that params set.
func New(p Params) *Extractor {
	return &Extractor{
		block: p.Block, reasoning: newTags(orPairs(p.Reasoning, reasoningTags)),
		ends: newTags(orPairs(single(p.EndOfText), single(endTokens))), delimiters: newTags(orPairs(p.Delimiters, delimiterTags)),
	}
}

// orPairs returns what a param is set to, else the usual pairs.
func orPairs(set, usual [][]string) [][]string {
	if set != nil {
		return set
	}
	return usual
}

// Extract makes a program of a reply. Nothing is repaired: a candidate that doesn't
// compile should be seen as one. The version of extract_code goes up with every change.
func (x *Extractor) Extract(r Reply) Program {
	said, reasoned, finished := x.withoutReasoning(r)
	if !finished {
		return Program{How: "reasoning_unfinished"}
	}
	r.Text = said
	if reasoned {
		r.Text = strings.TrimLeft(said, "\r\n")
	}
	said, ended := x.upToEnd(r)
	r.Text = said
	p := x.program(r)
	if reasoned {
		p.How += "+reasoning"
	}
	if ended {
		p.How += "+end_of_text"
	}
	return p
}

// program finds the code in what is left of a reply.
func (x *Extractor) program(r Reply) Program {
	text := r.Prefix + r.Text
	if !strings.Contains(text, "```") && !strings.Contains(text, "~~~") && len(x.delimiters.in(text, 0)) == 0 {
		return Program{text, "whole"}
	}
	o := outlineOf(text, len(r.Prefix))
	parts := x.delimited(text, r.EntryPoint, o)
	if len(parts) > 0 {
		return x.within(parts, r.EntryPoint)
	}
	if !o.fenced() {
		return Program{text, "whole"}
	}
	c := x.choose(o.blocks, r.EntryPoint)
	return x.taken(c)
}

// fenced reports whether there is a fence.
func (o outline) fenced() bool {
	for _, b := range o.blocks {
		if b.fenced || b.closed {
			return true
		}
	}
	return false
}

// taken is the program that was chosen from blocks.
func (x *Extractor) taken(c choice) Program {
	if len(c.blocks) == 0 {
		return Program{How: "no_python"}
	}
	how := "fence"
	switch last := c.blocks[len(c.blocks)-1]; {
	case !last.fenced && last.closed:
		how = "closing_fence"
	case !last.fenced:
		how = "unfenced"
	}
	if len(c.blocks) > 1 {
		how += "+joined"
	}
	return Program{x.unwrapped(c.code), how}
}

// within finds the code in what delimiters enclose.
func (x *Extractor) within(parts []string, entry string) Program {
	var blocks []block
	how := "delimiters"
	for _, part := range parts {
		o := outlineOf(part, 0)
		if !o.fenced() {
			blocks = append(blocks, block{code: strings.TrimLeft(part, "\r\n"), language: python})
			continue
		}
		how = "delimiters+fence"
		blocks = append(blocks, o.blocks...)
	}
	c := x.choose(blocks, entry)
	if len(c.blocks) == 0 {
		return Program{How: "no_python"}
	}
	if len(c.blocks) > 1 {
		how += "+joined"
	}
	return Program{c.code, how}
}
