package vllmsample

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

// A server that doesn't take a field is no riddle: the error says what to set.
func TestAdvice(t *testing.T) {
	for message, want := range map[string]string{
		`{"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "param": "max_tokens", "code": "unsupported_parameter"}}`: "set rename: {max_tokens: max_completion_tokens}",
		`{"error": {"message": "property 'seed' is unsupported"}}`:                                                                 "set omit: [seed]; samples are then not repeatable",
		`{"error": {"message": "Unsupported value: 'temperature' does not support 0.8 with this model.", "param": "temperature"}}`: "set omit: [temperature]",
		`{"error": {"message": "Unrecognized request argument supplied: top_k"}}`:                                                  "set top_k: 0",
		`{"error": {"message": "This model does not support logprobs."}}`:                                                          "set logprobs: none",
		`{"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}`:    "set omit: [stream_options]",
		`{"object": "error", "message": "'n' is not supported"}`:                                                                   "set omit: [n]",
		`{"error": {"message": "The model does not support images."}}`:                                                             "",
		`{"error": {"message": "temperature must be below 2"}}`:                                                                    "",
	} {
		if got := adviceOn(parseError([]byte(message))); want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", message, got, want)
		}
	}
}

func TestRenamedAndOmitted(t *testing.T) {
	f, b := newFake(t), nodetest.New(t)
	f.reply = func(w http.ResponseWriter, a asked) bool {
		_, old := a.body["max_tokens"]
		if old {
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"error": {"message": "'max_tokens' is not supported, use 'max_completion_tokens'"}}`)
		}
		return old
	}
	nodetest.Bind(t, b, "in", problems(1))
	if _, err := sampled(t, b, live(f, 2)); err == nil || !strings.Contains(err.Error(), "set rename: {max_tokens: max_completion_tokens}") || f.asks() != 1 {
		t.Errorf("err = %v after %d requests", err, f.asks())
	}
	rows, err := sampled(t, b, live(f, 2, func(p *Params) {
		p.Rename, p.Omit = map[string]string{"max_tokens": "max_completion_tokens"}, []string{"seed", "temperature", "n", "return_token_ids"}
		p.Logprobs = "none"
	}))
	if err != nil || f.asks() != 3 {
		t.Fatal(f.asks(), err)
	}
	keys := slices.Sorted(maps.Keys(f.requests[1].body))
	if want := []string{"max_completion_tokens", "model", "prompt", "top_p"}; !slices.Equal(keys, want) || f.requests[1].body["max_completion_tokens"] != 512. {
		t.Errorf("asked with %q, want %q", keys, want)
	}
	if r := rows[1]; r.Seed != nil || r.Temperature != nil || *r.TopP != .95 {
		t.Errorf("row = %+v", r)
	}
}

func TestCheckAdapted(t *testing.T) {
	for field, set := range map[string]func(*Params){
		"omit":              func(p *Params) { p.Omit = []string{"model"} },
		"rename.messages":   func(p *Params) { p.Rename = map[string]string{"messages": "x"} },
		"rename.seed":       func(p *Params) { p.Rename = map[string]string{"seed": "n"} },
		"rename.top_p":      func(p *Params) { p.Rename = map[string]string{"top_p": ""} },
		"rename.max_tokens": func(p *Params) { p.Rename, p.Omit = map[string]string{"max_tokens": "x"}, []string{"max_tokens"} },
		"rename.n":          func(p *Params) { p.Rename, p.Extra = map[string]string{"n": "x"}, map[string]any{"x": 1} },
		"n":                 func(p *Params) { p.N = "some" },
	} {
		p := Type().New().(*Params)
		p.URL, p.Model = "http://x", "m"
		set(p)
		if _, err := Type().Bind(p); err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%s: err = %v", field, err)
		}
	}
}
