package vllmsample

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/ouroflow/ouroflow/engine/node"
)

// completion is a whole sample.
type completion struct {
	text      string
	reasoning string
	reason    string // why it ended, as the server says it, or refused
	refusal   string
	tokens    *int64
	logprobs  logprobs
	recorded  *recorded
}

// logprobs are the natural logarithms of the probabilities of the tokens drawn; nil for
// one that the server doesn't know.
type logprobs []*float64

// unlikely is what servers send for a probability of 0, which JSON has no number for.
const unlikely = -9999

// columns adds the logarithms up. A sum without some of the tokens would make a sample
// look likelier than it is, so there is none if one is unknown or missing.
func (l logprobs) columns(tokens *int64, list bool) (sum *float64, count *int64, text *string) {
	if l == nil {
		return nil, nil, nil
	}
	if list {
		b, err := json.Marshal(l)
		if err != nil {
			panic(err) // JSON has given them
		}
		s := string(b)
		text = &s
	}
	total, n := 0.0, int64(len(l))
	for _, x := range l {
		if x == nil || *x <= unlikely {
			return nil, nil, text
		}
		total += *x
	}
	if tokens != nil && *tokens != n {
		return nil, nil, text
	}
	return &total, &n, text
}

// response is what a server answers, or one event of a stream.
type response struct {
	Choices []choice  `json:"choices"`
	Usage   *usage    `json:"usage,omitempty"`
	Error   *apiError `json:"error,omitempty"`

	Object  string `json:"object,omitempty"` // "error" if the message is of one
	Message string `json:"message,omitempty"`

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

// content is a message, or a piece of one. A model that ran out of tokens while it
// reasoned, that refuses or that calls a tool has none.
type content struct {
	Content   *spoken `json:"content"`
	Reasoning *spoken `json:"reasoning,omitempty"`         // as vLLM and OpenRouter name it
	Thought   *spoken `json:"reasoning_content,omitempty"` // as most servers do
	Refusal   *spoken `json:"refusal,omitempty"`
}

// spoken is a text, which some servers send in parts.
type spoken string

// UnmarshalJSON implements json.Unmarshaler.
func (s *spoken) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, (*string)(s)); err == nil {
		return nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(b, &parts); err != nil {
		return errors.New("a message's content is neither a text nor a list of texts")
	}
	*s = ""
	for _, p := range parts {
		if p.Type != "text" {
			return fmt.Errorf("a message has a part of type %q, which is no text", p.Type)
		}
		*s += spoken(p.Text)
	}
	return nil
}

type choiceLogprobs struct {
	TokenLogprobs []*float64 `json:"token_logprobs,omitempty"` // completions
	Content       []struct {
		Logprob *float64 `json:"logprob"`
	} `json:"content,omitempty"` // chat
}

type usage struct {
	CompletionTokens *int64 `json:"completion_tokens"`
}

// count is the number of tokens, if the server says it.
func (u *usage) count() *int64 {
	if u == nil || u.CompletionTokens == nil || *u.CompletionTokens < 0 {
		return nil
	}
	return u.CompletionTokens
}

type apiError struct {
	Message string `json:"message"`
	Param   string `json:"param,omitempty"`
	Code    any    `json:"code,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler. Some servers send the message alone, or
// something of their own.
func (e *apiError) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &e.Message) == nil {
		return nil
	}
	type fields apiError
	if json.Unmarshal(b, (*fields)(e)) != nil || e.Message == "" {
		e.Message = shortened(string(b))
	}
	return nil
}

// recorded says where a recorded sample comes from.
type recorded struct {
	Config   string `json:"config"`
	Passed   *bool  `json:"passed,omitempty"`
	Settings bool   `json:"settings"` // the recording says how it was sampled

	LogprobSum *float64 `json:"logprob_sum,omitempty"`
	Logprobs   *int64   `json:"logprob_tokens,omitempty"`

	Prefix    *string `json:"prefix,omitempty"` // in place of the prompt's
	Reasoning string  `json:"reasoning,omitempty"`
	Refusal   string  `json:"refusal,omitempty"`
}

// piece collects a sample from one reply or many events.
type piece struct {
	text      strings.Builder
	reasoning strings.Builder
	refusal   strings.Builder
	spoken    bool // there was a text or a message, if an empty one
	reason    string
	tokens    int64
	logprobs  logprobs
	recorded  *recorded
}

func (p *piece) add(c choice) {
	if c.Text != nil {
		p.text.WriteString(*c.Text)
		p.spoken = true
	}
	for _, m := range []*content{c.Message, c.Delta} {
		if m != nil {
			p.message(*m)
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

func (p *piece) message(m content) {
	p.spoken = true
	thought := m.Thought
	if thought == nil {
		thought = m.Reasoning
	}
	for _, part := range []struct {
		to   *strings.Builder
		text *spoken
	}{{&p.text, m.Content}, {&p.reasoning, thought}, {&p.refusal, m.Refusal}} {
		if part.text != nil {
			part.to.WriteString(string(*part.text))
		}
	}
}

// reasons are the ways in which a whole completion ends. Others, such as abort, are of
// one that the server cut off.
var reasons = []string{"stop", "length", "content_filter", "tool_calls", "function_call"}

func finished(reason string) bool { return slices.Contains(reasons, reason) }

// completion returns the sample. Its tokens are counted by whatever of them the server
// told; usage is of all samples of a request, so it is given only where there is one.
func (p *piece) completion(usage *usage) completion {
	c := completion{
		text: p.text.String(), reasoning: p.reasoning.String(), refusal: p.refusal.String(),
		reason: p.reason, logprobs: p.logprobs, recorded: p.recorded, tokens: usage.count(),
	}
	switch {
	case c.tokens != nil:
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
	held        bool // the only sample has ended, and may yet be followed by its usage
}

// take adds the choices of a response.
func (c *collector) take(r response) error {
	if r.Error != nil {
		return node.Faultf("the server reports: %s", r.Error.Message)
	}
	if r.Object == "error" {
		return node.Faultf("the server reports: %s", r.Message)
	}
	if c.fingerprint != "" && r.Fingerprint != "" && r.Fingerprint != c.fingerprint {
		return errAnother("the server", fmt.Sprintf("its system_fingerprint was %s and is %s", c.fingerprint, r.Fingerprint))
	}
	if len(r.Choices) > 0 && c.first != nil {
		c.first()
		c.first = nil
	}
	for _, ch := range r.Choices {
		if err := c.choice(ch); err != nil {
			return err
		}
	}
	if c.held && r.Usage.count() != nil {
		c.release(r.Usage)
	}
	return nil
}

// choice adds what there is of a sample.
func (c *collector) choice(ch choice) error {
	if ch.Index < 0 || ch.Index >= len(c.pieces) || c.pieces[ch.Index].reason != "" {
		return node.Faultf("the reply has a choice %d that wasn't asked for, or twice", ch.Index)
	}
	p := &c.pieces[ch.Index]
	p.add(ch)
	switch {
	case p.reason == "":
		return nil
	case !p.spoken:
		return node.Faultf("the reply has a choice without a text")
	case !finished(p.reason):
		return node.Faultf("a sample was cut off by the server (finish_reason %q)", p.reason)
	}
	c.ended++
	if c.held = len(c.pieces) == 1; !c.held {
		c.done(ch.Index, p.completion(nil))
	}
	return nil
}

// release hands over the sample that is held.
func (c *collector) release(u *usage) {
	if c.held {
		c.held = false
		c.done(0, c.pieces[0].completion(u))
	}
}

func (c *collector) whole() error {
	if c.ended < len(c.pieces) {
		return node.Faultf("the reply is incomplete: %d of %d samples ended by one of %s", c.ended, len(c.pieces), strings.Join(reasons, ", "))
	}
	return nil
}

// maxReply bounds a reply, and each event of a stream.
const maxReply = 64 << 20

// readWhole reads a reply that comes at once.
func (c *collector) readWhole(body io.Reader) error {
	defer c.release(nil)
	reply, err := readAll(body)
	if err != nil {
		return err
	}
	r, err := parseResponse(reply)
	if err != nil {
		return node.Faultf("the reply %w", err)
	}
	if err := c.take(r); err != nil {
		return err
	}
	return c.whole()
}

// parseResponse reads a reply or an event.
func parseResponse(b []byte) (r response, err error) {
	if !json.Valid(b) {
		b = withoutInfinities(b)
	}
	err = json.Unmarshal(b, &r)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return r, nil
	case errors.As(err, &syntax):
		return r, fmt.Errorf("is not JSON: %w; it begins with %q", err, shortened(string(b)))
	}
	return r, fmt.Errorf("is not as the API has it: %w", err)
}

var infinity = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b`)

// withoutInfinities writes null for numbers that JSON doesn't have, and Python writes all
// the same.
func withoutInfinities(b []byte) []byte {
	return infinity.ReplaceAllFunc(b, func(found []byte) []byte {
		if found[0] == '"' {
			return found
		}
		return []byte("null")
	})
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
	defer c.release(nil)
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
		r, err := parseResponse(data)
		if err != nil {
			return node.Faultf("an event of the reply %w", err)
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
