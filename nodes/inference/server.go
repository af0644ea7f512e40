package inference

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits bound what the server takes.
type Limits struct {
	Waiting    int           // requests that may wait; further ones are told to come back
	Body       int64         // bytes of a request
	Candidates int           // of a request
	Timeout    time.Duration // of a request, waiting included
}

// DefaultLimits are those of somebody who sets none.
func DefaultLimits() Limits {
	return Limits{Waiting: 256, Body: 4 << 20, Candidates: 512, Timeout: time.Minute}
}

// Server answers over HTTP: the rerank and score interfaces of vLLM and Cohere.
type Server struct {
	queue   *Queue
	limits  Limits
	model   string
	metrics *metrics
	count   atomic.Int64
}

// NewServer serves a verifier under the name of its model.
func NewServer(v *Verifier, model string, l Limits) *Server {
	s := &Server{queue: NewQueue(v, l.Waiting), limits: l, model: model}
	s.metrics = newMetrics(s.queue)
	return s
}

// Serve answers until the context ends; then it takes no new requests and finishes those
// that it has.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: s.limits.Timeout}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		s.queue.Close()
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.Timeout)
	defer cancel()
	err := srv.Shutdown(grace)
	s.queue.Close()
	return err
}

//go:embed openapi.json
var openAPI []byte

// Handler routes requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/v1/rank", "/v1/rerank", "/v2/rerank", "/rerank"} {
		mux.HandleFunc("POST "+path, s.answer("rank", s.rank))
	}
	for _, path := range []string{"/v1/score", "/score"} {
		mux.HandleFunc("POST "+path, s.answer("score", s.score))
	}
	mux.HandleFunc("GET /health", s.health)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(openAPI) // whoever went away doesn't wait for it
	})
	return mux
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]string{"status": "ok", "model": s.model})
}

// problemFields are what requests of both kinds may say.
type problemFields struct {
	Tests []string `json:"tests"`
	Entry string   `json:"entry_point"`
	// Logprobs are known where the caller sampled the candidates.
	Logprobs []*float64 `json:"logprobs"`
}

// logprobs are those of each candidate, NaN where they aren't known.
func (p problemFields) logprobs(candidates int) ([]float64, error) {
	if len(p.Logprobs) == 0 {
		return nil, nil
	}
	if len(p.Logprobs) != candidates {
		return nil, fmt.Errorf("%d logprobs for %d candidates", len(p.Logprobs), candidates)
	}
	out := make([]float64, candidates)
	for i, l := range p.Logprobs {
		switch {
		case l == nil:
			out[i] = math.NaN()
		case *l > 0 || *l < -1e6:
			return nil, fmt.Errorf("logprobs: %g is no logarithm of a probability", *l)
		default:
			out[i] = *l
		}
	}
	return out, nil
}

// texts is a string, a list of them, or a list of objects with a text.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(b []byte) error {
	var one *string
	if json.Unmarshal(b, &one) == nil && one != nil {
		*t = texts{*one}
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return errors.New("want a text or a list of texts")
	}
	for _, raw := range list {
		text, err := textOf(raw)
		if err != nil {
			return err
		}
		*t = append(*t, text)
	}
	return nil
}

// textOf reads a text or an object that has one.
func textOf(raw json.RawMessage) (string, error) {
	var one *string
	if json.Unmarshal(raw, &one) == nil && one != nil {
		return *one, nil
	}
	var object struct {
		Text *string `json:"text"`
	}
	if json.Unmarshal(raw, &object) == nil && object.Text != nil {
		return *object.Text, nil
	}
	return "", errors.New(`each element must be a text or {"text": ...}`)
}

type rankRequest struct {
	problemFields
	Query     string `json:"query"`
	Documents texts  `json:"documents"`
	TopN      *int   `json:"top_n"`
	Return    *bool  `json:"return_documents"`
}

type document struct {
	Text string `json:"text"`
}

type ranked struct {
	Score
	Relevance float64   `json:"relevance_score"`
	Document  *document `json:"document,omitempty"`
}

func (s *Server) rank(ctx context.Context, body []byte) (any, error) {
	var r rankRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, badRequest(err)
	}
	if r.TopN != nil && *r.TopN < 1 {
		return nil, badRequest(errors.New("top_n must be at least 1"))
	}
	scores, err := s.judge(ctx, r.problemFields, r.Query, r.Documents)
	if err != nil {
		return nil, err
	}
	best := Ranked(scores)
	if r.TopN != nil {
		best = best[:min(*r.TopN, len(best))]
	}
	results := make([]ranked, len(best))
	for i, score := range best {
		results[i] = ranked{Score: score, Relevance: score.Chance}
		if r.Return == nil || *r.Return {
			results[i].Document = &document{r.Documents[score.Index]}
		}
	}
	return map[string]any{"id": s.id("rank"), "model": s.model, "results": results}, nil
}

type scoreRequest struct {
	problemFields
	Prompt     string `json:"text_1"`
	Candidates texts  `json:"text_2"`
}

type scored struct {
	Score
	Object string  `json:"object"`
	Value  float64 `json:"score"`
}

func (s *Server) score(ctx context.Context, body []byte) (any, error) {
	var r scoreRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, badRequest(err)
	}
	scores, err := s.judge(ctx, r.problemFields, r.Prompt, r.Candidates)
	if err != nil {
		return nil, err
	}
	data := make([]scored, len(scores))
	for i, score := range scores {
		data[i] = scored{score, "score", score.Chance}
	}
	return map[string]any{"id": s.id("score"), "object": "list", "model": s.model, "data": data}, nil
}

func (s *Server) judge(ctx context.Context, p problemFields, prompt string, candidates []string) ([]Score, error) {
	switch n := len(candidates); {
	case n == 0:
		return nil, badRequest(ErrNoCandidates)
	case n > s.limits.Candidates:
		return nil, &httpError{http.StatusRequestEntityTooLarge, fmt.Errorf("%d candidates; at most %d are taken", n, s.limits.Candidates)}
	}
	logprobs, err := p.logprobs(len(candidates))
	if err != nil {
		return nil, badRequest(err)
	}
	s.metrics.candidates.Add(float64(len(candidates)))
	return s.queue.Score(ctx, Request{Prompt: prompt, Tests: p.Tests, Entry: p.Entry, Candidates: candidates, Logprobs: logprobs})
}

func (s *Server) id(kind string) string { return fmt.Sprintf("%s-%d", kind, s.count.Add(1)) }

// httpError is an error with the status that it is answered by.
type httpError struct {
	status int
	err    error
}

func (e *httpError) Error() string { return e.err.Error() }
func (e *httpError) Unwrap() error { return e.err }

func badRequest(err error) error { return &httpError{http.StatusBadRequest, err} }

// statusClientGone is what nginx records for a client that didn't wait.
const statusClientGone = 499

// statusOf is how an error is answered.
func statusOf(err error) int {
	var h *httpError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &h):
		return h.status
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrBusy):
		return http.StatusTooManyRequests
	case errors.Is(err, ErrClosed), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	case errors.Is(err, context.Canceled):
		return statusClientGone
	default:
		return http.StatusInternalServerError
	}
}

// answer reads a request, has it worked on and writes what came of that.
func (s *Server) answer(kind string, work func(context.Context, []byte) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(r.Context(), s.limits.Timeout)
		defer cancel()
		var reply any
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.limits.Body))
		if err == nil {
			reply, err = work(ctx, body)
		}
		status := http.StatusOK
		if err != nil {
			status = statusOf(err)
			reply = map[string]any{"error": map[string]any{"message": err.Error(), "code": status}}
		}
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "1")
		}
		s.metrics.seen(kind, strconv.Itoa(status), time.Since(began))
		write(w, status, reply)
	}
}

func write(w http.ResponseWriter, status int, reply any) {
	b, err := json.Marshal(reply)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error": {"message": "the answer can't be written", "code": 500}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // whoever went away doesn't wait for it
}
