package extractcode

import (
	"context"
	_ "embed" // for extract.py

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/execution"
)

// question is what the program of extract.py is asked.
type question struct {
	Code      string `json:"code"`
	Statement bool   `json:"statement"`
}

//go:embed extract.py
var cutter string

// cutChunk is how many programs are cut at once.
const cutChunk = 256

// cut extracts programs and takes away what Python's own parser, in the sandbox, says.
func cut(ctx context.Context, x *Extractor, p Params, w *node.Work[in, out]) error {
	tool, err := execution.NewTool(ctx, p.Place, cutter, w.Logf)
	if err != nil {
		return err
	}
	defer tool.Close()
	return w.Chunks(tool.Workers, cutChunk, func(n int, items []node.Item[in]) error {
		rows, questions := make([]out, len(items)), make([]question, len(items))
		for i, item := range items {
			rows[i] = x.row(item.In)
			questions[i] = question{rows[i].Code, p.Cut == "statement"}
		}
		answers, err := execution.Answer[question, string](tool, n, questions)
		if err != nil {
			return err
		}
		for i, item := range items {
			if answers[i] != nil {
				rows[i].Code = *answers[i]
			}
			if err := w.Emit(item, rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}
