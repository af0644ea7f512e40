package vllmsample

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// recordedSample is one line of a recording.
type recordedSample struct {
	config       string
	index        int // -1: the line doesn't say
	promptSum    string
	prefix       *string // what goes before the completion, if not what the prompt says
	completion   string
	reasoning    string
	finishReason string
	tokens       *int64
	passed       *bool
	refusal      string
	logprobSum   *float64
	logprobs     *int64 // how many
}

// recording is the samples of each problem in the order (index, configuration).
type recording map[string][]recordedSample

// readSamples reads the samples of the chosen configurations.
func readSamples(path string, configs []string) (recording, error) {
	read := readLines
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		read = readFolder
	}
	r := recording{}
	indexed, others := 0, 0
	for s, err := range read(path) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if s.index >= 0 {
			indexed++
		} else {
			others++
		}
		if indexed > 0 && others > 0 {
			return nil, fmt.Errorf("%s: %s: some samples have an index and some have none; give all of them one, or none", path, s.place)
		}
		if len(configs) == 0 || slices.Contains(configs, s.config) {
			r[s.problem] = append(r[s.problem], s.recordedSample)
		}
	}
	if len(r) == 0 {
		return nil, fmt.Errorf("%s has no samples of the configurations %q", path, configs)
	}
	return r, r.order(path)
}

// order numbers the samples that have no index, by their places, and sorts all.
func (r recording) order(path string) error {
	for id, list := range r {
		next := map[string]int{}
		for i := range list {
			if list[i].index < 0 {
				list[i].index = next[list[i].config]
				next[list[i].config]++
			}
		}
		slices.SortStableFunc(list, compareSamples)
		for i := 1; i < len(list); i++ {
			if compareSamples(list[i-1], list[i]) == 0 {
				return fmt.Errorf("%s has sample %d of problem %s, configuration %q, twice", path, list[i].index, id, list[i].config)
			}
		}
	}
	return nil
}

func compareSamples(a, b recordedSample) int {
	return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(a.config, b.config))
}

// counts are the numbers of samples of the problems.
func (r recording) counts() map[string]int {
	n := map[string]int{}
	for id, list := range r {
		n[id] = len(list)
	}
	return n
}

// counted remembers the counts of the recording that was counted last: a node is bound
// several times before it runs.
var counted struct {
	sync.Mutex
	key    string
	counts map[string]int
}

// recordedCounts returns how many samples of each problem a recording has of what is
// asked for.
func recordedCounts(p Params) (map[string]int, error) {
	configs, err := chosenConfigs(p)
	if err != nil {
		return nil, err
	}
	state, err := recordingState(string(p.Recording))
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%s %q", state, configs)
	counted.Lock()
	defer counted.Unlock()
	if counted.key == key {
		return counted.counts, nil
	}
	r, err := readSamples(string(p.Recording), configs)
	if err != nil {
		return nil, err
	}
	counted.key, counted.counts = key, r.counts()
	return counted.counts, nil
}

// mostRecorded is the largest number of samples of a problem. It is 1 if the recording
// can't be read, which is said where that is an error: by its pin.
func mostRecorded(p Params) int {
	counts, err := recordedCounts(p)
	most := 1
	if err == nil {
		for _, n := range counts {
			most = max(most, n)
		}
	}
	return most
}

// placedSample is a sample with its problem and its place in the recording.
type placedSample struct {
	recordedSample
	problem string
	place   string
}

func parseSample(o tableio.Object) (s recordedSample, err error) {
	s = recordedSample{
		config: o.Text("config"), promptSum: o.Text("prompt_sha256"), finishReason: cmp.Or(o.Text("finish_reason"), "stop"),
		refusal: o.Text("refusal"), reasoning: o.Text("reasoning"),
	}
	if prompt, ok := o["request"].(string); ok && s.promptSum == "" {
		s.promptSum = promptSum(prompt)
	}
	if !finished(s.finishReason) && s.finishReason != "refused" {
		return s, fmt.Errorf("its finish_reason is %q, not one of %q or refused", s.finishReason, reasons)
	}
	if err := s.parseText(o); err != nil {
		return s, err
	}
	if s.index, err = indexOf(o); err != nil {
		return s, err
	}
	if s.tokens, err = countOf(o, "completion_tokens"); err != nil {
		return s, err
	}
	if s.logprobs, err = countOf(o, "logprob_tokens"); err != nil {
		return s, err
	}
	if text := o.Text("logprob_sum"); text != "" {
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return s, fmt.Errorf("its logprob_sum is %q", text)
		}
		s.logprobSum = &x
	}
	if v := o["passed"]; v != nil {
		passed, ok := v.(bool)
		if !ok {
			return s, fmt.Errorf("passed is %q, not true or false", o.Text("passed"))
		}
		s.passed = &passed
	}
	return s, nil
}

// parseText reads what the model wrote: a completion, or a solution, which is a whole
// program, so that nothing goes before it.
func (s *recordedSample) parseText(o tableio.Object) error {
	completion, c := o["completion"].(string)
	solution, w := o["solution"].(string)
	if prefix, ok := o["prefix"].(string); ok {
		s.prefix = &prefix
	}
	switch {
	case c && w:
		return errors.New("it has a completion and a solution, which is a whole program; leave one of them out")
	case c:
		s.completion = completion
	case w:
		s.completion, s.prefix = solution, new(string)
	default:
		return errors.New("it has no text named completion or solution")
	}
	return nil
}

// indexOf reads the index of a sample, -1 if there is none.
func indexOf(o tableio.Object) (int, error) {
	text := cmp.Or(o.Text("index"), o.Text("sample"))
	if text == "" {
		return -1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("its index is %q, not a number from 0 on", text)
	}
	return n, nil
}

// countOf reads a number of tokens, nil if there is none.
func countOf(o tableio.Object, field string) (*int64, error) {
	text := o.Text(field)
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("its %s is %q", field, text)
	}
	return &n, nil
}

func promptSum(prompt string) string {
	sum := sha256.Sum256([]byte(prompt))
	return hex.EncodeToString(sum[:])
}
