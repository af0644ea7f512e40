package vllmsample

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// recordingServer answers completion requests from a recording, over real HTTP
// on the loopback interface, as a live server would.
type recordingServer struct {
	URL      string
	http     *http.Server
	samples  recording
	path     string
	seed     int64
	settings bool
}

// serveRecording starts a server with the recorded samples that p asks for.
func serveRecording(p Params) (*recordingServer, error) {
	config, err := chooseConfig(p)
	if err != nil {
		return nil, err
	}
	configs, err := chosenConfigs(p)
	if err != nil {
		return nil, err
	}
	s := &recordingServer{path: string(p.Recording), seed: int64(p.Seed), settings: config != ""}
	if s.samples, err = readSamples(s.path, configs); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/completions", s.completions)
	s.URL = "http://" + listener.Addr().String()
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.http.Serve(listener) }() // ends when Close is called
	return s, nil
}

// Close stops the server.
func (s *recordingServer) Close() { s.http.Close() }

// recordedRequest is what of a request says which sample it is for.
type recordedRequest struct {
	Prompt string `json:"prompt"`
	Seed   int64  `json:"seed"`
}

func (s *recordingServer) completions(w http.ResponseWriter, r *http.Request) {
	var req recordedRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReply)).Decode(&req); err != nil {
		s.answer(w, http.StatusBadRequest, response{Error: &apiError{Message: err.Error()}})
		return
	}
	sample, err := s.find(problemOf(r), req)
	if err != nil {
		s.answer(w, http.StatusNotFound, response{Error: &apiError{Message: err.Error()}})
		return
	}
	if sample.finishReason == "refused" {
		s.answer(w, http.StatusBadRequest, response{Error: &apiError{Message: sample.refusal, Param: "input_tokens"}})
		return
	}
	resp := response{Choices: []choice{{
		Text: &sample.completion, FinishReason: sample.finishReason,
		Recorded: &recorded{
			Config: sample.config, Passed: sample.passed, Settings: s.settings,
			LogprobSum: sample.logprobSum, Logprobs: sample.logprobs, Prefix: sample.prefix, Reasoning: sample.reasoning, Refusal: sample.refusal,
		},
	}}}
	if sample.tokens != nil {
		resp.Usage = &usage{sample.tokens}
	}
	s.answer(w, http.StatusOK, resp)
}

// problemOf reads the problem from the request's id, PROBLEM#SAMPLE.
func problemOf(r *http.Request) string {
	id, err := url.PathUnescape(r.Header.Get("X-Request-Id"))
	if i := strings.LastIndex(id, "#"); err == nil && i >= 0 {
		return id[:i]
	}
	return ""
}

func (s *recordingServer) answer(w http.ResponseWriter, status int, body response) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only if the client has gone
}

// find returns the sample that a request with that seed was answered with when
// it was recorded. If the recording tells the prompts, they must be the same.
func (s *recordingServer) find(problem string, req recordedRequest) (recordedSample, error) {
	list := s.samples[problem]
	i := int(req.Seed - s.seed)
	switch {
	case len(list) == 0:
		return recordedSample{}, fmt.Errorf("%s has no sample of problem %s; leave the problem out of the data set, or set missing: skip", s.path, problem)
	case i < 0 || i >= len(list):
		return recordedSample{}, fmt.Errorf("%s has %d samples of problem %s (samples 0 to %d), so there is no sample %d; lower n, or set n: all to take what there is", s.path, len(list), problem, len(list)-1, i)
	}
	if s.settings && list[i].index != i {
		return recordedSample{}, fmt.Errorf("%s has no sample %d of problem %s at these settings", s.path, i, problem)
	}
	if want := list[i].promptSum; want != "" && want != promptSum(req.Prompt) {
		return recordedSample{}, fmt.Errorf("%s was recorded with another prompt for problem %s; restore the prompt template and the problem's text, or sample live", s.path, problem)
	}
	return list[i], nil
}
