package vllmsample

import (
	"fmt"
	"regexp"
	"strings"
	"text/template"

	"github.com/ouroflow/ouroflow/engine/node"
)

// prompter renders prompts and the prefixes of the code.
type prompter struct {
	prompt, prefix *template.Template
}

var functions = template.FuncMap{
	"first": func(list []string) string {
		if len(list) == 0 {
			return ""
		}
		return list[0]
	},
	"join":      strings.Join,
	"signature": signature,
	"starter":   starter,
}

func newPrompter(p Params) (*prompter, error) {
	prompt, err := parseTemplate("prompt", p.Prompt)
	if err != nil {
		return nil, err
	}
	prefix, err := parseTemplate("prefix", p.Prefix)
	if err != nil {
		return nil, err
	}
	return &prompter{prompt, prefix}, nil
}

// parseTemplate also tries the template, so that a wrong name is found before
// anything runs.
func parseTemplate(field, text string) (*template.Template, error) {
	t, err := template.New(field).Funcs(functions).Option("missingkey=error").Parse(text)
	if err == nil {
		err = t.Execute(&strings.Builder{}, in{Tests: []string{""}})
	}
	if err != nil {
		return nil, node.BadField(field, "it is no valid template: %v", err)
	}
	return t, nil
}

func (p *prompter) render(row in) (prompt, prefix string, err error) {
	var a, b strings.Builder
	if err := p.prompt.Execute(&a, row); err != nil {
		return "", "", fmt.Errorf("rendering the prompt: %w", err)
	}
	if err := p.prefix.Execute(&b, row); err != nil {
		return "", "", fmt.Errorf("rendering the prefix: %w", err)
	}
	return a.String(), b.String(), nil
}

// signature returns the line of the reference that defines the entry point, and
// for a class also the line of the method that follows it: what a model has to
// go on from.
func signature(row in) (string, error) {
	if row.EntryPoint == "" {
		return "", nil
	}
	start := regexp.MustCompile(`^(async +)?(def|class)[ \t]+` + regexp.QuoteMeta(row.EntryPoint) + `\b`)
	lines := strings.Split(row.Reference, "\n")
	for i, line := range lines {
		if !start.MatchString(line) {
			continue
		}
		if strings.HasPrefix(line, "class") && i+1 < len(lines) && strings.HasPrefix(strings.TrimSpace(lines[i+1]), "def ") {
			return line + "\n" + lines[i+1], nil
		}
		return line, nil
	}
	return "", fmt.Errorf("the reference doesn't define %q, so it has no signature", row.EntryPoint)
}

// starter returns `def NAME(` or `class NAME` for the entry point.
func starter(row in) (string, error) {
	line, err := signature(row)
	if strings.HasPrefix(line, "class") {
		return "class " + row.EntryPoint, err
	}
	return "def " + row.EntryPoint + "(", err
}
