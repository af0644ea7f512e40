package extractcode

import (
	"strings"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
)

const (
	add  = "def add(a, b):\n    return a + b\n"
	sub  = "def add(a, b):\n    return a - b\n"
	fadd = "```python\n" + add + "```\n"
	fsub = "```python\n" + sub + "```\n"
)

// replies of all kinds of models to `write add(a, b)`.
var replies = []struct{ name, prefix, text, want, how string }{
	// without a fence
	{"plain", "def add(", "a, b):\n    return a + b\n", add, "whole"},
	{"empty", "", "", "", "whole"},
	{"prefix alone", "def add(", "", "def add(", "whole"},
	{"body alone", "def add(a, b):\n", "    return a + b\n", add, "whole"},
	{"inline ticks", "", "x = '```'\n", "x = '```'\n", "whole"},
	{"fence in a docstring", "def add(a, b):\n", "    \"\"\"Adds.\n    ```\n    add(1, 2)\n    ```\n    \"\"\"\n    return a + b\n", "def add(a, b):\n    \"\"\"Adds.\n    ```\n    add(1, 2)\n    ```\n    \"\"\"\n    return a + b\n", "whole"},
	{"prose", "", "I can't do that.", "I can't do that.", "whole"},

	// fences
	{"fenced", "", "Sure:\n" + fadd + "Done.", add, "fence"},
	{"never closed", "", "```py\n" + add, add, "fence"},
	{"unmarked", "", "Sure:\n```\n" + add + "```\n", add, "fence"},
	{"tildes", "", "~~~python\n" + add + "~~~\n", add, "fence"},
	{"five backticks", "", "`````python\n" + add + "x = '''\n```\n'''\n`````\n", add + "x = '''\n```\n'''\n", "fence"},
	{"a fence in a longer fence", "", "````markdown\n```text\nx\n```\n```python\n" + sub + "```\n````\n```python\nx = 1\n```\n", "x = 1\n", "fence"},
	{"title", "", "```python title=\"sol.py\"\n" + add + "```\n", add, "fence"},
	{"pandoc", "", "```{.python .numberLines}\n" + add + "```\n", add, "fence"},
	{"capital", "", "```Python\n" + add + "```\n", add, "fence"},
	{"py3", "", "``` py3\n" + add + "```\n", add, "fence"},
	{"file name", "", "```solution.py\n" + add + "```\n", add, "fence"},
	{"carriage returns", "", "```python\r\ndef add(a, b):\r\n    return a + b\r\n```\r\n", "def add(a, b):\r\n    return a + b\r\n", "fence"},
	{"list item", "", "1. The function:\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n", add, "fence"},
	{"list item, its line", "", "- ```python\n  def add(a, b):\n      return a + b\n  ```\n", add, "fence"},
	{"tabs", "", "*\tThe function:\n\n\t```python\n\tdef add(a, b):\n\t    return a + b\n\t```\n", add, "fence"},
	{"block quote", "", "> ```python\n> def add(a, b):\n>     return a + b\n> ```\n> Good.\n", add, "fence"},
	{"left block quote", "", "> ```python\n> def add(a, b):\n>     return a + b\n\nGood.\n", add, "fence"},
	{"deeper than four", "", "1. a\n   - b\n\n        ```python\n        def add(a, b):\n            return a + b\n        ```\n", add, "fence"},
	{"less than its fence", "", "  ```python\n def add(a, b):\n      return a + b\n  ```\n", "def add(a, b):\n     return a + b\n", "fence"},
	{"fence alone is indented", "", "  ```python\ndef add(a, b):\n  return a + b\n```\n", "def add(a, b):\n  return a + b\n", "fence"},
	{"inline, then a block", "", "Use ```add``` as the name.\n" + fadd, add, "fence"},
	{"opened behind prose", "", "Here is it: ```python\n" + add + "```\n", add, "fence"},
	{"closed behind code", "", "```python\ndef add(a, b):\n    return a + b```\nDone.", "def add(a, b):\n    return a + b", "fence"},
	{"fence in a docstring in a block", "", "```python\ndef add(a, b):\n    '''Adds.\n```\nadd(1, 2)\n```\n    '''\n    return a + b\n```\nDone.\n", "def add(a, b):\n    '''Adds.\n```\nadd(1, 2)\n```\n    '''\n    return a + b\n", "fence"},
	{"docstring never closed", "", "```python\ndef add(a, b):\n    '''Adds.\n```\nDone.\n", "def add(a, b):\n    '''Adds.\n", "fence"},
	{"draft's docstring never closed", "", "```python\ndef f():\n    '''Adds.\n```\nNo:\n" + fadd, add, "fence"},

	// blocks that the prompt opened
	{"closing fence", "", add + "```\nThis adds two numbers.", add, "closing_fence"},
	{"closing fence, body", "", "    return a + b\n```\nThis works, doesn't it?", "    return a + b\n", "closing_fence"},
	{"closing fence behind a prefix", "def add(", "a, b): pass\n```\nIt works.", "def add(a, b): pass\n", "closing_fence"},
	{"broken program behind a prefix", "def add(", "a, b):\n    retrun a b\n```\nIt works.", "def add(a, b):\n    retrun a b\n", "closing_fence"},
	{"language wins over prefix", "def add(", "```python\n" + add + "```", add, "fence"},
	{"prose wins over prefix", "def add(", "Sure:\n```\n" + add + "```", add, "fence"},
	{"answer that was begun", "```python\ndef add(", "a, b): pass\n```\nIt works.", "def add(a, b): pass\n", "fence"},
	{"answer that was begun, corrected", "```python\n", sub + "```\nNo:\n" + fadd, add, "fence"},
	{"closed, then corrected", "", sub + "```\nNo:\n" + fadd, add, "fence"},
	{"code, then an example", "", add + "\nExample:\n```python\nprint(add(1, 2))\n```\n", add + "\nExample:\n", "unfenced"},
	{"examples in a docstring that the reply opens", "", "'''\nadd\n'''\n" + add + "```\nDone.", "'''\nadd\n'''\n" + add, "closing_fence"},

	// several blocks
	{"draft, then final", "", "First:\n" + fsub + "Wait, that is wrong:\n" + fadd, add, "fence"},
	{"empty, then final", "", "```python\n```\n" + fadd, add, "fence"},
	{"bash first", "", "```bash\npip install numpy\n```\n" + fadd, add, "fence"},
	{"example first", "", "For example\n```\nadd(1, 2) -> 3\n```\n" + fadd, add, "fence"},
	{"output last", "", fadd + "Output:\n```\n3\n```\n", add, "fence"},
	{"usage last", "", fadd + "Usage:\n```python\nprint(add(1, 2))\n```\n", add, "fence"},
	{"doctest last", "", fadd + "```python\n>>> add(1, 2)\n3\n```\n", add, "fence"},
	{"tests last", "", fadd + "```python\ndef test_add():\n    assert add(1, 2) == 3\n```\n", add, "fence"},
	{"json last", "", fadd + "```json\n{\"add\": 1}\n```\n", add, "fence"},
	{"helper, then main", "", "```python\ndef _h(x):\n    return x\n```\nMain:\n```python\ndef add(a, b):\n    return _h(a) + _h(b)\n```\n", "def _h(x):\n    return x\ndef add(a, b):\n    return _h(a) + _h(b)\n", "fence+joined"},
	{"imports, then main", "", "```python\nimport math\n```\n```python\ndef add(a, b):\n    return math.fsum([a, b])\n```\n", "import math\ndef add(a, b):\n    return math.fsum([a, b])\n", "fence+joined"},
	{"main, then helper", "", "```python\ndef add(a, b):\n    return h(a) + b\n```\n```python\ndef h(x):\n    return x\n```\n", "def add(a, b):\n    return h(a) + b\ndef h(x):\n    return x\n", "fence+joined"},
	{"a helper of a helper", "", "```python\nfrom os import (path,\n  sep as s)\n```\n```python\ndef h(x):\n    return s\n```\n```python\nadd = lambda a, b: h(a)\n```\n", "from os import (path,\n  sep as s)\ndef h(x):\n    return s\nadd = lambda a, b: h(a)\n", "fence+joined"},
	{"a parameter is no use", "", "```python\nx = 1\nprint(x)\n```\n```python\ndef add(x, b):\n    for y, z in []:\n        x = y\n    return x + b\n```\n", "def add(x, b):\n    for y, z in []:\n        x = y\n    return x + b\n", "fence"},
	{"method", "", fsub + "```python\nclass Solution:\n    def add(self, a, b):\n        return a + b\n```\n", "class Solution:\n    def add(self, a, b):\n        return a + b\n", "fence"},
	{"script", "", "```\n1 2\n```\n```python\na, b = map(int, input().split())\nprint(a + b)\n```\n```text\n3\n```\n", "a, b = map(int, input().split())\nprint(a + b)\n", "fence"},
	{"no Python", "", "```java\nint add(int a, int b) { return a + b; }\n```\n", "", "no_python"},
	{"broken and unmarked", "", "```\nfunction add takes a\n```\n", "function add takes a\n", "fence"},

	// reasoning
	{"DeepSeek-R1", "", "<think>\nTry\n" + fsub + "no.\n</think>\n\n" + fadd, add, "fence+reasoning"},
	{"opened in the prompt", "", "I think def add...\n" + fsub + "no, it doesn't.\n</think>\n\n" + fadd, add, "fence+reasoning"},
	{"Qwen3 without thinking", "", "<think>\n\n</think>\n\n" + fadd, add, "fence+reasoning"},
	{"no fence behind it", "", "<think>\nI add them.\n</think>\n\n" + add, add, "whole+reasoning"},
	{"within a thought", "", "<think>\nTry\n" + fadd + "hmm but", "", "reasoning_unfinished"},
	{"draft never closed", "", "<think>\n```python\ndef add(\n    '''\n</think>\n```python\ndef add(a, b):\n    '''Adds.'''\n    return a + b\n```\n", "def add(a, b):\n    '''Adds.'''\n    return a + b\n", "fence+reasoning"},
	{"closing tag that is mentioned", "", "<think>\nI have to write `</think>` at the end.\n" + fsub + "</think>" + add, add, "whole+reasoning"},
	{"thoughts in between", "", "Sure.\n<thinking>\n" + fsub + "</thinking>\n" + fadd + "<reflection>good</reflection>\n", add, "fence+reasoning"},
	{"one too many", "", "<think>x</think>\n" + fadd + "</think>\n", add, "fence+reasoning"},
	{"thoughts in thoughts", "", "<think>\n<think>\n" + fsub + "</think>\n" + fsub + "</think>\n" + fadd, add, "fence+reasoning"},
	{"in a literal", "", "def add(a, b):\n    return '<think>' + \"</think>\"\n", "def add(a, b):\n    return '<think>' + \"</think>\"\n", "whole"},
	{"in a literal of several lines", "", "T = '''\n<think>\n</think>\n'''\n" + add, "T = '''\n<think>\n</think>\n'''\n" + add, "whole"},
	{"in a literal in a block", "", "Sure:\n```python\nT = '''\n<think>\n</think>\n'''\n" + add + "```\n", "T = '''\n<think>\n</think>\n'''\n" + add, "fence"},
	{"in a comment", "", "import re\n# strips </think>\n" + add, "import re\n# strips </think>\n" + add, "whole"},
	{"closed by another's tag", "", "<think>\n" + fsub + "</analysis>\n" + fadd, "", "reasoning_unfinished"},
	{"Magistral", "", "[THINK]hm[/THINK]" + fadd, add, "fence+reasoning"},
	{"OpenThoughts", "", "<|begin_of_thought|>\n" + fsub + "<|end_of_thought|>\n\n<|begin_of_solution|>\n" + fadd + "<|end_of_solution|>", add, "delimiters+fence+reasoning"},
	{"Command A", "", "<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>\n" + fadd + "<|END_RESPONSE|><|END_OF_TURN_TOKEN|>", add, "delimiters+fence+reasoning+end_of_text"},
	{"gpt-oss", "", "<|channel|>analysis<|message|>Use\n" + fsub + "<|end|><|start|>assistant<|channel|>final<|message|>" + fadd + "<|return|>", add, "fence+reasoning+end_of_text"},
	{"gpt-oss, opened in the prompt", "", "analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>" + add + "<|return|>", add, "whole+reasoning+end_of_text"},
	{"gpt-oss without special tokens", "", "analysisWe need add.assistantfinal" + fadd, add, "fence+reasoning"},
	{"gpt-oss, unfinished", "", "<|channel|>analysis<|message|>We need\n" + fadd, "", "reasoning_unfinished"},
	{"Seed-OSS", "", "<seed:think>hm\n</seed:think>" + fadd, add, "fence+reasoning"},

	// ends of texts
	{"Qwen2.5", "", add + "<|im_end|>\n", add, "whole+end_of_text"},
	{"Llama 3", "<|begin_of_text|>", "", "<|begin_of_text|>", "whole"},
	{"Llama 3 with a header", "", "<|start_header_id|>assistant<|end_header_id|>\n\n" + fadd + "<|eot_id|><|start_header_id|>user<|end_header_id|>\n" + fsub, add, "fence+end_of_text"},
	{"CodeLlama", "", "[PYTHON]\n" + add + "[/PYTHON]\n[TESTS]\nassert add(1,2)==3\n[/TESTS]</s>", add, "delimiters+end_of_text"},
	{"StarCoder", "def add(", "a, b):\n    return a + b\n<|endoftext|>def sub(", add, "whole+end_of_text"},
	{"StarCoder 2", "def add(", "a, b):\n    return a + b\n<file_sep>\ndef sub(", add, "whole+end_of_text"},
	{"Gemma", "", fadd + "<end_of_turn>\n<eos>", add, "fence+end_of_text"},
	{"Gemma in one line", "", "```python\n" + add + "```<end_of_turn>", add, "fence+end_of_text"},
	{"Mistral", "", " " + add + "</s>", " " + add, "whole+end_of_text"},
	{"DeepSeek-Coder", "", fadd + "<|EOT|>", add, "fence+end_of_text"},
	{"DeepSeek-V3", "", add + "<｜end▁of▁sentence｜>", add, "whole+end_of_text"},
	{"Phi", "", fadd + "<|end|>\n<|assistant|>\n<think>\n" + fsub, add, "fence+end_of_text"},
	{"next turn", "", fadd + "<|im_end|>\n<|im_start|>user\nAgain\n<|im_start|>assistant\n<think>\n</think>\n" + fsub, add, "fence+reasoning+end_of_text"},
	{"behind a comment", "", "def add(a, b): return a + b # sum<|endoftext|>", "def add(a, b): return a + b # sum", "whole+end_of_text"},
	{"token in a literal", "", "END = '</s>'  # or <eos>\n" + add, "END = '</s>'  # or <eos>\n" + add, "whole"},
	{"token in a literal, then one", "", "END = '</s>'\n" + add + "</s>", "END = '</s>'\n" + add, "whole+end_of_text"},
	{"token that is mentioned", "", "It stops at `<eos>`:\n" + fadd, add, "fence"},

	// delimiters
	{"few-shot", "", "[BEGIN]\n" + add + "[DONE]\n", add, "delimiters"},
	{"few-shot, opened in the prompt", "", add + "[DONE]\nYou are an expert.\n[BEGIN]\n" + sub + "[DONE]\n", add, "delimiters"},
	{"rambling", "", add + "\nYou are an expert.\n[BEGIN]\ndef sub(a, b):\n    return a - b\n[DONE]\n", add + "\nYou are an expert.\n[BEGIN]\ndef sub(a, b):\n    return a - b\n[DONE]\n", "whole"},
	{"answer", "", "<answer>\n" + add + "</answer>", add, "delimiters"},
	{"answer with a block", "", fsub + "<answer>\n" + fadd + "</answer>", add, "delimiters+fence"},
	{"answer never closed", "", "<answer>\n" + add, add, "delimiters"},
	{"answer with a block never closed", "", "<answer>\n```python\n" + add + "</answer>", add, "delimiters+fence"},
	{"delimiters in a block", "", "```python\n[BEGIN]\n" + add + "[DONE]\n```\n", add, "fence"},
	{"code that is mentioned", "", "The function <code>add</code> is:\n" + fadd, add, "fence"},
	{"subscript", "", "s = states[DONE]\n" + add, "s = states[DONE]\n" + add, "whole"},
	{"tags in a literal", "", "H = '''\n<code>\nx\n</code>\n'''\n" + add, "H = '''\n<code>\nx\n</code>\n'''\n" + add, "whole"},
}

func TestExtract(t *testing.T) {
	x := New(*Type().New().(*Params))
	for _, r := range replies {
		got := x.Extract(Reply{r.prefix, r.text, "add"})
		if got != (Program{r.want, r.how}) {
			t.Errorf("%s: got %q by %s, want %q by %s", r.name, got.Code, got.How, r.want, r.how)
		}
	}
}

func TestBlock(t *testing.T) {
	const one, two, three = "def g(): return 1\n", "def f(): return 2, 22\n", "print(f())\n"
	text := "```python\n" + one + "```\n```\n" + two + "```\n```bash\nls\n```\n```python\n" + three + "```\n"
	for block, want := range map[string]Program{
		"auto": {two, "fence"}, "first": {one, "fence"}, "last": {three, "fence"}, "longest": {two, "fence"},
		"joined": {one + two + three, "fence+joined"}, "entry_point": {two, "fence"},
	} {
		if got := New(Params{Block: block}).Extract(Reply{Text: text, EntryPoint: "f"}); got != want {
			t.Errorf("%s: got %+v, want %+v", block, got, want)
		}
	}
	if got := New(Params{Block: "entry_point"}).Extract(Reply{Text: text, EntryPoint: "h"}); got != (Program{"", "no_python"}) {
		t.Errorf("no entry point: got %+v", got)
	}
}

// Without an entry point the last block that defines something is taken.
func TestNoEntryPoint(t *testing.T) {
	x := New(Params{Block: "auto"})
	for text, want := range map[string]Program{
		fsub + fadd + "```python\nprint(add(1, 2))\n```\n":   {add, "fence"},
		"```\n3\n```\n```python\nprint(3)\n```\n```\n4\n```": {"print(3)\n", "fence"},
	} {
		if got := x.Extract(Reply{Text: text}); got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

// Lists that are set replace the usual ones; empty ones switch off what they are for.
func TestLists(t *testing.T) {
	text := "<think>x</think>\n<out>\n" + add + "</out>\n</s>\nSTOP\n"
	for _, test := range []struct {
		name string
		p    Params
		want Program
	}{
		{"none", Params{Reasoning: [][]string{}, EndOfText: []string{}, Delimiters: [][]string{}}, Program{text, "whole"}},
		{"own", Params{Reasoning: [][]string{}, EndOfText: []string{"STOP"}, Delimiters: [][]string{{"<out>", "</out>"}}}, Program{add, "delimiters+end_of_text"}},
	} {
		if got := New(test.p).Extract(Reply{Text: text}); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for field, set := range map[string]func(*Params){
		"reasoning":   func(p *Params) { p.Reasoning = [][]string{{"<think>"}} },
		"delimiters":  func(p *Params) { p.Delimiters = [][]string{{"x", "x"}} },
		"end_of_text": func(p *Params) { p.EndOfText = []string{""} },
	} {
		p := Type().New().(*Params)
		set(p)
		_, err := Type().Bind(p)
		if bad := (*node.FieldError)(nil); err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%s: err = %v, %v", field, err, bad)
		}
	}
}

// Whatever a reply repeats, its program is found in time in proportion to its length.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	x := New(*Type().New().(*Params))
	for _, part := range []string{
		"```\n", "```python\n'''\n```\n", "```\n\\'''\n", "```\n'''\n```\n\"\"\"\n", "'", "\"", "`", "``", "`` ``` ` ", "\\'", "#'\n", "<think>", "</think>\n", "`</think>`", "<think>`</think>`\n",
		"</s>", "'</s>'", "#</s>\n", "<answer>\n", "</answer>\n", "[BEGIN]\n[DONE]\n", "[DONE]", "```python\ndef f():\n  return f(g)\n```\n", "```\nx=1\ny=x\n```\n",
		"> ", "- ", "1. ", "\t", "((", "a=", "lambda ", "for x in ", "assistantfinal", "~~~~\n", "é", "\x00", "def f(", "import a,", "->", "```python\n'''\n```\n```x\n", "'''\n", "\"\"\"'''",
	} {
		times := func(n int) time.Duration {
			text := strings.Repeat(part, n/len(part))
			start := time.Now()
			x.Extract(Reply{Text: text, EntryPoint: "f"})
			x.Extract(Reply{Prefix: "```python\n", Text: "<think>\n" + text, EntryPoint: "f"})
			return time.Since(start)
		}
		// In proportion this is 16 times as long, in its square 256 times. A machine that
		// is busy with something else gets more tries.
		slow := func() bool { return times(1<<17) > 64*times(1<<13)+time.Second/2 }
		tries := 0
		for tries < 3 && slow() {
			tries++
		}
		if tries == 3 {
			t.Errorf("%q: %s for 8 KiB, %s for 128 KiB", part, times(1<<13), times(1<<17))
		}
	}
}

func FuzzExtract(f *testing.F) {
	for _, r := range replies {
		f.Add(r.prefix, r.text, "add")
	}
	x := New(*Type().New().(*Params))
	f.Fuzz(func(t *testing.T, prefix, text, entry string) {
		p := x.Extract(Reply{prefix, text, entry})
		if limit := len(prefix) + len(text); len(p.Code) > 2*limit+limit/4 {
			t.Fatalf("code appeared from nowhere: %q", p.Code)
		}
		if again := x.Extract(Reply{prefix, text, entry}); again != p {
			t.Fatalf("%+v, then %+v", p, again)
		}
		if p.How == "" {
			t.Fatal("nothing says where the code was")
		}
	})
}
