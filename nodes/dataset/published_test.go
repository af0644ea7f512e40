package dataset

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// rowOf writes a row as JSON; values are those of Go that JSON has.
func rowOf(t *testing.T, pairs ...any) string {
	t.Helper()
	var s tableio.Struct
	for i := 0; i < len(pairs); i += 2 {
		s = append(s, tableio.Member{Name: pairs[i].(string), Value: pairs[i+1]})
	}
	text, err := tableio.JSON(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// packedCases packs test cases as LiveCodeBench does: protocol 4 of pickle.
func packedCases(t *testing.T, cases string) string {
	t.Helper()
	pickle := "\x80\x04X" + string([]byte{byte(len(cases)), byte(len(cases) >> 8), 0, 0}) + cases + "\x94."
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write([]byte(pickle)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// appsRow is a row of APPS with these tests.
func appsRow(t *testing.T, starter, inputOutput string) string {
	return rowOf(t, "problem_id", 3, "question", "Add.", "solutions", `["print(1)\n", "x"]`, "input_output", inputOutput,
		"difficulty", "interview", "url", "u", "starter_code", starter)
}

func lcbRow(t *testing.T, public, private, starter, metadata string) string {
	return rowOf(t, "question_title", "A", "question_content", "Add.", "platform", "atcoder", "question_id", "abc_a", "contest_id", "abc",
		"contest_date", "2024-01-01T00:00:00", "starter_code", starter, "difficulty", "easy",
		"public_test_cases", public, "private_test_cases", private, "metadata", metadata)
}

func bcbRow(t *testing.T) string {
	return rowOf(t, "task_id", "BigCodeBench/7", "complete_prompt", "def task_func():\n    \"\"\"One.\"\"\"\n", "instruct_prompt", "Return one.",
		"canonical_solution", "    return 1", "code_prompt", "def task_func():", "test", "import unittest\nclass TestCases(unittest.TestCase):\n    pass\n",
		"entry_point", "task_func", "doc_struct", "{}", "libs", "['math']")
}

const contestsRow = `{"name": "1_A", "description": "Add.", "public_tests": {"input": ["1\n"], "output": ["2\n"]}, "private_tests": {"input": [], "output": []},
	"generated_tests": {"input": ["3\n"], "output": ["4\n"]}, "solutions": {"language": [2, 3], "solution": ["int main(){}", "print(1)"]}, "time_limit": {"seconds": 2, "nanos": 0}}`

const plusRow = `{"task_id": 2, "code": "def add(a, b):\n    return a + b", "prompt": "Add two.", "source_file": "x", "test_imports": ["import math"],
	"test_list": ["assert add(1, 2) == 3"], "test": "for i in range(3):\n    assert add(i, -i) == 0\n"}`

func oneLine(row string) string { return strings.ReplaceAll(row, "\n\t", " ") }

// Each data set as it is published.
func TestPublished(t *testing.T) {
	for name, test := range map[string]struct {
		row     string
		columns map[string]string
		format  string
		want    problem
	}{
		"mbpp_plus": {
			row:  oneLine(plusRow),
			want: problem{"2", "prompt", "Add two.", []string{"for i in range(3):\n    assert add(i, -i) == 0\n"}, "import math", "def add(a, b):\n    return a + b", "add", "asserts", nil},
		},
		"mbpp_plus, old tests": {
			row: oneLine(plusRow), columns: map[string]string{"tests": "test_list"},
			want: problem{"2", "prompt", "Add two.", []string{"assert add(1, 2) == 3"}, "import math", "def add(a, b):\n    return a + b", "add", "asserts", nil},
		},
		"apps, program": {
			row:  appsRow(t, "", `{"inputs": ["1 2\n", ["3", "4"], 5], "outputs": ["3\n", ["7"], 5]}`),
			want: problem{"3", "", "Add.", []string{`{"input":"1 2\n","output":"3\n"}`, `{"input":"3\n4","output":"7"}`, `{"input":"5","output":"5"}`}, "", "print(1)\n", "", "program", nil},
		},
		"apps, method": {
			row:    appsRow(t, "class Solution:\n    def add(self, a):", `{"fn_name": "add", "inputs": [[[1], null], [{"1": true}, 2]], "outputs": [[3], {"2": "x"}]}`),
			format: "apps",
			want: problem{"3", "", "Add.\n\nclass Solution:\n    def add(self, a):", []string{"assert _same(Solution().add([1], None), [3])", `assert _same(Solution().add({1: True}), [{2: "x"}])`},
				preamble("add") + appsSame, "print(1)\n", "Solution", "asserts", nil},
		},
		"apps, columns named": {
			row: appsRow(t, "", `{"inputs": ["1"], "outputs": ["2"]}`), columns: map[string]string{"prompt": "question", "tests": "input_output"},
			want: problem{"3", "", "Add.", []string{`{"input":"1","output":"2"}`}, "", "print(1)\n", "", "program", nil},
		},
		"livecodebench, stdin": {
			row:  lcbRow(t, `[{"input": "1\n", "output": "2\n", "testtype": "stdin"}]`, packedCases(t, `[{"input": "3", "output": "4", "testtype": "stdin"}]`), "", "{}"),
			want: problem{"abc_a", "", "Add.", []string{`{"input":"1\n","output":"2\n"}`, `{"input":"3","output":"4"}`}, "", "", "", "program", nil},
		},
		"livecodebench, functional": {
			row: lcbRow(t, `[{"input": "[1, true]\n\"a\"", "output": "null", "testtype": "functional"}]`, "[]", "class Solution:\n    def f(self): ", `{"func_name": "f"}`),
			want: problem{"abc_a", "", "Add.\n\nclass Solution:\n    def f(self): ", []string{`assert _plain(Solution().f([1, True], "a")) == None`},
				preamble("f") + plain, "", "Solution", "asserts", nil},
		},
		"livecodebench, public": {
			row: lcbRow(t, `[{"input": "1", "output": "2", "testtype": "stdin"}]`, "broken", "", "{}"), columns: map[string]string{"tests": "public_test_cases"},
			want: problem{"abc_a", "", "Add.", []string{`{"input":"1","output":"2"}`}, "", "", "", "program", nil},
		},
		"codecontests": {
			row:  oneLine(contestsRow),
			want: problem{"1_A", "", "Add.", []string{`{"input":"1\n","output":"2\n"}`, `{"input":"3\n","output":"4\n"}`}, "", "print(1)", "", "program", nil},
		},
		"bigcodebench": {
			row: bcbRow(t), columns: map[string]string{"prompt": "instruct_prompt"},
			want: problem{"BigCodeBench/7", "", "Return one.", []string{"import unittest\nclass TestCases(unittest.TestCase):\n    pass\n"}, "",
				"def task_func():\n    \"\"\"One.\"\"\"\n\n    return 1", "task_func", "functions", nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := load(t, "p.jsonl", test.row, func(p *Params) {
				p.Column, p.Format = test.columns, orElse(test.format, "auto")
			})
			if err != nil {
				t.Fatal(err)
			}
			a, _ := tableio.JSON(got)
			b, _ := tableio.JSON([]problem{test.want})
			if a != b {
				t.Errorf("got  %s\nwant %s", a, b)
			}
		})
	}
}

func TestPublishedRefused(t *testing.T) {
	stdin := `[{"input": "1", "output": "2", "testtype": "stdin"}]`
	for name, test := range map[string]struct {
		row, format, want string
	}{
		"apps, uneven":           {appsRow(t, "", `{"inputs": ["1"], "outputs": []}`), "", `row 1 (3): field "input_output": it doesn't have as many outputs as inputs`},
		"apps, no JSON":          {appsRow(t, "", `{"inputs": [`), "", "neither JSON"},
		"apps, injected":         {appsRow(t, "", `{"fn_name": "f()\n", "inputs": [[1]], "outputs": [1]}`), "", "no name of a function"},
		"apps, null":             {appsRow(t, "", `{"inputs": [null], "outputs": ["1"]}`), "", "test 0: it is null"},
		"apps, none tested":      {appsRow(t, "", ""), "", "no problem is left of 0"},
		"livecodebench, garbage": {lcbRow(t, stdin, "no base64!", "", "{}"), "", "private_test_cases: it is neither JSON nor"},
		"livecodebench, code":    {lcbRow(t, stdin, base64.StdEncoding.EncodeToString([]byte("cos\nsystem\n.")), "", "{}"), "", "neither JSON nor"},
		"livecodebench, type":    {lcbRow(t, `[{"input": "1", "output": "2"}]`, "[]", "", "{}"), "", "its testtype is"},
		"livecodebench, no name": {lcbRow(t, `[{"input": "1", "output": "2", "testtype": "functional"}]`, "[]", "", "{}"), "", "func_name"},
		"wrong format":           {bcbRow(t), "apps", "format: apps needs fields that the row lacks: question, solutions"},
		"MbppPlus.jsonl":         {`{"task_id": "Mbpp/2", "prompt": "x", "entry_point": "f", "canonical_solution": "def f(): pass", "base_input": [[1]], "plus_input": [], "atol": 0, "contract": "", "assertion": "assert f()"}`, "", "evalplus/mbppplus"},
		"no check":               {`{"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f", "canonical_solution": "    pass", "test": "assert f()"}`, "", "defines no function check"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(t, "p.jsonl", test.row, func(p *Params) { p.Format = orElse(test.format, "auto") })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want %q", err, test.want)
			}
		})
	}
}

// Problems of APPS without tests are left out, others kept.
func TestUntested(t *testing.T) {
	content := appsRow(t, "", "") + "\n" + strings.Replace(appsRow(t, "", `{"inputs": ["1"], "outputs": ["2"]}`), `"problem_id":3`, `"problem_id":4`, 1)
	got, _, err := load(t, "p.jsonl", content, nil)
	if err != nil || len(got) != 1 || got[0].ID != "4" {
		t.Errorf("got %v, %v", got, err)
	}
}

// passes runs setup, code and tests by plain Python.
func passes(t *testing.T, q problem, code string) bool {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3: ", err)
	}
	program := strings.Join(append([]string{q.Setup, code}, q.Tests...), "\n\n")
	return exec.Command(python, "-c", program).Run() == nil
}

// Tests that are made of a data set's inputs and outputs tell right from wrong as the
// data set does.
func TestMadeTests(t *testing.T) {
	method := appsRow(t, "", `{"fn_name": "f", "inputs": [[2], [3]], "outputs": [[[[2, 2]]], [[[3, 3]]]]}`)
	plus := func(name, solution, inputs, atol string) string {
		return `{"task_id": "HumanEval/1", "prompt": "import math\ndef ` + name + `(x):\n    \"\"\"É '''.\"\"\"\n", "entry_point": "` + name +
			`", "canonical_solution": "` + solution + `", "base_input": [[` + inputs + `]], "plus_input": [], "contract": "", "atol": ` + atol + `}`
	}
	for name, test := range map[string]struct {
		row, code string
		want      bool
	}{
		"apps, right":             {method, "def f(x): return [[x, x]]", true},
		"apps, tuples":            {method, "def f(x): return [(x, x)]", true},
		"apps, wrong":             {method, "def f(x): return [[x, 0]]", false},
		"evalplus, right":         {plus("f", `    x.append(1)\n    return sum(x)\n`, "[1, 2]", "0"), "def f(x): return sum(x) + 1", true},
		"evalplus, changes input": {plus("f", `    return sum(x)\n`, "[1, 2]", "0"), "def f(x):\n    x.append(0)\n    return sum(x)", true},
		"evalplus, wrong":         {plus("f", `    return sum(x)\n`, "[1, 2]", "0"), "def f(x): return 4", false},
		"evalplus, float":         {plus("f", `    return [0.1 + v for v in x]\n`, "[0.2]", "0"), "def f(x): return [0.3]", true},
		"evalplus, far float":     {plus("f", `    return [0.1 + v for v in x]\n`, "[0.2]", "0"), "def f(x): return [0.31]", false},
		"evalplus, tolerance":     {plus("f", `    return 1.0\n`, "[0.2]", "0.1"), "def f(x): return 1.05", true},
		"evalplus, type":          {plus("f", `    return 1.0\n`, "[0.2]", "0.1"), "def f(x): return '1'", false},
		"evalplus, any zero":      {plus("find_zero", `    return 1\ndef poly(xs, x): return sum(c * x ** i for i, c in enumerate(xs))\n`, "[-1, 0, 1]", "0.0001"), "def find_zero(x): return -1", true},
		"evalplus, no zero":       {plus("find_zero", `    return 1\ndef poly(xs, x): return sum(c * x ** i for i, c in enumerate(xs))\n`, "[-1, 0, 1]", "0.0001"), "def find_zero(x): return 0", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := load(t, "p.jsonl", test.row, nil)
			if err != nil {
				t.Fatal(err)
			}
			if passes(t, got[0], test.code) != test.want {
				t.Errorf("%q passes: %v", test.code, !test.want)
			}
		})
	}
}

// The tests of all problems of the examples are passed by their references.
func TestExamples(t *testing.T) {
	for _, name := range []string{"apps", "livecodebench", "bigcodebench"} {
		got, _, err := loadPath(t, "../../pipelines/examples/data/"+name+".jsonl", nil)
		if err != nil || len(got) < 3 {
			t.Fatalf("%s: %d problems, %v", name, len(got), err)
		}
		for _, q := range got {
			if q.Form == formAsserts && q.Reference != "" && !passes(t, q, q.Reference) {
				t.Errorf("%s: the reference of %s fails", name, q.ID)
			}
		}
	}
}

// Small files from public reports, of which each was read wrongly once.
func TestReportedCases(t *testing.T) {
	cases := "../../../shared/cases"
	if _, err := os.Stat(cases); err != nil {
		t.Skip("the reported cases are not here: ", err)
	}
	for name, test := range map[string]struct {
		file    string
		columns map[string]string
		extra   []string
		want    string // of the first problem, or of the error
	}{
		"28":        {"28/HumanEvalPlus.jsonl.gz", nil, nil, `_check_inputs(add, _reference_solution(`},
		"29":        {"29/problems.jsonl", nil, nil, `row 1 (blank_test): test 0, \"\", has no code`},
		"30 pandas": {"30/pandas.csv", nil, nil, `"Tests":["assert f11(1) == 12","assert f11(0) == 11"]`},
		"30 numpy":  {"30/hf_np.csv", nil, nil, `"Tests":["assert f11(1) == 12","assert f11(0) == 11"]`},
		"31":        {"31/apps.jsonl", map[string]string{"prompt": "question", "tests": "input_output"}, nil, `"Form":"program"`},
		"32":        {"32/problems.jsonl", nil, []string{"meta"}, `"Tests":["{\"input\":\"1 2\\n\",\"output\":\"3\\n\"}"]`},
		"32 packed": {"32/lcb.jsonl", nil, nil, `"Form":"program"`},
		"34":        {"34/mbppplus_hf.jsonl", map[string]string{"tests": "test"}, nil, `assert add(5, -5) == 0`},
		"36":        {"36/wr.jsonl", nil, nil, `"Reference":"def f(): return 1"`},
		"38":        {"38/stream.arrow", nil, nil, `"Tests":["assert f11(1) == 12","assert f11(0) == 11"]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := loadPath(t, filepath.Join(cases, test.file), func(p *Params) { p.Column, p.Extra = test.columns, test.extra })
			text, _ := tableio.JSON(got)
			if err != nil {
				text, _ = tableio.JSON(err.Error())
			}
			if !strings.Contains(text, test.want) {
				t.Errorf("%s, want %s", text, test.want)
			}
		})
	}
}
