package vllmsample

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/ouroflow/ouroflow/engine/node"
)

// completion is a whole sample.
type completion struct {
	text     string
	reason   string // stop, length or refused
	refusal  string
	tokens   *int64
	logprobs logprobs
	recorded *recorded
}

// logprobs are the natural logarithms of the probabilities of the tokens drawn.
type logprobs []float64

func (l logprobs) columns(list bool) (sum *float64, count *int64, text *string) {
	if l == nil {
		return nil, nil, nil
	}
	total, n := 0.0, int64(len(l))
	for _, x := range l {
		total += x
	}
	if list {
		b, err := json.Marshal(l)
		if err != nil {
			panic(err) // JSON has given them
		}
		s := string(b)
		text = &s
	}
	return &total, &n, text
}

// response is what a server answers, or one event of a stream.
type response struct {
	Choices []choice  `json:"choices"`
	Usage   *usage    `json:"usage,omitempty"`
	Error   *apiError `json:"error,omitempty"`

	Fingerprint string `json:"system_fingerprint,omitempty"`
}

// choice is one of the samples that were asked for, of either API, or a piece of it.
type choice struct {
	Index        int             `json:"index"`
	Text         *string         `json:"text,omitempty"`
	Message      *content        `json:"message,omitempty"`
	Delta        *content        `json:"delta,omitempty"`
	FinishReason string          `json:"finish_reason"`
	Logprobs     *choiceLogprobs `json:"logprobs,omitempty"`
	TokenIDs     []int           `json:"token_ids,omitempty"`
	Recorded     *recorded       `json:"recorded,omitempty"` // only from a recording
}

type content struct {
	Content *string `json:"content"`
}

type choiceLogprobs struct {
	TokenLogprobs []float64 `json:"token_logprobs,omitempty"` // completions
	Content       []struct {
		Logprob float64 `json:"logprob"`
	} `json:"content,omitempty"` // chat
}

type usage struct {
	CompletionTokens int64 `json:"completion_tokens"`
}

type apiError struct {
	Message string `json:"message"`
	Param   string `json:"param,omitempty"`
	Code    any    `json:"code,omitempty"`
}

// recorded says where a recorded sample comes from.
type recorded struct {
	Config   string `json:"config"`
	Passed   *bool  `json:"passed,omitempty"`
	Settings bool   `json:"settings"` // the recording says how it was sampled

	LogprobSum *float64 `json:"logprob_sum,omitempty"`
	Logprobs   *int64   `json:"logprob_tokens,omitempty"`
}

// piece collects a sample from one reply or many events.
type piece struct {
	text     strings.Builder
	spoken   bool // there was a text, if an empty one
	reason   string
	tokens   int64
	logprobs logprobs
	recorded *recorded
}

// texts are the places where a choice may have its text.
func (c choice) texts() []*string {
	texts := []*string{c.Text}
	for _, m := range []*content{c.Message, c.Delta} {
		if m != nil {
			texts = append(texts, m.Content)
		}
	}
	return texts
}

func (p *piece) add(c choice) {
	for _, text := range c.texts() {
		if text != nil {
			p.text.WriteString(*text)
			p.spoken = true
		}
	}
	p.tokens += int64(len(c.TokenIDs))
	if l := c.Logprobs; l != nil {
		p.logprobs = append(p.logprobs, l.TokenLogprobs...)
		for _, token := range l.Content {
			p.logprobs = append(p.logprobs, token.Logprob)
		}
	}
	if c.FinishReason != "" {
		p.reason = c.FinishReason
	}
	p.recorded = c.Recorded
}

// finished tells a whole completion from one that was cut off, by an abort for
// instance.
func finished(reason string) bool { return reason == "stop" || reason == "length" }

// completion returns the sample. Its tokens are counted by whatever of them the server
// told; usage is of all samples of a request, so it tells only where there is one.
func (p *piece) completion(usage *usage, alone bool) completion {
	c := completion{text: p.text.String(), reason: p.reason, logprobs: p.logprobs, recorded: p.recorded}
	switch {
	case alone && usage != nil:
		c.tokens = &usage.CompletionTokens
	case p.tokens > 0:
		c.tokens = &p.tokens
	case p.logprobs != nil:
		n := int64(len(p.logprobs))
		c.tokens = &n
	}
	return c
}

// collector takes what a server says about the samples of a request.
type collector struct {
	pieces []piece
	// fingerprint is what the server has; replies of another aren't taken.
	fingerprint string
	first       func()                // called when the first token is there
	done        func(int, completion) // called for each sample that has ended
	ended       int
}

// take adds the choices of a response.
func (c *collector) take(r response) error {
	if r.Error != nil {
		return node.Faultf("the server reports: %s", r.Error.Message)
	}
	if c.fingerprint != "" && r.Fingerprint != "" && r.Fingerprint != c.fingerprint {
		return errAnother("the server", fmt.Sprintf("its system_fingerprint was %s and is %s", c.fingerprint, r.Fingerprint))
	}
	if len(r.Choices) > 0 && c.first != nil {
		c.first()
		c.first = nil
	}
	for _, ch := range r.Choices {
		if ch.Index < 0 || ch.Index >= len(c.pieces) || c.pieces[ch.Index].reason != "" {
			return node.Faultf("the reply has a choice %d that wasn't asked for, or twice", ch.Index)
		}
		p := &c.pieces[ch.Index]
		p.add(ch)
		if p.reason == "" {
			continue
		}
		if !p.spoken {
			return node.Faultf("the reply has a choice without a text")
		}
		if !finished(p.reason) {
			return node.Faultf("a sample was cut off by the server (finish_reason %q)", p.reason)
		}
		c.ended++
		c.done(ch.Index, p.completion(r.Usage, len(c.pieces) == 1))
	}
	return nil
}

func (c *collector) whole() error {
	if c.ended < len(c.pieces) {
		return node.Faultf("the reply is incomplete: %d of %d samples ended by stop or length", c.ended, len(c.pieces))
	}
	return nil
}

// maxReply bounds a reply, and each event of a stream.
const maxReply = 64 << 20

// readWhole reads a reply that comes at once.
func (c *collector) readWhole(body io.Reader) error {
	reply, err := readAll(body)
	if err != nil {
		return err
	}
	var r response
	if err := json.Unmarshal(reply, &r); err != nil {
		return node.Faultf("the reply is not JSON: %w", err)
	}
	if err := c.take(r); err != nil {
		return err
	}
	return c.whole()
}

func readAll(body io.Reader) ([]byte, error) {
	reply, err := io.ReadAll(io.LimitReader(body, maxReply+1))
	if err != nil {
		return nil, node.Faultf("reading the reply: %w", err)
	}
	if len(reply) > maxReply {
		return nil, fmt.Errorf("the reply is larger than %d bytes", maxReply)
	}
	return reply, nil
}

// readStream reads server-sent events up to the one that says that all is said.
func (c *collector) readStream(body io.Reader) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 1<<16), maxReply)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !ok {
			continue // an empty line, a comment, or the name of an event
		}
		data = bytes.TrimSpace(data)
		if string(data) == "[DONE]" {
			return c.whole()
		}
		var r response
		if err := json.Unmarshal(data, &r); err != nil {
			return node.Faultf("an event of the reply is not JSON: %w", err)
		}
		if err := c.take(r); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return node.Faultf("reading the reply: %w", err)
	}
	return node.Faultf("the reply ends before it is said to be complete")
}
