package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/engine/event"
	"github.com/ouroflow/ouroflow/engine/run"
)

// project is a copy of the small pipeline with a cache and runs of its own.
type project struct {
	t   *testing.T
	dir string
}

func newProject(t *testing.T) project {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is needed to run candidates: ", err)
	}
	dir := t.TempDir()
	if err := writeProject(dir, 40, 25); err != nil {
		t.Fatal(err)
	}
	return project{t, dir}
}

// command runs this test binary as ouroflow.
func (p project) command(args ...string) *exec.Cmd {
	cmd := exec.Command("ouroflow", args...) // testscript.Main has put it on the PATH
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "OUROFLOW_CACHE="+filepath.Join(p.dir, "cache"), "OUROFLOW_RUNS="+filepath.Join(p.dir, "runs"))
	return cmd
}

func (p project) show() *run.Record {
	p.t.Helper()
	out, err := p.command("show", "last", "--json").Output()
	if err != nil {
		p.t.Fatal(err)
	}
	var r run.Record
	if err := json.Unmarshal(out, &r); err != nil {
		p.t.Fatal(err)
	}
	return &r
}

var settings = []string{"--set", "n=25", "--set", "epochs=100"}

// watch runs a command and shows its events; the command may be killed by whoever sees
// one. What went wrong otherwise is in the error.
func (p project) watch(see func(*exec.Cmd, event.Event), args ...string) error {
	p.t.Helper()
	cmd := p.command(append(args, "--json")...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	dec := json.NewDecoder(stdout)
	for {
		var e event.Event
		if dec.Decode(&e) != nil {
			break
		}
		see(cmd, e)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return nil
}

// runUntil starts a run and sends it a signal as soon as an event of the node
// says so.
func (p project) runUntil(sig syscall.Signal, node string, when func(event.Event) bool) {
	p.t.Helper()
	sent := false
	err := p.watch(func(cmd *exec.Cmd, e event.Event) {
		if !sent && e.Node == node && when(e) {
			sent = true
			cmd.Process.Signal(sig)
		}
	}, append([]string{"run", "loop.yaml"}, settings...)...)
	if !sent {
		p.t.Fatalf("the run ended before the moment to stop it came: %v", err)
	}
}

func (p project) digests(r *run.Record) map[string]string {
	out := map[string]string{}
	for id, n := range r.Nodes {
		for port, o := range n.Outputs {
			out[id+"."+port] = o.Digest.String()
		}
	}
	return out
}

func started(e event.Event) bool { return e.Kind == event.NodeStarted }

func underWay(e event.Event) bool {
	return e.Kind == event.NodeProgress && e.Done > e.Cached && e.Done < e.Total
}

// A run that was killed in the middle of sampling, executing or training is
// resumed, and ends in the same bytes as one that wasn't.
func TestKilledRunResumes(t *testing.T) {
	whole := newProject(t)
	if out, err := whole.command(append([]string{"run", "loop.yaml"}, settings...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := whole.digests(whole.show())
	for name, test := range map[string]struct {
		sig  syscall.Signal
		node string
		when func(event.Event) bool
	}{
		"sampling":            {syscall.SIGKILL, "samples", started},
		"executing":           {syscall.SIGKILL, "verdicts", underWay},
		"training":            {syscall.SIGKILL, "verifier", func(e event.Event) bool { return underWay(e) && e.Done >= 3 }},
		"asked to stop":       {syscall.SIGTERM, "verdicts", started},
		"stopped in training": {syscall.SIGINT, "verifier", underWay},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			p.t = t
			p.runUntil(test.sig, test.node, test.when)
			if r := p.show(); r.Status != event.Interrupted {
				t.Errorf("the run is %s, want interrupted", r.Status)
			}
			if out, err := p.command("resume").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			r := p.show()
			if r.Status != event.Succeeded {
				t.Errorf("the resumed run is %s", r.Status)
			}
			for port, d := range p.digests(r) {
				if d != want[port] {
					t.Errorf("%s differs from the uninterrupted run", port)
				}
			}
			if name == "executing" && r.Nodes["verdicts"].Rows.Cached == 0 {
				t.Errorf("nothing that was executed before the kill was kept: %+v", r.Nodes["verdicts"].Rows)
			}
			if name == "training" {
				log, _ := p.command("logs", "last", "verifier").Output()
				if !strings.Contains(string(log), "continuing after epoch") {
					t.Errorf("training started over:\n%s", log)
				}
			}
			assertNoOrphans(t, p.dir)
		})
	}
}

// assertNoOrphans waits until no worker of a killed run is left.
func assertNoOrphans(t *testing.T, dir string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		out, _ := exec.Command("pgrep", "-f", dir).Output()
		if len(bytes.TrimSpace(out)) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("processes are left: %s", out)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
