package vllmsample

import (
	"context"
	_ "embed"
	"regexp"
	"strings"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/execution"
)

// ExtractParams are the params of the node type extract_code.
type ExtractParams struct {
	Cut string `yaml:"cut" enum:"none|compiles|statement" doc:"What else is taken away. none: nothing. compiles: the end, up to the longest prefix of lines that compiles. statement: that, and from the first top-level statement after a function or class on that is no definition, import or assignment, such as a call, a print or a test. A program of which nothing compiles stays as it is."`
	execution.Place
}

type completed struct {
	Completion string `arrow:"completion"`
	Prefix     string `arrow:"prefix"`
}

type extracted struct {
	Code string `arrow:"code"`
}

// ExtractType returns the node type extract_code.
func ExtractType() *node.Type {
	return node.RowDef[ExtractParams, completed, extracted]{
		Name:    "extract_code",
		Version: 1,
		Doc: "Makes a program of each completion: the content of the first fenced block, else the prefix and the completion. " +
			"It can be changed without sampling anything again.",
		Defaults: ExtractParams{Cut: "none", Place: execution.DefaultPlace()},
		Check:    func(p ExtractParams) error { return p.Place.Check() },
		Pin: func(ctx context.Context, p ExtractParams) (node.Pins, error) {
			if p.Cut == "none" {
				return nil, nil
			}
			return p.Place.Pin(ctx)
		},
		Witness: func(p ExtractParams) ([]string, bool) { return nil, p.Cut == "none" },
		Run:     runExtract,
	}.Type()
}

func runExtract(ctx context.Context, p ExtractParams, w *node.Work[completed, extracted]) error {
	if p.Cut != "none" {
		return cut(ctx, p, w)
	}
	return w.Parallel(1, func(_ int, item node.Item[completed]) (extracted, error) {
		return extracted{ExtractCode(item.In.Prefix, item.In.Completion)}, nil
	})
}

// question is what the program of extract.py is asked.
type question struct {
	Code      string `json:"code"`
	Statement bool   `json:"statement"`
}

//go:embed extract.py
var cutter string

// cutChunk is how many programs are cut at once.
const cutChunk = 256

func cut(ctx context.Context, p ExtractParams, w *node.Work[completed, extracted]) error {
	tool, err := execution.NewTool(ctx, p.Place, cutter, w.Logf)
	if err != nil {
		return err
	}
	defer tool.Close()
	return w.Chunks(tool.Workers, cutChunk, func(n int, items []node.Item[completed]) error {
		questions := make([]question, len(items))
		for i, item := range items {
			questions[i] = question{ExtractCode(item.In.Prefix, item.In.Completion), p.Cut == "statement"}
		}
		answers, err := execution.Answer[question, string](tool, n, questions)
		if err != nil {
			return err
		}
		for i, item := range items {
			code := questions[i].Code
			if answers[i] != nil {
				code = *answers[i]
			}
			if err := w.Emit(item, extracted{code}); err != nil {
				return err
			}
		}
		return nil
	})
}

var fence = regexp.MustCompile("(?m)^[ \t]*```([A-Za-z0-9_+-]*)[ \t]*\r?\n")

// ExtractCode makes a program of a completion:
//
//  1. If the prefix opens a fenced block (a line of three backticks and maybe a
//     language), as an answer that was begun for a chat model may, the program is what
//     follows in the prefix and the completion, up to a closing line or the end.
//  2. If the completion opens one, the program is its content, up to its closing line
//     or the end.
//  3. Otherwise it is the prefix followed by the completion, cut before a closing
//     fence, which a chat model writes when the prompt has opened the block.
//
// Nothing else is repaired: a candidate that doesn't compile should be seen as
// one. The version of extract_code goes up with every change here.
func ExtractCode(prefix, completion string) string {
	if open := fence.FindStringIndex(prefix); open != nil {
		return beforeClosing(prefix[open[1]:] + completion)
	}
	if open := fence.FindStringIndex(completion); open != nil && opensBlock(prefix, completion, open[0]) {
		return beforeClosing(completion[open[1]:])
	}
	return prefix + beforeClosing(completion)
}

// opensBlock tells an opening fence from the closing one of a block that the
// prompt began: an opening one names a language, or there is no prefix to close.
func opensBlock(prefix, completion string, at int) bool {
	line, _, _ := strings.Cut(completion[at:], "\n")
	return prefix == "" || strings.TrimSpace(line) != "```"
}

var closer = regexp.MustCompile("(?m)^[ \t]*```[ \t]*\r?$")

// beforeClosing returns a text up to a closing fence.
func beforeClosing(text string) string {
	if at := closer.FindStringIndex(text); at != nil {
		return text[:at[0]]
	}
	return text
}
