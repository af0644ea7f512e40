package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
	"github.com/ouroflow/ouroflow/nodes/sandbox"
)

// row is a program with tests, and the verdict that plain python3 gives.
type row struct {
	Kind    string `yaml:"-"`
	Name    string
	Form    string
	Verdict string
	Setup   string
	Code    string
	Tests   []any
	Compare sandbox.Compare
}

// kind is a file of testdata/corpus.
type kind struct {
	Form string
	Rows []row
}

func corpus(t testing.TB) []row {
	t.Helper()
	paths, err := filepath.Glob("testdata/corpus/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no corpus: ", err)
	}
	var rows []row
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var k kind
		if err := yaml.UnmarshalWithOptions(content, &k, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, r := range k.Rows {
			r.Kind = strings.TrimSuffix(filepath.Base(path), ".yaml")
			if r.Form == "" {
				r.Form = k.Form
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// tests are those of the row as a job has them.
func (r row) tests(t testing.TB) []string {
	t.Helper()
	texts := make([]string, len(r.Tests))
	for i, test := range r.Tests {
		if text, ok := test.(string); ok {
			texts[i] = text
			continue
		}
		b, err := json.Marshal(test)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(b)
	}
	return texts
}

// The corpus is as large and as even as it has to be to say something.
func TestCorpusIsBroad(t *testing.T) {
	kinds, passed := map[string]int{}, 0
	rows := corpus(t)
	seen := map[string]bool{}
	for _, r := range rows {
		kinds[r.Kind]++
		if r.Verdict == verdict.Passed {
			passed++
		}
		if name := r.Kind + "/" + r.Name; seen[name] {
			t.Errorf("%s is there twice", name)
		} else {
			seen[name] = true
		}
	}
	for k, n := range kinds {
		if n < 15 {
			t.Errorf("%s has %d rows", k, n)
		}
	}
	if len(rows) < 400 || len(kinds) < 20 || passed*5 < len(rows)*2 || passed*5 > len(rows)*3 {
		t.Errorf("%d rows of %d kinds, %d passed", len(rows), len(kinds), passed)
	}
}

// A verdict is what plain python3 says. Few rows may be without one, and none with
// another. Where tests are only to be held apart, any may be without.
func TestCorpus(t *testing.T) {
	rows := corpus(t)
	for name, start := range runtimes {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, start(t), runtime.NumCPU())
			together := judgeAll(t, p, rows, func(*sandbox.Job) {})
			if together*50 > len(rows) {
				t.Errorf("%d of %d rows are without a verdict", together, len(rows))
			}
			apart := judgeAll(t, p, rows, func(j *sandbox.Job) { j.SeparateOnly = true })
			t.Logf("without a verdict: %d of %d, %d if tests are only held apart", together, len(rows), apart)
		})
	}
}

// judgeAll returns the number of rows without a verdict.
func judgeAll(t *testing.T, p *sandbox.Pool, rows []row, set func(*sandbox.Job)) (unsupported int) {
	t.Helper()
	todo := make(chan row)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for n := range runtime.NumCPU() {
		workers.Go(func() {
			for r := range todo {
				job := sandbox.Job{Code: r.Code, Tests: r.tests(t), Setup: r.Setup, Form: r.Form, Compare: r.Compare}
				set(&job)
				v, err := p.Judge(n, job)
				mu.Lock()
				switch {
				case err == nil && v.Verdict == verdict.Unsupported:
					unsupported++
					t.Logf("%s/%s: %s (%s)", r.Kind, r.Name, v.Message, v.Reason)
				case err != nil || v.Verdict != r.Verdict:
					t.Errorf("%s/%s: %s %s: %s, judged %s (%s), %v; want %s", r.Kind, r.Name, v.Verdict, v.Exception, v.Message, v.Judged, v.Reason, err, r.Verdict)
				}
				mu.Unlock()
			}
		})
	}
	for _, r := range rows {
		todo <- r
	}
	close(todo)
	workers.Wait()
	return unsupported
}

// The verdicts of the corpus are those of plain python3: see testdata/oracle.py.
func TestCorpusAgreesWithPython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed: ", err)
	}
	all := corpus(t)
	var workers sync.WaitGroup
	for n := range runtime.NumCPU() {
		workers.Go(func() {
			var rows []row
			for i := n; i < len(all); i += runtime.NumCPU() {
				rows = append(rows, all[i])
			}
			for i, got := range python(t, rows) {
				if got != rows[i].Verdict {
					t.Errorf("%s/%s: python3 says %s, the corpus %s", rows[i].Kind, rows[i].Name, got, rows[i].Verdict)
				}
			}
		})
	}
	workers.Wait()
}

// python returns what plain python3 says of rows.
func python(t *testing.T, rows []row) []string {
	dir, verdicts := t.TempDir(), make([]string, len(rows))
	var jobs []map[string]any
	var places []int
	for i, r := range rows {
		if r.Form == sandbox.Program {
			verdicts[i] = commandLine(t, dir, r)
			continue
		}
		jobs = append(jobs, map[string]any{"form": r.Form, "setup": r.Setup, "code": r.Code, "tests": r.tests(t)})
		places = append(places, i)
	}
	asked, err := json.Marshal(jobs)
	if err != nil {
		t.Error(err)
		return verdicts
	}
	out, err := runPython(t, dir, asked, 10*time.Minute, mustAbs(t, "testdata/oracle.py"))
	var answers []string
	if err := errors.Join(err, json.Unmarshal(out, &answers)); err != nil || len(answers) != len(jobs) {
		t.Errorf("the oracle: %v, %d answers to %d", err, len(answers), len(jobs))
		return verdicts
	}
	for i, v := range answers {
		verdicts[places[i]] = v
	}
	return verdicts
}

// commandLine runs a program as a shell would.
func commandLine(t *testing.T, dir string, r row) string {
	path := filepath.Join(dir, "main.py")
	if err := os.WriteFile(path, []byte(r.Code), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, _ := runPython(t, dir, nil, oraclePatience, "-c", "compile(open('main.py').read(), 'main.py', 'exec'); print('compiles')"); !bytes.Contains(out, []byte("compiles")) {
		return verdict.SyntaxError
	}
	for _, test := range r.tests(t) {
		var io struct{ Input, Output string }
		if err := json.Unmarshal([]byte(test), &io); err != nil {
			t.Fatal(err)
		}
		out, err := runPython(t, dir, []byte(io.Input), oraclePatience, path)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return verdict.Timeout
		case err != nil:
			return verdict.Error
		case !sameOutput(string(out), io.Output, r.Compare):
			return verdict.Failed
		}
	}
	return verdict.Passed
}

// sameOutput compares line by line and word by word.
func sameOutput(got, want string, how sandbox.Compare) bool {
	a, b := trimmed(got), trimmed(want)
	if how == (sandbox.Compare{}) {
		return slices.Equal(a, b)
	}
	return slices.EqualFunc(a, b, func(a, b string) bool {
		return slices.EqualFunc(strings.Fields(a), strings.Fields(b), func(a, b string) bool {
			x, errX := strconv.ParseFloat(a, 64)
			y, errY := strconv.ParseFloat(b, 64)
			return a == b || errX == nil && errY == nil && math.Abs(x-y) <= max(how.Absolute, how.Relative*math.Abs(y))
		})
	})
}

// trimmed are the lines of a text without white space at their ends.
func trimmed(text string) []string {
	lines := strings.Split(strings.TrimRight(text, " \t\r\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r")
	}
	return lines
}

// oraclePatience is how long a program may take that ends.
const oraclePatience = 10 * time.Second

func runPython(t *testing.T, dir string, stdin []byte, patience time.Duration, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", append([]string{"-I"}, args...)...)
	cmd.Dir, cmd.Stdin, cmd.WaitDelay = dir, bytes.NewReader(stdin), time.Second
	out, err := cmd.Output()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out, err
}

func mustAbs(t *testing.T, path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// The documents say how many programs there are.
func TestCountsInDocuments(t *testing.T) {
	kinds := map[string]bool{}
	rows := corpus(t)
	for _, r := range rows {
		kinds[r.Kind] = true
	}
	together, err := filepath.Glob("testdata/together/*.py")
	if err != nil {
		t.Fatal(err)
	}
	hostile := len(hostileFiles(t, "testdata/hostile")) + len(hostileSources())
	for path, said := range map[string][]string{
		"../../README.md":       {fmt.Sprintf("%d programs of %d kinds", len(rows), len(kinds)), fmt.Sprintf("%d hostile programs", hostile+len(together))},
		"../../docs/SANDBOX.md": {fmt.Sprintf("%d programs of %d kinds", len(rows), len(kinds)), fmt.Sprintf("%d hostile candidates", hostile), fmt.Sprintf("and %d more that aim", len(together))},
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range said {
			if !bytes.Contains(bytes.Join(bytes.Fields(text), []byte(" ")), []byte(part)) {
				t.Errorf("%s doesn't say %q", path, part)
			}
		}
	}
}
