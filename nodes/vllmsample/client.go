package vllmsample

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
)

// client talks HTTP to servers.
type client struct {
	http   *http.Client
	key    string
	stream bool
}

func newClient(p Params, key string) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = p.Concurrency
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAlive: dialTimeout}).DialContext
	return &client{
		http: &http.Client{
			Timeout: p.Timeout, Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the key isn't for others
		},
		key: key, stream: p.Stream,
	}
}

// dialTimeout is the longest wait for a connection.
const dialTimeout = 10 * time.Second

// checkURL finds URLs that can't be of a server. A password in one would get into
// messages and run records.
func checkURL(base string) error {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return node.BadField("url", "it is no URL such as http://127.0.0.1:8000")
	case u.User != nil:
		return node.BadField("url", "a URL must not hold a name or a password; give the key by api_key_env or api_key_file")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return node.BadField("url", "%q is no URL such as http://127.0.0.1:8000", base)
	}
	return nil
}

// apiKey reads the key, which is never written anywhere.
func (p Params) apiKey() (string, error) {
	if p.APIKeyFile == "" {
		return strings.TrimSpace(os.Getenv(p.APIKeyEnv)), nil
	}
	b, err := os.ReadFile(string(p.APIKeyFile))
	if err != nil {
		return "", fmt.Errorf("reading the API key: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// busyError says that a server has too much to do, or is on its way up or down: it
// says nothing about the request.
type busyError struct {
	err      error
	wait     time.Duration // what the server asks for
	answered bool          // by the server itself, which is up
}

func (e *busyError) Error() string { return e.err.Error() }
func (e *busyError) Unwrap() error { return e.err }

// passing reports whether an error may pass.
func passing(err error) bool {
	var busy *busyError
	return errors.As(err, &busy) || node.IsFault(err)
}

// statusError is an answer that isn't 200.
type statusError struct {
	code int
	err  error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// refusedError says that the server doesn't take a prompt, and never will.
type refusedError struct{ reason string }

func (e *refusedError) Error() string { return e.reason }

// complete asks a server for the samples of a call, each of which it hands over when
// it is whole. Whatever may pass is a node.Fault or a busyError.
func (c *client) complete(ctx context.Context, base string, call call, got *collector) error {
	body, err := json.Marshal(call.body)
	if err != nil {
		return err
	}
	resp, err := c.send(ctx, http.MethodPost, base+call.path, body, call.id)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	read := got.readWhole
	if c.stream && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		read = got.readStream
	}
	err = read(resp.Body)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return c.redacted(err)
}

// get asks for a small document.
func (c *client) get(ctx context.Context, url string) ([]byte, error) {
	return c.fetch(ctx, http.MethodGet, url, nil, "identity")
}

// fetch sends a request and reads all of the reply.
func (c *client) fetch(ctx context.Context, method, url string, body []byte, id string) ([]byte, error) {
	resp, err := c.send(ctx, method, url, body, id)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return readAll(resp.Body)
}

// send sends a request and returns the response if it is 200.
func (c *client) send(ctx context.Context, method, url string, body []byte, id string) (*http.Response, error) {
	req, err := c.request(ctx, method, url, body, id)
	if err != nil {
		return nil, err
	}
	sent := false
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent = true }}))
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(ctx, sent, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, node.Faultf("reading an error of the server: %w", err)
	}
	return nil, c.statusError(url, resp, text)
}

func (c *client) request(ctx context.Context, method, target string, body []byte, id string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("X-Request-Id", url.PathEscape(id))
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	return req, nil
}

// unreachable sorts failures to get an answer. A connection that can't be made or that
// breaks says that the server is away; an answer that takes too long may be about the
// request.
func unreachable(ctx context.Context, sent bool, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if sent && isTimeout(err) {
		return &node.Fault{Err: err}
	}
	return &busyError{err: err}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func (c *client) statusError(url string, resp *http.Response, body []byte) error {
	e := parseError(body)
	err := error(&statusError{resp.StatusCode, fmt.Errorf("%s answers %s: %s", url, resp.Status, c.redact(e.Message))})
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests, status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return &busyError{err, retryAfter(resp.Header), status == http.StatusTooManyRequests}
	case status >= 500:
		return &node.Fault{Err: err}
	case status == http.StatusBadRequest && tooLong(e):
		return &refusedError{c.redact(e.Message)}
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		if advice := adviceOn(e); advice != "" {
			return fmt.Errorf("%w; %s", err, advice)
		}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("%w; the server wants an API key: put it into the variable that api_key_env names, or into a file and its path into api_key_file", err)
	}
	return err
}

// redact takes the key out of what a server says.
func (c *client) redact(text string) string {
	if c.key == "" {
		return text
	}
	return strings.ReplaceAll(text, c.key, "[API key]")
}

// redacted is an error without the key, of the same kind.
func (c *client) redacted(err error) error {
	if err == nil || c.redact(err.Error()) == err.Error() {
		return err
	}
	text := errors.New(c.redact(err.Error()))
	if node.IsFault(err) {
		return &node.Fault{Err: text}
	}
	return text
}

// tooLong tells a prompt that doesn't fit into the model's context from other mistakes.
func tooLong(e apiError) bool {
	return e.Param == "input_tokens" || e.Code == "context_length_exceeded" || strings.Contains(e.Message, "maximum context length")
}

// maxWait bounds how long a server can ask to be left alone, and waits between tries.
const maxWait = 30 * time.Second

func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		wait = time.Duration(min(seconds, maxWait.Seconds()) * float64(time.Second))
	} else if at, err := http.ParseTime(value); err == nil {
		wait = time.Until(at)
	}
	return min(wait, maxWait)
}

// parseError finds the message in an error reply.
func parseError(body []byte) apiError {
	var r response
	err := json.Unmarshal(body, &r)
	switch {
	case err == nil && r.Error != nil:
		return *r.Error
	case err == nil && r.Object == "error":
		return apiError{Message: r.Message}
	}
	return apiError{Message: shortened(string(body))}
}

// shortened is the beginning of a text that may be long.
func shortened(text string) string {
	if text = strings.TrimSpace(text); len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "..."
	}
	return text
}
