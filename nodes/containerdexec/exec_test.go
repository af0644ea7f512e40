package containerdexec

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"github.com/ouroflow/ouroflow/engine/table/tableio"
	"github.com/ouroflow/ouroflow/nodes/internal/execution"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
)

func needPython(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: ", err)
	}
}

func execute(t testing.TB, candidates []execution.Candidate, set func(*Params)) []out {
	t.Helper()
	needPython(t)
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", candidates)
	res, err := b.Run(t, Type(), func(p any) {
		q := p.(*Params)
		q.Runtime, q.Form, q.Limits.Budget = "process", "asserts", "fixed"
		q.Workers, q.Limits.CPU, q.Limits.Wall, q.Limits.Memory, q.Limits.Output = 2, 1, 4, 512, 64
		if set != nil {
			set(q)
		}
	})
	if err != nil {
		t.Fatal(err, b.Logs())
	}
	t.Log(b.Logs())
	return nodetest.Rows[out](t, b, res, "out")
}

var addTests = []string{"assert add(1, 2) == 3", "assert add(0, 0) == 0"}

// Every way in which a candidate can end, and what it may try.
func TestVerdicts(t *testing.T) {
	tests := []struct {
		name, code, want string
		passed           int64
		exception        string
	}{
		{"right", "def add(a, b): return a + b", verdict.Passed, 2, ""},
		{"imports", "import collections, re, math\ndef add(a, b): return int(math.fsum([a, b]))", verdict.Passed, 2, ""},
		{"imports what isn't preloaded", "import cmath, csv, sqlite3, zoneinfo, asyncio\ndef add(a, b): return a + b", verdict.Passed, 2, ""},
		{"dataclass", "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n  nxt: 'P' = None\ndef add(a, b): return a + b", verdict.Passed, 2, ""},
		{"closed stdout", "import sys\nsys.stdout = None\ndef add(a, b): return a + b", verdict.Passed, 2, ""},
		{"real-time signal", "import os\nos.kill(os.getpid(), 40)", verdict.Killed, 0, ""},
		{"wrong", "def add(a, b): return a - b", verdict.Failed, 0, "AssertionError"},
		{"half right", "def add(a, b): return 3", verdict.Failed, 1, "AssertionError"},
		{"raises", "def add(a, b): return a + nope", verdict.Error, 0, "NameError"},
		{"no function", "x = 1", verdict.Error, 0, "NameError"},
		{"assert at import", "assert False", verdict.Error, 0, "AssertionError"},
		{"syntax", "def add(a, b) return a", verdict.SyntaxError, 0, "SyntaxError"},
		{"NUL byte", "x = '\x00'", verdict.SyntaxError, 0, ""},
		{"too deep to parse", strings.Repeat("(", 5000), verdict.SyntaxError, 0, ""},
		{"loop", "while True: pass", verdict.Timeout, 0, ""},
		{"loop in a test", "def add(a, b):\n  while True: pass", verdict.Timeout, 0, ""},
		{"sleep", "import time\ntime.sleep(100)", verdict.Timeout, 0, ""},
		{"swallows everything", "def add(a, b):\n  while True:\n    try:\n      while True: pass\n    except BaseException: pass", verdict.Timeout, 0, ""},
		{"memory", "x = [0] * (1 << 30)", verdict.MemoryLimit, 0, "MemoryError"},
		{"output", "print('x' * (1 << 20), flush=True)", verdict.OutputLimit, 0, ""},
		{"large file", "f = open('big', 'wb')\nwhile True: f.write(b'x' * 4096)", verdict.OutputLimit, 0, ""},
		{"exit", "import sys\nsys.exit(0)", verdict.Error, 0, "SystemExit"},
		{"hard exit", "import os\nos._exit(0)", verdict.Error, 0, "EarlyExit"},
		{"segfault", "import ctypes\nctypes.string_at(0)", verdict.Killed, 0, ""},
		{"kills itself", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", verdict.Killed, 0, ""},
		{"reads input", "input()", verdict.Error, 0, "EOFError"},
		{"recursion", "def add(a, b): return add(a, b)", verdict.Error, 0, "RecursionError"},
		{"network", "import socket\nsocket.create_connection(('127.0.0.1', 22), 1)", verdict.Error, 0, ""},
		{"daemon", "import os\nif os.fork() == 0:\n  os.setsid()\n  while True: pass\ndef add(a, b): return a + b", verdict.Passed, 2, ""},
		{"claims a pass", "import os\nos.write(3, b'{\"verdict\": \"passed\"}\\n')\nos._exit(0)", verdict.Error, 0, "EarlyExit"},
		{"kills all", "import os\ntry: os.kill(-1, 9)\nexcept OSError: pass\ndef add(a, b): return a + b", "", 0, ""},
		{"after the attacks", "def add(a, b): return b + a", verdict.Passed, 2, ""},
	}
	candidates := make([]execution.Candidate, len(tests))
	for i, test := range tests {
		candidates[i] = execution.Candidate{Code: test.code, Tests: addTests}
	}
	for i, got := range execute(t, candidates, nil) {
		test := tests[i]
		exception := text(got.Exception)
		if test.want != "" && (got.Verdict != test.want || got.TestsPassed != test.passed) || test.exception != "" && exception != test.exception {
			t.Errorf("%s: got %s %d/%d %s: %s; want %s %d %s", test.name, got.Verdict, got.TestsPassed, got.TestsTotal, exception, text(got.Message), test.want, test.passed, test.exception)
		}
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// One candidate can't be seen by the next on the same worker.
func TestCandidatesAreApart(t *testing.T) {
	leave := "import builtins\nbuiltins.leak = 1\nopen('left', 'w').write('x')\ndef add(a, b): return a + b"
	look := "import builtins, os\ndef add(a, b): return a + b + hasattr(builtins, 'leak') + os.path.exists('left')"
	rows := execute(t, []execution.Candidate{{Code: leave, Tests: addTests}, {Code: look, Tests: addTests}}, func(p *Params) { p.Workers = 1 })
	for i, r := range rows {
		if r.Verdict != verdict.Passed {
			t.Errorf("candidate %d: %s", i, r.Verdict)
		}
	}
}

// Messages don't differ from run to run.
func TestMessagesAreStable(t *testing.T) {
	rows := execute(t, []execution.Candidate{{Code: "raise ValueError(object())", Tests: addTests}}, nil)
	if m := rows[0].Message; m == nil || !strings.Contains(*m, "0x...") {
		t.Errorf("message = %v", m)
	}
}

// What depends on the hash seed, such as the order of a set of strings, repeats
// from worker to worker.
func TestHashSeedIsFixed(t *testing.T) {
	code := "raise ValueError(hash('abc'), list({'x', 'y', 'z', 'w'}))"
	first := execute(t, []execution.Candidate{{Code: code, Tests: addTests}}, nil)[0]
	second := execute(t, []execution.Candidate{{Code: code, Tests: addTests}}, nil)[0]
	if *first.Message != *second.Message {
		t.Errorf("%s, then %s", *first.Message, *second.Message)
	}
}

func TestUnusablePython(t *testing.T) {
	n, err := Type().Bind(&Params{Params: execution.Params{Place: execution.Place{Image: "host", Python: "/no/such/python"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Pin(context.Background()); err == nil || !strings.Contains(err.Error(), "install Python 3.9") {
		t.Errorf("err = %v", err)
	}
}

// Every reference of the bundled problems passes its own tests.
func TestBundledReferencesPass(t *testing.T) {
	content, err := os.ReadFile("../../pipelines/data/problems.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := tableio.ReadObjects("jsonl", content)
	if err != nil || len(rows) < 100 {
		t.Fatalf("%d problems, %v", len(rows), err)
	}
	var candidates []execution.Candidate
	for _, o := range rows {
		candidates = append(candidates, execution.Candidate{Code: o.Text("code"), Tests: o.Texts("test_list"), Setup: o.Text("test_setup_code")})
		if len(o.Texts("test_list")) < 3 {
			t.Errorf("problem %s has fewer than three tests", o.Text("task_id"))
		}
	}
	for i, r := range execute(t, candidates, nil) {
		if r.Verdict != verdict.Passed {
			t.Errorf("the reference of problem %s: %s", rows[i].Text("task_id"), r.Verdict)
		}
	}
}

// The CPU time of a problem goes by its reference.
func TestCalibratedBudget(t *testing.T) {
	slow := "def add(a, b):\n  n = 0\n  while n < 10**8: n += 1\n  return a + b"
	quick := "def add(a, b): return a + b"
	rows := execute(t, []execution.Candidate{
		{Code: slow, Tests: addTests, Reference: quick},
		{Code: quick, Tests: addTests, Reference: quick},
		{Code: quick, Tests: addTests, Reference: "def add(a, b): return 0"},
	}, func(p *Params) { p.Limits.Budget, p.Limits.CPU, p.Limits.Wall = "auto", 60, 120 })
	want := []string{verdict.Timeout, verdict.Passed, verdict.Passed}
	for i, r := range rows {
		if r.Verdict != want[i] {
			t.Errorf("candidate %d: %s, want %s", i, r.Verdict, want[i])
		}
	}
}

// Candidates are told the date that the pipeline wants.
func TestClock(t *testing.T) {
	code := "import time, datetime\nfrom datetime import date\ndef f(): return time.time(), datetime.datetime.now(), date.today(), time.gmtime().tm_year, datetime.datetime.utcnow().year"
	tests := []string{"import datetime\nassert f() == (1704164645.0, datetime.datetime(2024, 1, 2, 3, 4, 5), datetime.date(2024, 1, 2), 2024, 2024)"}
	rows := execute(t, []execution.Candidate{{Code: code, Tests: tests}}, func(p *Params) { p.Clock = "2024-01-02T03:04:05Z" })
	if rows[0].Verdict != verdict.Passed {
		t.Errorf("%s: %s", rows[0].Verdict, *rows[0].Message)
	}
}

// What can't be meant is told before anything runs.
func TestBadParams(t *testing.T) {
	for want, set := range map[string]func(*Params){
		"image":   func(p *Params) { p.Image = "python:3.12" },
		"runtime": func(p *Params) { p.Runtime, p.Image = "process", "oci-tar:x.tar" },
		"clock":   func(p *Params) { p.Clock = "noon" },
	} {
		p := Type().New().(*Params)
		set(p)
		_, err := Type().Bind(p)
		var field *node.FieldError
		if !errors.As(err, &field) || field.Field != want {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Candidates that are equal but for their layout run once. Each keeps what is said of its
// own text.
func TestEqualProgramsRunOnce(t *testing.T) {
	needPython(t)
	add := "def add(a, b):\n    return a + b\n"
	wrong := "def add(a, b):\n    raise ValueError(a)\n"
	codes := []string{
		add, "# a comment\n" + add, "def add(a, b):\n\n  return a + b  # the sum\n", "def add(a, b):\n    return a - b\n",
		wrong, "\n\n" + wrong, "def add(a, b:\n", "\ndef add(a, b:\n", add + "import traceback\n", "#\n" + add + "import traceback\n",
		strings.Repeat("# same\n", 30) + add,
	}
	var in []execution.Candidate
	for _, code := range codes {
		in = append(in, execution.Candidate{Code: code, Tests: addTests, Form: "asserts"})
	}
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", in)
	res, err := b.Run(t, Type(), func(p any) { p.(*Params).Runtime, p.(*Params).Workers = "process", 2 })
	if err != nil {
		t.Fatal(err, b.Logs())
	}
	rows := nodetest.Rows[out](t, b, res, "out")
	for i, want := range []string{verdict.Passed, verdict.Passed, verdict.Passed, verdict.Failed, verdict.Error, verdict.Error, verdict.SyntaxError, verdict.SyntaxError, verdict.Passed, verdict.Passed, verdict.Passed} {
		if rows[i].Verdict != want {
			t.Errorf("candidate %d: %s, want %s", i, rows[i].Verdict, want)
		}
	}
	if a, b := text(rows[6].Message), text(rows[7].Message); !strings.Contains(a, "line 1") || !strings.Contains(b, "line 2") {
		t.Errorf("lines of syntax errors: %s, %s", a, b)
	}
	if text(rows[10].Suspect) != "repetition" || text(rows[0].Suspect) != "" {
		t.Errorf("suspect: %s, %s", text(rows[10].Suspect), text(rows[0].Suspect))
	}
	if logs := strings.Join(b.Logs(), "\n"); !strings.Contains(logs, "executions saved: 4 of ") {
		t.Error(logs)
	}
}

// A row whose tests don't have their form is without a verdict, and the others have theirs.
func TestBadRowsEndNothing(t *testing.T) {
	needPython(t)
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", []execution.Candidate{
		{Code: "print(3)", Tests: []string{`{"input": "", "output": "3"}`}, Form: "program"},
		{Code: "print(3)", Tests: []string{`{"in": 1}`}, Form: "program"},
		{Code: "print(3)", Tests: []string{"assert True"}, Form: "haskell"},
		{Code: "print(3)", Form: "asserts"},
		{Code: "def f(): return 3", Tests: []string{"assert f() == 3"}, Form: "asserts"},
	})
	res, err := b.Run(t, Type(), func(p any) { p.(*Params).Runtime = "process" })
	if err != nil {
		t.Fatal(err, b.Logs())
	}
	want := []string{verdict.Passed, verdict.Unsupported, verdict.Unsupported, verdict.Unsupported, verdict.Passed}
	for i, r := range nodetest.Rows[out](t, b, res, "out") {
		if r.Verdict != want[i] {
			t.Errorf("row %d: %s (%s), want %s", i, r.Verdict, text(r.Message), want[i])
		}
	}
}

// A checker says which outputs are right, and a tolerance which numbers.
func TestOutputsAreCompared(t *testing.T) {
	needPython(t)
	dir := t.TempDir()
	checker := dir + "/checker.py"
	if err := os.WriteFile(checker, []byte("import json, sys\nd = json.load(sys.stdin)\na, b = map(int, d['output'].split())\nsys.exit(a + b != int(d['input']))\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	judge := func(code, test string, set func(*Params)) string {
		b := nodetest.New(t)
		nodetest.Bind(t, b, "in", []execution.Candidate{{Code: code, Tests: []string{test}, Form: "program"}})
		res, err := b.Run(t, Type(), func(p any) { p.(*Params).Runtime = "process"; set(p.(*Params)) })
		if err != nil {
			t.Fatal(err, b.Logs())
		}
		return nodetest.Rows[out](t, b, res, "out")[0].Verdict
	}
	third := `{"input": "", "output": "0.333333333\n"}`
	for name, test := range map[string]struct {
		code, test, want string
		set              func(*Params)
	}{
		"no tolerance":       {"print(1/3)", third, verdict.Failed, func(*Params) {}},
		"absolute":           {"print(1/3)", third, verdict.Passed, func(p *Params) { p.Compare.Absolute = 1e-6 }},
		"relative":           {"print(2e9)", `{"input": "", "output": "2000000001"}`, verdict.Passed, func(p *Params) { p.Compare.Relative = 1e-6 }},
		"tolerance, wrong":   {"print(0.3334)", third, verdict.Failed, func(p *Params) { p.Compare.Absolute = 1e-6 }},
		"inner white space":  {"print('1  2')", `{"input": "", "output": "1 2"}`, verdict.Failed, func(*Params) {}},
		"words":              {"print('1  2\\n')", `{"input": "", "output": "1 2"}`, verdict.Passed, func(p *Params) { p.Compare.Space = "words" }},
		"exact":              {"print(1)", `{"input": "", "output": "1"}`, verdict.Failed, func(p *Params) { p.Compare.Space = "exact" }},
		"checker":            {"print(3, 4)", `{"input": "7", "output": ""}`, verdict.Passed, func(p *Params) { p.Checker = node.Path(checker) }},
		"checker, wrong":     {"print(3, 5)", `{"input": "7", "output": ""}`, verdict.Failed, func(p *Params) { p.Checker = node.Path(checker) }},
		"checker that fails": {"print(3, 5)", `{"input": "7", "output": "", "checker": "import sys; sys.exit(9)"}`, verdict.Unsupported, func(*Params) {}},
	} {
		if got := judge(test.code, test.test, test.set); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
