package sandbox_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// hostile is a candidate that is up to no good, and how it may end.
type hostile struct {
	name  string
	code  string
	form  string
	tests []string
	want  []string
	// together is set if want is about tests in its own process.
	together bool
	// restarts is set if it may cost its worker: it keeps the judge in code that only
	// the end of the process can end.
	restarts bool
}

// hostileTests are run against every candidate that names none of its own.
var hostileTests = []string{"assert add(1, 2) == 3", "assert add(10, 20) == 30"}

// TestHostile sets candidates on a worker that want out of it, or a pass that they
// haven't earned, or to spoil it for those after them. Each is followed by an honest
// one, which finds the worker as new.
func TestHostile(t *testing.T) {
	setOnWorkers(t, append(hostileFiles(t, "testdata/hostile"), hostileSources()...), sandbox.Separate)
}

// TestHostileTogether sets candidates on a worker that runs their tests in their process:
// those of TestHostile, and some that aim at just that.
func TestHostileTogether(t *testing.T) {
	aimed := hostileFiles(t, "testdata/together")
	for i := range aimed {
		aimed[i].together = true
	}
	setOnWorkers(t, append(hostileFiles(t, "testdata/hostile"), aimed...), sandbox.InProcess)
}

func setOnWorkers(t *testing.T, candidates []hostile, judged string) {
	for name, start := range runtimes {
		t.Run(name, func(t *testing.T) {
			before := lookAtHost(t)
			p := newPool(t, start(t), 1, sandbox.Strict()...)
			starts, priority := sandbox.Watch(p), priorityIn(t, p)
			for _, c := range candidates {
				t.Run(c.name, func(t *testing.T) {
					begun := starts.N
					c.judge(t, p, judged)
					honest(t, p, priority)
					if starts.N != begun && !c.restarts {
						t.Errorf("it cost %d workers", starts.N-begun)
					}
					if t.Failed() {
						sandbox.Renew(p) // one failure isn't to make the next ones
					}
				})
			}
			p.Close()
			before.compare(t)
		})
	}
}

// judge runs the candidate. An error is a fault, which would end a run.
func (c hostile) judge(t *testing.T, p *sandbox.Pool, judged string) {
	t.Helper()
	begun := time.Now()
	v, err := p.Judge(0, sandbox.Job{Code: c.code, Tests: c.tests, Form: c.form, InProcess: judged == sandbox.InProcess})
	if err != nil {
		t.Errorf("it broke its worker each time: %v", err)
		return
	}
	took := time.Since(begun).Round(time.Millisecond)
	t.Logf("%s %s: %s after %s", v.Verdict, v.Exception, v.Message, took)
	if took > hostileTime {
		t.Errorf("it took %s", took)
	}
	if v.Verdict == verdict.Passed && !slices.Contains(c.want, v.Verdict) {
		t.Errorf("it passed, judged %s", v.Judged)
	}
	if c.together == (judged == sandbox.InProcess) && v.Judged == judged && !slices.Contains(c.want, v.Verdict) {
		t.Errorf("verdict %s (%s: %s), want %s", v.Verdict, v.Exception, v.Message, strings.Join(c.want, " or "))
	}
}

// honestCode is right, and lists what it can see of candidates before it.
const honestCode = `
import os

def left():
    found = [os.path.join(d, name) for d in ("/tmp", "/dev/shm") if os.path.isdir(d) for name in os.listdir(d)]
    found += ["process " + p for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid())]
    found += ["socket " + s for s in rows("/proc/net/unix") if "@" in s]
    for kind in ("shm", "msg", "sem"):
        found += [kind + " " + s for s in rows("/proc/sysvipc/" + kind)]
    if {os.getpriority(os.PRIO_PROCESS, p) for p in (0, 1)} != {PRIORITY}:
        found.append("a priority")
    return found

def rows(path):
    try:
        with open(path) as f:
            return f.read().splitlines()[1:]
    except OSError:
        return []

def add(a, b):
    return a + b
`

func honest(t *testing.T, p *sandbox.Pool, priority string) {
	t.Helper()
	code := "PRIORITY = " + priority + honestCode
	v, err := p.Judge(0, sandbox.Job{Code: code, Tests: append([]string{"l = left()\nassert not l, l"}, hostileTests...), Form: sandbox.Asserts})
	if err != nil || v.Verdict != verdict.Passed {
		t.Errorf("the honest candidate after it: %s %s: %s, %v", v.Verdict, v.Exception, v.Message, err)
	}
}

// priorityIn is the priority of a new worker, which the tests may have been given.
func priorityIn(t *testing.T, p *sandbox.Pool) string {
	t.Helper()
	code := "def priority():\n    import os\n    return os.getpriority(os.PRIO_PROCESS, 1)\n"
	v, err := p.Judge(0, sandbox.Job{Code: code, Tests: []string{"assert False, priority()"}, Form: sandbox.Asserts})
	if err != nil || v.Message == "" {
		t.Fatal(v, err)
	}
	return v.Message
}

// hostileTime is after what a candidate only holds the others up.
const hostileTime = 15 * time.Second

// hostileFiles reads a folder of candidates. Comments at the top of a file say what is
// wanted of it: "want: failed|error", "test: assert ..." in place of hostileTests, which with
// "form: functions" are the lines of one module,
// "restarts: ..." if it may cost its worker, and "correct: ..." if it may pass.
func hostileFiles(t *testing.T, dir string) []hostile {
	t.Helper()
	paths, err := filepath.Glob(dir + "/*.py")
	if err != nil || len(paths) == 0 {
		t.Fatal("no hostile candidates: ", err)
	}
	candidates := make([]hostile, len(paths))
	for i, path := range paths {
		code, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		candidates[i] = newHostile(strings.TrimSuffix(filepath.Base(path), ".py"), string(code))
		if err := candidates[i].check(); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return candidates
}

func newHostile(name, code string) hostile {
	c := hostile{name: name, code: code, form: sandbox.Asserts}
	for line := range strings.Lines(code) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !ok {
			break
		}
		if want, ok := strings.CutPrefix(comment, "want: "); ok {
			c.want = strings.Split(want, "|")
		}
		if test, ok := strings.CutPrefix(comment, "test: "); ok {
			c.tests = append(c.tests, test)
			c.code = strings.Replace(c.code, comment, "", 1) // it isn't to be found in there
		}
		if form, ok := strings.CutPrefix(comment, "form: "); ok {
			c.form = form
		}
		c.restarts = c.restarts || strings.HasPrefix(comment, "restarts: ")
	}
	if c.tests == nil {
		c.tests = hostileTests
	}
	if c.form == sandbox.Functions {
		c.tests = []string{strings.Join(c.tests, "\n")}
	}
	return c
}

// check finds slips in what a file says about itself.
func (c hostile) check() error {
	for _, want := range c.want {
		if want != verdict.Unsupported && !slices.Contains(verdict.All(), want) {
			return fmt.Errorf("unknown verdict %q", want)
		}
	}
	if len(c.want) == 0 {
		return fmt.Errorf("no verdict is wanted")
	}
	if slices.Contains(c.want, verdict.Passed) != strings.Contains(c.code, "\n# correct: ") {
		return fmt.Errorf("only a candidate that is correct may pass, and says why it is one")
	}
	return nil
}

// hostileSources are candidates whose text itself is the weapon.
func hostileSources() []hostile {
	const right = "def add(a, b): return a + b\n"
	nested := func(opening, closing string, n int) string {
		return "def f():\n  return " + strings.Repeat(opening, n) + strings.Repeat(closing, n) + "\n"
	}
	source := func(name, code string, want ...string) hostile {
		return hostile{name: "source " + name, code: code, form: sandbox.Asserts, tests: hostileTests, want: want}
	}
	return []hostile{
		source("10 MB", right+strings.Repeat("# a line that says nothing\n", 10<<20/27), verdict.Passed, verdict.MemoryLimit, verdict.Error),
		source("20 MB", right+strings.Repeat("# a line that says nothing\n", 20<<20/27), verdict.Error, verdict.SyntaxError, verdict.MemoryLimit, verdict.Passed),
		source("4 MB beyond ASCII", right+"# "+strings.Repeat("é", 4<<20), verdict.Error, verdict.SyntaxError, verdict.MemoryLimit, verdict.Passed),
		source("NUL", right+"\x00", verdict.SyntaxError),
		source("invalid UTF-8", right+"x = '\xff\xed\xa0\x80'\n", verdict.Passed),
		source("surrogates", right+"x = '\\ud800\\udfff\\x00'\n", verdict.Passed),
		source("blank lines", strings.Repeat("\n", 100_000), verdict.Error),
		source("blank lines in a stub", "def add(a, b):"+strings.Repeat("\n", 100_000)+"    0", verdict.Failed),
		source("white space in a stub", "def add(a, b):"+strings.Repeat(" ", 100_000)+"0", verdict.Failed),
		source("parentheses", nested("(", ")", 10_000), verdict.SyntaxError, verdict.MemoryLimit),
		source("lists", "# gc.\n"+nested("[", "]", 150), verdict.Error),
		source("sums", "# gc.\n"+nested("1+", "", 100_000)[:200_000]+"1\n", verdict.SyntaxError, verdict.Error, verdict.MemoryLimit),
		source("attributes", "# gc.\n"+right+"def f(x):\n  x"+strings.Repeat(".a", 1500)+" = 1\n", verdict.Passed),
		source("signs", "x = "+strings.Repeat("-", 90_000)+"1\n", verdict.SyntaxError, verdict.MemoryLimit, verdict.Error),
		source("indents", indents(120), verdict.SyntaxError),
		source("many names", manyNames(50_000), verdict.Passed),
	}
}

func indents(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "if 1:\n")
	}
	return b.String()
}

func manyNames(n int) string {
	return fmt.Sprintf("def add(a, b): return a + b\nfor i in range(%d): globals()['n%%d' %% i] = i\n", n)
}

// host is what candidates must leave alone.
type host struct {
	mounts  []byte
	canary  string
	content []byte
}

func lookAtHost(t *testing.T) host {
	t.Helper()
	h := host{mounts: hostMounts(t), content: []byte("sings\n")}
	f, err := os.CreateTemp("", "ouroflow-canary-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(f.Name()) })
	h.canary = f.Name()
	if _, err := f.Write(h.content); err != nil {
		t.Fatal(err)
	}
	// Everyone may write it: what keeps candidates off is that they don't see it.
	if err := f.Chmod(0o666); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h host) compare(t *testing.T) {
	t.Helper()
	if after := hostMounts(t); !bytes.Equal(h.mounts, after) {
		t.Errorf("the mounts were\n%sand are\n%s", h.mounts, after)
	}
	if content, err := os.ReadFile(h.canary); err != nil || !bytes.Equal(content, h.content) {
		t.Errorf("the canary is %q, %v", content, err)
	}
	if left := processesOfCandidates(); left != nil {
		t.Errorf("candidates live on: %q", left)
	}
}

// hostMounts returns the mounts of the host but those of containers, which come and
// go with whoever else runs some.
func hostMounts(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var kept []byte
	for line := range bytes.Lines(b) {
		if !bytes.Contains(line, []byte("/io.containerd.")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// processesOfCandidates lists the processes of users that are given to workers of
// this process.
func processesOfCandidates() []string {
	var found []string
	statuses, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, path := range statuses {
		if uid := ownerIn(path); uid >= sandbox.UserOf(0) && uid < sandbox.UserOf(0)+1<<10 {
			found = append(found, path)
		}
	}
	return found
}

// ownerIn reads the effective user from a file status of /proc.
func ownerIn(path string) int {
	f, err := os.Open(path)
	if err != nil {
		return -1 // it ended
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 2 && fields[0] == "Uid:" {
			uid, _ := strconv.Atoi(fields[2])
			return uid
		}
	}
	return -1
}
