package prompt

// builtInTemplate is a prompt that comes with ouroflow.
type builtInTemplate struct {
	prompt, system, prefix string
	shots                  int
}

// builtIn has the templates by name.
var builtIn = map[string]builtInTemplate{
	"docstring": {prompt: `"""
{{.Prompt}}
{{first .Tests}}
"""
`},
	// Austin et al., Program Synthesis with Large Language Models, 2021, section 4.1;
	// they take tasks 2, 3 and 4 as examples.
	"few_shot": {shots: 3, prompt: `{{range .Shots}}You are an expert Python programmer, and here is your task: {{.Prompt}} Your code should pass these tests:

{{join .Tests "\n"}}
[BEGIN]
{{.Reference}}
[DONE]

{{end}}You are an expert Python programmer, and here is your task: {{.Prompt}} Your code should pass these tests:

{{join .Tests "\n"}}
[BEGIN]
`},
	"chat": {prompt: `{{.Prompt}}

The code has to pass these tests:
` + "```python" + `
{{join .Tests "\n"}}
` + "```" + `
Answer with one block of Python code and nothing else.`},
	"humaneval": {prompt: "{{.Prompt}}", prefix: "{{.Prompt}}"},
	"humaneval_chat": {prompt: `Complete this Python function. Answer with the whole function in one block of Python code and nothing else.
` + "```python" + `
{{.Prompt}}
` + "```"},
	"none": {},
}
