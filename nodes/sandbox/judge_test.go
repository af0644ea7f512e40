package sandbox_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// Values, functions, iterators and objects cross between the judge and a candidate
// as if both were one process.
func TestValuesCross(t *testing.T) { onEach(t, valuesCross) }

func valuesCross(t *testing.T, p *sandbox.Pool) {
	for _, test := range []struct{ name, setup, code, test, want, reason string }{
		{name: "types stay", code: "def f(*a): return a", test: "for v in (None, True, 1, -2**70, 1.5, float('inf'), 'x', '\\ud800', b'\\xff', [1, [2]], (1, (2,)), {1: 2, (1, 2): [3]}, {1, 2}, frozenset({3}), 1j, range(3)):\n  r = f(v)[0]\n  assert r == v and type(r) is type(v), v"},
		{name: "not a number", code: "def f(): return float('nan')", test: "assert f() != f()"},
		{name: "library types", code: "import collections, decimal, fractions, datetime\ndef f(k): return {'c': collections.Counter('aab'), 'o': collections.OrderedDict(a=1), 'd': collections.defaultdict(int, a=1), 'q': collections.deque([1]), 'm': decimal.Decimal('1.5'), 'r': fractions.Fraction(1, 3), 't': datetime.datetime(2020, 1, 2), 'k': {1: 2}.keys(), 'i': {1: 2}.items()}[k]",
			test: "import collections, decimal, fractions, datetime\nassert f('c') == {'a': 2, 'b': 1} and f('o') == {'a': 1} and f('d') == {'a': 1} and f('q')[0] == 1\nassert f('m') == decimal.Decimal('1.5') and f('r') == fractions.Fraction(1, 3) and f('t') == datetime.datetime(2020, 1, 2) and f('k') == {1} and f('i') == {(1, 2)}"},
		{name: "subclasses of library types", code: "import datetime, enum, fractions\nclass D(datetime.date): pass\nclass T(datetime.datetime): pass\nclass M(type):\n  __module__ = property(lambda c: 1 / 0)\nclass O(metaclass=M):\n  a = 1\ndef f(k): return {'d': D(2020, 1, 2), 't': T(2020, 1, 2, 3), 'n': fractions.Fraction(2 ** 80, 3), 's': datetime.timedelta(1, 2, 3), 'o': O()}[k]",
			test: "import datetime, fractions\nassert f('d') == datetime.date(2020, 1, 2) and f('t') == datetime.datetime(2020, 1, 2, 3) and f('s') == datetime.timedelta(1, 2, 3) and f('n') == fractions.Fraction(2 ** 80, 3) and f('o').a == 1", reason: "an object of a class that extends a type of the language"},
		{name: "library types from the test", code: "def f(x): return x + x", test: "import datetime, decimal, fractions\nassert f(decimal.Decimal('1.5')) == decimal.Decimal(3) and f(fractions.Fraction(1, 4)) == fractions.Fraction(1, 2) and f(datetime.timedelta(1)) == datetime.timedelta(2)"},
		{name: "named tuple", code: "import collections\nP = collections.namedtuple('P', 'x y')\ndef f(): return P(1, 2)", test: "assert f() == (1, 2)", reason: "an object of a class that extends a type of the language"},
		{name: "order of a set", code: "def f(s): return tuple(s)", test: "assert f({12, 13, 14, 15, 16}) == (16, 12, 13, 14, 15)"},
		{name: "argument changed in place", code: "def f(l, d): l.sort(); d['x'] = 1", test: "l, d = [2, 1], {}\nf(l, d)\nassert l == [1, 2] and d == {'x': 1}"},
		{name: "function of the test", code: "def f(g, l): return [g(x) for x in l]", test: "assert f(lambda x: x + 1, [1, 2]) == [2, 3]"},
		{name: "function of the test that raises", code: "def f(g):\n  try: g()\n  except ZeroDivisionError: return 'caught'", test: "assert f(lambda: 1 / 0) == 'caught'"},
		{name: "function of the candidate", code: "def f(n): return lambda x: x + n", test: "assert f(1)(2) == 3"},
		{name: "function that goes to and fro", code: "def f(g): return lambda x: g(x) * 2", test: "h = f(lambda x: x + 1)\nassert f(h)(1) == 8"},
		{name: "generator", code: "def f():\n  n = 0\n  while True:\n    yield n\n    n += 1", test: "import itertools\nassert list(itertools.islice(f(), 3)) == [0, 1, 2]"},
		{name: "map and zip", code: "def f(l): return map(str, l)", test: "assert list(f([1])) == ['1'] and f([1]) != ['1']"},
		{name: "class of the candidate", code: "class P:\n  def __init__(s, a): s.a = a\n  def twice(s): return 2 * s.a\n  def __len__(s): return 7\ndef f(ps): return sum(p.a for p in ps)", test: "p = P(3)\nassert f([p, P(4)]) == 7 and p.a == 3 and p.twice() == 6 and len(p) == 7 and isinstance(p, P) and p == p"},
		{name: "exception", code: "def f(): raise KeyError('k')", test: "try:\n  f()\n  assert False\nexcept KeyError as e:\n  assert e.args == ('k',)"},
		{name: "exception of the candidate's", code: "class Bad(ValueError): pass\ndef f(): raise Bad('b', 1)", test: "try:\n  f()\n  assert False\nexcept ValueError as e:\n  assert type(e).__name__ == 'Bad' and e.args == ('b', 1)", reason: "an exception of the class Bad"},
		{name: "keyword arguments", code: "def f(a, *, b=1): return a - b", test: "assert f(b=3, a=5) == 2"},
		{name: "constant", code: "X = {'a': (1, 2)}", test: "assert X == {'a': (1, 2)}"},
		{name: "module that the candidate imported", code: "import math\ndef f(): return math.pi", test: "assert f() == math.pi"},
		{name: "module that is not shared", code: "import sys\ndef f(): return 1", test: "assert f() == 1"},
		{name: "setup", setup: "import math\ndef near(a, b): return math.isclose(a, b)", code: "def near(a, b): return True\ndef f(): return 0.1 + 0.2", test: "assert near(f(), 0.3) and not near(f(), 0.4)", want: verdict.Unsupported, reason: "the program redefines near of the setup"},
		{name: "setup that needs the candidate", setup: "root = Node(0)\nroot.v = 1", code: "class Node:\n  def __init__(s, v): s.v = v\ndef f(n): return n.v", test: "assert f(root) == 1"},
		{name: "types and builtin functions", code: "def f(l, t, g): return [x for x in l if isinstance(x, t)], g(l), type(l)", test: "assert f([1, 'a'], str, len) == (['a'], 2, list)"},
		{name: "function named like a builtin", code: "def sum(a, b): return a * b", test: "assert sum(2, 3) == 6"},
		{name: "random numbers", code: "import random\ndef f(): return random.random()", test: "import random\nassert f() == random.Random(0).random()", reason: "tests and program share random numbers"},
		{name: "value that is too large", code: "def f(): return 'x' * (20 << 20)", test: "assert len(f()) == 20 << 20", reason: "a value can't cross: a value of 20971534 bytes is too large to cross"},
		{name: "value in itself", code: "def f():\n  l = []\n  l.append(l)\n  return l", test: "assert f()[0][0]", reason: "a value that holds the same container twice"},
		{name: "tests that don't end", code: "def f(): return 1", test: "while f(): pass", want: verdict.Timeout},
		{name: "test that is kept busy", code: "def f(): return range(10**18)", test: "assert sum(f()) == 6", want: verdict.Timeout},
		{name: "test that is kept busy in Python", code: "def f(): return range(10**18)", test: "for x in f(): pass", want: verdict.Timeout},
		{name: "test that is fed without end", code: "def f():\n  while True: yield 1", test: "assert list(f()) == [1]", want: verdict.Timeout},
		{name: "test that runs out of memory", code: "def f(): return range(10**18)", test: "assert list(f()) == [1]", want: verdict.MemoryLimit},
		{name: "test that is fed too much memory", code: "def f(): return range(1, 10**9)", test: "assert sorted(f()) == [1]", want: verdict.MemoryLimit},
		{name: "candidate runs out of memory", code: "def f(): return [0] * (1 << 30)", test: "assert f()", want: verdict.MemoryLimit},
	} {
		t.Run(test.name, func(t *testing.T) {
			v, err := p.Judge(0, sandbox.Job{Code: test.code, Setup: test.setup, Tests: []string{test.test}, Form: sandbox.Asserts})
			want := test.want
			if want == "" {
				want = verdict.Passed
			}
			judged := sandbox.Separate
			if test.reason != "" {
				judged = sandbox.InProcess
			}
			if err != nil || v.Verdict != want || v.Judged != judged || v.Reason != test.reason {
				t.Errorf("got %s %s: %s, judged %s (%s), %v; want %s", v.Verdict, v.Exception, v.Message, v.Judged, v.Reason, err, want)
			}
		})
	}
}

// What can't be held apart is run in the candidate's process, by what the tests say.
func TestInProcess(t *testing.T) { onEach(t, inProcess) }

func inProcess(t *testing.T, p *sandbox.Pool) {
	for name, job := range map[string]sandbox.Job{
		"tests define a class":  {Code: "def f(p): return p.x", Tests: []string{"class P: x = 1\nassert f(P()) == 1"}},
		"setup defines a class": {Code: "def f(p): return p.x", Setup: "class P: x = 1", Tests: []string{"assert f(P()) == 1"}},
		"tests import more":     {Code: "def f(): return 1", Tests: []string{"import sqlite3\nassert f() == 1"}},
		"it was asked for":      {Code: "def f(): return 1", Tests: []string{"assert f() == 1"}, InProcess: true},
	} {
		t.Run(name, func(t *testing.T) {
			job.Form = sandbox.Asserts
			v, err := p.Judge(0, job)
			if err != nil || v.Verdict != verdict.Passed || v.Judged != sandbox.InProcess || v.TestsPassed != 1 {
				t.Errorf("got %+v, %v", v, err)
			}
		})
	}
}

// Tests that can't be held apart fail wrong candidates in every form.
func TestInProcessFails(t *testing.T) { onEach(t, testInProcessFails) }

func testInProcessFails(t *testing.T, p *sandbox.Pool) {
	for name, test := range map[string]string{
		"function":        "import os\nfrom solution import inc\ndef test_a(): assert inc(1) == 2",
		"class of pytest": "from solution import inc\nclass Helper: pass\ndef test_a(): assert inc(1) == 2",
	} {
		for code, want := range map[string]string{"def inc(x): return 99": verdict.Failed, "def inc(x): return x + 1": verdict.Passed} {
			v, err := p.Judge(0, sandbox.Job{Code: code, Tests: []string{test}, Form: sandbox.Functions})
			if err != nil || v.Verdict != want || v.Judged != sandbox.InProcess {
				t.Errorf("%s: %q is %s (%s), judged %s, %v; want %s", name, code, v.Verdict, v.Message, v.Judged, err, want)
			}
		}
	}
}

// What tests change in the process that they run in, the next tests don't see: not a
// module, not a builtin, not a function of an earlier candidate.
func TestTestsAreApart(t *testing.T) { onEach(t, testTestsAreApart) }

func testTestsAreApart(t *testing.T, p *sandbox.Pool) {
	for _, test := range []string{
		"import math\nmath.floor = lambda x: 7\nassert f(1) == 1", "import math\nassert math.floor(2.5) == 2 and f(1) == 1",
		"import decimal\ndecimal.getcontext().prec = 3\nassert f(1) == 1", "import decimal\nassert len(str(decimal.Decimal(1) / 3)) == 30",
		"import json\njson.dumps = lambda *a, **k: '{}'", "assert f(2) == 2",
		"import math\nmath.sqrt = f", "import math\nassert math.sqrt(4) == 2.0",
	} {
		v, err := p.Judge(0, sandbox.Job{Code: "def f(x): return x", Tests: []string{test}, Form: sandbox.Asserts})
		if err != nil || v.Verdict != verdict.Passed {
			t.Errorf("%s: %s %s: %s, %v", test, v.Verdict, v.Exception, v.Message, err)
		}
	}
}

// A program that is slow in each of many tests is slow, not a fault.
func TestSlowPrograms(t *testing.T) {
	processRuntime(t) // skips without Python
	p := newPool(t, sandbox.Processes("python3", sandbox.Limits{CPU: 1, Wall: 1, Memory: 512, Output: 64, Processes: 32}), 1)
	tests := make([]string, 14) // longer together than a worker waits for one
	for i := range tests {
		tests[i] = `{"input": "", "output": "1"}`
	}
	v, err := p.Judge(0, sandbox.Job{Code: "import time\ntime.sleep(0.8)\nprint(1)", Tests: tests, Form: sandbox.Program})
	if err != nil || v.Verdict != verdict.Passed || v.TestsPassed != 14 {
		t.Errorf("%+v, %v", v, err)
	}
}

// Tests in each form, passed and failed.
func TestForms(t *testing.T) { onEach(t, forms) }

func forms(t *testing.T, p *sandbox.Pool) {
	const check = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(3) == 4\n\ncheck(inc)"
	const functions = "from solution import inc\ndef test_one(): assert inc(1) == 2\ndef test_two():\n    assert inc(3) == 4\n"
	const cases = "import unittest\nfrom solution import inc\nclass T(unittest.TestCase):\n    def test_inc(self):\n        self.assertEqual(inc(1), 2)\n"
	right, wrong := "def inc(x): return x + 1", "def inc(x): return 2"
	for _, test := range []struct {
		name, form, code, test, want string
		line                         int64
	}{
		{"check", sandbox.Asserts, right, check, verdict.Passed, 0},
		{"check, failed", sandbox.Asserts, wrong, check, verdict.Failed, 3},
		{"functions", sandbox.Functions, right, functions, verdict.Passed, 0},
		{"functions, failed", sandbox.Functions, wrong, functions, verdict.Failed, 4},
		{"test case", sandbox.Functions, right, cases, verdict.Passed, 0},
		{"test case, failed", sandbox.Functions, "def inc(x): return 3", cases, verdict.Failed, 5},
		{"async function", sandbox.Functions, wrong, "from solution import inc\nasync def test_a(): assert inc(1) == 3", verdict.Failed, 2},
		{"skipped test case", sandbox.Functions, right, "import unittest\nfrom solution import inc\nclass T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): cls.x = 2\n    @unittest.skip('later')\n    def test_no(self): assert False\n    def test_yes(self): assert inc(1) == self.x\n", verdict.Passed, 0},
		{"no test function", sandbox.Functions, right, "x = 1", verdict.Error, 0},
		{"program", sandbox.Program, "print(int(input()) + 1)", `{"input": "1\n", "output": "2\n"}`, verdict.Passed, 0},
		{"program that exits", sandbox.Program, "import sys\nif __name__ == '__main__':\n  print(int(input()) + 1)\n  sys.exit()", `{"input": "1\n", "output": "2"}`, verdict.Passed, 0},
		{"program that calls exit", sandbox.Program, "print(int(input()) + 1)\nexit(0)", `{"input": "1\n", "output": "2"}`, verdict.Passed, 0},
		{"program that warns", sandbox.Program, "import sys\nprint(int(input()) + 1)\nprint('slow', file=sys.stderr)", `{"input": "1\n", "output": "2"}`, verdict.Passed, 0},
		{"program that exits with a message", sandbox.Program, "import sys\nprint(2)\nsys.exit('')", `{"input": "1\n", "output": "2"}`, verdict.Error, 0},
		{"program, failed", sandbox.Program, "print(3)", `{"input": "1\n", "output": "2"}`, verdict.Failed, 0},
		{"program that raises", sandbox.Program, "print(2)\nraise ValueError(1)", `{"input": "1\n", "output": "2"}`, verdict.Error, 0},
		{"program without end", sandbox.Program, "while True: pass", `{"input": "", "output": "2"}`, verdict.Timeout, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			v, err := p.Judge(0, sandbox.Job{Code: test.code, Tests: []string{test.test}, Form: test.form})
			if err != nil || v.Verdict != test.want || (v.Judged != sandbox.Separate) != (v.Reason != "") {
				t.Errorf("got %s %s: %s, judged %s, %v", v.Verdict, v.Exception, v.Message, v.Judged, err)
			}
			if test.line != 0 && (v.FailedLine == nil || *v.FailedLine != test.line || *v.FailedTest != 0) {
				t.Errorf("failed at test %v, line %v", v.FailedTest, v.FailedLine)
			}
		})
	}
}

// Candidates that end in different ways, one right after the other, each find the
// worker in step.
func TestManyEndings(t *testing.T) {
	onEach(t, func(t *testing.T, p *sandbox.Pool) {
		codes := []string{"import os\nos._exit(0)", "def f(): return 1", "def f(:", "import os\nos.kill(os.getpid(), 9)", "import os\ndef f(): os._exit(3)"}
		want := []string{verdict.Error, verdict.Passed, verdict.SyntaxError, verdict.Killed, verdict.Error}
		for i := range 200 {
			v, err := p.Judge(0, sandbox.Job{Code: codes[i%5], Tests: []string{"assert f() == 1"}, Form: sandbox.Asserts})
			if err != nil || v.Verdict != want[i%5] || v.Attempts != 1 {
				t.Fatalf("candidate %d: %s, attempt %d, %v; want %s", i, v.Verdict, v.Attempts, err, want[i%5])
			}
		}
	})
}

// What a candidate printed is there in full, however it ends, each time.
func TestPrintedTextIsWhole(t *testing.T) { onEach(t, printedTextIsWhole) }

func printedTextIsWhole(t *testing.T, p *sandbox.Pool) {
	for _, code := range []string{
		"print('text')\ndef f(): return 1",
		"def f():\n  print('text')\n  return 1",
		"def f():\n  print('text')\n  raise ValueError",
		"print('text')\nraise ValueError",
	} {
		for range 20 {
			v, err := p.Judge(0, sandbox.Job{Code: code, Tests: []string{"assert f() == 1"}, Form: sandbox.Asserts})
			if err != nil || v.Stdout != fmt.Sprintf("%x", sha256.Sum256([]byte("text\n"))) {
				t.Fatalf("%s\n%+v, %v", code, v, err)
			}
		}
	}
}

// A candidate that has used up its memory can still say so.
func TestMemoryIsLeftToTell(t *testing.T) {
	p := newPool(t, sandbox.Processes("python3", sandbox.Limits{CPU: 20, Wall: 20, Memory: 128, Output: 64, Processes: 32}), 1)
	fill := "  size = 1 << 24\n  while size > 64:\n    try:\n      while True: big.append(bytearray(size))\n    except MemoryError: size //= 2\n  while True: kept = (kept,)"
	for _, code := range []string{
		"def f():\n  big, kept = [], None\n" + fill,
		"big, kept = [], None\ndef f():\n  global kept\n" + fill,
	} {
		v, err := p.Judge(0, sandbox.Job{Code: code, Tests: []string{"f()"}, Form: sandbox.Asserts})
		if err != nil || v.Verdict != verdict.MemoryLimit {
			t.Errorf("%s\n%+v, %v", code, v, err)
		}
	}
}
