package prompt

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

var shots = []problem{
	{ProblemID: "1", Split: "test", Prompt: "No.", Tests: []string{"assert no()"}, Reference: "def no(): pass", EntryPoint: "no"},
	{ProblemID: "2", Split: "prompt", Prompt: "One.", Tests: []string{"assert one() == 1"}, Reference: "def one(): return 1", EntryPoint: "one"},
	{ProblemID: "3", Split: "prompt", Prompt: "Two.", Tests: []string{"assert two() == 2"}, Reference: "def two(): return 2", EntryPoint: "two"},
	{ProblemID: "4", Split: "prompt", Prompt: "Three.", Tests: []string{"assert three() == 3"}, Reference: "def three(): return 3", EntryPoint: "three"},
}

var asked = problem{ProblemID: "9", Split: "train", Prompt: "Add.", Tests: []string{"assert add(1, 2) == 3", "assert add(0, 0) == 0"}, Reference: "import x\ndef add(a, b):\n    return a + b\n", EntryPoint: "add"}

func rendered(t *testing.T, set func(*Params)) ([]out, error) {
	t.Helper()
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", []problem{asked})
	nodetest.Bind(t, b, "shots", shots)
	res, err := b.Run(t, Type(), func(p any) { set(p.(*Params)) })
	if err != nil {
		return nil, err
	}
	return nodetest.Rows[out](t, b, res, "out"), nil
}

func TestTemplates(t *testing.T) {
	const shot = "You are an expert Python programmer, and here is your task: %s Your code should pass these tests:\n\n%s\n[BEGIN]\n"
	for name, test := range map[string]struct {
		set  func(*Params)
		want out
	}{
		"docstring": {func(*Params) {}, out{Request: "\"\"\"\nAdd.\nassert add(1, 2) == 3\n\"\"\"\n"}},
		"none":      {func(p *Params) { p.Template = "none" }, out{}},
		"humaneval": {func(p *Params) { p.Template = "humaneval" }, out{Request: "Add.", Prefix: "Add."}},
		"few_shot": {func(p *Params) { p.Template, p.Shots = "few_shot", 2 }, out{Request: fmt.Sprintf(shot+"def one(): return 1\n[DONE]\n\n"+shot+"def two(): return 2\n[DONE]\n\n"+shot,
			"One.", "assert one() == 1", "Two.", "assert two() == 2", "Add.", "assert add(1, 2) == 3\nassert add(0, 0) == 0")}},
		"own": {func(p *Params) {
			p.Prompt, p.System, p.Prefix = "{{.ProblemID}} {{.Split}} {{len .Tests}}", "Be {{.EntryPoint}}.", "{{signature .}}|{{starter .}}"
		}, out{"9 train 2", "Be add.", "def add(a, b):|def add("}},
		"own shots": {func(p *Params) {
			p.Shots, p.ShotsFrom, p.Prompt = 4, "", "{{range .Shots}}{{starter .}} {{end}}"
		}, out{Request: "def no( def one( def two( def three( "}},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := rendered(t, test.set)
			if err != nil {
				t.Fatal(err)
			}
			if rows[0] != test.want {
				t.Errorf("got  %q\nwant %q", rows[0], test.want)
			}
		})
	}
}

func TestNoProblemIsItsOwnExample(t *testing.T) {
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", shots[1:2])
	nodetest.Bind(t, b, "shots", shots)
	res, err := b.Run(t, Type(), func(p any) {
		q := p.(*Params)
		q.Shots, q.Prompt = 2, "{{range .Shots}}{{.ProblemID}} {{end}}"
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := nodetest.Rows[out](t, b, res, "out")[0].Request; got != "3 4 " {
		t.Errorf("the examples of problem 2 are %q", got)
	}
}

func TestProblems(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(*Params)
		want string
	}{
		"unknown field":    {func(p *Params) { p.Prompt = "{{.Promt}}" }, "prompt: it is no valid template"},
		"half an action":   {func(p *Params) { p.Prefix = "{{" }, "prefix: it is no valid template"},
		"unknown function": {func(p *Params) { p.System = "{{shout .}}" }, "system: it is no valid template"},
		"wrong argument":   {func(p *Params) { p.Prompt = "{{signature .Prompt}}" }, "it wants a problem"},
		"too few shots":    {func(p *Params) { p.Shots = 4 }, `has 3 problems of the split "prompt", but the prompt needs 4`},
	} {
		if _, err := rendered(t, test.set); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: err = %v, want %q", name, err, test.want)
		}
	}
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", []problem{asked})
	_, err := b.Run(t, Type(), func(p any) { p.(*Params).Template = "few_shot" })
	if err == nil || !strings.Contains(err.Error(), "needs: {in: NODE, shots: NODE}") {
		t.Errorf("err = %v", err)
	}
}

func TestSignature(t *testing.T) {
	class := problem{Reference: "import x\nclass Box:\n    def __init__(self, a):\n        self.a = a\n", EntryPoint: "Box"}
	if got, err := signature(class); err != nil || got != "class Box:\n    def __init__(self, a):" {
		t.Errorf("signature = %q, %v", got, err)
	}
	if got, err := starter(class); err != nil || got != "class Box" {
		t.Errorf("starter = %q, %v", got, err)
	}
	if _, err := signature(problem{Reference: "x = 1", EntryPoint: "f"}); err == nil {
		t.Error("a reference without its entry point has a signature")
	}
}
