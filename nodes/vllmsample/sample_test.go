package vllmsample

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

// A reply that isn't whole is asked for again, and never recorded.
func TestBrokenReplies(t *testing.T) {
	for name, bad := range map[string]func(http.ResponseWriter){
		"500": func(w http.ResponseWriter) { http.Error(w, "engine died", http.StatusInternalServerError) },
		"503": func(w http.ResponseWriter) { http.Error(w, "busy", http.StatusServiceUnavailable) },
		"429": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0.01")
			http.Error(w, "slow", http.StatusTooManyRequests)
		},
		"html":            func(w http.ResponseWriter) { fmt.Fprint(w, "<html>hello</html>") },
		"no choice":       func(w http.ResponseWriter) { fmt.Fprint(w, `{"choices": []}`) },
		"too few choices": func(w http.ResponseWriter) { fmt.Fprint(w, `{"choices": [{"text": "x", "finish_reason": "stop"}]}`) },
		"unfinished":      func(w http.ResponseWriter) { fmt.Fprint(w, `{"choices": [{"text": "x"}, {"index": 1, "text": "x"}]}`) },
		"no text":         func(w http.ResponseWriter) { fmt.Fprint(w, `{"choices": [{"finish_reason": "stop"}]}`) },
		"aborted":         func(w http.ResponseWriter) { fmt.Fprint(w, `{"choices": [{"text": "x", "finish_reason": "abort"}]}`) },
		"twice the same":  func(w http.ResponseWriter) { fmt.Fprint(w, `{"choices": [{"text": "x"}, {"text": "y"}]}`) },
		"unknown choice": func(w http.ResponseWriter) {
			fmt.Fprint(w, `{"choices": [{"index": 7, "text": "x", "finish_reason": "stop"}]}`)
		},
		"error in 200":     func(w http.ResponseWriter) { fmt.Fprint(w, `{"error": {"message": "engine died"}}`) },
		"half a body":      func(w http.ResponseWriter) { w.Header().Set("Content-Length", "500"); fmt.Fprint(w, `{"cho`) },
		"connection reset": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprint(name, stream), func(t *testing.T) {
				t.Parallel()
				f, b := newFake(t), nodetest.New(t)
				f.reply = func(w http.ResponseWriter, a asked) bool {
					if a.times == 1 {
						bad(w)
					}
					return a.times == 1
				}
				nodetest.Bind(t, b, "in", problems(1))
				rows, err := sampled(t, b, live(f, 2, func(p *Params) { p.Stream = stream }))
				if err != nil {
					t.Fatal(err)
				}
				for i, row := range rows {
					if row.Completion != fmt.Sprintf("    return %d\n", i) && name != "too few choices" {
						t.Errorf("sample %d is %q", i, row.Completion)
					}
				}
				if len(rows) != 2 || f.asks() != 2 {
					t.Errorf("%d rows after %d requests", len(rows), f.asks())
				}
			})
		}
	}
}

// Of half a stream the samples that ended are kept, and only the others asked for again.
func TestHalfAStream(t *testing.T) {
	for name, end := range map[string]func(http.ResponseWriter){
		"cut": func(http.ResponseWriter) {},
		"error": func(w http.ResponseWriter) {
			fmt.Fprint(w, "data: {\"error\": {\"message\": \"died\"}}\n\ndata: [DONE]\n\n")
		},
		"done": func(w http.ResponseWriter) { fmt.Fprint(w, "data: [DONE]\n\n") },
		"junk": func(w http.ResponseWriter) { fmt.Fprint(w, "data: <html>\n\n") },
	} {
		t.Run(name, func(t *testing.T) {
			f, b := newFake(t), nodetest.New(t)
			f.reply = func(w http.ResponseWriter, a asked) bool {
				if a.Seed > 0 {
					return false
				}
				f.stream(w, a, 3)
				end(w)
				return true
			}
			nodetest.Bind(t, b, "in", problems(1))
			rows, err := sampled(t, b, live(f, 5, func(p *Params) { p.Stream = true }))
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != 5 || rows[2].Completion != "    return 2\n" || rows[4].Completion != "    return 4\n" {
				t.Errorf("rows = %+v", rows)
			}
			if f.asks() != 2 || f.requests[1].Seed != 3 || f.requests[1].N != 2 {
				t.Errorf("asked for %+v", f.requests)
			}
		})
	}
}

// After the last sample of a stream nothing matters that the server says.
func TestTroubleAfterTheLastSample(t *testing.T) {
	for name, end := range map[string]string{
		"cut": "", "error": "data: {\"error\": {\"message\": \"died\"}}\n\n", "junk": "data: <html>\n\n",
		"more": "data: {\"choices\": [{\"index\": 0, \"text\": \"x\"}]}\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			f, b := newFake(t), nodetest.New(t)
			f.reply = func(w http.ResponseWriter, a asked) bool {
				w.Header().Set("Content-Type", "text/event-stream")
				for i := range a.N {
					line, _ := json.Marshal(response{Choices: []choice{drawn(a, i)}})
					fmt.Fprintf(w, "data: %s\n\n", line)
				}
				fmt.Fprint(w, end)
				return true
			}
			nodetest.Bind(t, b, "in", problems(1))
			rows, err := sampled(t, b, live(f, 3, func(p *Params) { p.Stream = true }))
			if err != nil || len(rows) != 3 || f.asks() != 1 || rows[2].Completion != "    return 2\n" {
				t.Errorf("rows = %+v after %d requests, %v", rows, f.asks(), err)
			}
		})
	}
}

func TestReplyWithoutEnd(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	f.reply = func(w http.ResponseWriter, _ asked) bool {
		for chunk := bytes.Repeat([]byte(" "), 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return true
			}
		}
	}
	nodetest.Bind(t, b, "in", problems(1))
	if _, err := sampled(t, b, live(f, 1)); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("err = %v", err)
	}
}

func TestHang(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	gone := make(chan struct{}, 10)
	release := make(chan struct{})
	defer close(release)
	f.reply = func(http.ResponseWriter, asked) bool {
		gone <- struct{}{}
		<-release
		return true
	}
	nodetest.Bind(t, b, "in", problems(1))
	_, err := sampled(t, b, live(f, 1, func(p *Params) { p.Timeout = 50 * time.Millisecond }))
	if err == nil || !strings.Contains(err.Error(), "request_timeout") || len(gone) != hangTries {
		t.Errorf("err = %v after %d requests", err, len(gone))
	}
}

// What no other try can mend ends the run at once, and says what to do.
func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		set    func(*Params)
		want   string
	}{
		"404":       {404, `{"error": {"message": "The model m does not exist."}}`, nil, "does not exist"},
		"400":       {400, `{"error": {"message": "temperature must be below 2", "param": "temperature"}}`, nil, "must be below 2"},
		"401":       {401, `{"error": {"message": "bad key sesame"}}`, nil, "api_key_file"},
		"bad model": {0, "", func(p *Params) { p.Model = "other" }, `set model to one that it has: ["m"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OPENAI_API_KEY", "sesame")
			f, b := newFake(t), nodetest.New(t)
			f.reply = func(w http.ResponseWriter, _ asked) bool {
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
				return true
			}
			nodetest.Bind(t, b, "in", problems(1))
			set := live(f, 1)
			if test.set != nil {
				set = live(f, 1, test.set)
			}
			_, err := sampled(t, b, set)
			if err == nil || node.IsFault(err) || !strings.Contains(err.Error(), test.want) || f.asks() > 1 {
				t.Errorf("err = %v after %d requests", err, f.asks())
			}
			if err != nil && strings.Contains(err.Error(), "sesame") {
				t.Error("the error tells the API key")
			}
		})
	}
}

// A prompt that doesn't fit is marked; the others go on.
func TestPromptTooLong(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	f.reply = func(w http.ResponseWriter, a asked) bool {
		if a.Prompt != "Problem 1." {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error": {"message": "This model's maximum context length is 9 tokens.", "param": "input_tokens"}}`)
		return true
	}
	nodetest.Bind(t, b, "in", problems(3))
	rows, err := sampled(t, b, live(f, 2))
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, r := range rows {
		reasons = append(reasons, r.FinishReason)
	}
	if want := []string{"stop", "stop", "refused", "refused", "stop", "stop"}; !slices.Equal(reasons, want) {
		t.Errorf("finish reasons %q, want %q", reasons, want)
	}
	if r := rows[2]; r.Refusal == nil || !strings.Contains(*r.Refusal, "maximum context length") || r.Completion != "" {
		t.Errorf("row = %+v", r)
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

func TestServerAway(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(1))
	var asks atomic.Int64
	f.reply = func(http.ResponseWriter, asked) bool {
		asks.Add(1)
		panic(http.ErrAbortHandler)
	}
	_, err := sampled(t, b, live(f, 1, func(p *Params) { p.Patience = 2 * time.Second }))
	if !node.IsFault(err) || !strings.Contains(err.Error(), "gave up after") || asks.Load() < 2 {
		t.Errorf("err = %v after %d requests", err, asks.Load())
	}
}

// Two servers share the work. One goes away in the middle and comes back.
func TestFleet(t *testing.T) {
	f, g, b := newFake(t), newFake(t), nodetest.New(t)
	var away atomic.Int64
	g.reply = func(http.ResponseWriter, asked) bool {
		if away.Add(1) < 3 {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	nodetest.Bind(t, b, "in", problems(60))
	f.reply = func(http.ResponseWriter, asked) bool { time.Sleep(20 * time.Millisecond); return false } // so that the other comes back in time
	rows, err := sampled(t, b, live(f, 10, func(p *Params) {
		p.URL, p.URLs, p.Concurrency, p.PerRequest = "", []string{f.URL, g.URL + "/v1/"}, 4, 1
	}))
	if err != nil {
		t.Fatal(err)
	}
	nf, _ := f.drawnTimes()
	ng, _ := g.drawnTimes()
	if len(rows) != 600 || nf+ng != 600 || ng == 0 || nf == 0 {
		t.Errorf("%d rows, %d and %d drawn", len(rows), nf, ng)
	}
	if !slices.ContainsFunc(b.Logs(), func(l string) bool { return strings.Contains(l, "is back") }) {
		t.Errorf("logs = %q", b.Logs())
	}
}

func TestServersThatDiffer(t *testing.T) {
	f, g, b := newFake(t), newFake(t), nodetest.New(t)
	g.version = "0.2"
	nodetest.Bind(t, b, "in", problems(1))
	both := func(p *Params) { p.URL, p.URLs = "", []string{f.URL, g.URL} }
	if _, err := sampled(t, b, live(f, 1, both)); err == nil || !strings.Contains(err.Error(), `server_version was "0.1" and is "0.2"`) {
		t.Errorf("err = %v", err)
	}
	if _, err := sampled(t, b, live(f, 1, both, func(p *Params) { p.Pin.ServerVersion = ignore })); err != nil {
		t.Error(err)
	}
}

// A server that comes back as another gives no samples under the keys of the one that it
// was, whatever its first answers are.
func TestServerComesBackAsAnother(t *testing.T) {
	for name, end := range map[string]func(http.ResponseWriter){
		"reset": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"500":   func(w http.ResponseWriter) { http.Error(w, "died", http.StatusInternalServerError) },
		"503":   func(w http.ResponseWriter) { http.Error(w, "dying", http.StatusServiceUnavailable) },
	} {
		t.Run(name, func(t *testing.T) {
			f, b := newFake(t), nodetest.New(t)
			f.reply = func(w http.ResponseWriter, _ asked) bool {
				if f.asks() > 1 {
					return false
				}
				f.setVersion("0.2")
				end(w)
				return true
			}
			nodetest.Bind(t, b, "in", problems(4))
			if _, err := sampled(t, b, live(f, 1, func(p *Params) { p.Concurrency = 1 })); err == nil || !strings.Contains(err.Error(), "came back as another") {
				t.Errorf("err = %v", err)
			}
			f.setVersion("0.1")
			if _, err := sampled(t, b, live(f, 1)); err != nil {
				t.Fatal(err)
			}
			if n, _ := f.drawnTimes(); n != 4 {
				t.Errorf("%d drawn; the server before drew none", n)
			}
		})
	}
}

// Each reply tells by whom it is, where the server tells that.
func TestReplyOfAnotherServer(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	f.reply = func(w http.ResponseWriter, _ asked) bool {
		fmt.Fprint(w, `{"choices": [{"text": "x", "finish_reason": "stop"}], "system_fingerprint": "other"}`)
		return true
	}
	nodetest.Bind(t, b, "in", problems(1))
	if _, err := sampled(t, b, live(f, 1)); err == nil || !strings.Contains(err.Error(), "system_fingerprint was fp and is other") {
		t.Errorf("err = %v", err)
	}
}

// A server may have changed while the run waited for its turn.
func TestServerChangesBeforeTheNodeRuns(t *testing.T) {
	f := newFake(t)
	p := *Type().New().(*Params)
	p.URL, p.Model = f.URL, "m"
	fleet := newFleet(p, p.bases(), newClient(p, ""), t.Logf)
	pins, err := pin(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := fleet.settle(t.Context(), pins); err != nil {
		t.Error(err)
	}
	f.setVersion("0.2")
	if err := fleet.settle(t.Context(), pins); err == nil || !strings.Contains(err.Error(), "changed since the run began") {
		t.Errorf("err = %v", err)
	}
}

// A hiccup isn't taken for a fact about the server.
func TestVersionFails(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(1))
	for range 2 {
		f.versionFails.Store(1)
		if _, err := sampled(t, b, live(f, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if n, _ := f.drawnTimes(); n != 1 {
		t.Errorf("%d drawn", n)
	}
}

// After an outage one request finds out what the server is, not each.
func TestOutageIsLookedIntoOnce(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	var away atomic.Bool
	away.Store(true)
	f.reply = func(http.ResponseWriter, asked) bool {
		if away.Swap(false) {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	nodetest.Bind(t, b, "in", problems(100))
	if _, err := sampled(t, b, live(f, 1)); err != nil {
		t.Fatal(err)
	}
	if n := f.asksOfVersion.Load(); n > 5 { // for the pins before and after, when the node begins, and after the outage
		t.Errorf("asked %d times what it is", n)
	}
}

// A server that admits few at a time is waited for as long as samples come.
func TestBusyServerThatGoesOn(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	var inside, served atomic.Int64
	f.reply = func(w http.ResponseWriter, _ asked) bool {
		defer inside.Add(-1)
		if inside.Add(1) > 1 {
			w.Header().Set("Retry-After", "0.05")
			http.Error(w, "full", http.StatusTooManyRequests)
			return true
		}
		time.Sleep(50 * time.Millisecond) // longer than all together have patience
		served.Add(1)
		return false
	}
	nodetest.Bind(t, b, "in", problems(40))
	if _, err := sampled(t, b, live(f, 1, func(p *Params) { p.Patience = 1500 * time.Millisecond })); err != nil {
		t.Errorf("after %d samples: %v", served.Load(), err)
	}
}

// busyForLong is the answer of a server that wants to be left alone.
func busyForLong(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "3600")
	w.WriteHeader(http.StatusTooManyRequests)
}

// assertSoon makes sure that nobody waited for a server that is busy for long.
func assertSoon(t *testing.T, start time.Time) {
	t.Helper()
	if took := time.Since(start); took > maxWait/2 {
		t.Errorf("took %s", took)
	}
}

// An error that ends the run ends the waiting of the others, too.
func TestErrorEndsWaiting(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	refused, waits := make(chan struct{}), make(chan struct{})
	f.reply = func(w http.ResponseWriter, a asked) bool {
		if a.Prompt == "Problem 1." {
			close(refused)
			<-waits
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		<-refused // both requests are under way
		busyForLong(w)
		close(waits)
		return true
	}
	nodetest.Bind(t, b, "in", problems(2))
	start := time.Now()
	if _, err := sampled(t, b, live(f, 1)); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("err = %v", err)
	}
	assertSoon(t, start)
}

// The end of the run ends waiting, and that is no failure.
func TestDrainEndsWaiting(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	f.reply = func(w http.ResponseWriter, _ asked) bool {
		close(b.Drain)
		busyForLong(w)
		return true
	}
	nodetest.Bind(t, b, "in", problems(1))
	start := time.Now()
	if _, err := sampled(t, b, live(f, 1)); !errors.Is(err, node.ErrDrained) {
		t.Errorf("err = %v", err)
	}
	assertSoon(t, start)
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

func TestErrorInAReplyDoesNotTellTheKey(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sesame\n")
	f, b := newFake(t), nodetest.New(t)
	f.reply = func(w http.ResponseWriter, a asked) bool {
		fmt.Fprint(w, `{"error": {"message": "no quota for sesame"}}`)
		return a.times == 1
	}
	nodetest.Bind(t, b, "in", problems(1))
	_, _ = sampled(t, b, live(f, 1))
	for _, line := range b.Logs() {
		if strings.Contains(line, "sesame") {
			t.Errorf("the log says %q", line)
		}
	}
}

func TestMaxTokensBeyondTheModel(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(1))
	_, err := sampled(t, b, live(f, 1, func(p *Params) { p.MaxTokens = 2048 }))
	if err == nil || !strings.Contains(err.Error(), "lower it") || f.asks() > 0 {
		t.Errorf("err = %v", err)
	}
}

// The server is pinned: another version samples again, unless the pipeline says that it
// makes no difference.
func TestPins(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(1))
	for i, test := range []struct {
		version, pin string
		drawn        int
	}{{"0.1", "", 1}, {"0.2", "", 2}, {"0.3", "0.1", 2}, {"0.3", ignore, 3}, {"0.4", ignore, 3}} {
		f.setVersion(test.version)
		if _, err := sampled(t, b, live(f, 1, func(p *Params) { p.Pin.ServerVersion = test.pin })); err != nil {
			t.Fatal(err)
		}
		if n, _ := f.drawnTimes(); n != test.drawn {
			t.Errorf("step %d: %d drawn so far, want %d", i, n, test.drawn)
		}
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

func FuzzReply(f *testing.F) {
	f.Add([]byte(`{"choices": [{"index": 0, "text": "x", "finish_reason": "stop"}]}`))
	f.Add([]byte("data: {\"choices\": [{\"index\": 0, \"delta\": {\"content\": \"x\"}, \"finish_reason\": \"length\"}]}\n\ndata: [DONE]\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, read := range []func(*collector) error{
			func(c *collector) error { return c.readWhole(bytes.NewReader(body)) },
			func(c *collector) error { return c.readStream(bytes.NewReader(body)) },
		} {
			done := 0
			c := &collector{pieces: make([]piece, 2), done: func(_ int, got completion) {
				done++
				if !finished(got.reason) {
					t.Fatalf("a sample that ended by %q", got.reason)
				}
			}}
			if err := read(c); err == nil && done != 2 {
				t.Fatalf("a whole reply of %d samples", done)
			}
		}
	})
}
