package codefeatures

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
)

// Programs that go different ways to the same have the same outcomes, and different values.
func TestEqualOutcomes(t *testing.T) {
	alike := map[string][]string{
		"sorting": {
			"def f(a):\n    return sorted(a)",
			"def f(a):\n    for i in range(len(a)):\n        for j in range(len(a) - 1 - i):\n            if a[j] > a[j + 1]:\n                a[j], a[j + 1] = a[j + 1], a[j]\n    return a",
			"def f(a):\n    if len(a) < 2:\n        return a\n    p = a[0]\n    return f([x for x in a[1:] if x < p]) + [p] + f([x for x in a[1:] if x >= p])",
			"import heapq\ndef f(a):\n    h = []\n    for x in a:\n        heapq.heappush(h, x)\n    out = []\n    while h:\n        out.append(heapq.heappop(h))\n    return out",
		},
		"second largest": {
			"def f(a):\n    return sorted(set(a))[-2]",
			"def f(a):\n    first = second = float('-inf')\n    for x in a:\n        if x > first:\n            first, second = x, first\n        elif first > x > second:\n            second = x\n    if second == float('-inf'):\n        raise ValueError()\n    return second",
			"def f(a):\n    top = max(a)\n    return max([x for x in a if x != top])",
		},
		"odd sum": {
			"def f(a):\n    return sum(x for x in a if x % 2)",
			"def f(a):\n    t = 0\n    i = 0\n    while i < len(a):\n        if a[i] & 1:\n            t += a[i]\n        i = i + 1\n    return t",
			"from functools import reduce\ndef f(a):\n    return reduce(lambda s, x: s + x if x % 2 == 1 else s, a, 0)",
		},
		"order of sets": { // the same every time: that of what is in them
			"def f(a):\n    return list(set(map(str, a)))",
			"def f(a):\n    return [x for x in {str(x) for x in a}]",
			"def f(a):\n    return sorted(set(str(x) for x in a))",
		},
		"counts": {
			"from collections import Counter\ndef f(a):\n    return dict(Counter(a))",
			"def f(a):\n    d = {}\n    for x in a:\n        d[x] = d.get(x, 0) + 1\n    return d",
			"from collections import defaultdict\ndef f(a):\n    d = defaultdict(int)\n    for x in a:\n        d[x] += 1\n    return d",
			"def f(a):\n    d = {}\n    for x in a:\n        try:\n            d[x] += 1\n        except KeyError:\n            d[x] = 1\n    return d",
		},
	}
	for name, programs := range alike {
		rows := readShown(t, "assert f([3, 1, 2, 5, 3]) == 0", programs...)
		for i, row := range rows {
			if len(row.Outcomes) != 8 || !slices.Equal(row.Outcomes, rows[0].Outcomes) || slices.Contains(row.Outcomes, codefacts.Nothing) {
				t.Errorf("%s: outcomes %q of\n%s\nand %q of\n%s", name, rows[0].Outcomes, programs[0], row.Outcomes, programs[i])
			}
		}
		if last := rows[len(rows)-1]; *last.Value == *rows[0].Value {
			t.Errorf("%s: the programs have one value, so this says nothing", name)
		}
	}
}

// What fails, never ends, grows without bound or asks for what isn't interpreted is told, and
// takes no longer than the limits.
func TestOutcomesWithinLimits(t *testing.T) {
	long := func(line string, n int) string { return "def f(a):\n" + strings.Repeat("    "+line+"\n", n) }
	type program struct{ code, want string }
	cases := map[string]program{
		"fails":          {"def f(a):\n    return a[100]", ""},
		"undefined":      {"def f(a):\n    return b", ""},
		"nothing":        {"def f(a):\n    a.sort()", codefacts.Nothing},
		"counts on":      {"def f(a):\n    n = 0\n    while n >= 0:\n        n += 1\n    return n", ""},
		"calls itself":   {"def f(a):\n    return f(a + a[:1]) + 1", ""},
		"doubles":        {"def f(a):\n    while len(a) > 0:\n        a = a + a\n    return a", ""},
		"nests":          {"def f(a):\n    for i in range(100):\n        a = [a, a]\n    return a == a[1]", ""},
		"long range":     {"def f(a):\n    return sum(range(10 ** 12))", ""},
		"long text":      {"def f(a):\n    return len('a' * 10 ** 12)", ""},
		"long list":      {"def f(a):\n    return [0] * 10 ** 12 + a", ""},
		"power":          {"def f(a):\n    return 7 ** 7 ** 7 ** 7", ""},
		"squares":        {long("a = [x * x * x * x for x in a]", 20) + "    return a", ""},
		"factorial":      {"import math\ndef f(a):\n    return math.factorial(10 ** 9)", ""},
		"shift":          {"def f(a):\n    return 1 << 10 ** 12", ""},
		"combinations":   {"import itertools\ndef f(a):\n    return len(list(itertools.permutations(range(30))))", ""},
		"wide":           {"def f(a):\n    return str(a).rjust(10 ** 12)", ""},
		"replaced":       {"def f(a):\n    return len(('a' * 1500).replace('a', 'b' * 1500))", ""},
		"search":         {"import re\ndef f(a):\n    return re.match('(a+)+b', 'a' * 50)", "unknown"},
		"many repeats":   {"import re\ndef f(a):\n    return re.match('a*a*a*a*a*a*b', 'a' * 90)", "unknown"},
		"wide format":    {"def f(a):\n    return '%999999999d' % 1", "unknown"},
		"wider format":   {"def f(a):\n    return '{:999999999}'.format(1)", "unknown"},
		"widest format":  {"def f(a):\n    return f'{1:999999999}'", "unknown"},
		"attributes":     {"def f(a):\n    return '{0.__class__}'.format(a)", "unknown"},
		"inside a range": {"def f(a):\n    return 0.5 in range(10 ** 9)", ""},
		"rounded":        {"def f(a):\n    return round(5, -10 ** 9)", ""},
		"queue":          {"from collections import deque\ndef f(a):\n    return deque(a) * 10 ** 10", ""},
		"product":        {"import itertools\ndef f(a):\n    return list(itertools.product(a, repeat=10 ** 6))", ""},
		"choices":        {"import itertools\ndef f(a):\n    return list(itertools.combinations_with_replacement(a, 10 ** 9))", ""},
		"key":            {"def f(a):\n    return sorted([range(10 ** 9)], key=list)", ""},
		"type":           {"def f(a):\n    return type(a)(range(10 ** 9))", ""},
		"modulus":        {"def f(a):\n    b = 2 ** 1900\n    return [pow(3, b - i, b - 1) for i in range(500)]", ""},
		"many searches":  {"import re\ndef f(a):\n    return [re.search('.*.*b', 'a' * 50 + str(i)) for i in range(1000)]", ""},
		"bytes":          {"def f(a):\n    return b'%99999999d' % 1", "unknown"},
		"ids":            {"def f(a):\n    return '%s' % (lambda x: x)", "unknown"},
		"text of a set":  {"def f(a):\n    return '%s' % set(map(str, a))", "unknown"},
		"any of a set":   {"def f(a):\n    s = set(map(str, a))\n    s.pop()\n    return s", "unknown"},
		"files":          {"def f(a):\n    return open('/etc/passwd').read()", "unknown"},
		"evaluation":     {"def f(a):\n    return eval('1 + 1')", "unknown"},
		"another import": {"import os\ndef f(a):\n    return os.getcwd()", "unknown"},
		"classes":        {"def f(a):\n    return a.__class__.__bases__", "unknown"},
	}
	names := slices.Sorted(maps.Keys(cases))
	var programs []string
	for _, name := range names {
		programs = append(programs, cases[name].code)
	}
	for i, row := range readShown(t, "assert f([3, 1, 2, 5, 3]) == 0", programs...) {
		name, c := names[i], cases[names[i]]
		switch {
		case c.want == "unknown" && len(row.Outcomes) > 0:
			t.Errorf("%s: outcomes %q of what isn't interpreted", name, row.Outcomes)
		case c.want != "unknown" && (len(row.Outcomes) != 8 || slices.ContainsFunc(row.Outcomes, func(o string) bool { return o != c.want })):
			t.Errorf("%s: outcomes %q, want %q", name, row.Outcomes, c.want)
		}
	}
}

// Without a test that may be seen, arguments are of usual kinds; a test that has no plain
// arguments tells their number.
func TestUsualArguments(t *testing.T) {
	programs := []string{"def f(a, b):\n    return a + b", "def f(a, b):\n    c = a\n    for d in [b]:\n        c = c + d\n    return c", "def f(a, b):\n    return a - b"}
	for _, test := range []string{"assert f(g(), h()) == 1", "assert f(a=1, b=2) == 3", "assert f(*x, 3) == 3"} {
		rows := readShown(t, test, programs...)
		fails := func(row codefacts.Features) (n int) {
			for _, o := range row.Outcomes {
				if o == "" {
					n++
				}
			}
			return n
		}
		if plus, total, minus := fails(rows[0]), fails(rows[1]), fails(rows[2]); plus == 0 || plus >= minus || total != plus || minus == 8 {
			t.Errorf("%s: a + b fails %d times, a loop %d, a - b %d", test, plus, total, minus)
		}
	}
}

// interpreted runs programs by Python, and interprets them, at the same arguments.
const interpreted = `
import ast, copy, json, signal, sys, warnings
sys.path.insert(0, sys.argv[1]); sys.setrecursionlimit(10000); warnings.simplefilter("ignore")
import bounds, inputs, outcomes, terms, values
def late(*_): raise TimeoutError
signal.signal(signal.SIGALRM, late)
for line in sys.stdin:
    q = json.loads(line); tree = ast.parse(q["code"])
    call = next(n for n in ast.walk(ast.parse(q["test"])) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in q["code"])
    function = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == call.func.id]
    try: made = inputs.varied([ast.literal_eval(a) for a in call.args], 8); program, term = values.read(tree, function[-1])
    except (IndexError, ValueError, terms.NoValue): print(json.dumps(None)); continue
    mine = outcomes.outcomes(program, term, made)
    if mine is None: print(json.dumps(None)); continue
    world = {"print": lambda *_, **__: None}; exec(compile(tree, "program", "exec"), world); real = []
    for args in made:
        signal.setitimer(signal.ITIMER_REAL, 5)
        try: value = world[call.func.id](*copy.deepcopy(args)); real.append(bounds.told(list(value) if hasattr(value, "__next__") else value))
        except Exception: real.append("")
        signal.setitimer(signal.ITIMER_REAL, 0)
    print(json.dumps([mine, real]))
`

// Most reference solutions of MBPP can be interpreted, and nearly all come to what Python makes
// of them.
func TestOutcomesAgainstPython(t *testing.T) {
	content, err := os.ReadFile("../../pipelines/data/problems.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	problems, err := tableio.ReadObjects("jsonl", content)
	if err != nil {
		t.Fatal(err)
	}
	var questions []question
	for _, p := range problems {
		questions = append(questions, question{p.Text("code"), p.Texts("test_list")[0]})
	}
	known, places, equal := 0, 0, 0
	for i, both := range interpret(t, questions) {
		if both == nil {
			continue
		}
		known++
		for j, mine := range both[0] {
			places++
			if real := both[1][j]; mine == real {
				equal++
			} else {
				t.Logf("problem %s: %.60s, Python says %.60s", problems[i].Text("task_id"), mine, real)
			}
		}
	}
	t.Logf("%d of %d programs interpreted, %d of %d outcomes are Python's", known, len(problems), equal, places)
	if known < len(problems)*3/4 || equal < places*95/100 {
		t.Error("that is too few")
	}
}

// Idioms, each of which was once taken for something else.
func TestIdioms(t *testing.T) {
	const numbers, word = "assert f([3, 1, 2, 5, 3]) == 0", "assert f('Hello', 'l') == 0"
	questions := []question{
		{"def f(a):\n    def g(k):\n        return 0 if k <= 0 else k + g(k - 1)\n    def h(k):\n        return 1 if k <= 1 else k * h(k - 1)\n    return g(a[0]) * 1000 + h(a[0])", numbers},
		{"def f(a):\n    def g(k):\n        return len(a) if k <= 0 else 1 + g(k - 1)\n    if len(a) <= 1:\n        return g(2)\n    return f(a[1:]) * 10 + g(3)", numbers},
		{"def f(a):\n    def g(k):\n        return 100 if k < -2 else (lambda y: g(y) if y > -9 else 7)(k - 1)\n    return g(a[0])", numbers},
		{"def f(a):\n    r = True\n    for x in a:\n        r = r and x\n    return r", numbers},
		{"def f(a):\n    for i in range(a[0] - 99):\n        v = i\n    return v", numbers},
		{"def f(a):\n    r = []\n    r.extend(range(len(a)))\n    r += 'xy'\n    return r", numbers},
		{"def f(a):\n    return [round(x / 3, 2) for x in a if x in range(2, 5)]", numbers},
		{"def f(a):\n    return type(a)(x for x in a) == list(a) and isinstance(a, (list, tuple))", numbers},
		{"import math\ndef f(a):\n    return str(math.pow(a[0], 2))", numbers},
		{"def f(a):\n    return '{n} of {m:03d}: %s'.format(n=a[0], m=len(a)) % (a[1],)", numbers},
		{"from collections import defaultdict\ndef f(a):\n    d = defaultdict(list)\n    for i, x in enumerate(a):\n        d[x].append(i)\n    return sorted(d.items(), key=lambda p: (-len(p[1]), p[0]))", numbers},
		{"def f(a):\n    try:\n        return a[4] // a[3]\n    except (IndexError, ZeroDivisionError):\n        return 'none'", numbers},
		{"def f(a):\n    n = a[0] + 20\n    def fib(k):\n        if k < 2:\n            return k\n        return fib(k - 1) + fib(k - 2)\n    return fib(n)", numbers},
		{"def f(a):\n    return f(a[1:]) + [a[0]] if a else []", numbers},
		{"def f(a):\n    return {x: a.count(x) for x in set(a)}", numbers},
		{"def f(s, c):\n    n = 0\n    for x in s:\n        if x == c:\n            n += 1\n    return n", word},
		{"def f(s, c):\n    return s[:s.find(c)] + s[s.rfind(c) + 1:]", word},
		{"import re\ndef f(s, c):\n    return re.sub(c, '', s), bool(re.search('^[A-Z][a-z]+$', s))", word},
		{"def f(s, c):\n    return ''.join(x.upper() if i % 2 else x for i, x in enumerate(s)).split(c)", word},
		{"def f(s, c):\n    d = {}\n    for x in s:\n        if x in d:\n            d[x] += 1\n        else:\n            d[x] = 1\n    return max(d, key=d.get)", word},
	}
	for i, both := range interpret(t, questions) {
		if both == nil || !slices.Equal(both[0], both[1]) {
			t.Errorf("%q comes to what Python doesn't make of\n%s", both, questions[i].Code)
		}
	}
}

// question is a program and a test that calls it.
type question struct {
	Code string `json:"code"`
	Test string `json:"test"`
}

// interpret returns the outcomes of each program as interpreted, and by Python; nil for those
// that aren't interpreted.
func interpret(t *testing.T, questions []question) [][][]string {
	t.Helper()
	var in bytes.Buffer
	for _, q := range questions {
		if err := json.NewEncoder(&in).Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-c", interpreted, folder)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := make([][][]string, len(questions))
	for i, line := range bytes.Split(bytes.TrimSpace(out), []byte("\n")) {
		if err := json.Unmarshal(line, &answers[i]); err != nil {
			t.Fatal(err)
		}
	}
	return answers
}

// readShown reads programs whose function f is asked for, with a test that may be seen.
func readShown(t *testing.T, test string, programs ...string) []codefacts.Features {
	t.Helper()
	in := make([]candidate, len(programs))
	for i, code := range programs {
		in[i] = asked(code)
		in[i].Entry, in[i].Tests = "f", []string{test}
	}
	return readAll(t, "first", in...)
}
