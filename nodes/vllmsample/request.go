package vllmsample

import (
	"fmt"
	"maps"
	"math/rand/v2"

	"github.com/ouroflow/ouroflow/engine/node"
)

// call is a request for consecutive samples of one problem.
type call struct {
	items []node.Item[in]
	body  map[string]any
	path  string
	id    string // X-Request-Id
}

// newCall makes the request for items, whose indices follow each other: the server
// draws the i-th of them with the seed of the request plus i.
func newCall(p Params, vllm bool, items []node.Item[in]) (call, error) {
	first := items[0]
	body := map[string]any{
		"model": p.Model, "n": len(items), "max_tokens": p.MaxTokens,
		"temperature": p.Temperature, "top_p": p.TopP, "seed": p.seedOf(first.Index),
	}
	maps.Copy(body, p.Extra)
	p.addOptions(body, vllm)
	c := call{items: items, body: body, path: "/v1/completions", id: requestID(p, first)}
	if p.API == "chat" {
		c.path = "/v1/chat/completions"
		addMessages(body, first.In)
		p.adapt(body)
		return c, nil
	}
	body["prompt"] = first.In.Request
	p.adapt(body)
	if first.In.System != "" {
		return c, fmt.Errorf("problem %s has a system message, which the completions API can't carry; set api: chat, or put it into the prompt", first.In.ProblemID)
	}
	return c, nil
}

// requestID is unique, since vLLM knows requests by it, but for a recording, which finds
// samples by it.
func requestID(p Params, item node.Item[in]) string {
	id := fmt.Sprintf("%s#%d", item.In.ProblemID, item.Index)
	if p.Recording == "" {
		id += fmt.Sprintf("-%016x", rand.Uint64())
	}
	return id
}

// addOptions adds what is only sent if it says something, so that servers that don't
// know it never see it.
func (p Params) addOptions(body map[string]any, vllm bool) {
	if len(p.Stop) > 0 {
		body["stop"] = p.Stop
	}
	if p.TopK > 0 {
		body["top_k"] = p.TopK
	}
	if p.MinP > 0 {
		body["min_p"] = p.MinP
	}
	if p.Repetition != 1 {
		body["repetition_penalty"] = p.Repetition
	}
	switch {
	case p.Logprobs == "none":
		if vllm { // else nothing tells the tokens of each sample
			body["return_token_ids"] = true
		}
	case p.API == "chat":
		body["logprobs"] = true
	default:
		body["logprobs"] = 0 // of the tokens drawn alone
	}
	if p.Stream {
		body["stream"] = true
		if body["n"] == 1 { // else nothing says which sample the usage is of
			body["stream_options"] = map[string]any{"include_usage": true}
		}
	}
}

type chatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// addMessages adds the conversation. An answer that is begun is gone on with.
func addMessages(body map[string]any, row in) {
	var list []chatMessage
	if row.System != "" {
		list = append(list, chatMessage{"system", row.System})
	}
	list = append(list, chatMessage{"user", row.Request})
	if row.Prefix != "" {
		list = append(list, chatMessage{"assistant", row.Prefix})
		body["add_generation_prompt"], body["continue_final_message"] = false, true
	}
	body["messages"] = list
}
