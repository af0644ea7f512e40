package vllmsample

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

// read reads a reply to a request for one sample.
func read(t *testing.T, stream bool, body string) (completion, error) {
	t.Helper()
	var got []completion
	c := &collector{pieces: make([]piece, 1), done: func(_ int, s completion) { got = append(got, s) }}
	take := c.readWhole
	if stream {
		take = c.readStream
	}
	err := take(strings.NewReader(body))
	if err == nil && len(got) != 1 || len(got) > 1 {
		t.Fatalf("%d samples of %q", len(got), body)
	}
	if len(got) == 0 {
		return completion{}, err
	}
	return got[0], err
}

// streamed is a whole reply as events: a choice's texts in two halves, its end, and the
// usage.
func streamed(whole string) string {
	var r struct {
		Choices []map[string]any `json:"choices"`
		Usage   any              `json:"usage"`
	}
	if err := json.Unmarshal([]byte(whole), &r); err != nil {
		panic(err)
	}
	var b strings.Builder
	event := func(v any) {
		text, _ := json.Marshal(v)
		fmt.Fprintf(&b, "data: %s\n\n", text)
	}
	for _, c := range r.Choices {
		end := map[string]any{"index": c["index"], "finish_reason": c["finish_reason"], "logprobs": c["logprobs"]}
		message, chat := c["message"].(map[string]any)
		if chat {
			event(map[string]any{"choices": []any{map[string]any{"delta": map[string]any{"role": "assistant", "content": ""}}}})
			end["delta"] = map[string]any{}
		} else {
			end["text"] = ""
		}
		for half := range 2 {
			part := map[string]any{"finish_reason": nil}
			if chat {
				delta := map[string]any{}
				for k, v := range message {
					delta[k] = halfOf(v, half)
				}
				part["delta"] = delta
			} else {
				part["text"] = halfOf(c["text"], half)
			}
			event(map[string]any{"choices": []any{part}})
		}
		event(map[string]any{"choices": []any{end}})
	}
	if r.Usage != nil {
		event(map[string]any{"choices": []any{}, "usage": r.Usage})
	}
	return b.String() + "data: [DONE]\n\n"
}

func halfOf(v any, half int) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	middle := len([]rune(text)) / 2
	return []string{string([]rune(text)[:middle]), string([]rune(text)[middle:])}[half]
}

// What a server says is the same sample whether it comes at once or in pieces.
func TestReplies(t *testing.T) {
	two := int64(2)
	for name, test := range map[string]struct {
		reply string
		want  completion
	}{
		"out of tokens while reasoning": {
			`{"choices": [{"message": {"content": null, "reasoning_content": "Let me"}, "finish_reason": "length"}], "usage": {"completion_tokens": 2}}`,
			completion{reasoning: "Let me", reason: "length", tokens: &two},
		},
		"reasoning by its newer name": {
			`{"choices": [{"message": {"content": "x", "reasoning": "hm"}, "finish_reason": "stop"}]}`,
			completion{text: "x", reasoning: "hm", reason: "stop"},
		},
		"reasoning by both names": {
			`{"choices": [{"message": {"content": "x", "reasoning": "hm", "reasoning_content": "hm"}, "finish_reason": "stop"}]}`,
			completion{text: "x", reasoning: "hm", reason: "stop"},
		},
		"content filter": {`{"choices": [{"message": {"content": "x"}, "finish_reason": "content_filter"}]}`, completion{text: "x", reason: "content_filter"}},
		"tool call":      {`{"choices": [{"message": {"content": null}, "finish_reason": "tool_calls"}]}`, completion{reason: "tool_calls"}},
		"function call":  {`{"choices": [{"message": {"content": null}, "finish_reason": "function_call"}]}`, completion{reason: "function_call"}},
		"refusal":        {`{"choices": [{"message": {"content": null, "refusal": "I can't."}, "finish_reason": "stop"}]}`, completion{refusal: "I can't.", reason: "stop"}},
		"no usage":       {`{"choices": [{"text": "é", "finish_reason": "stop"}], "usage": {}}`, completion{text: "é", reason: "stop"}},
		"logprobs": {
			`{"choices": [{"text": "x", "finish_reason": "stop", "logprobs": {"token_logprobs": [-0.5, null]}}]}`,
			completion{text: "x", reason: "stop", tokens: &two, logprobs: logprobs{new(-.5), nil}},
		},
	} {
		for _, body := range []string{test.reply, streamed(test.reply)} {
			got, err := read(t, body != test.reply, body)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s: %+v, %v; want %+v", name, got, err, test.want)
			}
		}
	}
	got, err := read(t, false, `{"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "finish_reason": "stop"}]}`)
	if err != nil || got.text != "ab" {
		t.Errorf("a text in parts: %+v, %v", got, err)
	}
}

// Malformed replies are faults that say what is wrong.
func TestMalformedReplies(t *testing.T) {
	for _, test := range []struct{ reply, want string }{
		{`<html>`, `not JSON`},
		{`{"choices": [{"index": "a"}]}`, "not as the API has it"},
		{`{"choices": 7}`, "not as the API has it"},
		{`{"choices": [{"message": {"content": 7}, "finish_reason": "stop"}]}`, "neither a text nor a list of texts"},
		{`{"choices": [{"message": {"content": [{"type": "image"}]}, "finish_reason": "stop"}]}`, `type "image"`},
		{`{"choices": [{"message": null, "finish_reason": "length"}]}`, "without a text"},
		{`{"choices": [{"message": {"content": "x"}, "finish_reason": "abort"}]}`, `finish_reason "abort"`},
		{`{"error": "died"}`, "reports: died"},
		{`{"error": {"code": 7}}`, `reports: {"code": 7}`},
		{`{"object": "error", "message": "died"}`, "reports: died"},
		{`null`, "incomplete"},
	} {
		for _, stream := range []bool{false, true} {
			body := test.reply
			if stream {
				body = "data: " + body + "\n\ndata: [DONE]\n\n"
			}
			if _, err := read(t, stream, body); err == nil || !node.IsFault(err) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: err = %v, want %q", body, err, test.want)
			}
		}
	}
}

// A sum is of all tokens or isn't there.
func TestLogprobSums(t *testing.T) {
	four := int64(4)
	for list, want := range map[string]string{
		`[-0.5, -0.25]`: "-0.75", `[-0.5, null]`: "", `[-0.5, -9999.0]`: "", `[-0.5, -Infinity]`: "", `[NaN, -1]`: "", `[]`: "", `null`: "",
	} {
		c, err := read(t, false, `{"choices": [{"text": "\"NaN\" Infinity", "finish_reason": "stop", "logprobs": {"token_logprobs": `+list+`}}]}`)
		if err != nil || c.text != `"NaN" Infinity` {
			t.Fatal(list, c.text, err)
		}
		sum, n, _ := c.logprobs.columns(c.tokens, false)
		if got := ""; sum != nil {
			if got = fmt.Sprint(*sum); got != want || *n != 2 {
				t.Errorf("%s: %s of %d, want %q", list, got, *n, want)
			}
		} else if want != "" || n != nil {
			t.Errorf("%s: no sum", list)
		}
		if sum, _, _ := c.logprobs.columns(&four, false); sum != nil {
			t.Errorf("%s: a sum without some of the tokens", list)
		}
	}
}

// The usage that follows a streamed sample is waited for, but not for the sample's sake.
func TestUsageOfAStream(t *testing.T) {
	end := `data: {"choices": [{"text": "x", "finish_reason": "stop"}]}` + "\n\n"
	for name, rest := range map[string]string{"cut": "", "junk": "data: <\n\n", "error": `data: {"error": "died"}` + "\n\n", "done": "data: [DONE]\n\n"} {
		if c, _ := read(t, true, end+rest); c.text != "x" || c.tokens != nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
	f, b := newFake(t), nodetest.New(t)
	f.version = ""
	nodetest.Bind(t, b, "in", problems(1))
	if _, err := sampled(t, b, live(f, 1, func(p *Params) { p.Stream = true })); err != nil {
		t.Fatal(err)
	}
	if o, _ := f.requests[0].body["stream_options"].(map[string]any); o["include_usage"] != true {
		t.Errorf("asked with %v", f.requests[0].body)
	}
}

// Whether streamed or not, a reply without content is the same row.
func TestReplyWithoutContent(t *testing.T) {
	var rows []out
	for _, stream := range []bool{false, true} {
		f, b := newFake(t), nodetest.New(t)
		f.reply = func(w http.ResponseWriter, _ asked) bool {
			reply := `{"choices": [{"message": {"content": null, "reasoning": "Let me", "refusal": null}, "finish_reason": "length"}], "usage": {"completion_tokens": 9}}`
			if stream {
				w.Header().Set("Content-Type", "text/event-stream")
				reply = streamed(reply)
			}
			fmt.Fprint(w, reply)
			return true
		}
		nodetest.Bind(t, b, "in", problems(1))
		got, err := sampled(t, b, live(f, 1, func(p *Params) { p.API, p.Stream = "chat", stream }))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, got...)
	}
	if r := rows[0]; r.Completion != "" || r.FinishReason != "length" || *r.Reasoning != "Let me" || r.Refusal != nil || *r.CompletionTokens != 9 {
		t.Errorf("row = %+v", r)
	}
	if !reflect.DeepEqual(rows[0], rows[1]) {
		t.Errorf("whole %+v, streamed %+v", rows[0], rows[1])
	}
}

// FuzzSameReply asks for the same sample at once and in pieces.
func FuzzSameReply(f *testing.F) {
	f.Add("def f():", "hm", "", "stop", -.5, true)
	f.Add("", "é", "no", "length", 0., false)
	f.Fuzz(func(t *testing.T, text, reasoning, refusal, reason string, logprob float64, chat bool) {
		choice := map[string]any{"index": 0, "finish_reason": reason, "text": text}
		if chat {
			delete(choice, "text")
			choice["message"] = map[string]any{"content": text, "reasoning_content": reasoning, "refusal": refusal}
		}
		if logprob < 0 {
			choice["logprobs"] = map[string]any{"token_logprobs": []any{logprob, nil}}
		}
		b, err := json.Marshal(map[string]any{"choices": []any{choice}})
		if err != nil {
			t.Skip(err) // infinite
		}
		one, err1 := read(t, false, string(b))
		two, err2 := read(t, true, streamed(string(b)))
		if (err1 == nil) != (err2 == nil) || !reflect.DeepEqual(one, two) {
			t.Fatalf("whole %+v, %v; streamed %+v, %v", one, err1, two, err2)
		}
	})
}
