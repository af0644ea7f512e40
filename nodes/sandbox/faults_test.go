package sandbox_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
	"github.com/ouroflow/ouroflow/nodes/sandbox/containers"
)

// processesWith lists processes of which a file in /proc has a text.
func processesWith(t *testing.T, file, text string) (pids []int) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains(strings.ReplaceAll(string(b), "\x00", " "), text) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}

func kill(t *testing.T, pids []int) {
	t.Helper()
	if len(pids) == 0 {
		t.Error("found nothing to kill")
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // some end with another
	}
}

// judgeMany runs candidates on two workers and does something in the middle, when both
// have started. Half of them pass; each gets its verdict.
func judgeMany(t *testing.T, p *sandbox.Pool, disturb func()) {
	t.Helper()
	const candidates = 60
	var started, wg sync.WaitGroup
	started.Add(2)
	for w := range 2 {
		wg.Go(func() {
			for i := w; i < candidates; i += 2 {
				if i == w+2 {
					started.Done()
				}
				if i == candidates/2 {
					started.Wait()
					disturb()
				}
				want, sign := verdict.Passed, "+"
				if i%4 < 2 {
					want, sign = verdict.Failed, "-"
				}
				code := fmt.Sprintf("def add(a, b): return a %s b # %d", sign, i)
				v, err := p.Judge(w, sandbox.Job{Code: code, Tests: []string{"assert add(1, 2) == 3"}, Form: sandbox.Asserts})
				if err != nil || v.Verdict != want {
					t.Errorf("candidate %d: %s %s %s, %v; want %s", i, v.Verdict, v.Exception, v.Message, err, want)
				}
			}
		})
	}
	wg.Wait()
}

// Whatever of the process runtime is killed, candidates get their verdicts.
func TestProcessesKilled(t *testing.T) {
	for name, victims := range map[string]func() []int{
		"judges":       func() []int { return children(t, os.Getpid()) },
		"fork servers": func() []int { return forkServers(t) },
		"wardens": func() (all []int) {
			for _, server := range forkServers(t) {
				all = append(all, children(t, server)[0]) // what it forks later are candidates
			}
			return all
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, processRuntime(t), 2)
			judgeMany(t, p, func() { kill(t, victims()) })
		})
	}
}

// Without namespaces, too, a candidate finds its folder empty and nothing of the one
// before, whatever that did to the folder and started.
func TestWithoutNamespaces(t *testing.T) {
	processRuntime(t) // skips where there is no Python
	p := newPool(t, sandbox.Bare("python3", limits), 1)
	const busy = "import os, time\nif os.fork() == 0:\n    while True: open('left', 'w').close()\n"
	for name, hostile := range map[string]string{
		"moves its folder":    "import os\nos.rename(os.getcwd(), os.getcwd() + 'moved')\nopen('left', 'w').close()",
		"removes its folder":  "import os\nos.rmdir(os.getcwd())",
		"leaves a process":    busy,
		"and ends by itself":  busy + "os._exit(0)",
		"and does not answer": busy + "time.sleep(100)",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := p.Judge(0, sandbox.Job{Code: hostile, Tests: []string{"assert True"}, Form: sandbox.Asserts}); err != nil {
				t.Fatal(err)
			}
			const honest = "import os\nfound = os.listdir()\nopen('mine', 'w').close()\ndef f(): return found, os.listdir()"
			v, err := p.Judge(0, sandbox.Job{Code: honest, Tests: []string{"assert f() == ([], ['mine'])"}, Form: sandbox.Asserts})
			if err != nil || v.Verdict != verdict.Passed {
				t.Errorf("the next one ends with %s: %s %s, %v", v.Verdict, v.Exception, v.Message, err)
			}
		})
	}
}

// forkServers lists the children of the judges of this process.
func forkServers(t *testing.T) (pids []int) {
	for _, judge := range children(t, os.Getpid()) {
		pids = append(pids, children(t, judge)...)
	}
	return pids
}

// children lists the children of a process that are Python, the oldest first.
func children(t *testing.T, pid int) (pids []int) {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		b, _ := os.ReadFile(path)
		for _, field := range strings.Fields(string(b)) {
			child, _ := strconv.Atoi(field)
			if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", child)); err == nil && strings.Contains(exe, "python") {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// Whatever of the containerd runtime is killed, candidates get their verdicts, and
// nothing is left when the daemon is ended.
func TestContainersKilled(t *testing.T) {
	for name, victims := range map[string]func(d containers.Daemon) []int{
		"containers": func(containers.Daemon) []int {
			return processesWith(t, "cgroup", "/"+containers.Namespace+"-")
		},
		"shims": func(containers.Daemon) []int {
			return processesWith(t, "cmdline", "containerd-shim-runc-v2 -namespace "+containers.Namespace)
		},
		"containerd": func(d containers.Daemon) []int { return processesWith(t, "cmdline", "--config "+d.Dir) },
	} {
		t.Run(name, func(t *testing.T) {
			d := ownDaemon(t)
			rt, err := containers.New(context.Background(), containerOptions(d))
			if err != nil {
				t.Fatal(err)
			}
			p := newPool(t, rt, 2)
			judgeMany(t, p, func() { kill(t, victims(d)) })
			p.Close()
			if _, err := d.Down(context.Background()); err != nil {
				t.Error(err)
			}
			if left := processesWith(t, "cmdline", d.Address()); len(left) > 0 {
				t.Errorf("processes %v are left", left)
			}
			mounts, err := os.ReadFile("/proc/self/mounts")
			if err != nil || strings.Contains(string(mounts), d.Dir) {
				t.Errorf("mounts are left: %v\n%s", err, mounts)
			}
		})
	}
}

// ownDaemon is a containerd for one test.
func ownDaemon(t *testing.T) containers.Daemon {
	t.Helper()
	testDaemon(t) // skips where there can be none
	dir := t.TempDir()
	d := containers.Daemon{Dir: filepath.Join(dir, "run"), Data: filepath.Join(dir, "data")}
	if _, err := d.Up(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := d.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// A pool in a process that is killed leaves workers that end by themselves and
// containers that the next pool removes.
func TestOwnerKilled(t *testing.T) {
	if address := os.Getenv(orphanVariable); address != "" {
		beKilled(t, containers.Daemon{Dir: filepath.Dir(address)})
	}
	d := ownDaemon(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestOwnerKilled$", "-test.v")
	cmd.Env = append(os.Environ(), orphanVariable+"="+d.Address())
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.Contains(lines.Text(), "ready") {
		t.Log(lines.Text())
	}
	kill(t, []int{cmd.Process.Pid})
	_ = cmd.Wait()

	rt, err := containers.New(context.Background(), containerOptions(d))
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	if left := processesWith(t, "cgroup", "/worker-"+strconv.Itoa(cmd.Process.Pid)); len(left) > 0 {
		t.Errorf("processes %v of a worker that nobody owns are left", left)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("ouroflow-*-%d-*", cmd.Process.Pid))); err != nil || len(left) > 0 {
		t.Errorf("folders are left: %v, %v", left, err)
	}
	var status strings.Builder
	t.Setenv(containers.AddressVariable, d.Address())
	if err := d.Status(context.Background(), &status); err != nil || !strings.Contains(status.String(), "workers     0,") {
		t.Errorf("%v\n%s", err, status.String())
	}
}

const orphanVariable = "OUROFLOW_TEST_OWNER"

// beKilled starts a worker that a candidate keeps busy, says so, and waits for its end.
func beKilled(t *testing.T, d containers.Daemon) {
	rt, err := containers.New(context.Background(), containerOptions(d))
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t, rt, 1)
	fmt.Println("ready")
	for {
		_, _ = p.Judge(0, sandbox.Job{Code: "import time\ntime.sleep(3)", Tests: []string{"assert True"}, Form: sandbox.Asserts})
	}
}

// On a busy machine candidates get the same verdicts: time in which a candidate is
// kept from a processor isn't counted.
func TestOverload(t *testing.T) {
	onEach(t, func(t *testing.T, p *sandbox.Pool) {
		stop := overload(t)
		defer stop()
		// The kernel counts CPU time for its limit in ticks: what is near to it may be over.
		const burn = "import time\nend = time.process_time() + %g\nwhile time.process_time() < end: pass\ndef add(a, b): return a + b"
		for seconds, want := range map[float64]string{0.6: verdict.Passed, 20: verdict.Timeout} {
			v, err := p.Judge(0, sandbox.Job{Code: fmt.Sprintf(burn, seconds), Tests: []string{"assert add(1, 2) == 3"}, Form: sandbox.Asserts})
			if err != nil || v.Verdict != want {
				t.Errorf("%g s: %s after %g ms (%g ms CPU, starved %d ms), %v; want %s", seconds, v.Verdict, v.Wall, v.CPU, v.Starved, err, want)
			}
		}
	})
}

// overload keeps each processor busy with six processes.
func overload(t *testing.T) (stop func()) {
	t.Helper()
	var hogs []*exec.Cmd
	for range 6 * runtime.NumCPU() {
		hog := exec.Command("python3", "-c", "while True: pass")
		if err := hog.Start(); err != nil {
			t.Fatal(err)
		}
		hogs = append(hogs, hog)
	}
	return func() {
		for _, hog := range hogs {
			_ = hog.Process.Kill()
			_ = hog.Wait()
		}
	}
}

// Other OCI runtimes run the same worker, where they run at all.
func TestOCIRuntimes(t *testing.T) {
	d := testDaemon(t)
	for name, program := range map[string]string{"crun": "crun", "io.containerd.runsc.v1": "containerd-shim-runsc-v1"} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(program); err != nil {
				t.Skip(err)
			}
			opts := containerOptions(d)
			opts.OCIRuntime = name
			rt, err := containers.New(context.Background(), opts)
			if err != nil {
				t.Fatal(err)
			}
			p, err := sandbox.NewPool(context.Background(), rt, 1, sandbox.Strict(), t.Logf)
			if err != nil && strings.Contains(err.Error(), "cgroups in hybrid mode not supported") {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			v, err := p.Judge(0, sandbox.Job{Code: "def f(): return 1", Tests: []string{"assert f() == 1"}, Form: sandbox.Asserts})
			if err != nil || v.Verdict != verdict.Passed {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}
