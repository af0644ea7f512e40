// Package prompt renders what a model is asked: the node type prompt.
package prompt

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/table"
)

// Params of the node.
type Params struct {
	Template  string `yaml:"template" enum:"docstring|few_shot|chat|humaneval|humaneval_chat|none" doc:"Built-in templates; docs/SAMPLING.md shows them. docstring: the text and the first test in a docstring. few_shot: worked examples, then the text and all tests, as in the paper of MBPP. chat: the text and all tests as a message. humaneval: the prompt as it is, which the completion goes on from. humaneval_chat: the same as a message. none: an empty prompt, for recordings that don't tell theirs."`
	Prompt    string `yaml:"prompt" doc:"Go text/template of the prompt, in place of the built-in one, over .ProblemID, .Split, .Prompt, .Tests, .Setup, .Reference, .EntryPoint and .Shots, the examples; functions: first, signature, starter, join."`
	System    string `yaml:"system" doc:"Template of the system message, for the chat API."`
	Prefix    string `yaml:"prefix" doc:"Template of what the prompt ends with that belongs to the code. In a chat, the answer is begun with it. extract_code puts it before the completion."`
	Shots     int    `yaml:"shots" min:"0" max:"1000" doc:"Worked examples for the prompt, the first so many of the input shots; 0 means what the template says: 3 for few_shot, else none."`
	ShotsFrom string `yaml:"shots_from" doc:"Split that the examples are taken from; empty means any."`
}

// problem has what a template can use.
type problem struct {
	ProblemID  string   `arrow:"problem_id"`
	Split      string   `arrow:"split"`
	Prompt     string   `arrow:"prompt"`
	Tests      []string `arrow:"tests"`
	Setup      string   `arrow:"setup"`
	Reference  string   `arrow:"reference"`
	EntryPoint string   `arrow:"entry_point"`
}

// subject is what a template is executed on.
type subject struct {
	problem
	Shots []problem
}

type out struct {
	Request string `arrow:"request"` // the prompt, as it will be sent
	System  string `arrow:"system"`  // message before it, in a chat
	Prefix  string `arrow:"prefix"`  // beginning of the code that the model goes on from
}

// Type returns the node type prompt.
func Type() *node.Type {
	return node.RowDef[Params, problem, out]{
		Name:     "prompt",
		Version:  1,
		Doc:      "Renders the prompt of each problem. Samples are known by the rendered text, so a change here samples again only the problems whose prompt differs.",
		Defaults: Params{Template: "docstring", ShotsFrom: "prompt"},
		Check:    func(p Params) error { _, err := newRenderer(p); return err },
		Sides:    []node.Port{{Name: "shots", Doc: "Problems to take worked examples from.", Schema: table.SchemaOf[problem](), Optional: true}},
		Run:      run,
	}.Type()
}

func run(_ context.Context, p Params, w *node.Work[problem, out]) error {
	r, err := newRenderer(p)
	if err != nil {
		return err
	}
	shots, err := examples(r.shots, p.ShotsFrom, w)
	if err != nil {
		return err
	}
	return w.Parallel(1, func(_ int, item node.Item[problem]) (out, error) {
		o, err := r.render(subject{item.In, others(shots, item.In, r.shots)})
		if err != nil {
			return out{}, fmt.Errorf("problem %s: %w", item.In.ProblemID, err)
		}
		return o, nil
	})
}

// others returns the first n of the examples that aren't the problem itself.
func others(shots []problem, than problem, n int) []problem {
	rest := slices.DeleteFunc(slices.Clone(shots), func(s problem) bool { return s.ProblemID == than.ProblemID })
	return rest[:min(n, len(rest))]
}

// examples returns the first n problems of a split of the input shots, and one more if
// there is one, in place of one that is asked about.
func examples(n int, split string, in node.Inputs) ([]problem, error) {
	if n == 0 {
		return nil, nil
	}
	if !in.Bound("shots") {
		return nil, fmt.Errorf("the prompt has %d worked examples, but the input shots isn't bound; bind it to a table of problems: `needs: {in: NODE, shots: NODE}`", n)
	}
	r, err := in.Table("shots")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var found []problem
	for p, err := range table.Each[problem](r) {
		if err != nil {
			return nil, err
		}
		if split == "" || p.Split == split {
			if found = append(found, p); len(found) > n {
				return found, nil
			}
		}
	}
	if len(found) == n {
		return found, nil
	}
	return nil, fmt.Errorf("the input shots has %d problems of the split %q, but the prompt needs %d; lower shots, or set shots_from", len(found), split, n)
}

// renderer has the templates of a prompt: of the request, the system message and the
// prefix.
type renderer struct {
	parts [3]*template.Template
	shots int
}

func newRenderer(p Params) (*renderer, error) {
	b := builtIn[p.Template]
	r := &renderer{shots: cmp.Or(p.Shots, b.shots)}
	for i, part := range []struct{ field, own, builtIn string }{
		{"prompt", p.Prompt, b.prompt}, {"system", p.System, b.system}, {"prefix", p.Prefix, b.prefix},
	} {
		var err error
		if r.parts[i], err = parse(part.field, cmp.Or(part.own, part.builtIn), r.shots); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// parse also tries the template, so that a wrong name is found before anything runs.
func parse(field, text string, shots int) (*template.Template, error) {
	t, err := template.New(field).Funcs(functions).Parse(text)
	if err == nil {
		long := strings.Repeat("x", 1000) // for templates that cut
		try := problem{ProblemID: long, Split: long, Prompt: long, Tests: slices.Repeat([]string{long}, 10), Setup: long, Reference: long}
		err = t.Execute(io.Discard, subject{try, slices.Repeat([]problem{try}, max(1, shots))})
	}
	if err != nil {
		return nil, node.BadField(field, "it is no valid template: %v", err)
	}
	return t, nil
}

func (r *renderer) render(s subject) (out, error) {
	var texts [3]string
	for i, part := range r.parts {
		var text strings.Builder
		if err := part.Execute(&text, s); err != nil {
			return out{}, fmt.Errorf("rendering the %s: %w", part.Name(), err)
		}
		texts[i] = text.String()
	}
	return out{texts[0], texts[1], texts[2]}, nil
}
