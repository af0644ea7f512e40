package pyliteral

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

func TestParse(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`['a', "b'c"]`, `["a","b'c"]`},
		{`['a' 'b']`, `["a","b"]`},
		{"['a'\n \"b\"\n 'c']", `["a","b","c"]`},
		{`[1 2.5 -3]`, `[1,2.5,-3]`},
		{`('a', ('b',), ('c'), [])`, `["a",["b"],"c",[]]`},
		{`{'input': '1\n', "k": [None, True, False, 1.5e3]}`, `{"input":"1\n","k":[null,true,false,1.5e3]}`},
		{`'\x41\u00e9\U0001f600\101\q\'\\' `, `"Aé😀A\\q'\\"`},
		{`r'\n'`, `"\\n"`},
		{"'''a\nb'''", `"a\nb"`},
		{`[]`, `[]`},
		{"{'a': array(['x',\n 'y'], dtype=object), 'b': array([2, 3]), 'c': array([], dtype=float64)}", `{"a":["x","y"],"b":[2,3],"c":[]}`},
	} {
		v, err := Parse(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got, _ := tableio.JSON(v); got != test.want {
			t.Errorf("%s: %s, want %s", test.text, got, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{``, "no literal"}, {`[1, 2`, "no literal"}, {`['a', 'b' 'c']`, "comma"}, {`('a' 'b')`, "comma"}, {`['a' ... 'b']`, "left elements out"},
		{`f(1)`, "no literal"}, {`[x]`, "no literal"}, {`'a`, "doesn't end"}, {"'a\nb'", "on its line"}, {`'\ud800'`, "no character"},
		{`{1: 2}`, "no text"}, {`{'a' 1}`, "colon"}, {`[1] x`, "follows"}, {strings.Repeat("[", 200), "nested deeper"}, {`b'a'`, "no literal"},
		{`array([1], shape=2)`, "doesn't end"}, {`array(1)`, "no array"}, {`array([1, ..., 2])`, "left elements out"},
	} {
		if v, err := Parse(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v, want %q", test.text, v, err, test.want)
		}
	}
}

// Python reads what Format writes as the same value.
func TestFormat(t *testing.T) {
	text := `{"a":[null,true,false,-1.50,1e3,"\u0000\n\"'\\é😀\u2028"],"b":{}}`
	v, err := tableio.DecodeJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Format(v)
	if err != nil {
		t.Fatal(err)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3: ", err)
	}
	check := exec.Command(python, "-c", "import json, sys; assert eval(sys.argv[1]) == json.loads(sys.argv[2])", got, text)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%s: %s", got, out)
	}
	if got, _ := Format(Dict{{int64(1), "x"}}); got != `{1: "x"}` {
		t.Errorf("Format of a Dict is %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`['a' 'b']`, `{'a': (1, None)}`, `'\x41'`, `"""x"""`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text)
		if err != nil {
			return
		}
		if _, err := Format(v); err != nil {
			t.Errorf("%q was read, but can't be written: %v", text, err)
		}
	})
}
