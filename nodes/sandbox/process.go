package sandbox

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
	"github.com/ouroflow/ouroflow/nodes/sandbox/pythonroot"
)

// processes is the runtime of workers that are plain processes, in namespaces of
// their own where the kernel grants them.
type processes struct {
	python string
	limits Limits

	mu     sync.Mutex
	chosen *namespaces // the strongest that worked
	binary string      // the interpreter itself, which python may be a script for
	root   string      // folder with Python, for workers that have namespaces
	dir    string      // holds a folder for each worker that has no namespaces
}

// Processes returns the runtime of workers that are processes of this machine, of
// that Python.
func Processes(python string, limits Limits) Runtime {
	return &processes{python: python, limits: limits}
}

// Close implements Runtime.
func (p *processes) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dir == "" {
		return nil
	}
	return os.RemoveAll(p.dir)
}

// folder is where the candidates of the n-th worker work if they can't have a file
// system of their own.
func (p *processes) folder(n int) (string, error) {
	if p.dir == "" {
		dir, err := os.MkdirTemp("", "ouroflow-exec-*")
		if err != nil {
			return "", err
		}
		p.dir = dir
		if err := os.Chmod(dir, 0o777); err != nil {
			return "", err
		}
	}
	return filepath.Join(p.dir, strconv.Itoa(n)), nil
}

// Start implements Runtime. The first worker tries which namespaces there are.
func (p *processes) Start(ctx context.Context, n int) (*Worker, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.chosen != nil {
		return p.start(ctx, n, *p.chosen)
	}
	var refusals []string
	for _, spaces := range namespaceChoices() {
		spaces.reason = strings.Join(refusals, "; ")
		w, err := p.start(ctx, n, spaces)
		if err == nil {
			p.chosen = &spaces
			return w, nil
		}
		refusals = append(refusals, err.Error())
	}
	return nil, node.Faultf("no sandbox worker can be started: %s", strings.Join(refusals, "; "))
}

// find finds out where the interpreter is, and makes the root of workers that have one.
func (p *processes) find(ctx context.Context, withRoot bool) error {
	if p.binary == "" {
		facts, err := pythonroot.Ask(ctx, p.python)
		if err != nil {
			return err
		}
		p.binary = facts.Executable
	}
	if p.root != "" || !withRoot {
		return nil
	}
	root, err := pythonroot.Of(ctx, p.binary)
	if err != nil {
		return err
	}
	p.root, err = root.Folder(ctx)
	return err
}

func (p *processes) start(ctx context.Context, n int, spaces namespaces) (*Worker, error) {
	around := Surroundings{Namespaces: spaces.flags != 0, UserNamespace: spaces.user, Reason: spaces.reason, User: UserOf(n)}
	err := p.find(ctx, around.Namespaces)
	if err == nil && !around.Namespaces {
		around.Dir, err = p.folder(n)
	}
	if err != nil {
		return nil, err
	}
	if around.Namespaces {
		around.Root = p.root
	}
	t, err := startProcess(ctx, p.binary, spaces)
	if err != nil {
		return nil, err
	}
	return NewWorker(ctx, t, p.limits, around)
}

// UserOf returns a user that no other worker has, of this process or another: the
// kernel counts processes by user.
func UserOf(n int) int { return 1<<30 + os.Getpid()%(1<<19)<<10 + n%(1<<10) }

// namespaces is a choice of kernel namespaces for a worker.
type namespaces struct {
	flags  uintptr
	user   bool
	reason string // why stronger ones weren't granted
}

// namespaceChoices lists the choices, strongest first. Root makes namespaces as it
// is; others need a user namespace, which some kernels refuse.
func namespaceChoices() []namespaces {
	const all = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
	if os.Getuid() == 0 {
		return []namespaces{{flags: all}, {}} // in a user namespace, root would be root to files
	}
	return []namespaces{{flags: all | syscall.CLONE_NEWUSER, user: true}, {}}
}

func (s namespaces) attr() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: s.flags, Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if s.user {
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return a
}

// process is a Transport.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.Reader
	stderr *Tail
	once   sync.Once
}

func startProcess(ctx context.Context, python string, spaces namespaces) (*process, error) {
	p := &process{stderr: &Tail{}}
	p.cmd = exec.CommandContext(ctx, python, PythonArgs()...)
	p.cmd.Args[0] = p.cmd.Path // Python finds its library by this; a bare name it would look up on PATH again
	p.cmd.SysProcAttr = spaces.attr()
	p.cmd.Env = Environment()
	p.cmd.Stderr = p.stderr
	p.cmd.WaitDelay = 5 * time.Second
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.stdout, err = p.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return p, p.cmd.Start()
}

// Write implements Transport.
func (p *process) Write(b []byte) (int, error) { return p.stdin.Write(b) }

// Output implements Transport.
func (p *process) Output() io.Reader { return p.stdout }

// Kill implements Transport. Candidates end with the worker: by the process namespace,
// of which it is the first process, or as its children by their death signal.
func (p *process) Kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill()
		_ = p.stdin.Close()
		_ = p.cmd.Wait()
	})
}

// Ended implements Transport.
func (p *process) Ended() (int, string) {
	words := p.stderr.String()
	if words == "" {
		words = fmt.Sprint(p.cmd.ProcessState)
	}
	return p.cmd.ProcessState.ExitCode(), words
}

// Tail keeps the end of what a worker writes to its standard error.
type Tail struct {
	mu sync.Mutex
	b  []byte
}

// tailSize is how many bytes a Tail keeps.
const tailSize = 2000

// Write implements io.Writer.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-tailSize):]
	return len(p), nil
}

// String returns the text that was kept.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.b))
}
