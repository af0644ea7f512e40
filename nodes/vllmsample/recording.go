package vllmsample

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
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
	text := fmt.Sprintf("temperature %g, top_p %g, max_tokens %d, stop %q, seed %d", c.Temperature, c.TopP, c.MaxTokens, c.Stop, c.Seed)
	if c.N == 0 {
		return text
	}
	return fmt.Sprintf("%s, %d samples a problem", text, c.N)
}

func (c recConfig) matches(p Params) bool {
	return c.Temperature == p.Temperature && c.TopP == p.TopP && c.MaxTokens == p.MaxTokens &&
		c.Seed == p.Seed && slices.Equal(c.Stop, p.Stop) &&
		p.TopK == 0 && p.MinP == 0 && p.Repetition == 1 && len(p.Extra) == 0 && len(p.Omit) == 0 // no recording has any of these
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
		if !p.all() && fanout(p) > c.N {
			return "", fmt.Errorf("n is %v, but %s has only %d samples a problem at temperature %g; lower n, set n: all for what there is, %s", p.N, p.Recording, c.N, c.Temperature, live)
		}
		return name, nil
	}
	n, _ := p.number()
	asked := recConfig{p.Temperature, p.TopP, p.MaxTokens, p.Stop, p.Seed, n}
	return "", fmt.Errorf("not recorded: %s\nthe recording %s has:%s\nask for one of these, %s", asked, p.Recording, describeConfigs(m), live)
}

// chosenConfigs are the configurations of a recording to take samples from; none means
// all.
func chosenConfigs(p Params) ([]string, error) {
	config, err := chooseConfig(p)
	if err != nil || config == "" {
		return p.Configs, err
	}
	return []string{config}, nil
}

func describeConfigs(m *meta) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m.Configs)) {
		fmt.Fprintf(&b, "\n  %s: %s", name, m.Configs[name])
	}
	return b.String()
}
