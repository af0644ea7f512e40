package extractcode

import (
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

// programs to cut: what the longest prefix that compiles is, and what is left of that
// without statements after the definitions. Empty means that it stays as it is.
var programs = []struct{ name, code, compiles, statement string }{
	{"whole", "def f():\n    return 1\n", "", ""},
	{"cut off", "def f():\n    return 1\n\ndef g(\n", "def f():\n    return 1\n\n", "def f():\n    return 1\n\n"},
	{"prose after it", "import os\ndef f():\n    return 1\nThis works.\nprint(f())\n", "import os\ndef f():\n    return 1\n", "import os\ndef f():\n    return 1\n"},
	{"tests after it", "def f():\n    return 1\nx = 2\nassert f() == 1\n", "", "def f():\n    return 1\nx = 2\n"},
	{"main", "print(0)\ndef f(): pass\nif __name__ == '__main__':\n    f()\n", "", "print(0)\ndef f(): pass\n"},
	{"open text", "def f():\n    return 1\nx = '''never\nclosed\n", "def f():\n    return 1\n", "def f():\n    return 1\n"},
	{"open body", "x = 1\ndef f(a):\n", "x = 1\n", "x = 1\n"},
	{"nothing compiles", "I can't do that.\nSorry.\n", "", ""},
	{"NUL", "a\x00b\nx = 1\n", "", ""},
	{"line separators in texts", "def f():\n    s = 'a\u2028b\u2028c\x0c'\n    return s\nprint(1)\n", "", "def f():\n    s = 'a\u2028b\u2028c\x0c'\n    return s\n"},
	{"carriage returns", "def f():\r\n    return 1\r\nf()\r\n", "", "def f():\r\n    return 1\r\n"},
	{"semicolon", "def f(): pass\nx = 'é'; print(x)\n", "", "def f(): pass\nx = 'é'\n"},
	{"end of a text", "def f(): pass\nx = '''\nfoo\n''' ; print(x)\n", "", "def f(): pass\nx = '''\nfoo\n'''\n"},
	{"decorated", "@cache\ndef f(): pass\n@cache\ndef g(): pass\ng()\n", "", "@cache\ndef f(): pass\n@cache\ndef g(): pass\n"},
	{"return outside", "x = 1\nreturn x\n", "x = 1\n", "x = 1\n"},
	{"empty", "", "", ""},
	{"deep", strings.Repeat("(", 100000), "", ""},
	{"deeper", strings.Repeat("-", 5000000) + "1", "", ""},
}

func TestCut(t *testing.T) {
	var rows []in
	for _, p := range programs {
		rows = append(rows, in{Completion: p.code})
	}
	for _, cut := range []string{"none", "compiles", "statement"} {
		b := nodetest.New(t)
		nodetest.Bind(t, b, "in", rows)
		res, err := b.Run(t, Type(), func(p any) {
			q := p.(*Params)
			q.Cut, q.Runtime = cut, "process"
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range nodetest.Rows[out](t, b, res, "out") {
			want := map[string]string{"compiles": programs[i].compiles, "statement": programs[i].statement}[cut]
			if want == "" {
				want = programs[i].code
			}
			if row.Code != want {
				t.Errorf("%s, %s: got %.200q, want %.200q", programs[i].name, cut, row.Code, want)
			}
		}
	}
}
