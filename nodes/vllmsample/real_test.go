package vllmsample

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

const realModel = "smollm2-135m-instruct"

// realServer is a vLLM: the one at OUROFLOW_VLLM_URL, or that of `make vllm`, started
// for the test.
func realServer(t *testing.T) string {
	if url := os.Getenv("OUROFLOW_VLLM_URL"); url != "" {
		return url
	}
	if testing.Short() {
		t.Skip("a real vLLM takes minutes")
	}
	program, err := filepath.Abs("../../.vllm/serve")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("no real vLLM: OUROFLOW_VLLM_URL isn't set, and `make vllm` has put none into .vllm")
	}
	t.Setenv("OUROFLOW_SERVERS", t.TempDir())
	s := Serve{Command: []Arg{Arg(program)}, Timeout: 20 * time.Minute}
	server, err := s.start(context.Background(), realModel, "", quiet{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Release)
	return server.URL()
}

// quiet is a node.Host of which nothing is heard.
type quiet struct{}

func (quiet) Scratch() (string, error)      { return "", nil }
func (quiet) Draining() <-chan struct{}     { return nil }
func (quiet) Progress(_, _ int64, _ string) {}
func (quiet) Logf(string, ...any)           {}
func (quiet) Pins() node.Pins               { return nil }

// badLine is a proxy that spoils every other reply about samples, each in another way.
func badLine(t *testing.T, target string) string {
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	var asked atomic.Int64
	spoil := []func(http.ResponseWriter, *http.Request){
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "busy", http.StatusServiceUnavailable) },
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "slow down", http.StatusTooManyRequests)
		},
		func(w http.ResponseWriter, r *http.Request) { // the first half of what the server says
			whole := httptest.NewRecorder()
			proxy.ServeHTTP(whole, r)
			_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
		},
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Please log in</html>") },
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := asked.Add(1); strings.HasSuffix(r.URL.Path, "/completions") && n%2 == 0 {
			spoil[int(n/2)%len(spoil)](w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestRealServer(t *testing.T) {
	base := realServer(t)
	rows := []in{
		{ProblemID: "sum", Request: "def add(a, b):\n"},
		{ProblemID: "words", Request: "# Returns the words of a text.\ndef words(text):\n"},
	}
	draw := func(t *testing.T, rows []in, set func(*Params)) []out {
		t.Helper()
		b := nodetest.New(t)
		nodetest.Bind(t, b, "in", rows)
		got, err := sampled(t, b, func(p any) {
			q := p.(*Params)
			q.URL, q.Model, q.N, q.MaxTokens, q.TopP = base, realModel, 6, 24, 1
			if set != nil {
				set(q)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	together := draw(t, rows, nil)

	// A sample is the same however it is asked for: the server draws the i-th of a
	// request with its seed + i.
	for name, set := range map[string]func(*Params){
		"one a request":          func(p *Params) { p.PerRequest = 1 },
		"four a request":         func(p *Params) { p.PerRequest = 4 },
		"streamed":               func(p *Params) { p.Stream = true },
		"one after the other":    func(p *Params) { p.PerRequest, p.Concurrency = 1, 1 },
		"beginning at the third": func(p *Params) { p.Seed, p.N = 2, 4 },
	} {
		t.Run(name, func(t *testing.T) {
			got := draw(t, rows, set)
			for i, r := range got {
				want := together[i/(len(got)/2)*6+int(*r.Seed)]
				if r.Completion != want.Completion || *r.LogprobTokens != *want.LogprobTokens {
					t.Errorf("row %d: %q, but %q together", i, r.Completion, want.Completion)
				}
			}
		})
	}

	t.Run("through a bad line", func(t *testing.T) {
		line := badLine(t, base)
		for i, r := range draw(t, rows, func(p *Params) { p.URL, p.PerRequest, p.Concurrency = line, 1, 4 }) {
			if r.Completion != together[i].Completion {
				t.Errorf("row %d: %q, but %q on a good line", i, r.Completion, together[i].Completion)
			}
		}
	})
	t.Run("tokens", func(t *testing.T) {
		with := together
		without := draw(t, rows, func(p *Params) { p.Logprobs = "none" })
		for i := range with {
			if *with[i].CompletionTokens != *without[i].CompletionTokens || without[i].LogprobSum != nil {
				t.Errorf("%d tokens with logprobs, %d without", *with[i].CompletionTokens, *without[i].CompletionTokens)
			}
			if *with[i].LogprobSum >= 0 {
				t.Errorf("a log probability of %g", *with[i].LogprobSum)
			}
		}
	})
	t.Run("chat", func(t *testing.T) {
		begun := []in{{ProblemID: "begun", Request: "Write a Python function add(a, b).", System: "You write code.", Prefix: "def add(a, b):\n"}}
		for _, r := range draw(t, begun, func(p *Params) { p.API, p.N = "chat", 2 }) {
			if r.Completion == "" || r.LogprobTokens == nil {
				t.Errorf("%+v", r)
			}
		}
	})
	t.Run("too long", func(t *testing.T) {
		long := []in{rows[0], {ProblemID: "long", Request: strings.Repeat("x = 1\n", 4000)}}
		got := draw(t, long, func(p *Params) { p.N = 2 })
		if got[0].FinishReason == "refused" || got[2].FinishReason != "refused" || got[2].Refusal == nil {
			t.Errorf("%+v", got)
		}
	})
	t.Run("identity", func(t *testing.T) {
		id, err := newClient(Params{Concurrency: 1}, "").identify(context.Background(), base, Params{Model: realModel})
		if err != nil || id.version == "" || id.fingerprint == "" || id.maxModelLen != "2048" || !strings.HasPrefix(id.files, "sha256-sampled:") {
			t.Errorf("%+v, %v", id, err)
		}
	})
	for name, test := range map[string]struct {
		set  func(*Params)
		want string
	}{
		"no such model":  {func(p *Params) { p.Model = "nope" }, fmt.Sprintf("set model to one that it has: [%q]", realModel)},
		"bad option":     {func(p *Params) { p.Extra = map[string]any{"min_tokens": 1000} }, "min_tokens"},
		"no such server": {func(p *Params) { p.URL = base + "/nowhere" }, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			b := nodetest.New(t)
			nodetest.Bind(t, b, "in", rows)
			_, err := sampled(t, b, func(p any) {
				q := p.(*Params)
				q.URL, q.Model = base, realModel
				test.set(q)
			})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want %q", err, test.want)
			}
		})
	}
}
