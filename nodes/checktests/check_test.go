package checktests

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

const add = "def add(a, b): return a + b\n"

// problems, and a part of each fault that is to be found; none: the column check is ok, or
// unverified where there is no reference.
var problems = []struct {
	in
	faults []string
}{
	{in{"right", []string{"assert add(1, 2) == 3"}, "", add, "asserts"}, nil},
	{in{"without a reference", []string{"assert add(1, 2) == 3"}, "", "", "asserts"}, nil},
	{in{"named like a builtin", []string{"assert sum(1, 2) == 3", "assert sum(2, 2) == 4"}, "", "def sum(a, b): return a + b", "asserts"}, nil},
	{in{"class", []string{"s = Stack()\ns.push(1)\nassert s.pop() == 1"}, "", "class Stack(list):\n  push = list.append", "asserts"}, nil},
	{in{"changes in place", []string{"x = [2, 1]\nsort(x)\nassert x == [1, 2]"}, "", "def sort(x): x.sort()", "asserts"}, nil},
	{in{"may return None", []string{"assert find([], 1) is None", "assert find([1], 1) == 0"}, "", "def find(l, x): return l.index(x) if x in l else None", "asserts"}, nil},
	{in{"check of HumanEval", []string{"def check(candidate):\n    assert candidate(1, 2) == 3\ncheck(add)"}, "", add, "asserts"}, nil},
	{in{"setup", []string{"assert near(add(1, 2), 3)"}, "def near(a, b): return abs(a - b) < 1e-6", add, "asserts"}, nil},
	{in{"functions", []string{"from solution import add\ndef test_add(): assert add(1, 2) == 3"}, "", add, "functions"}, nil},
	{in{"test case", []string{"import unittest\nclass T(unittest.TestCase):\n  def test(self): self.assertEqual(add(1, 2), 3)"}, "", add, "functions"}, nil},
	{in{"program", []string{`{"input": "1 2", "output": "3"}`}, "", "print(sum(map(int, input().split())))", "program"}, nil},
	{in{"absence that is expected", []string{"try:\n  import nosuchmodule\nexcept ImportError:\n  pass\nassert add(1, 2) == 3"}, "", add, "asserts"}, nil},

	{in{"no tests", nil, "", add, "asserts"}, []string{"there are no tests"}},
	{in{"unparsable test", []string{"assert add(1, 2) == 3", "assert add([1,2] == 1"}, "", add, "asserts"}, []string{"test 1, line 1, doesn't parse"}},
	{in{"unparsable setup", []string{"assert add(1, 2) == 3"}, "x = (", add, "asserts"}, []string{"setup, line 1, doesn't parse"}},
	{in{"return outside", []string{"return add(1, 2) == 3"}, "", add, "asserts"}, []string{"doesn't parse: 'return' outside function"}},
	{in{"missing module", []string{"import nosuchmodule.part\nassert add(1, 2) == 3"}, "", add, "asserts"}, []string{"test 0 imports nosuchmodule", "ouroflow image build"}},
	{in{"missing module in functions", []string{"from nosuchmodule import x\nfrom solution import add\ndef test_a(): assert add(1, 2) == 3"}, "", add, "functions"}, []string{"imports nosuchmodule"}},
	{in{"empty test", []string{""}, "", add, "asserts"}, []string{"test 0 is empty"}},
	{in{"comment", []string{"# nothing here"}, "", add, "asserts"}, []string{"test 0 is empty"}},
	{in{"prints", []string{"print(add(1, 2))"}, "", add, "asserts"}, []string{"does nothing passes all"}},
	{in{"compares, and asserts nothing", []string{"add(1, 2) == 3"}, "", add, "asserts"}, []string{"does nothing passes all"}},
	{in{"one test of two asserts nothing", []string{"assert add(1, 2) == 3", "x = 1"}, "", add, "asserts"}, []string{"test 1 can't fail"}},
	{in{"a list as text", []string{"['assert add(1, 2) == 3', 'assert add(0, 0) == 0']"}, "", add, "asserts"}, []string{"can't fail"}},
	{in{"a payload as text", []string{`{"inputs": ["1 2"], "outputs": ["3"]}`}, "", add, "asserts"}, []string{"can't fail"}},
	{in{"wrong reference", []string{"assert add(1, 2) == 3", "assert add(1, 2) == 4"}, "", add, "asserts"}, []string{"its reference doesn't pass: failed at test 1, line 1"}},
	{in{"reference that never ends", []string{"assert add(1, 2) == 3"}, "", "def add(a, b):\n  while True: pass", "asserts"}, []string{"its reference doesn't pass: timeout"}},
	{in{"no test function", []string{"from solution import add\nassert add(1, 2) == 3"}, "", add, "functions"}, []string{"test 0 has no function test_*"}},
	{in{"no output", []string{`{"input": "1 2", "output": ""}`}, "", "print(sum(map(int, input().split())))", "program"}, []string{"test 0 can't fail"}},
	{in{"another form", []string{"assert add(1, 2) == 3"}, "", add, "program"}, []string{"isn't {\"input\""}},
}

func checked(t *testing.T, onFault string) (rows []row, logs, failed string) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: ", err)
	}
	b := nodetest.New(t)
	var ins []in
	for _, p := range problems {
		ins = append(ins, p.in)
	}
	nodetest.Bind(t, b, "in", ins)
	res, err := b.Run(t, Type(), func(p any) { p.(*Params).Runtime, p.(*Params).OnFault = "process", onFault })
	if err != nil {
		return nil, "", err.Error()
	}
	return nodetest.Rows[row](t, b, res, "out"), strings.Join(b.Logs(), "\n"), ""
}

type row struct {
	ProblemID string   `arrow:"problem_id"`
	Check     string   `arrow:"check"`
	Faults    []string `arrow:"check_faults"`
}

// Each fault is found, and nothing else is called one.
func TestFaultsAreFound(t *testing.T) {
	rows, logs, _ := checked(t, "mark")
	if len(rows) != len(problems) {
		t.Fatalf("%d rows", len(rows))
	}
	for i, p := range problems {
		want := ok
		switch {
		case p.faults != nil:
			want = fault
		case p.Reference == "":
			want = unverified
		}
		text := strings.Join(rows[i].Faults, "\n")
		if rows[i].Check != want {
			t.Errorf("%s: %s, want %s: %s", p.ProblemID, rows[i].Check, want, text)
		}
		for _, part := range p.faults {
			if !strings.Contains(text, part) || !strings.Contains(logs, "problem "+p.ProblemID+": ") {
				t.Errorf("%s: %q isn't in %q", p.ProblemID, part, text)
			}
		}
	}
}

func TestFaultsAreRefused(t *testing.T) {
	_, _, failed := checked(t, refuse)
	for _, part := range []string{"problem unparsable test: test 1, line 1, doesn't parse", "and ", "on_fault: drop"} {
		if !strings.Contains(failed, part) {
			t.Errorf("%q isn't in %s", part, failed)
		}
	}
}

func TestFaultsAreDropped(t *testing.T) {
	rows, _, failed := checked(t, drop)
	want := 0
	for _, p := range problems {
		if p.faults == nil {
			want++
		}
	}
	if len(rows) != want {
		t.Errorf("%d rows are left, want %d; %s", len(rows), want, failed)
	}
}
