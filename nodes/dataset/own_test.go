package dataset

import (
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// Tests of a file of one's own, by what they are.
func TestOwnTests(t *testing.T) {
	module := `from solution import f\n\ndef test_a():\n    assert f() == 1\n`
	for name, test := range map[string]struct{ tests, form, want string }{
		"list":            {`["assert f(1)", "assert f(2)"]`, "asserts", `["assert f(1)","assert f(2)"]`},
		"text":            {`"assert f(1)\nassert f(2)"`, "asserts", `["assert f(1)\nassert f(2)"]`},
		"list in a text":  {`"[\"assert f(1)\"]"`, "asserts", `["assert f(1)"]`},
		"pandas":          {`"['assert f(\"a\")', \"assert f('b')\"]"`, "asserts", `["assert f(\"a\")","assert f('b')"]`},
		"numpy":           {`"['assert f(1)'\n 'assert f(2)']"`, "asserts", `["assert f(1)","assert f(2)"]`},
		"objects":         {`[{"input": "1", "output": "2", "weight": 1.50}]`, "program", `["{\"input\":\"1\",\"output\":\"2\",\"weight\":1.50}"]`},
		"object":          {`{"input": "1", "output": "2"}`, "program", `["{\"input\":\"1\",\"output\":\"2\"}"]`},
		"objects in text": {`["{\"input\": \"1\", \"output\": \"2\"}"]`, "program", `["{\"input\": \"1\", \"output\": \"2\"}"]`},
		"inputs":          {`"{'inputs': ['1'], 'outputs': ['2']}"`, "program", `["{\"input\":\"1\",\"output\":\"2\"}"]`},
		"input lists":     {`{"input": ["1"], "output": ["2"]}`, "program", `["{\"input\":\"1\",\"output\":\"2\"}"]`},
		"functions":       {`["` + module + `"]`, "functions", ""},
		"test case":       {`["import unittest\nclass X(unittest.TestCase):\n    def test(self): self.assertTrue(f())\n"]`, "functions", ""},
		"called function": {`["def test_a():\n    assert f()\ntest_a()\n"]`, "asserts", ""},
		"check":           {`["def check(g):\n    assert g()\ncheck(f)\n"]`, "asserts", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := load(t, "p.jsonl", `{"problem_id": 1, "prompt": "x", "tests": `+test.tests+`}`, nil)
			if err != nil {
				t.Fatal(err)
			}
			tests, _ := tableio.JSON(got[0].Tests)
			if got[0].Form != test.form || test.want != "" && tests != test.want {
				t.Errorf("%s: %s, want %s: %s", got[0].Form, tests, test.form, test.want)
			}
		})
	}
}

func TestOwnRefused(t *testing.T) {
	for name, test := range map[string]struct {
		fields string
		set    func(*Params)
		want   string
	}{
		"like a list":      {`"tests": "[assert f(1)]"`, nil, `row 1 (1): field "tests": it begins like a list`},
		"comprehension":    {`"tests": "[f(x) for x in (1, 2)]"`, nil, "if it is one test, give it in a list"},
		"cut by numpy":     {`"tests": "['a' ... 'b']"`, nil, "numpy left elements out"},
		"number":           {`"tests": [1]`, nil, "test 0: it is a number"},
		"null":             {`"tests": ["assert f()", null]`, nil, "test 1: it is null"},
		"truth":            {`"tests": true`, nil, "want a list of tests"},
		"object":           {`"tests": [{"in": "1"}]`, nil, "needs input and output"},
		"output":           {`"tests": [{"input": "1", "output": 2}]`, nil, "its output is a number"},
		"blank":            {`"tests": ["assert f()", " # no\n"]`, nil, "test 1"},
		"comparison":       {`"tests": ["f() == 1"]`, nil, "asserts nothing"},
		"print":            {`"tests": ["print(f())"]`, nil, "asserts nothing"},
		"in a text":        {`"tests": ["f() == 'assert'  # check"]`, nil, "asserts nothing"},
		"mixed":            {`"tests": ["assert f()", {"input": "1", "output": "2"}]`, nil, "some of its tests are inputs"},
		"mixed functions":  {`"tests": ["assert f()", "def test_a():\n    assert f()"]`, nil, "some of its tests are functions"},
		"wrong form":       {`"tests": ["assert f()"]`, func(p *Params) { p.Form = "program" }, "which form: program wants"},
		"program as code":  {`"tests": [{"input": "1", "output": "2"}]`, func(p *Params) { p.Form = "asserts" }, "set form: program"},
		"null tests":       {`"tests": null`, nil, "it has no tests"},
		"no tests":         {`"test": "x"`, nil, "`columns: {tests: FIELD}` names the field that holds them; there are: problem_id, prompt, test"},
		"list of prompts":  {`"tests": ["assert f()"], "reference": ["x"]`, nil, `field "reference": it is a list, want a text`},
		"unknown column":   {`"tests": ["assert f()"]`, func(p *Params) { p.Column = map[string]string{"setup": "imports"} }, `columns.setup is "imports", but no row has such a field; there are: problem_id, prompt, tests`},
		"unknown extra":    {`"tests": ["assert f()"]`, func(p *Params) { p.Extra = []string{"code"} }, `extra names "code"`},
		"id is an object":  {`"tests": ["assert f()"], "id": {}`, func(p *Params) { p.Column = map[string]string{"problem_id": "id"} }, `field "id": it is an object`},
		"setup of numbers": {`"tests": ["assert f()"], "setup": [1]`, nil, "element 0 is a number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(t, "p.jsonl", `{"problem_id": 1, "prompt": "x", `+test.fields+`}`, test.set)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want %q", err, test.want)
			}
		})
	}
}

// Extra fields keep their meaning: lists and objects are JSON, null is empty.
func TestExtraValues(t *testing.T) {
	content := `{"problem_id": "a", "prompt": "x", "tests": ["assert f()"], "o": {"b": [1.0, null], "a": "<"}, "n": null, "t": true, "x": 1e3, "setup": ["import a", "import b"]}`
	var p Params
	var o tableio.Object
	for row, err := range tableio.Objects("jsonl", strings.NewReader(content)) {
		if err != nil {
			t.Fatal(err)
		}
		o = row
	}
	p.Extra, p.Form = []string{"o", "n", "t", "x"}, "auto"
	c := &converter{p: p, seen: map[string]bool{}, fields: map[string]bool{}}
	q, _, err := c.convert(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(q.extra, "|"); got != `{"b":[1.0,null],"a":"<"}||true|1e3` || q.Setup != "import a\nimport b" {
		t.Errorf("extra %s, setup %q", got, q.Setup)
	}
}

// Ids with a number at their end can be split by ranges.
func TestNumberedIDs(t *testing.T) {
	got, _, err := load(t, "p.jsonl", `{"problem_id": "X/7", "prompt": "x", "tests": ["assert f()"]}`,
		func(p *Params) { p.Split.Ranges = map[string]string{"a": "5-9"} })
	if err != nil || len(got) != 1 || got[0].Split != "a" {
		t.Errorf("got %v, %v", got, err)
	}
}

func FuzzListed(f *testing.F) {
	for _, s := range []string{`["a"]`, `['a' 'b']`, `{"inputs": ["1"], "outputs": ["2"]}`, `[{"input": "1", "output": "2"}]`} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		var q problem
		if ownTests(tableio.Object{"tests": text}, "tests", &q) == nil && len(q.Tests) > 0 {
			c := converter{p: Params{Form: "auto"}}
			_ = c.setForm(&q)
		}
	})
}
