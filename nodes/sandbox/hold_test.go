package sandbox_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// Only the families of sockets can be made that programs need.
func TestSocketFamilies(t *testing.T) {
	onEach(t, func(t *testing.T, p *sandbox.Pool) {
		code := "import socket, _socket\ndef f():\n  made = []\n  for family in range(64):\n    for kind in (1, 2, 3, 5):\n      try:\n        _socket.socket(family, kind).close()\n      except OSError:\n        continue\n      made.append(family)\n  return sorted(set(made))"
		v, err := p.Judge(0, sandbox.Job{Code: code, Tests: []string{"assert f() == [1, 2, 10] or f() == [1, 2], f()"}, Form: sandbox.Asserts})
		if err != nil || v.Verdict != verdict.Passed {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// A folder that a candidate took away from others is new for the next.
func TestFoldersAreNew(t *testing.T) {
	onEach(t, func(t *testing.T, p *sandbox.Pool) {
		look := sandbox.Job{Code: "import os\ndef f(): return os.listdir('/tmp'), oct(os.stat('/tmp').st_mode), os.getcwd(), os.stat('/tmp').st_mtime < 1e9", Tests: []string{"assert f() == ([], '0o41777', '/tmp', False), f()"}, Form: sandbox.Asserts}
		for _, code := range []string{
			"import os\ntry: os.chmod('/tmp', 0)\nexcept OSError: pass\ndef f(): return ([], '0o41777', '/tmp', False)",
			"import os\ntry: os.utime('/tmp', (1, 1))\nexcept OSError: pass\ndef f(): return ([], '0o41777', '/tmp', False)",
			"import os\nos.makedirs('/tmp/a/b')\nos.chmod('/tmp/a', 0)\nopen('/dev/shm/a', 'w').close()\ndef f(): return ([], '0o41777', '/tmp', False)",
		} {
			job := look
			job.Code = code
			if v, err := p.Judge(0, job); err != nil || v.Verdict != verdict.Passed {
				t.Errorf("%s: %+v, %v", code, v, err)
			}
			if v, err := p.Judge(0, look); err != nil || v.Verdict != verdict.Passed {
				t.Errorf("after %s: %s, %v", code, v.Message, err)
			}
		}
	})
}

// A candidate sees Python and nothing else of the machine: not the problems, not the home
// folder, not the files of others, not their processes.
func TestFilesOfTheMachineAreHidden(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	secret := t.TempDir() + "/problems.jsonl"
	if err := os.WriteFile(secret, []byte(`{"expected": 3}`), 0o644); err != nil {
		t.Fatal(err)
	}
	code := `
import os

def f(paths):
    found = [p for p in paths if os.path.lexists(p)]
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in (1, os.getpid()):
            found.append("/proc/" + name)
    for pid in (1, os.getppid()):
        for name in ("environ", "cwd", "root", "fd", "mem", "maps"):
            try:
                path = "/proc/%d/%s" % (pid, name)
                found.append((path, os.readlink(path) if name in ("cwd", "root") else os.listdir(path) if name == "fd" else open(path, "rb").read(1)))
            except OSError:
                pass
    tree = {os.path.join(d, n) for d, _, names in os.walk("/") for n in names if not d.startswith(("/proc", "/sys", "/dev"))}
    return found + sorted(p for p in tree if not p.startswith(KNOWN))[:9]
`
	prefix, err := exec.Command("python3", "-I", "-c", "import os, sys, sysconfig; print(os.path.realpath(sys.executable), os.path.realpath(sysconfig.get_path('stdlib')), sys.base_prefix + '/lib/libpython', sep='\\n')").Output()
	if err != nil {
		t.Skip("python3 is not installed: ", err)
	}
	known := append(strings.Fields(string(prefix)), "/lib", "/usr/lib", "/usr/share/zoneinfo", "/usr/lib/locale", "/tmp/", "/etc/")
	code = "KNOWN = (" + `"` + strings.Join(known, `", "`) + `",)` + code
	test := `assert f(["` + strings.Join([]string{secret, here, home + "/.ssh", "/etc/shadow", "/etc/hostname", "/bin/sh", "/usr/bin/env", "/var", "/boot"}, `", "`) + `"]) == [], f([])`
	onEach(t, func(t *testing.T, p *sandbox.Pool) {
		v, err := p.Judge(0, sandbox.Job{Code: code, Tests: []string{test}, Form: sandbox.Asserts})
		if err != nil || v.Verdict != verdict.Passed {
			t.Errorf("%s %s, %v", v.Verdict, v.Message, err)
		}
	})
}

// A candidate that makes it look as if the machine were overloaded gets a verdict, or is
// quarantined; the next is judged.
func TestFakedStarvation(t *testing.T) {
	code := `
import os, signal, time

os.nice(19)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if os.fork() == 0:
    while True:
        if os.fork() == 0:
            end = time.monotonic() + 0.05
            while time.monotonic() < end:
                pass
            os._exit(0)
        time.sleep(0.01)

def add(a, b):
    while True:
        pass
`
	onEach(t, func(t *testing.T, p *sandbox.Pool) {
		v, err := p.Judge(0, sandbox.Job{Code: code, Tests: hostileTests, Form: sandbox.Asserts})
		if err != nil || v.Verdict != verdict.Timeout && v.Verdict != verdict.Quarantined {
			t.Errorf("%+v, %v", v, err)
		}
		if v, err := p.Judge(0, sandbox.Job{Code: "def add(a, b): return a + b", Tests: hostileTests, Form: sandbox.Asserts}); err != nil || v.Verdict != verdict.Passed {
			t.Errorf("the next: %+v, %v", v, err)
		}
	})
}

// What the processes of a candidate use together counts.
func TestProcessorTimeOfAll(t *testing.T) {
	code := `
import os, time

def f():
    for _ in range(3):
        if os.fork() == 0:
            while True:
                pass
    time.sleep(2.4)
    return 1
`
	onEach(t, func(t *testing.T, p *sandbox.Pool) {
		v, err := p.Judge(0, sandbox.Job{Code: code, Tests: []string{"assert f() == 1"}, Form: sandbox.Asserts})
		if err != nil || v.Verdict != verdict.Timeout || v.CPU < 1200 {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// Without capabilities there are no namespaces: strict refuses, best effort starts.
func TestWithoutCapabilities(t *testing.T) {
	if os.Getenv("OUROFLOW_TEST_WITHOUT_CAPABILITIES") != "" {
		withoutCapabilities(t)
		return
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil || os.Getuid() != 0 {
		t.Skip("giving up capabilities needs root and setpriv: ", err)
	}
	cmd := exec.Command(setpriv, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", os.Args[0], "-test.run=^TestWithoutCapabilities$", "-test.v")
	cmd.Env = append(os.Environ(), "OUROFLOW_TEST_WITHOUT_CAPABILITIES=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "refused: ") {
		t.Errorf("%v\n%s", err, out)
	}
}

func withoutCapabilities(t *testing.T) {
	rt := processRuntime(t)
	_, err := sandbox.NewPool(context.Background(), rt, 1, sandbox.Strict(), t.Logf)
	if err == nil || !strings.Contains(err.Error(), "a root of its own") || !strings.Contains(err.Error(), "isolation: strict") {
		t.Fatalf("strict: %v", err)
	}
	t.Log("refused: ", err)
	p := newPool(t, processRuntime(t), 1)
	v, err := p.Judge(0, sandbox.Job{Code: "def add(a, b): return a + b", Tests: hostileTests, Form: sandbox.Asserts})
	if err != nil || v.Verdict != verdict.Passed {
		t.Errorf("best effort: %+v, %v", v, err)
	}
}
