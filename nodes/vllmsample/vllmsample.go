// Package vllmsample samples candidate solutions from an OpenAI-compatible
// completions server such as vLLM, or from a recording of one.
package vllmsample

import (
	"context"
	"fmt"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
)

// Params of the node.
type Params struct {
	URL         string        `yaml:"url" key:"-" doc:"Base URL of the server, such as http://127.0.0.1:8000. Give url or recording."`
	Recording   node.Path     `yaml:"recording" doc:"Recorded samples (JSON lines, gzip-compressed or not), served in place of a live server."`
	Configs     []string      `yaml:"configs" doc:"For a recording without settings: the decoding configurations to take samples from; empty means all."`
	Model       string        `yaml:"model" doc:"Model to ask for."`
	N           int           `yaml:"n" key:"table" min:"1" max:"1000000" doc:"Samples per problem. Raising it keeps those that are known."`
	Temperature float64       `yaml:"temperature" min:"0" max:"10" doc:"Sampling temperature; 0 is greedy."`
	TopP        float64       `yaml:"top_p" min:"0" max:"1" doc:"Nucleus sampling: the smallest set of tokens with this probability is sampled from."`
	MaxTokens   int           `yaml:"max_tokens" min:"1" max:"1000000" doc:"Longest completion, in tokens."`
	Stop        []string      `yaml:"stop" doc:"Texts that end a completion; vLLM takes at most 4."`
	Seed        int           `yaml:"seed" min:"0" doc:"Sample i of each problem is asked for with seed + i."`
	Prompt      string        `yaml:"prompt" doc:"Go text/template of the prompt over .ProblemID, .Prompt, .Tests, .Reference and .EntryPoint; functions: first, signature, starter, join."`
	Prefix      string        `yaml:"prefix" doc:"Template of what the prompt ends with that belongs to the code: it is put before the completion."`
	Concurrency int           `yaml:"concurrency" key:"-" min:"1" max:"10000" doc:"Requests in flight."`
	Timeout     time.Duration `yaml:"request_timeout" key:"-" doc:"Longest wait for one reply."`
	APIKeyEnv   string        `yaml:"api_key_env" key:"-" doc:"Environment variable that holds the API key, if the server wants one."`
}

// in are the columns that decide a sample.
type in struct {
	ProblemID  string   `arrow:"problem_id"`
	Prompt     string   `arrow:"prompt"`
	Tests      []string `arrow:"tests"`
	Reference  string   `arrow:"reference"`
	EntryPoint string   `arrow:"entry_point"`
}

type out struct {
	Sample           int64    `arrow:"sample"`  // index among the samples of the problem, from 0
	Request          string   `arrow:"request"` // the prompt as it was sent
	Completion       string   `arrow:"completion"`
	Code             string   `arrow:"code"`          // see ExtractCode
	FinishReason     string   `arrow:"finish_reason"` // stop or length
	CompletionTokens *int64   `arrow:"completion_tokens"`
	Model            string   `arrow:"model"`
	Temperature      *float64 `arrow:"temperature"` // null if a recording doesn't say
	TopP             *float64 `arrow:"top_p"`
	Seed             *int64   `arrow:"seed"`
	Config           *string  `arrow:"config"`          // of a recording
	RecordedPassed   *bool    `arrow:"recorded_passed"` // verdict published with a recording
}

// defaultPrompt is MBPP's usual one: a docstring of the text and the first test.
const defaultPrompt = `"""
{{.Prompt}}
{{first .Tests}}
"""
`

// Type returns the node type vllm_sample.
func Type() *node.Type {
	return node.RowDef[Params, in, out]{
		Name:    "vllm_sample",
		Version: 1,
		Doc: "Samples n candidate solutions of each problem from an OpenAI-compatible completions server, or from a recording served through the same client. " +
			"A sample is known by its problem, settings, model and index: raising n or adding problems samples only what is missing.",
		Defaults: Params{
			N: 10, Temperature: 0.8, TopP: 0.95, MaxTokens: 512, Prompt: defaultPrompt,
			Concurrency: 64, Timeout: 10 * time.Minute, APIKeyEnv: "OPENAI_API_KEY",
		},
		Check:  check,
		Tokens: "completion_tokens",
		Fanout: func(p Params) int { return p.N },
		Pin:    pin,
		Witness: func(p Params) ([]string, bool) { // a server has to be asked
			return []string{string(p.Recording), metaPath(string(p.Recording))}, p.Recording != ""
		},
		Run: run,
	}.Type()
}

func check(p Params) error {
	if (p.URL == "") == (p.Recording == "") {
		return node.BadField("url", "give either url, to sample live, or recording, to replay")
	}
	if p.Model == "" {
		return node.BadField("model", "the name of the model is missing")
	}
	if p.TopP == 0 {
		return node.BadField("top_p", "top_p must be above 0")
	}
	if _, err := newPrompter(p); err != nil {
		return err
	}
	return nil
}

// pin makes what the samples come from part of their keys: the content of the
// recording, or what the server tells about itself.
func pin(ctx context.Context, p Params) (node.Pins, error) {
	if p.Recording == "" {
		return newClient(p, p.URL).identify(ctx)
	}
	sum, err := fileSum(string(p.Recording))
	if err != nil {
		return nil, fmt.Errorf("reading the recording: %w", err)
	}
	config, err := chooseConfig(p)
	if err != nil {
		return nil, err
	}
	return node.Pins{"recording": sum, "config": config}, nil
}

func run(ctx context.Context, p Params, w *node.Work[in, out]) error {
	url := p.URL
	if p.Recording != "" {
		server, err := serveRecording(p)
		if err != nil {
			return err
		}
		defer server.Close()
		url = server.URL
	}
	prompts, err := newPrompter(p)
	if err != nil {
		return err
	}
	c := newClient(p, url)
	c.logf, c.drain = w.Logf, w.Draining()
	return w.Parallel(p.Concurrency, func(_ int, item node.Item[in]) (out, error) {
		return sample(ctx, p, c, prompts, item)
	})
}

func sample(ctx context.Context, p Params, c *client, prompts *prompter, item node.Item[in]) (out, error) {
	prompt, prefix, err := prompts.render(item.In)
	if err != nil {
		return out{}, fmt.Errorf("problem %s: %w", item.In.ProblemID, err)
	}
	seed := int64(p.Seed + item.Index)
	ch, err := c.complete(ctx, request{
		Model: p.Model, Prompt: prompt, N: 1, MaxTokens: p.MaxTokens,
		Temperature: p.Temperature, TopP: p.TopP, Stop: p.Stop, Seed: seed,
	}, fmt.Sprintf("%s#%d", item.In.ProblemID, item.Index))
	if err != nil {
		return out{}, fmt.Errorf("sample %d of problem %s: %w", item.Index, item.In.ProblemID, err)
	}
	row := out{
		Sample: int64(item.Index), Request: prompt, Completion: ch.Text, Code: ExtractCode(prefix, ch.Text),
		FinishReason: ch.FinishReason, CompletionTokens: ch.tokens, Model: p.Model,
		Temperature: &p.Temperature, TopP: &p.TopP, Seed: &seed,
	}
	if r := ch.Recorded; r != nil {
		row.Config, row.RecordedPassed = &r.Config, r.Passed
		if !r.Settings {
			row.Temperature, row.TopP, row.Seed = nil, nil, nil
		}
	}
	return row, nil
}
