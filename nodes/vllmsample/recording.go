package vllmsample

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/ouroflow/ouroflow/engine/table/tableio"
)

// meta is the file beside a recording (NAME.meta.json for NAME.jsonl.gz) that
// says how it was made. A recording without one can be replayed, but not asked
// for settings. docs/format/recording.md describes both files.
type meta struct {
	Format      int                  `json:"format"`
	Model       string               `json:"model"`
	ServedModel string               `json:"served_model_name"`
	Configs     map[string]recConfig `json:"configs"`
}

// recConfig are the settings that some of the samples were made with.
type recConfig struct {
	Temperature float64  `json:"temperature"`
	TopP        float64  `json:"top_p"`
	MaxTokens   int      `json:"max_tokens"`
	Stop        []string `json:"stop"`
	Seed        int      `json:"seed"`
	N           int      `json:"n"`
}

func (c recConfig) String() string {
	return fmt.Sprintf("temperature %g, top_p %g, max_tokens %d, stop %q, seed %d, %d samples a problem", c.Temperature, c.TopP, c.MaxTokens, c.Stop, c.Seed, c.N)
}

func (c recConfig) matches(p Params) bool {
	return c.Temperature == p.Temperature && c.TopP == p.TopP && c.MaxTokens == p.MaxTokens &&
		c.Seed == p.Seed && slices.Equal(c.Stop, p.Stop) &&
		p.TopK == 0 && p.MinP == 0 && p.Repetition == 1 && len(p.Extra) == 0 // no recording has any of these
}

func fileSum(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

func metaPath(recording string) string {
	base := strings.TrimSuffix(recording, ".gz")
	return strings.TrimSuffix(base, ".jsonl") + ".meta.json"
}

// readMeta returns nil if there is no file beside the recording.
func readMeta(recording string) (*meta, error) {
	path := metaPath(recording)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m meta
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.Format != 1 {
		return nil, fmt.Errorf("%s has format %d; this program reads format 1", path, m.Format)
	}
	return &m, nil
}

// chooseConfig finds the recorded configuration with the settings asked for; it
// is "" for a recording that doesn't tell its settings. Settings that weren't
// recorded are an error that says which were.
func chooseConfig(p Params) (string, error) {
	m, err := readMeta(string(p.Recording))
	if err != nil || m == nil {
		return "", err
	}
	const live = "or sample live from a server: set url, as the profile gpu does (-p gpu)"
	if p.Model != m.ServedModel && p.Model != m.Model {
		return "", fmt.Errorf("the recording %s is of the model %s, not %s; ask for that one, %s", p.Recording, m.ServedModel, p.Model, live)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Configs)) {
		c := m.Configs[name]
		if !c.matches(p) {
			continue
		}
		if fanout(p) > c.N {
			return "", fmt.Errorf("n is %d, but %s has only %d samples a problem at temperature %g; lower n, %s", p.N, p.Recording, c.N, c.Temperature, live)
		}
		return name, nil
	}
	asked := recConfig{p.Temperature, p.TopP, p.MaxTokens, p.Stop, p.Seed, p.N}
	return "", fmt.Errorf("not recorded: %s\nthe recording %s has:%s\nask for one of these, %s", asked, p.Recording, describeConfigs(m), live)
}

func describeConfigs(m *meta) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m.Configs)) {
		fmt.Fprintf(&b, "\n  %s: %s", name, m.Configs[name])
	}
	return b.String()
}

// recordedSample is one line of a recording.
type recordedSample struct {
	config       string
	index        int
	promptSum    string
	completion   string
	finishReason string
	tokens       *int64
	passed       *bool
	refusal      string
	logprobSum   *float64
	logprobs     *int64 // how many
}

// readSamples returns the samples of each problem in the order (index,
// configuration), those of the chosen configurations only.
func readSamples(path string, configs []string) (map[string][]recordedSample, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rows, err := tableio.ReadObjects("jsonl", content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	byProblem := map[string][]recordedSample{}
	for i, o := range rows {
		id := cmp.Or(o.Text("problem_id"), o.Text("task_id"))
		s, err := parseSample(o)
		if err == nil && id == "" {
			err = errors.New("it has no problem_id or task_id")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: sample %d: %w", path, i+1, err)
		}
		if len(configs) == 0 || slices.Contains(configs, s.config) {
			byProblem[id] = append(byProblem[id], s)
		}
	}
	if len(byProblem) == 0 {
		return nil, fmt.Errorf("%s has no samples of the configurations %q", path, configs)
	}
	for id, list := range byProblem {
		slices.SortStableFunc(list, compareSamples)
		for i := 1; i < len(list); i++ {
			if compareSamples(list[i-1], list[i]) == 0 {
				return nil, fmt.Errorf("%s has sample %d of problem %s, configuration %q, twice", path, list[i].index, id, list[i].config)
			}
		}
	}
	return byProblem, nil
}

func compareSamples(a, b recordedSample) int {
	return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(a.config, b.config))
}

func parseSample(o tableio.Object) (recordedSample, error) {
	s := recordedSample{
		config: o.Text("config"), promptSum: o.Text("prompt_sha256"), finishReason: cmp.Or(o.Text("finish_reason"), "stop"),
	}
	if prompt, ok := o["request"].(string); ok && s.promptSum == "" {
		s.promptSum = promptSum(prompt)
	}
	var ok bool
	if s.completion, ok = o["completion"].(string); !ok {
		return s, errors.New("no completion")
	}
	var err error
	index := cmp.Or(o.Text("index"), o.Text("sample"))
	if s.index, err = strconv.Atoi(index); err != nil || s.index < 0 {
		return s, fmt.Errorf("its index is %q", index)
	}
	s.refusal = o.Text("refusal")
	if !finished(s.finishReason) && s.finishReason != "refused" {
		return s, fmt.Errorf("its finish_reason is %q, not stop or length", s.finishReason)
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
