package vllmsample

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// asked is a request as a fake server got it.
type asked struct {
	Model    string        `json:"model"`
	Prompt   string        `json:"prompt"`
	Messages []chatMessage `json:"messages"`
	N        int           `json:"n"`
	Seed     int           `json:"seed"`
	Stream   bool          `json:"stream"`
	body     map[string]any
	times    int // that this prompt and seed was asked for
}

// fake is a server like vLLM that may misbehave.
type fake struct {
	*httptest.Server
	version       string
	asksOfVersion atomic.Int64
	versionFails  atomic.Int64                              // how often it fails from now on
	reply         func(w http.ResponseWriter, a asked) bool // true if it has answered

	mu       sync.Mutex
	times    map[string]int
	samples  map[string]int // how often each was drawn
	requests []asked
	headers  []http.Header
}

func newFake(t *testing.T) *fake {
	f := &fake{version: "0.1", times: map[string]int{}, samples: map[string]int{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/version":
		f.asksOfVersion.Add(1)
		f.mu.Lock()
		version := f.version
		f.mu.Unlock()
		if version == "" {
			http.NotFound(w, r)
			return
		}
		if f.versionFails.Add(-1) >= 0 {
			http.Error(w, "hiccup", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"version": %q}`, version)
	case "/v1/models":
		fmt.Fprint(w, `{"data": [{"id": "m", "root": "org/m", "max_model_len": 2048}]}`)
	case "/v1/completions", "/v1/chat/completions":
		f.complete(w, r)
	default:
		http.Error(w, `{"detail": "Not Found"}`, http.StatusNotFound)
	}
}

func (f *fake) complete(w http.ResponseWriter, r *http.Request) {
	var a asked
	if err := json.NewDecoder(r.Body).Decode(&a.body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b, _ := json.Marshal(a.body)
	_ = json.Unmarshal(b, &a)
	a.N = max(1, a.N)
	if a.body["temperature"] == 0.0 && a.Prompt == "1" {
		fmt.Fprint(w, `{"choices": [{"finish_reason": "length"}], "system_fingerprint": "fp"}`)
		return
	}
	f.mu.Lock()
	key := fmt.Sprintf("%s%v/%d", a.Prompt, a.Messages, a.Seed)
	f.times[key]++
	a.times = f.times[key]
	f.requests = append(f.requests, a)
	f.headers = append(f.headers, r.Header)
	f.mu.Unlock()
	if f.reply == nil || !f.reply(w, a) {
		f.answer(w, a)
	}
}

// answer draws all samples.
func (f *fake) answer(w http.ResponseWriter, a asked) {
	f.mu.Lock()
	for i := range a.N {
		f.samples[fmt.Sprintf("%s%v/%d", a.Prompt, a.Messages, a.Seed+i)]++
	}
	f.mu.Unlock()
	if a.Stream {
		f.stream(w, a, a.N)
		return
	}
	r := response{}
	for i := range a.N {
		r.Choices = append(r.Choices, drawn(a, i))
	}
	_ = json.NewEncoder(w).Encode(r)
}

// drawn is the i-th sample of a request, which depends on its seed alone.
func drawn(a asked, i int) choice {
	text := fmt.Sprintf("    return %d\n", a.Seed+i)
	c := choice{Index: i, FinishReason: "stop"}
	if len(a.Messages) > 0 {
		said := spoken(text)
		c.Message = &content{Content: &said}
	} else {
		c.Text = &text
		c.Logprobs = &choiceLogprobs{TokenLogprobs: []*float64{new(-.5), new(-.25)}}
	}
	return c
}

// stream sends the samples in two events each, the first so many of them to the end.
func (f *fake) stream(w http.ResponseWriter, a asked, whole int) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	send := func(c choice) {
		b, _ := json.Marshal(response{Choices: []choice{c}})
		fmt.Fprintf(w, "data: %s\n\n", b)
	}
	for i := range a.N {
		c := drawn(a, i)
		head, tail := (*c.Text)[:5], (*c.Text)[5:]
		send(choice{Index: i, Text: &head})
		if i < whole {
			c.Text = &tail
			send(c)
		}
	}
	if whole == a.N {
		fmt.Fprint(w, "data: [DONE]\n\n")
	}
}

// drawnTimes returns how many samples were drawn, and how often one of them at most.
func (f *fake) drawnTimes() (n, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, times := range f.samples {
		n += times
		most = max(most, times)
	}
	return n, most
}

func (f *fake) asks() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

func (f *fake) setVersion(v string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version = v
}
