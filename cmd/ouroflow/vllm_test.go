package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/event"
	"golang.org/x/sys/unix"
)

const livePipeline = `version: 1
name: live
nodes:
  problems: {type: dataset, with: {path: problems.jsonl}}
  prompts: {type: prompt, needs: problems}
  samples:
    type: vllm_sample
    needs: prompts
    with: {serve: {command: [%q]}, model: smollm2-135m-instruct, n: 4, max_tokens: 24, top_p: 1.0, samples_per_request: 2, concurrency: 8}
`

// liveProject is one that samples from the server of make vllm.
func liveProject(t *testing.T) project {
	program, err := filepath.Abs("../../.vllm/serve")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("no real vLLM: `make vllm` has put none into .vllm")
	}
	if testing.Short() {
		t.Skip("a real vLLM takes minutes")
	}
	p := newProject(t)
	if err := os.WriteFile(filepath.Join(p.dir, "live.yaml"), fmt.Appendf(nil, livePipeline, program), 0o666); err != nil {
		t.Fatal(err)
	}
	return p
}

// found returns what an expression finds in a log line, or nothing.
func found(expression string, e event.Event) string {
	if m := regexp.MustCompile(expression).FindStringSubmatch(e.Note); m != nil && e.Kind == event.NodeLog {
		return m[1]
	}
	return ""
}

// ouroflow is killed while a real vLLM draws for it: the server stops drawing, and the
// run that resumes goes on with that server and asks for nothing twice. Then the server
// is killed: the run starts it again and goes on by itself. Both end in the same samples.
func TestKillsWithARealServer(t *testing.T) {
	t.Setenv("OUROFLOW_SERVERS", t.TempDir())
	p := liveProject(t)
	var url string
	var known int64
	_ = p.watch(func(cmd *exec.Cmd, e event.Event) {
		if at := found(`the server is up at (\S+)`, e); at != "" {
			url = at
		}
		if e.Node == "samples" && underWay(e) && known == 0 {
			known = e.Done
			cmd.Process.Kill()
		}
	}, "run", "live.yaml")
	if url == "" || known == 0 {
		t.Fatalf("killed too soon: server %q, %d known", url, known)
	}
	assertIdle(t, url)

	adopted := false
	if err := p.watch(func(_ *exec.Cmd, e event.Event) {
		adopted = adopted || found(`going on with the server that runs at (\S+)`, e) == url
	}, "resume"); err != nil {
		t.Fatal(err)
	}
	resumed := p.show()
	if rows := resumed.Nodes["samples"].Rows; !adopted || rows.Cached < known || rows.Cached+rows.Computed != 160 {
		t.Errorf("adopted: %v; %+v, of which %d were known", adopted, rows, known)
	}
	if _, err := http.Get(url); err == nil {
		t.Error("the server runs after the run that ended")
	}

	q := liveProject(t)
	pid, restarted := 0, false
	if err := q.watch(func(_ *exec.Cmd, e event.Event) {
		if at := found(`started .* \(process (\d+)\)`, e); at != "" && pid == 0 {
			pid, _ = strconv.Atoi(at)
		}
		restarted = restarted || found("(starting it again)", e) != ""
		if e.Node == "samples" && underWay(e) && pid > 0 && !restarted {
			_ = unix.Kill(-pid, unix.SIGKILL)
		}
	}, "run", "live.yaml"); err != nil {
		t.Fatal(err)
	}
	if !restarted {
		t.Error("the server wasn't started again")
	}
	if !maps.Equal(q.digests(q.show()), p.digests(resumed)) {
		t.Error("the samples differ")
	}
}

// assertIdle waits until a server draws nothing.
func assertIdle(t *testing.T, url string) {
	t.Helper()
	var running string
	for range 100 {
		resp, err := http.Get(url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "vllm:num_requests_running{") {
				running = strings.TrimSpace(line[strings.LastIndex(line, " ")+1:])
			}
		}
		if running == "0.0" {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Errorf("the server still draws %s samples for nobody", running)
}
