package containerdexec

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/internal/verdict"
)

//go:embed worker.py
var workerScript string

// protocol is the version of what is said to a worker. It is pinned: a worker
// that judges in another way gives other rows.
const protocol = "1"

// pin finds out which Python will run the candidates.
func pin(ctx context.Context, p Params) (node.Pins, error) {
	const ask = "import platform, sys; print(platform.python_implementation(), platform.python_version()); sys.exit(sys.version_info < (3, 9))"
	b, err := exec.CommandContext(ctx, p.Python, "-I", "-c", ask).Output()
	version := strings.TrimSpace(string(b))
	if err != nil && version != "" {
		return nil, fmt.Errorf("%s is %s, but running candidates needs Python 3.9 or newer; set python to another interpreter", p.Python, version)
	}
	if err != nil {
		return nil, fmt.Errorf("can't run %s: %w; install Python 3.9 or newer, or set python to an interpreter", p.Python, err)
	}
	return node.Pins{"python": version, "protocol": protocol}, nil
}

// pool is a number of workers, each used by one goroutine.
type pool struct {
	ctx     context.Context
	params  Params
	logf    func(string, ...any)
	dir     string // holds a folder for each worker
	spaces  namespaces
	workers []*worker
}

// newPool starts the first worker, to find out what protections there are; the
// others start when they are used.
func newPool(ctx context.Context, p Params, n int, logf func(string, ...any)) (*pool, error) {
	dir, err := os.MkdirTemp("", "ouroflow-exec-*")
	if err != nil {
		return nil, err
	}
	pl := &pool{ctx: ctx, params: p, logf: logf, dir: dir, workers: make([]*worker, n)}
	if err := os.Chmod(dir, 0o777); err != nil {
		pl.close()
		return nil, err
	}
	if err := pl.choose(); err != nil {
		pl.close()
		return nil, err
	}
	logf("%d workers; protections: %s", n, strings.Join(pl.workers[0].protections, "; "))
	return pl, nil
}

// choose takes the strongest namespaces that the kernel grants.
func (p *pool) choose() error {
	var refusals []string
	for _, spaces := range candidateSpaces() {
		spaces.reason = strings.Join(refusals, "; ")
		w, err := p.start(0, spaces)
		if err == nil {
			p.spaces, p.workers[0] = spaces, w
			return nil
		}
		refusals = append(refusals, err.Error())
	}
	return node.Faultf("no sandbox worker can be started: %s", strings.Join(refusals, "; "))
}

func (p *pool) try(n int, candidate in) (reply, error) {
	if p.workers[n] == nil {
		w, err := p.start(n, p.spaces)
		if err != nil {
			return reply{}, err
		}
		p.workers[n] = w
	}
	return p.workers[n].judge(candidate)
}

// start starts the n-th worker and has it run a program that passes: a sandbox
// that can't do that is of no use.
func (p *pool) start(n int, spaces namespaces) (*worker, error) {
	w, err := startWorker(p.ctx, p.params, place{filepath.Join(p.dir, strconv.Itoa(n)), userOf(n)}, spaces)
	if err != nil {
		return nil, err
	}
	r, err := w.judge(in{Code: "pass", Tests: []string{"assert True"}})
	if err == nil && r.Verdict != verdict.Passed {
		err = fmt.Errorf("an empty program ends with %s: %s", r.Verdict, r.Message)
	}
	if err != nil {
		w.kill()
		return nil, err
	}
	return w, nil
}

// place is what a worker has for itself.
type place struct {
	dir  string // working folder of candidates, where they have no mounts of their own
	user int    // uid and gid of candidates, where the worker is root
}

// userOf returns a user that no other worker has, of this process or another: the
// kernel counts processes by user.
func userOf(n int) int { return 1<<30 + os.Getpid()%(1<<20)<<9 + n%(1<<9) }

func (p *pool) stop(n int) {
	if p.workers[n] != nil {
		p.workers[n].kill()
		p.workers[n] = nil
	}
}

func (p *pool) close() {
	for n := range p.workers {
		p.stop(n)
	}
	os.RemoveAll(p.dir)
}

// config is the first line that a worker reads.
type config struct {
	Namespaces    bool   `json:"namespaces"`
	UserNamespace bool   `json:"user_namespace"`
	Reason        string `json:"reason"`
	HostMounts    string `json:"host_mounts"`
	Dir           string `json:"dir"`
	User          int    `json:"user"`
	CPU           int    `json:"cpu_s"`
	Wall          int    `json:"wall_s"`
	Memory        int    `json:"memory_mb"`
	Output        int    `json:"output_kb"`
	Processes     int    `json:"processes"`
}

// request is a candidate to run.
type request struct {
	Code  string   `json:"code"`
	Tests []string `json:"tests"`
	Setup string   `json:"setup"`
}

// reply is the first line that a worker writes, or the answer to a request.
type reply struct {
	Fault       string   `json:"fault"`
	Protections []string `json:"protections"`
	Verdict     string   `json:"verdict"`
	Exception   string   `json:"exception"`
	Message     string   `json:"message"`
	TestsPassed int64    `json:"tests_passed"`
}

// parseReply reads a line of a worker. What a candidate may have had a hand in
// is checked.
func parseReply(line []byte) (reply, error) {
	var r reply
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("the sandbox worker said something that isn't JSON: %w", err)
	}
	if r.Fault != "" {
		return r, fmt.Errorf("the sandbox worker reports: %s", r.Fault)
	}
	return r, nil
}

func parseVerdict(line []byte) (reply, error) {
	r, err := parseReply(line)
	if err == nil && !slices.Contains(verdict.All(), r.Verdict) {
		err = fmt.Errorf("the sandbox worker gave the unknown verdict %q", r.Verdict)
	}
	return r, err
}
