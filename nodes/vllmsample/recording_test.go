package vllmsample

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/engine/exec"
	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/engine/node/nodetest"
)

// record writes a recording of two problems, four samples each.
func record(t *testing.T, settings bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rec.jsonl")
	var b strings.Builder
	for problem := range 2 {
		for i := range 4 {
			fmt.Fprintf(&b, `{"problem_id": "%d", "config": "%s", "index": %d, "completion": "p%d s%d", "passed": %v}`+"\n", problem, []string{"x", "y"}[i%2], i/2, problem, i, i%2 == 0)
		}
	}
	if settings {
		text := strings.ReplaceAll(b.String(), `"config": "y"`, `"config": "x"`)
		b.Reset()
		for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
			b.WriteString(strings.Replace(line, fmt.Sprintf(`"index": %d`, i%4/2), fmt.Sprintf(`"index": %d`, i%4), 1) + "\n")
		}
		meta := `{"format": 1, "model": "org/m", "served_model_name": "m", "configs": {"x": {"temperature": 0.8, "top_p": 0.95, "max_tokens": 512, "stop": null, "seed": 0, "n": 4}}}`
		if err := os.WriteFile(metaPath(path), []byte(meta), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func replay(t *testing.T, path string, set func(*Params)) (exec.Result, []out, error) {
	t.Helper()
	b := nodetest.New(t)
	nodetest.Bind(t, b, "in", problems(2))
	res, err := b.Run(t, Type(), func(p any) {
		q := p.(*Params)
		q.Recording, q.Model, q.N = node.Path(path), "m", 4
		if set != nil {
			set(q)
		}
	})
	if err != nil {
		return res, nil, err
	}
	return res, nodetest.Rows[out](t, b, res, "out"), nil
}

func TestReplay(t *testing.T) {
	_, rows, err := replay(t, record(t, false), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows[:4] {
		got = append(got, fmt.Sprint(r.Completion, " ", *r.Config, " ", *r.RecordedPassed))
	}
	if want := []string{"p0 s0 x true", "p0 s1 y false", "p0 s2 x true", "p0 s3 y false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if rows[0].Temperature != nil {
		t.Error("a recording without settings has a temperature")
	}
	if _, rows, err = replay(t, record(t, false), func(p *Params) { p.N, p.Configs = 2, []string{"y"} }); err != nil || rows[0].Completion != "p0 s1" {
		t.Errorf("config y: %+v, %v", rows, err)
	}
}

func TestRecordingWithSettings(t *testing.T) {
	path := record(t, true)
	if _, rows, err := replay(t, path, nil); err != nil || *rows[3].Temperature != 0.8 || rows[3].Completion != "p0 s3" {
		t.Fatalf("rows = %+v, %v", rows, err)
	}
	for name, test := range map[string]struct {
		set  func(*Params)
		want string
	}{
		"temperature": {func(p *Params) { p.Temperature = 0.5 }, "x: temperature 0.8"},
		"n":           {func(p *Params) { p.N = 9 }, "has only 4 samples a problem"},
		"model":       {func(p *Params) { p.Model = "other" }, "is of the model m, not other"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := replay(t, path, test.set)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "-p gpu") {
				t.Errorf("err = %v, want %q", err, test.want)
			}
		})
	}
}

func TestTooManyAskedOfARecording(t *testing.T) {
	_, _, err := replay(t, record(t, false), func(p *Params) { p.N = 5 })
	if err == nil || !strings.Contains(err.Error(), "has 4 samples of problem") {
		t.Errorf("err = %v", err)
	}
}

// What a live run exported can be replayed, samples that were refused among it.
func TestRecordingOfRefusedSamples(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	lines := `{"problem_id": "0", "sample": 0, "request": "Problem 0.", "completion": "x", "finish_reason": "stop", "logprob_sum": -1.5, "logprob_tokens": 3}
{"problem_id": "1", "sample": 0, "request": "Problem 1.", "completion": "", "finish_reason": "refused", "refusal": "too long"}
`
	if err := os.WriteFile(path, []byte(lines), 0o666); err != nil {
		t.Fatal(err)
	}
	_, rows, err := replay(t, path, func(p *Params) { p.N = 1 })
	if err != nil {
		t.Fatal(err)
	}
	if rows[1].FinishReason != "refused" || *rows[1].Refusal != "too long" || *rows[0].LogprobSum != -1.5 || *rows[0].LogprobTokens != 3 {
		t.Errorf("rows = %+v", rows)
	}
}
