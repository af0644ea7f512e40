package vllmsample

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
)

// request is the body of POST /v1/completions.
type request struct {
	Model       string   `json:"model"`
	Prompt      string   `json:"prompt"`
	N           int      `json:"n"`
	MaxTokens   int      `json:"max_tokens"`
	Temperature float64  `json:"temperature"`
	TopP        float64  `json:"top_p"`
	Stop        []string `json:"stop,omitempty"`
	Seed        int64    `json:"seed"`
}

// response is what the server answers.
type response struct {
	Choices []choice  `json:"choices"`
	Usage   *usage    `json:"usage"`
	Error   *apiError `json:"error"`
}

type choice struct {
	Text         string    `json:"text"`
	FinishReason string    `json:"finish_reason"`
	Recorded     *recorded `json:"recorded,omitempty"` // only from a recording
	tokens       *int64
}

type usage struct {
	CompletionTokens int64 `json:"completion_tokens"`
}

type apiError struct {
	Message string `json:"message"`
}

// recorded says where a recorded sample comes from.
type recorded struct {
	Config   string `json:"config"`
	Passed   *bool  `json:"passed,omitempty"`
	Settings bool   `json:"settings"` // the recording says how it was sampled
}

// client asks a completions server.
type client struct {
	http  *http.Client
	url   string
	key   string
	logf  func(string, ...any)
	drain <-chan struct{}
}

func newClient(p Params, base string) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = p.Concurrency
	return &client{
		http: &http.Client{Timeout: p.Timeout, Transport: transport},
		url:  strings.TrimSuffix(strings.TrimRight(base, "/"), "/v1"),
		key:  os.Getenv(p.APIKeyEnv),
		logf: func(string, ...any) {},
	}
}

// Faults are tried again this often, each time after a longer wait.
const (
	tries     = 6
	firstWait = 500 * time.Millisecond
	maxWait   = 20 * time.Second
)

// complete returns the one choice of a request.
func (c *client) complete(ctx context.Context, r request, id string) (choice, error) {
	for i := 0; ; i++ {
		ch, wait, err := c.tryComplete(ctx, r, id)
		if err == nil || !node.IsFault(err) || i+1 == tries {
			return ch, err
		}
		wait = max(wait, min(firstWait<<i, maxWait))
		wait += rand.N(wait / 2)
		c.logf("request %s: %v; trying again in %s", id, err, wait.Round(time.Millisecond))
		select {
		case <-time.After(wait):
		case <-c.drain:
			return choice{}, node.ErrDrained
		case <-ctx.Done():
			return choice{}, ctx.Err()
		}
	}
}

// tryComplete asks once. A reply counts only if it is whole: its choice must say
// why it finished.
func (c *client) tryComplete(ctx context.Context, r request, id string) (choice, time.Duration, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return choice{}, 0, err
	}
	reply, wait, err := c.do(ctx, http.MethodPost, "/v1/completions", body, id)
	if err != nil {
		return choice{}, wait, err
	}
	var resp response
	if err := json.Unmarshal(reply, &resp); err != nil {
		return choice{}, 0, node.Faultf("the reply is not JSON: %w", err)
	}
	if resp.Error != nil {
		return choice{}, 0, node.Faultf("the server reports: %s", resp.Error.Message)
	}
	if len(resp.Choices) != 1 || !finished(resp.Choices[0]) {
		return choice{}, 0, node.Faultf("the reply is incomplete: want one choice that finished by stop or length, got %d", len(resp.Choices))
	}
	ch := resp.Choices[0]
	if resp.Usage != nil {
		ch.tokens = &resp.Usage.CompletionTokens
	}
	return ch, 0, nil
}

// finished tells a whole completion from one that was cut off, by an abort for
// instance.
func finished(c choice) bool { return c.FinishReason == "stop" || c.FinishReason == "length" }

// maxReply bounds the body of a reply.
const maxReply = 64 << 20

// do sends a request and returns the body of a 200. Whatever may pass is a
// Fault; the duration is how long the server asks to wait.
func (c *client) do(ctx context.Context, method, path string, body []byte, id string) ([]byte, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Request-Id", url.PathEscape(id))
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		return nil, 0, &node.Fault{Err: err}
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if err != nil {
		return nil, 0, node.Faultf("reading the reply: %w", err)
	}
	if len(reply) > maxReply {
		return nil, 0, fmt.Errorf("the reply is larger than %d bytes", maxReply)
	}
	if resp.StatusCode == http.StatusOK {
		return reply, 0, nil
	}
	err = fmt.Errorf("%s answers %s: %s", c.url+path, resp.Status, errorText(reply))
	if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		wait, _ := time.ParseDuration(resp.Header.Get("Retry-After") + "s")
		return nil, min(wait, maxWait), &node.Fault{Err: err}
	}
	return nil, 0, err
}

// errorText finds the message in an error reply.
func errorText(body []byte) string {
	var r response
	if json.Unmarshal(body, &r) == nil && r.Error != nil {
		return r.Error.Message
	}
	text := strings.TrimSpace(string(body))
	if len(text) > 300 {
		text = text[:300] + "..."
	}
	return text
}

// identify asks the server what it is. The version is left out where the server
// has no /version, as servers other than vLLM may.
func (c *client) identify(ctx context.Context) (node.Pins, error) {
	pins := node.Pins{}
	b, _, err := c.do(ctx, http.MethodGet, "/version", nil, "version")
	if node.IsFault(err) || ctx.Err() != nil {
		return nil, fmt.Errorf("asking the completions server what it is: %w; is it up, and is url right?", err)
	}
	var v struct {
		Version string `json:"version"`
	}
	if err == nil && json.Unmarshal(b, &v) == nil {
		pins["server_version"] = v.Version
	}
	return pins, nil
}
