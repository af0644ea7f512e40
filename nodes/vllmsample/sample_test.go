package vllmsample

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
	"pgregory.net/rapid"
)

func problems(n int) []in {
	rows := make([]in, n)
	for i := range rows {
		rows[i] = in{ProblemID: fmt.Sprint(i), Request: fmt.Sprintf("Problem %d.", i)}
	}
	return rows
}

func live(f *fake, n int, set ...func(*Params)) func(any) {
	return func(p any) {
		q := p.(*Params)
		q.URL, q.Model, q.N = f.URL, "m", n
		for _, s := range set {
			s(q)
		}
	}
}

func sampled(t *testing.T, b *nodetest.Bench, set func(any)) ([]out, error) {
	t.Helper()
	res, err := b.Run(t, Type(), set)
	if err != nil {
		return nil, err
	}
	return nodetest.Rows[out](t, b, res, "out"), nil
}

func TestLive(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(3))
	rows, err := sampled(t, b, live(f, 20))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 60 || f.asks() != 6 { // 16 and 4 for each problem
		t.Errorf("%d rows by %d requests", len(rows), f.asks())
	}
	r := rows[37]
	if r.Sample != 17 || *r.Seed != 17 || r.Completion != "    return 17\n" || r.FinishReason != "stop" || *r.LogprobSum != -.75 || *r.LogprobTokens != 2 || *r.CompletionTokens != 2 {
		t.Errorf("row 37 = %+v", r)
	}
	// Raising n and adding a problem draws only what is missing.
	nodetest.Bind(t, b, "in", problems(4))
	res, err := b.Run(t, Type(), live(f, 30))
	if err != nil {
		t.Fatal(err)
	}
	if n, most := f.drawnTimes(); res.Rows.Computed != 60 || res.Rows.Cached != 60 || n != 120 || most != 1 {
		t.Errorf("%+v, %d drawn, one %d times", res.Rows, n, most)
	}
}

// However many samples a request asks for, however many are in flight, streamed or not:
// they are the same samples.
func TestSamplesDontDependOnHowTheyAreAskedFor(t *testing.T) {
	f := newFake(t)
	rapid.Check(t, func(r *rapid.T) {
		b := nodetest.New(t)
		nodetest.Bind(t, b, "in", problems(rapid.IntRange(1, 4).Draw(r, "problems")))
		known := rapid.IntRange(1, 12).Draw(r, "known")
		n := rapid.IntRange(known, 12).Draw(r, "n")
		how := func(p *Params) {
			p.Concurrency = rapid.IntRange(1, 10).Draw(r, "concurrency")
			p.PerRequest = rapid.IntRange(0, 10).Draw(r, "per request")
			p.Stream = rapid.Bool().Draw(r, "stream")
		}
		if _, err := sampled(t, b, live(f, known, how)); err != nil {
			r.Fatal(err)
		}
		rows, err := sampled(t, b, live(f, n, how))
		if err != nil {
			r.Fatal(err)
		}
		for i, row := range rows {
			if want := fmt.Sprintf("    return %d\n", i%n); row.Completion != want || *row.Seed != int64(i%n) {
				r.Fatalf("row %d of %d a problem: %q with seed %d", i, n, row.Completion, *row.Seed)
			}
		}
	})
}

func TestOtherServersAreAskedForOneAtATime(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	f.version = ""
	nodetest.Bind(t, b, "in", problems(1))
	if _, err := sampled(t, b, live(f, 5)); err != nil || f.asks() != 5 {
		t.Errorf("%d requests, %v", f.asks(), err)
	}
}

func TestGreedyAsksOnce(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(2))
	rows, err := sampled(t, b, live(f, 50, func(p *Params) { p.Temperature = 0 }))
	if err != nil || len(rows) != 2 || f.asks() != 2 {
		t.Errorf("%d rows by %d requests, %v", len(rows), f.asks(), err)
	}
}

// What a pipeline says is what the server gets, and nothing that it doesn't say.
func TestRequest(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", []in{{ProblemID: "7", Request: "Say.", System: "You.", Prefix: "def f("}})
	_, err := sampled(t, b, live(f, 2, func(p *Params) {
		p.API, p.TopK, p.MinP, p.Repetition, p.Stop, p.Logprobs = "chat", 5, .1, 1.2, []string{"\n\n"}, "list"
		p.Extra = map[string]any{"ignore_eos": true, "bad_words": []any{"x"}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"add_generation_prompt":false,"bad_words":["x"],"continue_final_message":true,"ignore_eos":true,"logprobs":true,"max_tokens":512,` +
		`"messages":[{"content":"You.","role":"system"},{"content":"Say.","role":"user"},{"content":"def f(","role":"assistant"}],` +
		`"min_p":0.1,"model":"m","n":2,"repetition_penalty":1.2,"seed":0,"stop":["\n\n"],"temperature":0.8,"top_k":5,"top_p":0.95}`
	if got, _ := json.Marshal(f.requests[0].body); string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	nodetest.Bind(t, b, "in", problems(1))
	if _, err := sampled(t, b, live(f, 1, func(p *Params) { p.Logprobs = "none" })); err != nil {
		t.Fatal(err)
	}
	keys := slices.Sorted(maps.Keys(f.requests[1].body))
	if want := []string{"max_tokens", "model", "n", "prompt", "return_token_ids", "seed", "temperature", "top_p"}; !slices.Equal(keys, want) {
		t.Errorf("asked with %q, want %q", keys, want)
	}
}

func TestLogprobs(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(1))
	for how, want := range map[string]string{"none": "null", "sum": "null", "list": "[-0.5,-0.25]"} {
		rows, err := sampled(t, b, live(f, 1, func(p *Params) { p.Logprobs = how }))
		if err != nil {
			t.Fatal(err)
		}
		got := "null"
		if rows[0].Logprobs != nil {
			got = *rows[0].Logprobs
		}
		if got != want {
			t.Errorf("%s: %s, want %s", how, got, want)
		}
	}
}

func TestAPIKey(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(1))
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OPENAI_API_KEY", "from-env")
	for i, test := range []struct{ file, want string }{{"", "Bearer from-env"}, {file, "Bearer from-file"}} {
		if _, err := sampled(t, b, live(f, i+1, func(p *Params) { p.APIKeyFile = node.Path(test.file) })); err != nil {
			t.Fatal(err)
		}
		if got := f.headers[i].Get("Authorization"); got != test.want {
			t.Errorf("sent %q, want %q", got, test.want)
		}
	}
	for _, line := range b.Logs() {
		if strings.Contains(line, "from-") {
			t.Errorf("the log tells the key: %s", line)
		}
	}
}

// The key is for the server alone.
func TestRedirectDoesNotGetTheKey(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sesame")
	f, other, b := newFake(t), newFake(t), nodetest.New(t)
	f.reply = func(w http.ResponseWriter, _ asked) bool {
		w.Header().Set("Location", other.URL+"/v1/completions")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
	nodetest.Bind(t, b, "in", problems(1))
	if _, err := sampled(t, b, live(f, 1)); err == nil || !strings.Contains(err.Error(), "307") || other.asks() > 0 {
		t.Errorf("err = %v, and the other server was asked %d times", err, other.asks())
	}
}

func TestCheck(t *testing.T) {
	good := func() Params { return *Type().New().(*Params) }
	for field, set := range map[string]func(*Params){
		"url":                func(p *Params) { p.URL = "" },
		"model":              func(p *Params) { p.Model = "" },
		"top_p":              func(p *Params) { p.TopP = 0 },
		"repetition_penalty": func(p *Params) { p.Repetition = 0 },
		"stop":               func(p *Params) { p.Stop = []string{""} },
		"extra.seed":         func(p *Params) { p.Extra = map[string]any{"seed": 1} },
		"api":                func(p *Params) { p.URL, p.Recording, p.API = "", "x", "chat" },
	} {
		p := good()
		p.URL, p.Model = "http://x", "m"
		set(&p)
		_, err := Type().Bind(&p)
		if err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%s: err = %v", field, err)
		}
	}
	for _, bad := range []string{"x", "http://u:secret@x", "ftp://x", "http://", "http://[::1"} {
		p := good()
		p.URL, p.Model = bad, "m"
		if _, err := Type().Bind(&p); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: err = %v", bad, err)
		}
	}
}
