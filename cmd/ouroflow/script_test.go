package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/nodes/sandbox/containers"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	// Whether a containerd runs here is not to matter; scripts that want one start it.
	if os.Getenv(containers.AddressVariable) == "" {
		os.Setenv(containers.AddressVariable, noContainerd)
	}
	testscript.Main(m, map[string]func(){
		"ouroflow": func() { os.Exit(Main()) },
		"settle":   func() { time.Sleep(100 * time.Millisecond) }, // until changes of files show in their times
	})
}

const noContainerd = "/nonexistent/containerd.sock"

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:       "testdata/script",
		Condition: condition,
		Cmds:      map[string]func(*testscript.TestScript, bool, []string){"fakeserver": fakeServer},
		Setup: func(env *testscript.Env) error {
			env.Setenv("OUROFLOW_CACHE", filepath.Join(env.WorkDir, "cache"))
			env.Setenv(containers.AddressVariable, noContainerd)
			env.Setenv("OUROFLOW_RUNS", filepath.Join(env.WorkDir, "runs"))
			return writeProject(env.WorkDir, 12, 6)
		},
	})
}

// fakeServer starts a server that writes programs, every fourth of which works, and
// puts its address into $SERVER.
func fakeServer(ts *testscript.TestScript, _ bool, _ []string) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"object": "list", "data": [{"id": "m", "object": "model", "max_model_len": 2048}]}`)
	})
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			Seed int `json:"seed"`
			N    int `json:"n"`
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var choices []string
		for i := range max(request.N, 1) {
			sign := "-"
			if (request.Seed+i)%4 == 3 {
				sign = "+"
			}
			code := fmt.Sprintf("```python\\ndef add(x):\\n    y = %d\\n    return x %s 7\\n```", request.Seed+i, sign)
			choices = append(choices, fmt.Sprintf(`{"index": %d, "message": {"role": "assistant", "content": "%s"}, "finish_reason": "stop"}`, i, code))
		}
		fmt.Fprintf(w, `{"id": "x", "object": "chat.completion", "model": "m", "choices": [%s], "usage": {"prompt_tokens": 5, "completion_tokens": 9}}`, strings.Join(choices, ","))
	})
	server := httptest.NewServer(mux)
	ts.Defer(server.Close)
	ts.Setenv("SERVER", server.URL)
}

// condition knows what a script may ask for beside the usual: containerd, if one can be
// started here.
func condition(name string) (bool, error) {
	if name != "containerd" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	_, err := exec.LookPath("containerd")
	return err == nil && os.Getuid() == 0, nil
}

// writeProject makes a small pipeline of the whole loop in dir, as loop.yaml,
// with problems and recorded samples of which about half pass.
func writeProject(dir string, problems, samples int) error {
	var p, s strings.Builder
	for i := range problems {
		split := []string{"train", "train", "validation", "test"}[i%4]
		fmt.Fprintf(&p, `{"problem_id": "%d", "split": "%s", "prompt": "Add %d to a number.", "tests": ["assert add(1) == %d"], "reference": "def add(x):\n    return x + %d\n", "entry_point": "add"}`+"\n", i, split, i, 1+i, i)
		for j := range samples {
			body := fmt.Sprintf("return x + %d", i)
			switch j % 4 {
			case 1:
				body = fmt.Sprintf("return x - %d - 1", i)
			case 3:
				body = "return x +"
			}
			fmt.Fprintf(&s, `{"problem_id": "%d", "config": "x", "index": %d, "completion": "def add(x):\n    y = %d\n    %s\n"}`+"\n", i, j, j, body)
		}
	}
	files := map[string]string{"problems.jsonl": p.String(), "samples.jsonl": s.String(), "loop.yaml": loop}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			return err
		}
	}
	return nil
}

const loop = `version: 1
name: loop
params: {n: 4, syntax: 1.0, epochs: 5, seed: 0}
profiles:
  quick:
    description: Fewer epochs.
    params: {epochs: 2}
nodes:
  problems: {type: dataset, with: {path: problems.jsonl}}
  prompts: {type: prompt, needs: problems}
  samples: {type: vllm_sample, needs: prompts, with: {recording: samples.jsonl, model: m, n: "${params.n}"}}
  programs: {type: extract_code, needs: samples}
  verdicts: {type: containerd_exec, needs: programs, with: {workers: 2}}
  labels: {type: label, needs: verdicts, with: {energies: {syntax_error: "${params.syntax}"}}}
  triplets: {type: export, needs: labels, with: {path: triplets.jsonl, columns: [prompt, code, verdict, energy]}}
  verifier:
    type: gomlx_train
    needs: labels
    with: {epochs: "${params.epochs}", seed: "${params.seed}", encoder: bag, seeds: 1, batch_candidates: 8, bag: {vocabulary: 256, dim: 8, hidden: 8, prompt_ids: 16, code_ids: 32}}
  scores: {type: gomlx_score, needs: {in: labels, model: verifier}}
  evaluation: {type: pass_at_k, needs: scores, with: {split: test, select_by: predicted_energy, ks: [1, 2]}}
`
