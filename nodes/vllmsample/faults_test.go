package vllmsample

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

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
