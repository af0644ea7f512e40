package execution

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLayoutKey(t *testing.T) {
	base := "def f(x):\n    \"\"\"Adds one.\"\"\"\n    return x + 1\n"
	for name, other := range map[string]string{
		"comments":    "# a\ndef f(x):  # b\n    # c\n    \"\"\"Adds one.\"\"\"\n    return x + 1 # d",
		"blank lines": "\n\ndef f(x):\n\n    \"\"\"Adds one.\"\"\"\n   \n    return x + 1\n\n",
		"indentation": "def f(x):\n  \"\"\"Adds one.\"\"\"\n  return x + 1\n",
		"tabs":        "def f(x):\n\t\"\"\"Adds one.\"\"\"\n\treturn x + 1\n",
		"white space": "def f( x ) :\n    \"\"\"Adds one.\"\"\"\n    return x+1\n",
		"docstring":   "def f(x):\n    '''Adds\n    one to x.'''\n    return x + 1\n",
		"brackets":    "def f(\n    x\n):\n    \"\"\"Adds one.\"\"\"\n    return x + 1\n",
	} {
		if layoutKey(base) != layoutKey(other) {
			t.Errorf("%s: %q and %q", name, layoutKey(base), layoutKey(other))
		}
	}
	different := []string{
		base, "def f(x):\n    return x + 1\n", "def f(x):\n    \"\"\"Adds one.\"\"\"\n    return x + 2\n", "def f(y):\n    \"\"\"Adds one.\"\"\"\n    return y + 1\n",
		"def f(x):\n    '#'\n    s = '#'\n    return x + 1\n", "def f(x):\n    '#'\n    s = '# '\n    return x + 1\n",
		"x = = 1", "x == 1", "if a:\n  b\nc", "if a:\n  b\n  c", "x = 'a' 'b'", "x = 'a', 'b'", "x = 1e -3", "x = 1e-3", "x = '''a\n\nb'''", "x = '''a\nb'''",
		"if a:\n    b\n  c", "x = 'a", "x = (", "x = )", "x = f'{a}#'", "x = f'{a}'", "x = r'\\'", "print(__doc__)  # a", "print(__doc__)", "def f(): 'a'", "x. y", "x = 1 .y", "x = 1.y",
		"if a:\n  'b'", "if a:\n  'c'", "x = \"a\\\nb\"", "x = b'a'", "x = 'a'",
	}
	for i, a := range different {
		for _, b := range different[:i] {
			if layoutKey(a) == layoutKey(b) {
				t.Errorf("%q and %q have one key", a, b)
			}
		}
	}
}

// Python agrees: two programs with one key have one tree, but for docstrings.
func TestLayoutKeyAgreesWithPython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: ", err)
	}
	pieces := []string{
		"def f(x):", "class A:", "if x:", "x = 1", "'''doc\nstring'''", "\"a # b\"", "# comment", " ", "  ", "    ", "\n", "\n\n", "\t", "return x", "(", ")", "[1,\n2]", "\\\n",
		"x += 1", "f'{x}'", "f\"{x!r:>{w}}\"", "r'\\n'", "'it''s'", "b'a'", "1.5e-3", "1 .real", "x if y else z", "lambda: 0", "*", "**", "->", ":", ";", "...", ".", "=", "==", "é", "0x1e-3", "1_000", "@d", "pass",
	}
	key := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		code := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 9).Draw(t, "pieces"), "")
		key[code] = layoutKey(code)
	})
	byKey := map[string][]string{}
	for code, k := range key {
		byKey[k] = append(byKey[k], code)
	}
	var groups [][]string
	for _, codes := range byKey {
		if len(codes) > 1 {
			groups = append(groups, codes)
		}
	}
	asked, err := json.Marshal(groups)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-I", "-W", "ignore", "-c", sameTrees)
	cmd.Stdin = strings.NewReader(string(asked))
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "[]" {
		t.Errorf("%d groups: %v %s", len(groups), err, out)
	}
}

const sameTrees = `
import ast, json, sys
def tree(code):
    try:
        t = ast.parse(code)
    except (SyntaxError, ValueError):
        return "none"
    for n in ast.walk(t):
        if isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.Module)) and n.body and isinstance(n.body[0], ast.Expr) and isinstance(getattr(n.body[0].value, "value", None), str):
            n.body[0].value.value = "doc"
    return ast.dump(t)
print([g for g in json.load(sys.stdin) if len({tree(c) for c in g}) > 1][:3])
`

func FuzzLayoutKey(f *testing.F) {
	f.Add("def f(x):\n  return x # a\n")
	f.Fuzz(func(t *testing.T, code string) {
		key := layoutKey(code)
		if !strings.HasPrefix(key, "\x00layout") && key != code {
			t.Errorf("%q: %q", code, key)
		}
	})
}
