package inference

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"github.com/ouroflow/ouroflow/engine/table"
	"github.com/ouroflow/ouroflow/nodes/codefeatures"
	"github.com/ouroflow/ouroflow/nodes/gomlxscore"
	"github.com/ouroflow/ouroflow/nodes/gomlxtrain"
)

// labelled is a candidate as containerd_exec and label leave it.
type labelled struct {
	ProblemID string   `arrow:"problem_id"`
	Split     string   `arrow:"split"`
	Prompt    string   `arrow:"prompt"`
	Code      string   `arrow:"code"`
	Energy    float64  `arrow:"energy"`
	Tests     []string `arrow:"tests"`
	Entry     string   `arrow:"entry_point"`
}

const prompt = "Write a function to sort a list."

var shown = []string{"assert f([2, 1]) == [1, 2]"}

// candidates are those of the example that the project starts from.
var candidates = []string{
	"def f(v):\n    return v.sort()\n", "def f(v):\n    return sorted(v)\n", "def f(v):\n    v.sort()\n    return v\n",
	"def f(v):\n    return sorted(v)\n", "def f(v:\n    return v\n", "def f(v, w):\n    print(v)\n",
}

// trained is a pipeline's end: a model, and what gomlx_score says of the candidates.
type trained struct {
	files  Files
	scored []float64
}

// model makes one for all tests.
func model(t testing.TB) *trained {
	t.Helper()
	if m := once; m != nil {
		return m
	}
	var rows []labelled
	for p := range 12 {
		for i, code := range candidates {
			energy := 1.0
			if i >= 1 && i <= 3 {
				energy = 0
			}
			split := map[bool]string{true: "validation", false: "train"}[p%4 == 3]
			rows = append(rows, labelled{fmt.Sprint(p), split, prompt, strings.ReplaceAll(code, "v", fmt.Sprint("v", p)), energy, shown, ""})
		}
	}
	b := nodetest.New(t)
	features := read(t, b, rows)
	b.Inputs = map[string]table.Artifact{"in": features}
	res, err := b.Run(t, gomlxtrain.Type(), func(p any) { p.(*gomlxtrain.Params).Seeds = 2 })
	if err != nil {
		t.Fatal(err)
	}
	var asked []labelled
	for _, code := range candidates {
		asked = append(asked, labelled{"new", "test", prompt, code, 0, shown, ""})
	}
	b.Inputs = map[string]table.Artifact{"in": read(t, b, asked), "model": res.Outputs["model"]}
	scores, err := b.Run(t, gomlxscore.Type(), nil)
	if err != nil {
		t.Fatal(err)
	}
	m := &trained{files: folder(t, b, res.Outputs["model"])}
	type row struct {
		Energy float64 `arrow:"predicted_energy"`
	}
	for _, r := range nodetest.Rows[row](t, b, scores, "out") {
		m.scored = append(m.scored, r.Energy)
	}
	once = m
	return m
}

var once *trained

func read(t testing.TB, b *nodetest.Bench, rows []labelled) table.Artifact {
	t.Helper()
	b.Inputs = map[string]table.Artifact{}
	nodetest.Bind(t, b, "in", rows)
	res, err := b.Run(t, codefeatures.Type(), func(p any) {
		p.(*codefeatures.Params).Runtime, p.(*codefeatures.Params).ShowTests = "process", "first"
	})
	if err != nil {
		t.Fatal(err)
	}
	return res.Outputs["out"]
}

// memory holds the files of a model beyond the test that made it.
type memory map[string][]byte

func (m memory) ReadFile(name string) ([]byte, error) {
	if b, ok := m[name]; ok {
		return b, nil
	}
	return nil, os.ErrNotExist
}

func folder(t testing.TB, b *nodetest.Bench, a table.Artifact) Files {
	t.Helper()
	tree, err := table.OpenTree(b.Store, a.Digest)
	if err != nil {
		t.Fatal(err)
	}
	files := memory{}
	for _, name := range tree.Names() {
		if files[name], err = tree.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func open(t testing.TB) *Verifier {
	t.Helper()
	v, err := Open(t.Context(), model(t).files, Options{Runtime: "process", Workers: 2, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// What is scored outside of a pipeline is what gomlx_score says, bit for bit, also
// beside other requests.
func TestScoresAreThoseOfThePipeline(t *testing.T) {
	v := open(t)
	request := Request{Prompt: prompt, Tests: shown, Candidates: candidates}
	other := Request{Prompt: "Something else.", Candidates: []string{"x = 1", ""}}
	scores, err := v.Score(1, []Request{other, request})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range model(t).scored {
		if got := scores[1][i].Energy; got != want {
			t.Errorf("candidate %d has energy %v, gomlx_score says %v", i, got, want)
		}
	}
	best := Ranked(scores[1])
	if first := best[0].Index; first < 1 || first > 3 {
		t.Errorf("the best is %q", candidates[first])
	}
	if last := best[len(best)-1]; *last.Parses {
		t.Errorf("the worst is %q", candidates[last.Index])
	}
}

// Nothing to read is no question to the sandbox: neither a request without candidates, nor
// a batch of which nobody waits any more.
func TestNothingToScore(t *testing.T) {
	v := open(t)
	if scores, err := v.Score(0, nil); err != nil || len(scores) != 0 {
		t.Errorf("no requests: %v, %v", scores, err)
	}
	if _, err := v.Score(0, []Request{{Prompt: prompt}}); !errors.Is(err, ErrNoCandidates) {
		t.Errorf("no candidates: err = %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	q := NewQueue(v, 1)
	left := &job{ctx: gone, request: Request{Prompt: prompt, Candidates: candidates}, done: make(chan struct{})}
	if err := q.take(left); err != nil {
		t.Fatal(err)
	}
	q.Close()
	if <-left.done; !errors.Is(left.err, context.Canceled) {
		t.Errorf("err = %v", left.err)
	}
}

// post asks a server and returns the status and the answer.
func post(t *testing.T, url, body string) (int, map[string]any) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var reply map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, reply
}

// serve starts a server and returns its address, and how to stop it.
func serve(t *testing.T, l Limits) (url string, stop func() error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := NewServer(open(t), "m", l)
	go func() { ended <- s.Serve(ctx, listener) }()
	return "http://" + listener.Addr().String(), func() error { cancel(); return <-ended }
}

func TestServer(t *testing.T) {
	limits := DefaultLimits()
	limits.Candidates, limits.Body = 8, 4096
	url, stop := serve(t, limits)
	ask, err := json.Marshal(map[string]any{"query": prompt, "documents": candidates, "tests": shown, "top_n": 2, "model": "any"})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/rank", "/v1/rerank", "/rerank"} {
		status, reply := post(t, url+path, string(ask))
		results, _ := reply["results"].([]any)
		if status != 200 || len(results) != 2 {
			t.Fatalf("%s: %d %v", path, status, reply)
		}
		first := results[0].(map[string]any)
		text := first["document"].(map[string]any)["text"].(string)
		if text != candidates[int(first["index"].(float64))] || !strings.Contains(text, "sort") {
			t.Errorf("%s: first %v", path, first)
		}
		if first["relevance_score"].(float64) < results[1].(map[string]any)["relevance_score"].(float64) {
			t.Errorf("%s isn't sorted: %v", path, results)
		}
	}
	ask, _ = json.Marshal(map[string]any{"text_1": prompt, "text_2": candidates, "tests": shown})
	_, reply := post(t, url+"/v1/score", string(ask))
	for i, want := range model(t).scored {
		if got := reply["data"].([]any)[i].(map[string]any)["energy"].(float64); got != want {
			t.Errorf("score %d is %v, want %v", i, got, want)
		}
	}
	for name, bad := range map[string]struct {
		body   string
		status int
	}{
		"no JSON":        {"x", 400},
		"no candidates":  {`{"query": "x"}`, 400},
		"not texts":      {`{"query": "x", "documents": [1]}`, 400},
		"null text":      {`{"query": "x", "documents": ["y", null]}`, 400},
		"null texts":     {`{"query": "x", "documents": null}`, 400},
		"logprobs":       {`{"query": "x", "documents": ["y", "z"], "logprobs": [-1]}`, 400},
		"no logarithm":   {`{"query": "x", "documents": ["y"], "logprobs": [1e308]}`, 400},
		"top_n":          {`{"query": "x", "documents": ["y"], "top_n": 0}`, 400},
		"too many":       {`{"query": "x", "documents": ["1","2","3","4","5","6","7","8","9"]}`, 413},
		"too large":      {`{"query": "` + strings.Repeat("x", 5000) + `"}`, 413},
		"objects are ok": {`{"query": "x", "documents": [{"text": "y"}], "return_documents": false}`, 200},
	} {
		if status, reply := post(t, url+"/v1/rank", bad.body); status != bad.status {
			t.Errorf("%s: %d %v, want %d", name, status, reply, bad.status)
		}
	}
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	for _, want := range []string{`requests_total{kind="rank",status="200"} 4`, `requests_total{kind="rank",status="400"} 8`, "ouroflow_verifier_waiting 0"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("metrics lack %s:\n%s", want, text)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// The document describes every route, and no other.
func TestOpenAPI(t *testing.T) {
	var doc struct {
		Paths map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/rank", "/v1/score", "/health", "/metrics", "/openapi.json"} {
		if doc.Paths[path] == nil {
			t.Errorf("openapi.json lacks %s", path)
		}
	}
	if len(doc.Paths) != 5 {
		t.Errorf("it has %d paths", len(doc.Paths))
	}
}

// Where no more may wait, callers hear so at once; whoever waits is served, also when the
// queue closes meanwhile, and nobody after that.
func TestQueue(t *testing.T) {
	v := open(t)
	v.Workers = 0 // until there is one, all wait
	q := NewQueue(v, 3)
	request := Request{Prompt: prompt, Candidates: candidates}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	left := &job{ctx: gone, request: request, done: make(chan struct{})}
	taken := []*job{{ctx: t.Context(), request: request, done: make(chan struct{})}, {ctx: t.Context(), request: request, done: make(chan struct{})}}
	for _, j := range append(taken, left) {
		if err := q.take(j); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.Score(t.Context(), request); !errors.Is(err, ErrBusy) {
		t.Errorf("err = %v, want ErrBusy", err)
	}
	q.workers.Go(func() { q.work(0) })
	q.Close()
	for _, j := range taken {
		if <-j.done; j.err != nil || len(j.scores) != len(candidates) {
			t.Errorf("%d scores, %v", len(j.scores), j.err)
		}
	}
	if <-left.done; !errors.Is(left.err, context.Canceled) || left.scores != nil {
		t.Errorf("who went away got %v, %v", left.scores, left.err)
	}
	if _, err := q.Score(t.Context(), request); !errors.Is(err, ErrClosed) {
		t.Errorf("err = %v, want ErrClosed", err)
	}
}
