package vllmsample

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ouroflow/ouroflow/engine/health"
	"github.com/ouroflow/ouroflow/nodes/internal/ondemand"
)

// Examine says what there is on this machine to sample with. A program is what starts
// vLLM; empty means whichever is found.
func Examine(ctx context.Context, program string) []health.Finding {
	findings := []health.Finding{vllmProgram(ctx, program), gpu(ctx), memory()}
	return append(findings, leftServers()...)
}

// vllmProgram looks for the server.
func vllmProgram(ctx context.Context, program string) health.Finding {
	f := health.Finding{
		Name: "vllm", Text: "not found",
		Advice: "with a GPU: pip install vllm; on a CPU: make vllm, in a checkout of ouroflow; or sample from a server elsewhere by url",
	}
	tries := []string{program}
	if program == "" {
		tries = []string{filepath.Join(".vllm", "serve"), "vllm"}
	}
	for _, try := range tries {
		path, err := exec.LookPath(try)
		if err != nil {
			continue
		}
		f.OK, f.Text = true, path
		if version, python := vllmVersion(ctx, path); version != "" {
			f.Text += ", version " + version + ", in " + python
		}
		return f
	}
	return f
}

func gpu(ctx context.Context) health.Finding {
	out, err := exec.CommandContext(ctx, "nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader").Output()
	if err != nil {
		return health.Finding{Name: "gpu", Text: "none found by nvidia-smi", Advice: "a CPU draws some hundred tokens a second of a model with 135M parameters: enough to try, too little for 1.3B"}
	}
	return health.Finding{Name: "gpu", OK: true, Text: strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "; ")}
}

// memoryNeeded is what vLLM with a small model takes on a CPU, in MiB.
const memoryNeeded = 6 << 10

func memory() health.Finding {
	f := health.Finding{Name: "memory", Text: "unknown"}
	b, err := os.ReadFile("/proc/meminfo")
	_, rest, found := strings.Cut(string(b), "MemAvailable:")
	var kib int64
	if _, scan := fmt.Sscan(rest, &kib); err != nil || !found || scan != nil {
		return f
	}
	f.OK, f.Text = kib>>10 >= memoryNeeded, fmt.Sprintf("%d MiB available", kib>>10)
	f.Advice = fmt.Sprintf("vLLM with a small model takes about %d MiB on a CPU", memoryNeeded)
	return f
}

// leftServers tells of servers that ouroflow started and that run.
func leftServers() []health.Finding {
	dir, err := ServersDir()
	if err != nil {
		return nil
	}
	var found []health.Finding
	for _, s := range ondemand.Running(dir) {
		found = append(found, health.Finding{
			Name: "server", OK: true,
			Text: fmt.Sprintf("one that a run started is up at %s (process %d); a run that asks for the same goes on with it, and kill -- -%d ends it", s.URL, s.PID, s.PID),
		})
	}
	return found
}
