package codefeatures

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// read returns the features of programs, which are for one task.
func readAll(t *testing.T, show string, in ...candidate) []codefacts.Features {
	t.Helper()
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", in)
	res, err := b.Run(t, Type(), func(p any) {
		p.(*Params).ShowTests, p.(*Params).Runtime, p.(*Params).Workers = show, "process", 2
	})
	if err != nil {
		t.Fatal(err)
	}
	return nodetest.Rows[codefacts.Features](t, b, res, "out")
}

func asked(code string) candidate {
	return candidate{
		Prompt: "Write a function to sort the words of a text by length.", Code: code,
		Tests: []string{"assert sort_words('a bb', 7) == ['bb', 'a']", "assert sort_words('', 1) == []"},
	}
}

func TestFacts(t *testing.T) {
	tests := map[string]struct {
		code string
		want map[string]float64
	}{
		"right": {"def sort_words(text, n):\n    return sorted(text.split()[:n], key=len)\n", map[string]float64{
			"parses": 1, "functions": 1, "has_name": 1, "arity": 1, "arity_wrong": 0, "kind_match": 2, "undefined": 0, "no_return": 0, "argument_words": 0.5,
		}},
		"returns a mutation": {"def sort_words(words, n):\n    words = list(words)\n    return words.sort()\n", map[string]float64{
			"kind_match": -2, "kind_wrong": 1, "returns_mutation": 1, "unused_arguments": 1,
		}},
		"wrong name, wrong arity": {"def sort(words):\n    pass\n", map[string]float64{
			"has_name": 0, "arity": 0, "arity_wrong": 1, "no_return": 1, "empty": 1, "ends_without_return": 1,
		}},
		"undefined": {"def sort_words(a, b):\n    return math.floor(c) + np.sum(a)\n", map[string]float64{
			"undefined": 3, "undefined_common": 1,
		}},
		"unreachable": {"def sort_words(a, b):\n    while True:\n        if a < b < 3:\n            return a\n        else:\n            return a\n    return b\n", map[string]float64{
			"while_true": 1, "chained_compare": 1, "equal_branches": 1, "unreachable": 0, "loops": 1, "depth": 2, "returns": 3,
		}},
		"after return":          {"def sort_words(a, b):\n    return a\n    print(a)\n", map[string]float64{"unreachable": 1, "print": 1}},
		"elements":              {"def sort_words(a, b):\n    out = []\n    for w in a.split():\n        out.append(str(w))\n    return out\n", map[string]float64{"element_match": 2, "kind_match": 2}},
		"strings":               {"def sort_words(a, b):\n    return ['bb', 'a']\n", map[string]float64{"test_strings": 0.5, "any_test_string": 1}},
		"numbers":               {"def sort_words(a, b=7):\n    return [7]\n", map[string]float64{"test_numbers": 1, "arity": 1, "element_match": -2}},
		"falls through nothing": {"def sort_words(a, b):\n    try:\n        x = a[0]\n    except KeyError:\n        return [a]\n    else:\n        return [b]\n", map[string]float64{"returns_sometimes": 0, "kind_match": 2, "tries": 1}},
		"left by break":         {"def sort_words(a, b):\n    while True:\n        if a:\n            return [a]\n        break\n", map[string]float64{"returns_sometimes": 1}},
		"ladder":                {"def sort_words(a, b):\n    if a == 1:\n        return [1]\n    elif a == 2:\n        return [2]\n    else:\n        return [3]\n", map[string]float64{"depth": 1, "ifs": 2}},
		"keywords only":         {"def sort_words(a, *, b=1, c=2):\n    return [a, b, c]\n", map[string]float64{"arity": 1}},
		"too deep to look at":   {"def sort_words(a, b):\n    return " + strings.Repeat("-", 900) + "1\n" + "x = 0x" + strings.Repeat("f", 5000), map[string]float64{"parses": 1}},
		"sometimes":             {"def sort_words(a, b):\n    if a:\n        return [a]\n", map[string]float64{"returns_sometimes": 1, "kind_match": 1}},
		"trailing":              {"import re\ndef sort_words(a, b):\n    '''x'''\n    return sort_words(a, b)\nprint(sort_words(1, 2))\n", map[string]float64{"imports": 1, "docstring": 1, "recursive": 1, "trailing": 1}},
		"no program":            {"Sure! Here it is: def", map[string]float64{"parses": 0, "has_name": 0, "prompt_words": 0}},
	}
	names := slices.Sorted(maps.Keys(tests))
	var in []candidate
	for _, name := range names {
		in = append(in, asked(tests[name].code))
	}
	rows := readAll(t, "first", in...)
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			got, err := codefacts.Vector(rows[i].Facts)
			if err != nil {
				t.Fatal(err)
			}
			for fact, want := range tests[name].want {
				if v := got[codefacts.Index(fact)]; v != want {
					t.Errorf("%s is %v, want %v", fact, v, want)
				}
			}
		})
	}
}

// Programs that differ in names, layout and comments alone are equal, and no others.
func TestKeys(t *testing.T) {
	rows := readAll(t, "none",
		asked("def f(a, b):\n    return a + b\n"),
		asked("def f(x: int, y) -> int:\n    '''Add.'''\n    # add\n    return (x +\n            y)\n"),
		asked("def f(a, b):\n    return b + a\n"),
		asked("def f(a, b):\n    return a - b\n"),
		asked("def f(a, b) return a + b"),
		asked("def f(list, sum):\n    return list + sum\n"),
		asked("from math import *\ndef f(a, b):\n    return floor(a)\n"),
		asked("from math import *\ndef f(a, b):\n    return ceil(a)\n"),
		asked("def f(a, b):\n    c: int = a\n    try:\n        return c\n    except E as e:\n        return e\n"),
		asked("def f(a, b):\n    d = a\n    try:\n        return d\n    except E as err:\n        return err\n"))
	key := func(i int) string { return *rows[i].AST }
	if key(0) != key(1) || key(0) != key(5) {
		t.Error("renaming, layout, annotations or comments change the key")
	}
	if key(8) != key(9) {
		t.Error("the annotation of a variable or the name of an exception changes the key")
	}
	if key(0) == key(2) || key(0) == key(3) || key(6) == key(7) {
		t.Error("different programs have one key")
	}
	if *rows[0].Skeleton != *rows[2].Skeleton || *rows[0].Operations == *rows[3].Operations {
		t.Error("the keys of the skeleton and of the operations aren't those")
	}
	last := rows[4]
	if last.AST != nil || last.Kinds != nil || len(last.Edges) > 0 || len(last.Tokens) != 11 {
		t.Errorf("code that doesn't parse: %+v", last)
	}
	if got := strings.Join(rows[1].Shapes, " "); got != "def ID ( ID : int , ID ) -> int : STR return ( ID + ID )" {
		t.Errorf("shapes: %s", got)
	}
}

// No more is shown than was asked for, and only simple asserts.
func TestShownTests(t *testing.T) {
	tests := []string{"assert f(1) == 2", "assert f(2) == 3", "def check(f):\n    assert f(3)"}
	for which, want := range map[string]int{"none": 0, "first": 1, "all": 2} {
		if got := Shown(which, tests); len(got) != want {
			t.Errorf("%s shows %q", which, got)
		}
	}
	if got := Shown("first", tests[2:]); len(got) != 0 {
		t.Errorf("a whole check is shown: %q", got)
	}
	hidden, seen := readAll(t, "none", asked("def g(a): return 1"))[0], readAll(t, "first", asked("def g(a): return 1"))[0]
	if strings.Contains(hidden.Facts, "arity") || !strings.Contains(seen.Facts, "arity_wrong") || len(seen.Shown) != 1 {
		t.Errorf("hidden %s, seen %s", hidden.Facts, seen.Facts)
	}
}

// What a prompt in the form of HumanEval tells is used without any test.
func TestSignature(t *testing.T) {
	c := candidate{Prompt: "def add(x: int, y: int) -> int:\n    \"\"\"Add.\n    >>> add(2, 3)\n    5\n    \"\"\"\n", Code: "def add(x, y):\n    return str(x)\n"}
	got, err := codefacts.Vector(readAll(t, "none", c)[0].Facts)
	if err != nil {
		t.Fatal(err)
	}
	for fact, want := range map[string]float64{"has_name": 1, "arity": 1, "kind_match": -2, "unused_arguments": 0} {
		if v := got[codefacts.Index(fact)]; v != want {
			t.Errorf("%s is %v, want %v", fact, v, want)
		}
	}
}

// Whatever a model writes gets a row, and costs nobody else theirs.
func TestStrangeCode(t *testing.T) {
	strange := []string{
		"", "\x00", strings.Repeat("(", 5000), strings.Repeat("-", 20000) + "1", "x = " + strings.Repeat("[", 300) + strings.Repeat("]", 300),
		"'" + strings.Repeat("a", 1<<20), "def f():\n\treturn 1\n        return 2", "f = lambda: (yield)\nclass A: pass\nasync def g(): return [i async for i in x]",
		"def f(*, a, b=1, **k): return a\ntry:\n  pass\nexcept* ValueError as e: pass\nmatch x:\n  case {'a': [b, *c]}: pass",
		"def f(a):\n" + strings.Repeat(" if a:\n ", 1) + " return a", "1e999", "é = '\\N{BULLET}'\ndef f(é): return é",
	}
	var in []candidate
	for _, code := range strange {
		in = append(in, asked(code))
	}
	in = append(in, asked("def sort_words(a, b): return 1"))
	rows := readAll(t, "first", in...)
	for i, row := range rows {
		if _, err := codefacts.Vector(row.Facts); err != nil {
			t.Errorf("%.40q: %v", in[i].Code, err)
		}
	}
	if v, _ := codefacts.Vector(rows[len(rows)-1].Facts); v[codefacts.Index("has_name")] != 1 {
		t.Error("strange code spoilt its neighbour")
	}
}

// A program that keeps its reader busy, or takes its memory, costs seconds, and the others
// are read all the same.
func TestReaderIsBounded(t *testing.T) {
	body := func(expression string) candidate {
		c := asked("def sort_words(text, n):\n    return " + expression + "\n")
		return c
	}
	in := []candidate{
		body("sorted(text)"),
		body("range(10**11).index(n + 0.5)"), body("re.sub('(a|a)*b', '', 'a' * 60)"), body("'%(a)900000000d' % {'a': n}"), body("9**9**9**n"),
		body("sorted(text, key=len)"),
	}
	start := time.Now()
	rows := readAll(t, "all", in...)
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %s", took)
	}
	for _, i := range []int{0, 5} {
		if len(rows[i].Tokens) == 0 {
			t.Errorf("program %d wasn't read", i)
		}
	}
}
