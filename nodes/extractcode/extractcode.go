// Package extractcode makes programs of what language models reply: the node type
// extract_code. docs/SAMPLING.md describes the rules.
package extractcode

import (
	"context"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/execution"
)

// Params are the params of the node type extract_code.
type Params struct {
	Block      string     `yaml:"block" enum:"auto|first|last|longest|entry_point|joined" doc:"Which of several code blocks is the program; only those of Python count. auto: the last that defines the entry point, else the last that defines something, else the first; blocks that define what it uses are put before it. entry_point: the same, but a reply without the entry point has no program. joined: all of them, one after the other. first, last, longest: that one alone."`
	Reasoning  [][]string `yaml:"reasoning" doc:"Pairs of an opening and a closing tag, between which a model reasons. Unset: the usual ones (docs/SAMPLING.md lists them); an empty list: none."`
	EndOfText  []string   `yaml:"end_of_text" doc:"Tokens that end a reply. Unset: the usual ones (docs/SAMPLING.md lists them); an empty list: none."`
	Delimiters [][]string `yaml:"delimiters" doc:"Pairs of texts that enclose a program where fences don't, such as [BEGIN] and [DONE]. Unset: the usual ones (docs/SAMPLING.md lists them); an empty list: none."`
	Cut        string     `yaml:"cut" enum:"none|compiles|statement" doc:"What else is taken away. none: nothing. compiles: the end, up to the longest prefix of lines that compiles. statement: that, and from the first top-level statement after a function or class on that is no definition, import or assignment, such as a call, a print or a test. A program of which nothing compiles stays as it is."`
	execution.Place
}

// in are the columns that decide a program.
type in struct {
	Completion string `arrow:"completion"`
	Prefix     string `arrow:"prefix"`
	EntryPoint string `arrow:"entry_point"`
}

type out struct {
	Code       string `arrow:"code"`
	Extraction string `arrow:"extraction"` // what was done to the reply, as Program has it
}

// Type returns the node type extract_code.
func Type() *node.Type {
	return node.RowDef[Params, in, out]{
		Name:    "extract_code",
		Version: 2,
		Doc: "Makes a program of each completion: reasoning and end-of-text tokens are taken off, and of the code blocks in the rest the one that answers the problem is taken; " +
			"without any, the program is the prefix and the completion. The column `extraction` says what was done. It can be changed without sampling anything again.",
		Defaults: Params{Block: "auto", Cut: "none", Place: execution.DefaultPlace()},
		Check:    check,
		Pin: func(ctx context.Context, p Params) (node.Pins, error) {
			if p.Cut == "none" {
				return nil, nil
			}
			return p.Place.Pin(ctx)
		},
		Witness: func(p Params) ([]string, bool) { return nil, p.Cut == "none" },
		Run:     run,
	}.Type()
}

func check(p Params) error {
	for _, param := range []struct {
		field string
		pairs [][]string
	}{{"reasoning", p.Reasoning}, {"delimiters", p.Delimiters}} {
		for _, pair := range param.pairs {
			if len(pair) != 2 || pair[0] == "" || pair[1] == "" || pair[0] == pair[1] {
				return node.BadField(param.field, "%q is no pair of two different texts, such as [\"<think>\", \"</think>\"]", pair)
			}
		}
	}
	for _, token := range p.EndOfText {
		if token == "" {
			return node.BadField("end_of_text", "an empty text would end every reply at once")
		}
	}
	return p.Check()
}

func run(ctx context.Context, p Params, w *node.Work[in, out]) error {
	x := New(p)
	if p.Cut != "none" {
		return cut(ctx, x, p, w)
	}
	return w.Parallel(1, func(_ int, item node.Item[in]) (out, error) { return x.row(item.In), nil })
}

// row makes the program of a row.
func (x *Extractor) row(r in) out {
	p := x.Extract(Reply{Prefix: r.Prefix, Text: r.Completion, EntryPoint: r.EntryPoint})
	return out{p.Code, p.How}
}
