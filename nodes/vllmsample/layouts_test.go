package vllmsample

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

// write writes a file into a folder of the test's.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// texts are the samples of problems 0 and 1 of a recording, and what goes before them.
func texts(t *testing.T, path string, set func(*Params)) ([]string, error) {
	t.Helper()
	b := nodetest.New(t)
	rows := problems(2)
	for i := range rows {
		rows[i].Prefix = "def f("
	}
	nodetest.Bind(t, b, "in", rows)
	got, err := sampled(t, b, func(p any) {
		q := p.(*Params)
		q.Recording, q.Model, q.N = node.Path(path), "m", "all"
		if set != nil {
			set(q)
		}
	})
	var list []string
	for _, r := range got {
		list = append(list, fmt.Sprintf("%d %s|%s", r.Sample, r.Prefix, r.Completion))
	}
	return list, err
}

func TestLayouts(t *testing.T) {
	humanEval := `{"task_id": 0, "completion": "a"}
{"task_id": 1, "completion": "b"}

{"task_id": 0, "completion": "c"}
`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(humanEval))
	_ = z.Close()
	folder := t.TempDir()
	for _, name := range []string{"0/0.py", "0/10.py", "0/9.py", "1/0.py"} {
		_ = os.MkdirAll(filepath.Join(folder, filepath.Dir(name)), 0o777)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		path string
		want []string
	}{
		"human-eval":         {write(t, "s.jsonl", humanEval), []string{"0 def f(|a", "1 def f(|c", "0 def f(|b"}},
		"compressed":         {write(t, "s.jsonl.gz", packed.String()), []string{"0 def f(|a", "1 def f(|c", "0 def f(|b"}},
		"evalplus":           {write(t, "s.jsonl", `{"task_id": "0", "solution": "a"}`+"\n"+`{"task_id": "1", "solution": "b"}`), []string{"0 |a", "0 |b"}},
		"evalplus's folders": {folder, []string{"0 |0/0.py", "1 |0/9.py", "2 |0/10.py", "0 |1/0.py"}},
		"a prefix of its own": {
			write(t, "s.jsonl", `{"task_id": "0", "completion": "a", "prefix": "p"}`+"\n"+`{"task_id": "1", "completion": "b"}`), []string{"0 p|a", "0 def f(|b"},
		},
	} {
		got, err := texts(t, test.path, nil)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
	if files, err := folderFiles(write(t, "x", "")); err == nil {
		t.Errorf("no folder, but %v", files)
	}
}

func TestEvalplusFolderNames(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "model[1]")
	_ = os.MkdirAll(filepath.Join(folder, "HumanEval_7"), 0o777)
	_ = os.WriteFile(filepath.Join(folder, "HumanEval_7", "0.py"), nil, 0o666)
	r, err := readSamples(folder, nil)
	if err != nil || len(r["HumanEval/7"]) != 1 {
		t.Errorf("%v, %v", r, err)
	}
	before, _ := recordingSum(folder)
	_ = os.WriteFile(filepath.Join(folder, "HumanEval_7", "0.py"), []byte("x"), 0o666)
	if after, err := recordingSum(folder); err != nil || after == before {
		t.Errorf("another program has the same digest, %v", err)
	}
	_ = os.WriteFile(filepath.Join(folder, "HumanEval_7", "note.py"), nil, 0o666)
	if _, err := readSamples(folder, nil); err == nil || !strings.Contains(err.Error(), "0.py") {
		t.Errorf("err = %v", err)
	}
}

// A problem has as many samples as it has, and none only where that is said to be right.
func TestUnevenRecordings(t *testing.T) {
	uneven := write(t, "s.jsonl", `{"task_id": 0, "completion": "a"}`+"\n"+`{"task_id": 0, "completion": "b"}`+"\n"+`{"task_id": 0, "completion": "c"}`+"\n"+`{"task_id": 1, "completion": "d"}`)
	lacking := write(t, "s.jsonl", `{"task_id": 0, "completion": "a"}`+"\n"+`{"task_id": 0, "completion": "b"}`)
	for _, test := range []struct {
		name, path string
		set        func(*Params)
		want       []string
		err        string
	}{
		{"all", uneven, nil, []string{"0 def f(|a", "1 def f(|b", "2 def f(|c", "0 def f(|d"}, ""},
		{"greedy", uneven, func(p *Params) { p.Temperature = 0 }, []string{"0 def f(|a", "1 def f(|b", "2 def f(|c", "0 def f(|d"}, ""},
		{"too many", uneven, func(p *Params) { p.N = 2 }, nil, "has 1 samples of problem 1 (samples 0 to 0), so there is no sample 1; lower n, or set n: all"},
		{"one", uneven, func(p *Params) { p.N = 1 }, []string{"0 def f(|a", "0 def f(|d"}, ""},
		{"none", lacking, nil, nil, "has no sample of problem 1"},
		{"none, skipped", lacking, func(p *Params) { p.Missing = "skip" }, []string{"0 def f(|a", "1 def f(|b"}, ""},
		{"one, skipped", lacking, func(p *Params) { p.Missing, p.N = "skip", 1 }, []string{"0 def f(|a"}, ""},
		{"too many, skipped", lacking, func(p *Params) { p.Missing, p.N = "skip", 3 }, nil, "has 2 samples of problem 0"},
		{"unreadable", uneven + "x", nil, nil, "no such file"},
	} {
		got, err := texts(t, test.path, test.set)
		if test.err == "" && err != nil || !slices.Equal(got, test.want) || err != nil && (test.err == "" || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %q, %v; want %q, %q", test.name, got, err, test.want, test.err)
		}
	}
}

// Samples that a problem needn't have are known as such for n: all alone.
func TestAllAndThenTooMany(t *testing.T) {
	path := write(t, "s.jsonl", `{"task_id": 0, "completion": "a"}`+"\n"+`{"task_id": 0, "completion": "b"}`+"\n"+`{"task_id": 1, "completion": "d"}`)
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(2))
	with := func(n any) func(any) {
		return func(p any) { q := p.(*Params); q.Recording, q.Model, q.N = node.Path(path), "m", n }
	}
	if rows, err := sampled(t, b, with("all")); err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if _, err := sampled(t, b, with(2)); err == nil {
		t.Error("two samples of a problem that has one")
	}
}

func TestDamagedRecordings(t *testing.T) {
	for content, want := range map[string]string{
		`{"task_id": 0, "completion": "a", "index": 0}` + "\n" + `{"task_id": 0, "completion": "b"}`: "sample 2: some samples have an index and some have none",
		`{"task_id": 0}`:                                              "sample 1: it has no text named completion or solution",
		`{"task_id": 0, "completion": 7}`:                             "no text named completion",
		`{"task_id": 0, "completion": "a", "solution": "b"}`:          "leave one of them out",
		`{"completion": "a"}`:                                         "no problem_id or task_id",
		`{"task_id": 0, "completion": "a", "index": -1}`:              `its index is "-1"`,
		`{"task_id": 0, "completion": "a", "finish_reason": "abort"}`: `"abort"`,
		"\n{]": "line 2",
		``:     "no samples",
	} {
		path := write(t, "s.jsonl", content)
		if _, err := texts(t, path, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: err = %v, want %q", content, err, want)
		}
	}
}

func FuzzRecording(f *testing.F) {
	f.Add([]byte(`{"task_id": 0, "completion": "a"}`))
	f.Add([]byte(`{"task_id": 0, "solution": "a", "index": 3, "passed": true, "logprob_sum": -1}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(dir, fmt.Sprint(os.Getpid()))
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		r, err := readSamples(path, nil)
		for id, list := range r {
			if err == nil && (id == "" || len(list) == 0) {
				t.Fatalf("%q has %d samples", id, len(list))
			}
		}
	})
}
