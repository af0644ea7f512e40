package dataset

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"pgregory.net/rapid"
)

func load(t *testing.T, name, content string, set func(*Params)) ([]problem, []duplicate, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return loadPath(t, path, set)
}

func loadPath(t *testing.T, path string, set func(*Params)) ([]problem, []duplicate, error) {
	t.Helper()
	b := nodetest.New(t)
	res, err := b.Run(t, Type(), func(p any) {
		p.(*Params).Path = node.Path(path)
		if set != nil {
			set(p.(*Params))
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return nodetest.Rows[problem](t, b, res, "problems"), nodetest.Rows[duplicate](t, b, res, "duplicates"), nil
}

func TestFormats(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		set     func(*Params)
		want    problem
	}{
		"mbpp.jsonl": {
			content: `{"task_id": 602, "text": "Add.", "code": "def helper(x):\r\n  return x\r\ndef add(a,b):\r\n  return a+b", "test_list": ["assert add(1, 2) == 3"], "test_setup_code": "import math"}`,
			want:    problem{"602", "train", "Add.", []string{"assert add(1, 2) == 3"}, "import math", "def helper(x):\n  return x\ndef add(a,b):\n  return a+b", "add", "asserts", nil},
		},
		"sanitized.json": {
			content: `[{"task_id": 11, "prompt": "Add.", "code": "def add(a): return a", "test_imports": ["import re", "import os"], "test_list": ["assert add(1)"]}]`,
			want:    problem{"11", "test", "Add.", []string{"assert add(1)"}, "import re\nimport os", "def add(a): return a", "add", "asserts", nil},
		},
		"humaneval.jsonl": {
			content: `{"task_id": "HumanEval/0", "prompt": "def f(x):\n", "entry_point": "f", "canonical_solution": "    return x\n", "test": "def check(candidate):\n    assert candidate(1) == 1\n"}`,
			want:    problem{"HumanEval/0", "", "def f(x):\n", []string{"def check(candidate):\n    assert candidate(1) == 1\n\ncheck(f)\n"}, "", "def f(x):\n    return x\n", "f", "asserts", nil},
		},
		"own.csv": {
			content: "key,question,checks,split\n7,Add.,\"[\"\"assert f(1)\"\", \"\"assert f(2)\"\"]\",dev\n",
			set: func(p *Params) {
				p.Column = map[string]string{"problem_id": "key", "prompt": "question", "tests": "checks"}
			},
			want: problem{"7", "dev", "Add.", []string{"assert f(1)", "assert f(2)"}, "", "", "", "asserts", nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := load(t, name, test.content, test.set)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || !reflect.DeepEqual(got[0], test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

const four = `{"problem_id": 1, "prompt": "Reverse the given list of numbers.", "tests": ["a"], "split": "train"}
{"problem_id": 2, "prompt": "reverse the given list of numbers", "tests": ["a"], "split": "test"}
{"problem_id": 3, "prompt": "Sum all even numbers in nested lists quickly today.", "tests": ["a"], "split": "train"}
{"problem_id": 4, "prompt": "Sum all even numbers in nested lists quickly.", "tests": ["a"], "split": "test"}
`

func TestDuplicatesAcrossSplits(t *testing.T) {
	_, pairs, err := load(t, "p.jsonl", four, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(pairs) != 2 || !pairs[0].Exact || pairs[0].A != "1" || pairs[0].B != "2" || pairs[1].Exact || pairs[1].Similarity < 0.8 {
		t.Errorf("duplicates = %+v", pairs)
	}
}

func TestFilters(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(*Params)
		want string
	}{
		"keep":   {func(p *Params) { p.Keep = []string{"test"} }, "2 4"},
		"ids":    {func(p *Params) { p.IDs = []string{"3"} }, "3"},
		"limit":  {func(p *Params) { p.Limit = 1 }, "1 2"},
		"ranges": {func(p *Params) { p.Split.Ranges = map[string]string{"a": "1-2", "b": "4"} }, "1 2 4"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := load(t, "p.jsonl", four, test.set)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, q := range got {
				ids = append(ids, q.ID)
			}
			if strings.Join(ids, " ") != test.want {
				t.Errorf("kept %v, want %s", ids, test.want)
			}
		})
	}
}

// Splitting by shares keeps problems with the same prompt together and comes
// near the shares.
func TestSharesAreGrouped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var problems []problem
		n := rapid.IntRange(20, 80).Draw(t, "n")
		for i := range n {
			problems = append(problems, problem{ID: string(rune('a' + i)), Prompt: strings.Repeat("x", 1+i/2)})
		}
		s := Split{Shares: map[string]float64{"train": 0.5, "test": 0.5}, Seed: rapid.IntRange(0, 9).Draw(t, "seed")}
		splitByShares(s, problems)
		byPrompt, train := map[string]string{}, 0
		for _, q := range problems {
			if old, ok := byPrompt[q.Prompt]; ok && old != q.Split {
				t.Fatalf("%q is in %s and %s", q.Prompt, old, q.Split)
			}
			byPrompt[q.Prompt] = q.Split
			if q.Split == "train" {
				train++
			}
		}
		if train < n/2-2 || train > n/2+2 {
			t.Fatalf("%d of %d are in train", train, n)
		}
	})
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		file, content string
		set           func(*Params)
		want          string
	}{
		"bad line":      {"p.jsonl", "{\"problem_id\": 1, \"prompt\": \"x\", \"tests\": [\"t\"]}\nnot json\n", nil, "line 2"},
		"twice":         {"p.jsonl", strings.Replace(four, `"problem_id": 2`, `"problem_id": 1`, 1), nil, `"1" is there twice`},
		"no tests":      {"p.jsonl", `{"problem_id": 1, "prompt": "x"}`, nil, "has no tests"},
		"empty":         {"p.jsonl", "", nil, "has no problems"},
		"nothing left":  {"p.jsonl", four, func(p *Params) { p.Keep = []string{"none"} }, "no problem is left of 4 (test 2, train 2)"},
		"unknown id":    {"p.jsonl", four, func(p *Params) { p.IDs = []string{"9"} }, `problem "9"`},
		"wrong digest":  {"p.jsonl", four, func(p *Params) { p.SHA256 = strings.Repeat("0", 64) }, "but the pipeline expects"},
		"cut gzip":      {"p.jsonl.gz", "\x1f\x8b\x08\x00\x00", nil, "not valid gzip"},
		"damaged table": {"p.parquet", "PAR1 nonsense PAR1", nil, "p.parquet"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(t, test.file, test.content, test.set)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want %q", err, test.want)
			}
		})
	}
	for _, p := range []Params{
		{}, {Path: "https://x/y"}, {Path: "a", Column: map[string]string{"promt": "x"}},
		{Path: "a", Split: Split{Ranges: map[string]string{"a": "9-1"}}},
		{Path: "a", Split: Split{Shares: map[string]float64{"a": 0.4}}},
	} {
		if _, err := Type().Bind(&p); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
}

func TestURL(t *testing.T) {
	gets := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		gets++
		if gets == 1 {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte(four))
	}))
	defer server.Close()
	set := func(p *Params) { p.SHA256 = sha([]byte(four)) }
	if _, _, err := loadPath(t, server.URL+"/p.jsonl", set); !node.IsFault(err) {
		t.Errorf("503: err = %v, want a fault", err)
	}
	if got, _, err := loadPath(t, server.URL+"/p.jsonl", set); err != nil || len(got) != 4 {
		t.Errorf("got %d problems, %v", len(got), err)
	}
	if _, _, err := loadPath(t, server.URL+"/p.jsonl", func(p *Params) { p.SHA256 = strings.Repeat("0", 64) }); err == nil || node.IsFault(err) {
		t.Errorf("wrong digest: err = %v", err)
	}
}

// MBPP itself: the counts of its splits, and the duplicates that are known to
// cross them.
func TestMBPP(t *testing.T) {
	path := "../../../shared/data/mbpp/mbpp.jsonl"
	if _, err := os.Stat(path); err != nil {
		t.Skip("the MBPP file is not here: ", err)
	}
	got, pairs, err := loadPath(t, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, q := range got {
		counts[q.Split]++
	}
	if s := describe(counts); s != "prompt 10, test 500, train 374, validation 90" {
		t.Errorf("splits: %s", s)
	}
	exact := map[string]bool{}
	for _, d := range pairs {
		if d.Exact {
			exact[d.A+"/"+d.B] = true
		}
	}
	if want := map[string]bool{"217/602": true, "216/872": true, "248/704": true}; !reflect.DeepEqual(exact, want) {
		t.Errorf("exact duplicates: %v, want %v", exact, want)
	}
	t.Logf("%d near duplicates", len(pairs)-len(exact))
}

// Samples of problems keep further fields, and repeat their problem.
func TestSamples(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.jsonl")
	content := `{"problem_id": 1, "prompt": "Add.", "tests": ["t"], "code": "a", "verdict": "passed", "tries": 2}
{"problem_id": 1, "prompt": "Add.", "tests": ["t"], "code": "b", "verdict": "failed"}
`
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	b := nodetest.New(t)
	run := func(rows string) (exec.Result, error) {
		return b.Run(t, Type(), func(params any) {
			p := params.(*Params)
			p.Path, p.Rows, p.Extra = node.Path(path), rows, []string{"verdict", "tries"}
		})
	}
	if _, err := run(rowsProblems); err == nil || !strings.Contains(err.Error(), "rows: samples") {
		t.Errorf("err = %v", err)
	}
	res, err := run(rowsSamples)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		ID      string `arrow:"problem_id"`
		Verdict string `arrow:"verdict"`
		Tries   string `arrow:"tries"`
	}
	want := []row{{"1", "passed", "2"}, {"1", "failed", ""}}
	if got := nodetest.Rows[row](t, b, res, "problems"); !reflect.DeepEqual(got, want) {
		t.Errorf("rows = %v", got)
	}
}
