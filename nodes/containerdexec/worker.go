package containerdexec

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// namespaces is a choice of kernel namespaces for a worker.
type namespaces struct {
	flags  uintptr
	user   bool
	reason string // why stronger ones weren't granted
}

// candidateSpaces lists the choices, strongest first. Root makes namespaces as
// it is; others need a user namespace, which some kernels refuse.
func candidateSpaces() []namespaces {
	const all = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
	if os.Getuid() == 0 {
		return []namespaces{{flags: all}, {flags: all | syscall.CLONE_NEWUSER, user: true}, {}}
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

// worker is a Python process that runs one candidate at a time.
type worker struct {
	cmd         *exec.Cmd
	stdin       io.WriteCloser
	lines       chan []byte // closed when the process ends
	stderr      *tail
	protections []string
	patience    time.Duration // longest wait for a verdict
}

// startGrace is how long a worker may take to come up, and how much longer than
// the wall limit it may take to answer: both only end hangs.
const startGrace = time.Minute

func startWorker(ctx context.Context, p Params, at place, spaces namespaces) (*worker, error) {
	w := &worker{lines: make(chan []byte), stderr: &tail{}}
	w.patience = time.Duration(p.Limits.Wall)*time.Second + startGrace
	// Not -I: it would ignore PYTHONHASHSEED. The environment is ours alone, and
	// the worker takes the working folder off its path.
	w.cmd = exec.CommandContext(ctx, p.Python, "-s", "-S", "-c", workerScript)
	w.cmd.Args[0] = w.cmd.Path // Python finds its library by this; a bare name it would look up on PATH again
	w.cmd.SysProcAttr = spaces.attr()
	w.cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONHASHSEED=0", "TZ=UTC", "LC_ALL=C.UTF-8", "HOME=/tmp"}
	w.cmd.Stderr = w.stderr
	w.cmd.WaitDelay = 5 * time.Second
	var err error
	if w.stdin, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	go w.read(stdout)
	if err := w.greet(p, at, spaces); err != nil {
		w.kill()
		return nil, err
	}
	return w, nil
}

// read passes on the lines of the worker until it ends.
func (w *worker) read(stdout io.Reader) {
	defer close(w.lines)
	r := bufio.NewReader(stdout)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		w.lines <- line
	}
}

func (w *worker) greet(p Params, at place, spaces namespaces) error {
	hostMounts, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return err
	}
	line, err := w.ask(config{
		Namespaces: spaces.flags != 0, UserNamespace: spaces.user, Reason: spaces.reason,
		HostMounts: hostMounts, Dir: at.dir, User: at.user,
		CPU: p.Limits.CPU, Wall: p.Limits.Wall, Memory: p.Limits.Memory,
		Output: p.Limits.Output, Processes: p.Limits.Processes,
	}, startGrace)
	if err != nil {
		return err
	}
	r, err := parseReply(line)
	w.protections = r.Protections
	return err
}

// judge runs a candidate. An error says that the worker is of no use any more.
func (w *worker) judge(candidate in) (reply, error) {
	line, err := w.ask(request(candidate), w.patience)
	if err != nil {
		return reply{}, err
	}
	return parseVerdict(line)
}

func (w *worker) ask(message any, patience time.Duration) ([]byte, error) {
	b, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	if _, err := w.stdin.Write(append(b, '\n')); err != nil {
		return nil, w.broken()
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case line, ok := <-w.lines:
		if !ok {
			return nil, w.broken()
		}
		return line, nil
	case <-timer.C:
		return nil, fmt.Errorf("the sandbox worker didn't answer within %s", patience)
	}
}

func (w *worker) broken() error {
	w.kill()
	if text := w.stderr.String(); text != "" {
		return fmt.Errorf("the sandbox worker ended: %s", text)
	}
	return fmt.Errorf("the sandbox worker ended: %s", w.cmd.ProcessState)
}

// kill ends the worker. Its candidates end with it: by the process namespace, of
// which it is the first process, or as its children by their death signal.
func (w *worker) kill() {
	if w.cmd.ProcessState != nil {
		return
	}
	w.cmd.Process.Kill()
	w.stdin.Close()
	for range w.lines { // lets read end
	}
	w.cmd.Wait()
}

// tail keeps the end of what a worker writes to its standard error.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 2000 {
		t.b = t.b[len(t.b)-2000:]
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.b)) }
