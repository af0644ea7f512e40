package codefeatures

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
	"github.com/ouroflow/ouroflow/nodes/internal/codefacts"
	"github.com/ouroflow/ouroflow/nodes/internal/execution"
)

// Programs that compute the same in different words have one value.
func TestEqualValues(t *testing.T) {
	alike := map[string][]string{
		"names, layout, docstrings": {
			"def f(a, b):\n    return a + b",
			"def f(x: int, y) -> int:\n    '''Adds.'''\n    z = x + y\n    return z",
		},
		"all": {
			"def f(xs):\n    return all(x > 0 for x in xs)",
			"def f(l):\n    for v in l:\n        if v <= 0:\n            return False\n    return True",
			"def f(l):\n    good = True\n    for v in l:\n        if not v > 0:\n            good = False\n    return good",
			"def f(l):\n    good = True\n    for v in l:\n        if not 0 < v:\n            good = False\n            break\n    return good",
		},
		"any": {
			"def f(xs):\n    return any(map(lambda x: x % 2, xs))",
			"def f(xs):\n    return any([x % 2 == 1 for x in xs])",
			"def f(xs):\n    for i in range(len(xs)):\n        if xs[i] % 2 != 0:\n            return True\n    return False",
		},
		"count": {
			"def f(xs, y):\n    return xs.count(y)",
			"def f(l, m):\n    n = 0\n    for v in l:\n        if v == m:\n            n += 1\n    return n",
			"def f(l, m):\n    return sum(1 for i in l if i == m)",
			"def f(l, m):\n    return len([i for i in l if i == m])",
		},
		"length": {
			"def f(numbers):\n    out = []\n    for i in range(len(numbers)):\n        if numbers[i] % 2 == 0:\n            out.append(numbers[i])\n    return len(out)",
			"def f(xs):\n    return sum(1 for x in xs if not x % 2)",
			"def f(xs):\n    n = 0\n    for x in xs:\n        print(xs, x)\n        if x % 2 == 0:\n            n = n + 1\n    return n",
		},
		"sum": {
			"def f(a):\n    return sum(map(lambda x: x * x, a))",
			"def f(a):\n    t = 0\n    for x in a:\n        t += x ** 2\n    return t",
			"def f(a):\n    t, unused = 0, []\n    for x in a:\n        unused.append(x)\n        t = pow(x, 2) + t\n    return t",
		},
		"join": {
			"def f(s):\n    return ''.join(c for c in s if c not in 'aeiou')",
			"def f(s):\n    vowels = ['u', 'o', 'i', 'e', 'a']\n    r = ''\n    for c in s:\n        if c in vowels:\n            continue\n        r += c\n    return r",
		},
		"zip": {
			"def f(a, b):\n    return [x * y for x, y in zip(a, b)]",
			"def f(a, b):\n    out = []\n    for i in range(len(a)):\n        out.append(a[i] * b[i])\n    return out",
			"def f(a, b):\n    out = list()\n    for i, x in enumerate(a):\n        out += [b[i] * x]\n    return out",
		},
		"neighbours": {
			"def f(a):\n    return [x + y for x, y in zip(a, a[1:])]",
			"def f(a):\n    return [a[i] + a[i + 1] for i in range(0, len(a) - 1)]",
		},
		"while": {
			"def f(n):\n    s = 0\n    for i in range(n):\n        s += i\n    return s",
			"def f(n):\n    i = 0\n    t = 0\n    while n > i:\n        t += i\n        i += 1\n    return t",
			"def f(n):\n    return sum(i for i in range(0, n, 1))",
		},
		"items": {
			"def f(d):\n    return [k for k, v in d.items() if v > 1]",
			"def f(d):\n    r = []\n    for k in d.keys():\n        if d[k] > 1:\n            r.append(k)\n    return r",
		},
		"tables": {
			"def f(m, n):\n    return [[0] * n for _ in range(m)]",
			"def f(m, n):\n    return [[0 for j in range(n)] for i in range(m)]",
		},
		"tuples": {
			"def f(a):\n    return tuple(x for x in a)",
			"def f(a):\n    r = ()\n    for x in a:\n        r += (x,)\n    return r",
		},
		"branches": {
			"def f(n):\n    return n % 2 == 0",
			"def f(n):\n    if n % 2:\n        return False\n    return True",
			"def f(n):\n    if n % 2 != 0:\n        even = False\n    else:\n        even = True\n    return even",
			"def f(n):\n    return True if not n % 2 else False",
		},
		"larger": {
			"def f(a, b):\n    return max(a, b)",
			"def f(a, b):\n    if b < a:\n        return a\n    else:\n        return b",
		},
		"helpers": {
			"def f(x):\n    return 2 * (1 + x)",
			"def g(x):\n    return x + 1\n\ndef f(x):\n    return g(x) * 2",
			"def f(x):\n    def g(y):\n        return y + 1\n    z = g(x)\n    return z * 2",
		},
		"sorting": {
			"def f(a):\n    return sorted(a)[0]",
			"def f(a):\n    a.sort()\n    return a[0]",
		},
		"sets": {
			"def f(a, b):\n    return set(a) & set(b)",
			"def f(a, b):\n    return set(b).intersection(a)",
		},
		"modules": {
			"import math\ndef f(x):\n    return math.sqrt(x)",
			"from math import sqrt\ndef f(x):\n    return sqrt(x)",
			"def f(x):\n    return x ** 0.5",
		},
		"search": {
			"def f(s):\n    for i in range(len(s)):\n        if s[i] == 'a':\n            return i\n    return -1",
			"def f(t):\n    for i, c in enumerate(t):\n        if c == 'a':\n            return i\n    return -1",
		},
		"recursion": {
			"def f(n):\n    if n <= 1:\n        return 1\n    return n * f(n - 1)",
			"def f(k):\n    if k > 1:\n        return f(k - 1) * k\n    else:\n        return 1",
		},
		"nothing": {
			"def f(s):\n    return len(s) == 0",
			"def f(s):\n    return not s",
		},
	}
	names := slices.Sorted(maps.Keys(alike))
	var all []string
	for _, name := range names {
		all = append(all, alike[name]...)
	}
	rows := readFunctions(t, all...)
	for _, name := range names {
		programs := alike[name]
		first := cmp.Or(rows[0].Value, new(string))
		for i, program := range programs {
			if v := rows[i].Value; v == nil || *v != *first {
				t.Errorf("%s: not alike:\n%s\n%s", name, programs[0], program)
			}
		}
		rows = rows[len(programs):]
	}
}

// Programs that look alike and compute something else don't have one value.
func TestDifferentValues(t *testing.T) {
	programs := []string{
		"def f(xs):\n    return xs.sort()",
		"def f(xs):\n    return sorted(xs)",
		"def f(xs):\n    xs.sort(reverse=True)\n    return xs",
		"def f(xs):\n    xs.append(1)\n    return xs",
		"def f(xs):\n    return xs",
		"def f(xs, y):\n    return xs",
		"def g(xs):\n    return xs",
		"def f(xs):\n    for x in xs:\n        return x",
		"def f(xs):\n    for x in xs:\n        if x > 0:\n            return True\n        return False",
		"def f(xs):\n    return any(x > 0 for x in xs)",
		"def f(xs):\n    return all(x > 0 for x in xs)",
		"def f(xs):\n    n = 0\n    for x in xs:\n        n += 1\n        return n",
		"def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n        if x:\n            break\n    return n",
		"def f(n):\n    def g(k):\n        return (lambda y: g(y) if y > 0 else 5)(k - 1)\n    return g(n)",
		"def f(n):\n    def g(k):\n        def h(y):\n            return h(y) if y > 0 else 5\n        return h(k - 1)\n    return g(n)",
		"def f(c, t):\n    if c:\n        return True\n    return None",
		"def f():\n    return '" + strings.Repeat("long ", 20) + "text'",
		"def f():\n    return '" + strings.Repeat("long ", 20) + "tail'",
		"def f(c, t):\n    if c:\n        return True\n    return 'no'",
		"def f(xs):\n    r = True\n    for x in xs:\n        r = r and x\n    return r",
		"def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n    return n",
		"def f(xs):\n    return xs - 1",
		"def f(xs):\n    return 1 - xs",
		"def f(xs):\n    return 'a' + xs",
		"def f(xs):\n    return xs + 'a'",
		"def f(xs):\n    return xs[1:]",
		"def f(xs):\n    return xs[:1]",
		"def f(xs):\n    n = len(xs)\n    for i in range(n):\n        for j in range(n - i - 1):\n            if xs[j] > xs[j + 1]:\n                xs[j], xs[j + 1] = xs[j + 1], xs[j]\n    return xs",
		"def f(xs):\n    n = len(xs)\n    for i in range(n):\n        for j in range(n - i):\n            if xs[j] > xs[j + 1]:\n                xs[j], xs[j + 1] = xs[j + 1], xs[j]\n    return xs",
		"def f(xs):\n    while xs > 1:\n        xs = xs // 2\n    return xs",
		"def f(xs):\n    while xs > 1:\n        xs = xs / 2\n    return xs",
		"def f(xs):\n    print(xs)",
		// Left by break, with a value that is only assigned, and the else of a loop.
		"def f(n):\n    p, i = True, 2\n    while i * i <= n:\n        if n % i == 0:\n            p = False\n            break\n        i += 1\n    return p",
		"def f(n):\n    return True",
		"def f(xs):\n    t = 0\n    for x in xs:\n        t += x\n        if t > 5:\n            break\n    else:\n        return -1\n    return t",
		"def f(xs):\n    return -1",
		"def f(xs):\n    for i, x in enumerate(xs):\n        if x > 2:\n            break\n    return i",
		"def f(xs):\n    for i, x in enumerate(xs):\n        if x > 2:\n            break\n    return x",
		"def f(n):\n    for i in range(n):\n        pass\n    return i",
		"def f(n):\n    for i in range(n + 5):\n        pass\n    return i",
		"def f(a, b, n):\n    best = n\n    for i in range(n):\n        best = min(best, max(a[i], max(b)))\n    return best",
		"def f(a, b, n):\n    best = n\n    for i in range(n):\n        best = min(best, max(a[i], min(b)))\n    return best",
		// What calls change.
		"def f(xs):\n    d = {}\n    for k, v in xs:\n        d.setdefault(k, []).append(v)\n    return d",
		"def f(xs):\n    return {}",
		"def f(m):\n    for row in m:\n        row.append(0)\n    return m",
		"def f(m):\n    for row in m:\n        row.append(1)\n    return m",
		"from heapq import heappop\ndef f(h):\n    a = heappop(h)\n    b = heappop(h)\n    return b",
		"from heapq import heappop\ndef f(h):\n    return heappop(h)",
		"def h(xs):\n    xs.append(3)\ndef f(xs):\n    h(xs)\n    return xs",
		"def h(xs):\n    xs.append(4)\ndef f(xs):\n    h(xs)\n    return xs",
		"def f(s):\n    try:\n        int(s)\n        return True\n    except ValueError:\n        return False",
		"def f(s):\n    try:\n        float(s)\n        return True\n    except ValueError:\n        return False",
		// Names.
		"import math\ndef f(r):\n    return math.pi * r",
		"def f(r):\n    return math.pi * r",
		"V = 'aeiou'\ndef h(c):\n    return c in V\ndef f(c):\n    return h(c)",
		"V = 'aeo'\ndef h(c):\n    return c in V\ndef f(c):\n    return h(c)",
		// Texts and lists aren't numbers, and named arguments aren't others.
		"def f(s, n):\n    return ' ' * n + s",
		"def f(s, n):\n    return s + ' ' * n",
		"def f(a, b):\n    return max(a, b, key=len)",
		"def f(a, b):\n    return max(b, a, key=len)",
		"def f(a, b):\n    return max(max(a), max(b))",
		"def f(a, b):\n    return max(a, b)",
		"def f(a, b):\n    return a or b",
		"def f(a, b):\n    return b or a",
		"def f(s):\n    return s[0::-1]",
		"def f(s):\n    return s[::-1]",
		"def f(xs):\n    yield xs",
	}
	seen := map[string]string{}
	for i, row := range readFunctions(t, programs...) {
		if row.Value == nil {
			t.Errorf("no value:\n%s", programs[i])
			continue
		}
		if other, known := seen[*row.Value]; known {
			t.Errorf("alike:\n%s\n%s", programs[i], other)
		}
		seen[*row.Value] = programs[i]
	}
}

// What changes more than is followed, or has too large a value, has none, and that costs
// nothing else.
func TestProgramsWithoutValue(t *testing.T) {
	long := func(line string, n int) string { return "def f(a, b):\n" + strings.Repeat(line, n) + "    return a\n" }
	without := map[string]string{
		"branches":   long("    if a:\n        if b:\n            return a\n    a += b\n", 60),
		"doubling":   long("    a = a + a\n", 8000),
		"statements": long("    a = a * b + a[b]\n", 4000),
		"tries":      long("    try:\n        a = g(a)\n    except E:\n        return b\n", 300),
		"class":      long("    class A:\n        pass\n", 1),
		"closures":   "def f(a):\n    out = []\n    def g(x):\n        out.append(x)\n    g(a)\n    return out\n",
		"late":       "def f(a):\n    def g():\n        return k + a\n    k = 3\n    return g()\n",
		"effects":    "def f(a):\n    seen = set()\n    return [x for x in a if not (x in seen or seen.add(x))]\n",
		"squares":    long("    a = a * a\n", 60),
		"helpers":    "def g0(x):\n    return x + x\n" + nested(40) + "def f(a):\n    return g40(a)\n",
	}
	names := slices.Sorted(maps.Keys(without))
	var programs []string
	for _, name := range names {
		programs = append(programs, without[name])
	}
	for i, row := range readFunctions(t, programs...) {
		if row.Value != nil || row.AST == nil || len(row.Terms) > 0 {
			t.Errorf("%s: value %v, tree %v, %d terms", names[i], row.Value, row.AST, len(row.Terms))
		}
	}
}

// nested are functions that call the one before twice.
func nested(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		b.WriteString(strings.NewReplacer("N", strconv.Itoa(i), "M", strconv.Itoa(i-1)).Replace("def gN(x):\n    return gM(gM(x))\n"))
	}
	return b.String()
}

// No code breaks the reader: it has facts, if only of its text.
func FuzzReader(f *testing.F) {
	for _, code := range []string{
		"", "def f(a): return a", "def f(a, *b, c=1, **d):\n  del c[0], d\n  a[b:c].x, *q = b\n  with a as (b, c): raise E from a",
		"def f(a):\n  while a:\n    a -= 1\n    if a: continue\n    else: break\n  else: return [*a, *a][0]",
		"def f(a):\n  return len(), sum(), max(*a, **a), pow(1), item(), append(a), lambda: f, [(y := x) for x in a if x for y in x]",
		"async def f(a):\n  async for x in a: yield await x\n  global z; nonlocal y; assert a\n  return f'{a!r:>{z}}'",
		"def f(a):\n  match a:\n    case {'x': [b, *c]} if b: return c\n    case _: pass\n  try: pass\n  except* E as e: a.b.c[1].d += e\n  finally: a @= ~-+1",
	} {
		f.Add(code)
	}
	place := execution.DefaultPlace()
	place.Runtime, place.Workers = "process", 1
	r, err := NewReader(context.Background(), place, f.Logf)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(r.Close)
	f.Fuzz(func(t *testing.T, code string) {
		rows, err := r.Read(0, []Question{{Code: code, Prompt: "Sort.", Entry: "f", Tests: []string{}}})
		if err != nil {
			t.Fatal(err)
		}
		if rows[0].Facts == "{}" {
			t.Errorf("%q broke the reader", code)
		}
	})
}

// readFunctions reads programs whose function f is asked for.
func readFunctions(t *testing.T, programs ...string) []codefacts.Features {
	t.Helper()
	in := make([]candidate, len(programs))
	for i, code := range programs {
		in[i] = asked(code)
		in[i].Entry, in[i].Tests = "f", nil
	}
	return readAll(t, "none", in...)
}

// Of real programs that have one value, nearly all have one published verdict.
func TestValuesAgainstVerdicts(t *testing.T) {
	programs, passed := publishedPrograms(t, 100)
	verdicts := map[string]map[bool]bool{}
	for i, row := range readAll(t, "first", programs...) {
		if row.Value != nil {
			key := programs[i].Prompt + *row.Value
			if verdicts[key] == nil {
				verdicts[key] = map[bool]bool{}
			}
			verdicts[key][passed[i]] = true
		}
	}
	mixed := 0
	for _, v := range verdicts {
		mixed += len(v) - 1
	}
	t.Logf("%d distinct programs have %d values, %d of which have both verdicts", len(programs), len(verdicts), mixed)
	if len(verdicts) > len(programs)*2/3 || mixed > 2 {
		t.Error("that is too many")
	}
}

// publishedPrograms are the distinct ones of some problems, with their verdicts.
func publishedPrograms(t *testing.T, problems int) (programs []candidate, passed []bool) {
	t.Helper()
	problem := map[string]tableio.Object{}
	for _, o := range shared(t, "mbpp/mbpp.jsonl") {
		if len(problem) < problems {
			problem[o.Text("task_id")] = o
		}
	}
	seen := map[string]bool{}
	for _, o := range shared(t, "samples/mbpp_test_oci_ds_1.3b.jsonl.gz") {
		p, code := problem[o.Text("task_id")], o.Text("completion")
		if key := o.Text("task_id") + code; p != nil && !seen[key] {
			seen[key] = true
			programs = append(programs, candidate{Prompt: p.Text("text"), Code: code, Tests: p.Texts("test_list")})
			passed = append(passed, o["passed"] == true)
		}
	}
	return programs, passed
}

func shared(t *testing.T, name string) []tableio.Object {
	t.Helper()
	content, err := os.ReadFile("../../../shared/data/" + name)
	if err != nil {
		t.Skip("the shared samples are not here: ", err)
	}
	rows, err := tableio.ReadObjects("jsonl", content)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
