package vllmsample

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

func problems(n int) []in {
	rows := make([]in, n)
	for i := range rows {
		rows[i] = in{ProblemID: fmt.Sprint(i), Prompt: fmt.Sprintf("Problem %d.", i), Tests: []string{"assert f(1) == 1"}, Reference: "def f(x):\n    return x\n", EntryPoint: "f"}
	}
	return rows
}

// fake is a completions server that may misbehave.
type fake struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int
	reply func(w http.ResponseWriter, r request, times int) bool // true if it has answered
}

func newFake(t *testing.T) *fake {
	f := &fake{asked: map[string]int{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/version" {
		fmt.Fprint(w, `{"version": "0.1"}`)
		return
	}
	var req request
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	key := fmt.Sprintf("%s/%d", req.Prompt, req.Seed)
	f.mu.Lock()
	f.asked[key]++
	times := f.asked[key]
	f.mu.Unlock()
	if f.reply != nil && f.reply(w, req, times) {
		return
	}
	fmt.Fprintf(w, `{"choices": [{"text": "    return %d\n", "finish_reason": "stop"}], "usage": {"completion_tokens": 4}}`, req.Seed)
}

func (f *fake) total() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.asked {
		n += c
	}
	return n
}

func live(f *fake, n int) func(any) {
	return func(p any) {
		q := p.(*Params)
		q.URL, q.Model, q.N, q.Prefix = f.URL, "m", n, "{{signature .}}\n"
	}
}

func TestLive(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(3))
	res, err := b.Run(t, Type(), live(f, 2))
	if err != nil {
		t.Fatal(err)
	}
	rows := nodetest.Rows[out](t, b, res, "out")
	if len(rows) != 6 || rows[1].Sample != 1 || *rows[1].Seed != 1 || rows[1].Code != "def f(x):\n    return 1\n" || rows[5].FinishReason != "stop" || *rows[0].CompletionTokens != 4 {
		t.Errorf("rows = %+v", rows)
	}
	if !strings.Contains(rows[0].Request, "Problem 0.") {
		t.Errorf("request = %q", rows[0].Request)
	}
	// Raising n and adding a problem asks only for what is missing.
	nodetest.Bind(t, b, "in", problems(4))
	if res, err = b.Run(t, Type(), live(f, 3)); err != nil {
		t.Fatal(err)
	}
	if res.Rows.Computed != 6 || res.Rows.Cached != 6 || f.total() != 12 {
		t.Errorf("%+v, asked %d times", res.Rows, f.total())
	}
}

// Every reply that isn't whole is asked for again, and never recorded.
func TestFaults(t *testing.T) {
	for name, bad := range map[string]func(http.ResponseWriter){
		"503": func(w http.ResponseWriter) { http.Error(w, "busy", http.StatusServiceUnavailable) },
		"429": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			http.Error(w, "slow", http.StatusTooManyRequests)
		},
		"html":             func(w http.ResponseWriter) { fmt.Fprint(w, "<html>hello</html>") },
		"no choice":        func(w http.ResponseWriter) { fmt.Fprint(w, `{"choices": []}`) },
		"unfinished":       func(w http.ResponseWriter) { fmt.Fprint(w, `{"choices": [{"text": "x"}]}`) },
		"error in 200":     func(w http.ResponseWriter) { fmt.Fprint(w, `{"error": {"message": "engine died"}}`) },
		"half a body":      func(w http.ResponseWriter) { w.Header().Set("Content-Length", "500"); fmt.Fprint(w, `{"cho`) },
		"connection reset": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			f, b := newFake(t), nodetest.New(t)
			f.reply = func(w http.ResponseWriter, _ request, times int) bool {
				if times == 1 {
					bad(w)
				}
				return times == 1
			}
			nodetest.Bind(t, b, "in", problems(1))
			res, err := b.Run(t, Type(), live(f, 1))
			if err != nil {
				t.Fatal(err)
			}
			if rows := nodetest.Rows[out](t, b, res, "out"); len(rows) != 1 || rows[0].Completion != "    return 0\n" || f.total() != 2 {
				t.Errorf("rows = %+v after %d requests", rows, f.total())
			}
		})
	}
}

func TestRefusalIsNotRetried(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	f.reply = func(w http.ResponseWriter, _ request, _ int) bool {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error": {"message": "The model m does not exist."}}`)
		return true
	}
	nodetest.Bind(t, b, "in", problems(1))
	_, err := b.Run(t, Type(), live(f, 1))
	if err == nil || node.IsFault(err) || !strings.Contains(err.Error(), "does not exist") || f.total() != 1 {
		t.Errorf("err = %v after %d requests", err, f.total())
	}
}

func TestServerAway(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	f.Close()
	nodetest.Bind(t, b, "in", problems(1))
	_, err := b.Run(t, Type(), live(f, 1))
	if !node.IsFault(err) || !strings.Contains(err.Error(), "is it up") {
		t.Errorf("err = %v", err)
	}
}

// record writes a recording of two problems, four samples each.
func record(t *testing.T, settings bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rec.jsonl")
	var b strings.Builder
	for problem := range 2 {
		for i := range 4 {
			fmt.Fprintf(&b, `{"problem_id": "%d", "config": "%s", "index": %d, "completion": "p%d s%d", "passed": %v}`+"\n", problem, []string{"x", "y"}[i%2], i/2, problem, i, i%2 == 0)
		}
	}
	if settings {
		text := strings.ReplaceAll(b.String(), `"config": "y"`, `"config": "x"`)
		b.Reset()
		for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
			b.WriteString(strings.Replace(line, fmt.Sprintf(`"index": %d`, i%4/2), fmt.Sprintf(`"index": %d`, i%4), 1) + "\n")
		}
		meta := `{"format": 1, "model": "org/m", "served_model_name": "m", "configs": {"x": {"temperature": 0.8, "top_p": 0.95, "max_tokens": 512, "stop": null, "seed": 0, "n": 4}}}`
		if err := os.WriteFile(metaPath(path), []byte(meta), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func replay(t *testing.T, path string, set func(*Params)) (exec.Result, []out, error) {
	t.Helper()
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(2))
	res, err := b.Run(t, Type(), func(p any) {
		q := p.(*Params)
		q.Recording, q.Model, q.N = node.Path(path), "m", 4
		if set != nil {
			set(q)
		}
	})
	if err != nil {
		return res, nil, err
	}
	return res, nodetest.Rows[out](t, b, res, "out"), nil
}

func TestReplay(t *testing.T) {
	_, rows, err := replay(t, record(t, false), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows[:4] {
		got = append(got, fmt.Sprint(r.Completion, " ", *r.Config, " ", *r.RecordedPassed))
	}
	if want := []string{"p0 s0 x true", "p0 s1 y false", "p0 s2 x true", "p0 s3 y false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if rows[0].Temperature != nil {
		t.Error("a recording without settings has a temperature")
	}
	if _, rows, err = replay(t, record(t, false), func(p *Params) { p.N, p.Configs = 2, []string{"y"} }); err != nil || rows[0].Completion != "p0 s1" {
		t.Errorf("config y: %+v, %v", rows, err)
	}
}

func TestRecordingWithSettings(t *testing.T) {
	path := record(t, true)
	if _, rows, err := replay(t, path, nil); err != nil || *rows[3].Temperature != 0.8 || rows[3].Completion != "p0 s3" {
		t.Fatalf("rows = %+v, %v", rows, err)
	}
	for name, test := range map[string]struct {
		set  func(*Params)
		want string
	}{
		"temperature": {func(p *Params) { p.Temperature = 0.5 }, "x: temperature 0.8"},
		"n":           {func(p *Params) { p.N = 9 }, "has only 4 samples a problem"},
		"model":       {func(p *Params) { p.Model = "other" }, "is of the model m, not other"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := replay(t, path, test.set)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "-p gpu") {
				t.Errorf("err = %v, want %q", err, test.want)
			}
		})
	}
}

func TestTooManyAskedOfARecording(t *testing.T) {
	_, _, err := replay(t, record(t, false), func(p *Params) { p.N = 5 })
	if err == nil || !strings.Contains(err.Error(), "has 4 samples of problem") {
		t.Errorf("err = %v", err)
	}
}

func TestExtractCode(t *testing.T) {
	for _, test := range []struct{ name, prefix, completion, want string }{
		{"plain", "def f(", "x):\n    return x\n", "def f(x):\n    return x\n"},
		{"fenced", "", "Sure:\n```python\ndef f(x):\n    return x\n```\nDone.", "def f(x):\n    return x\n"},
		{"first of two", "", "```\na\n```\n```\nb\n```", "a\n"},
		{"never closed", "", "```py\na\n", "a\n"},
		{"block opened by the prompt", "def f(", "x): pass\n```\nIt works.", "def f(x): pass\n"},
		{"language wins over prefix", "def f(", "```python\ndef f(x): pass\n```", "def f(x): pass\n"},
		{"inline ticks", "", "x = '```'\n", "x = '```'\n"},
		{"empty", "", "", ""},
	} {
		if got := ExtractCode(test.prefix, test.completion); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestTemplates(t *testing.T) {
	for field, p := range map[string]Params{
		"prompt": {URL: "x", Model: "m", TopP: 1, Prompt: "{{.Promt}}"},
		"prefix": {URL: "x", Model: "m", TopP: 1, Prefix: "{{"},
		"url":    {Model: "m", TopP: 1},
		"model":  {URL: "x", TopP: 1},
		"top_p":  {URL: "x", Model: "m"},
	} {
		_, err := Type().Bind(&p)
		if err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%s: err = %v", field, err)
		}
	}
	class := in{Reference: "import x\nclass Box:\n    def __init__(self, a):\n        self.a = a\n", EntryPoint: "Box"}
	if got, err := signature(class); err != nil || got != "class Box:\n    def __init__(self, a):" {
		t.Errorf("signature = %q, %v", got, err)
	}
	if got, _ := starter(class); got != "class Box" {
		t.Errorf("starter = %q", got)
	}
}

func FuzzExtractCode(f *testing.F) {
	f.Add("def f(", "```python\nx\n```")
	f.Fuzz(func(t *testing.T, prefix, completion string) {
		if got := ExtractCode(prefix, completion); len(got) > len(prefix)+len(completion) {
			t.Fatal("code appeared from nowhere")
		}
	})
}
